/* http_client.c - libcurl's multi socket interface driven by our polls and one timer.
 *
 * curl tells which descriptors and which moment it waits for; we tell it when they come. A call ends
 * in collect_done() only, from the loop. Proxies of the environment are not used: what leaves the
 * machine is decided by the configuration. */
#include "net/http_client.h"

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/mem.h"

#define KW_HTTP_CALLS 64
#define KW_HTTP_TIMEOUT_MS 10000
#define KW_MAIL_TIMEOUT_MS 30000
#define KW_HTTP_RESPONSE_BYTES (1024u * 1024)
#define KW_HTTP_RESPONSE_HEAD_BYTES 65536

struct kw_http_client {
    struct kw_loop *loop;
    CURLM *multi;
    struct kw_timer *timer;
    struct kw_http_call *calls;
    unsigned open, limit;
    bool closing;
};

struct watch {
    struct kw_http_client *client;
    struct kw_poll *poll;
    curl_socket_t fd;
};

struct kw_http_call {
    struct kw_http_client *client;
    struct kw_http_call *next, **link;
    CURL *easy;
    struct curl_slist *headers, *recipients;
    struct kw_buf body, head;
    char *upload;
    size_t upload_length, uploaded;
    void (*on_reply)(const struct kw_http_reply *reply, void *arg);
    void (*on_sent)(kw_err err, const char *words, void *arg);
    void *arg;
    char error[CURL_ERROR_SIZE];
};

static void call_free(struct kw_http_call *call)
{
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    call->client->open--;
    (void)curl_multi_remove_handle(call->client->multi, call->easy);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->recipients);
    kw_buf_free(&call->body);
    kw_buf_free(&call->head);
    kw_free(call->upload);
    kw_free(call);
}

static kw_err err_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return KW_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return KW_ETIMEOUT;
    case CURLE_COULDNT_CONNECT:
        return KW_EREFUSED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return KW_ENOTFOUND;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return KW_ETLS;
    case CURLE_WRITE_ERROR:
        return KW_ETOOBIG;
    default:
        return KW_EIO;
    }
}

static void finish(struct kw_http_call *call, CURLcode code)
{
    long status = 0;
    char *type = NULL;
    const char *words = call->error[0] != 0 ? call->error : curl_easy_strerror(code);
    kw_err err = err_of(code);
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
    if (call->on_sent != NULL) {
        call->on_sent(err, words, call->arg);
    } else {
        struct kw_http_reply reply = { .err = err,
                                       .error = words,
                                       .status = (int)status,
                                       .content_type = kw_str_of(type),
                                       .headers = kw_buf_str(&call->head),
                                       .body = kw_buf_str(&call->body) };
        call->on_reply(&reply, call->arg);
    }
    call_free(call);
}

static void collect_done(struct kw_http_client *client)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        char *call = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        finish((struct kw_http_call *)(void *)call, code);
    }
}

static void on_event(void *arg, int events)
{
    struct watch *watch = arg;
    struct kw_http_client *client = watch->client;
    int running;
    int action = (events & KW_POLL_READ ? CURL_CSELECT_IN : 0) |
                 (events & KW_POLL_WRITE ? CURL_CSELECT_OUT : 0);
    (void)curl_multi_socket_action(client->multi, watch->fd, action, &running);
    collect_done(client);
}

static void on_time(struct kw_timer *timer, void *arg)
{
    struct kw_http_client *client = arg;
    int running;
    (void)timer;
    (void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_done(client);
}

static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct kw_http_client *client = arg;
    (void)multi;
    if (timeout_ms < 0)
        kw_timer_stop(client->timer);
    else
        kw_timer_start(client->timer, timeout_ms, 0);
    return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    struct kw_http_client *client = arg;
    struct watch *watch = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            kw_poll_close(watch->poll);
            kw_free(watch);
            (void)curl_multi_assign(client->multi, fd, NULL);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = kw_zalloc(sizeof *watch);
        watch->client = client;
        watch->fd = fd;
        watch->poll = kw_poll_new(client->loop, fd, on_event, watch);
        if (watch->poll == NULL) {
            kw_free(watch);
            return -1;
        }
        (void)curl_multi_assign(client->multi, fd, watch);
    }
    kw_poll_set(watch->poll, (what & CURL_POLL_IN ? KW_POLL_READ : 0) |
                                 (what & CURL_POLL_OUT ? KW_POLL_WRITE : 0));
    return 0;
}

struct kw_http_client *kw_http_client_new(struct kw_loop *loop, unsigned max_calls)
{
    struct kw_http_client *client = kw_zalloc(sizeof *client);
    client->loop = loop;
    client->limit = max_calls > 0 ? max_calls : KW_HTTP_CALLS;
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    client->multi = curl_multi_init();
    KW_ASSERT(client->multi != NULL);
    client->timer = kw_timer_new(loop, on_time, client);
    (void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    (void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    (void)curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    (void)curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    return client;
}

void kw_http_client_free(struct kw_http_client *client)
{
    client->closing = true;
    while (client->calls != NULL) {
        struct kw_http_call *call = client->calls;
        struct kw_http_reply reply = { .err = KW_ECANCELLED, .error = "the client is closing" };
        if (call->on_sent != NULL)
            call->on_sent(KW_ECANCELLED, reply.error, call->arg);
        else
            call->on_reply(&reply, call->arg);
        call_free(call);
    }
    (void)curl_multi_cleanup(client->multi);
    kw_timer_close(client->timer);
    kw_free(client);
}

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    return kw_buf_append(arg, bytes, size * count) == KW_OK ? size * count : 0;
}

static size_t give(char *bytes, size_t size, size_t count, void *arg)
{
    struct kw_http_call *call = arg;
    size_t left = call->upload_length - call->uploaded, room = size * count;
    size_t now = left < room ? left : room;
    memcpy(bytes, call->upload + call->uploaded, now);
    call->uploaded += now;
    return now;
}

/* No control characters: a line break would smuggle a header, or an SMTP command. */
static bool is_clean(const char *text)
{
    for (; *text != 0; text++) {
        if ((unsigned char)*text < 0x20 && *text != '\t')
            return false;
    }
    return true;
}

static bool all_clean(const char *const *texts)
{
    for (; texts != NULL && *texts != NULL; texts++) {
        if (!is_clean(*texts))
            return false;
    }
    return true;
}

static struct kw_http_call *call_new(struct kw_http_client *client, struct kw_str upload,
                                     size_t limit, void *arg)
{
    struct kw_http_call *call = kw_zalloc(sizeof *call);
    call->client = client;
    call->arg = arg;
    call->easy = curl_easy_init();
    KW_ASSERT(call->easy != NULL);
    kw_buf_init(&call->body, limit);
    kw_buf_init(&call->head, KW_HTTP_RESPONSE_HEAD_BYTES);
    call->upload = kw_strndup(upload.ptr != NULL ? upload.ptr : "", upload.len);
    call->upload_length = upload.len;
    call->next = client->calls;
    call->link = &client->calls;
    if (call->next != NULL)
        call->next->link = &call->next;
    client->calls = call;
    client->open++;
    (void)curl_easy_setopt(call->easy, CURLOPT_PRIVATE, (char *)call);
    (void)curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error);
    (void)curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(call->easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, &call->body);
    (void)curl_easy_setopt(call->easy, CURLOPT_HEADERFUNCTION, take);
    (void)curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, &call->head);
    (void)curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, give);
    (void)curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
    return call;
}

kw_err kw_http_call(struct kw_http_client *client, const struct kw_http_call_options *options,
                    void (*on_reply)(const struct kw_http_reply *reply, void *arg), void *arg,
                    struct kw_http_call **out)
{
    if (client->open >= client->limit || client->closing)
        return KW_EBUSY;
    if (!is_clean(options->method) || !is_clean(options->url) || !all_clean(options->headers))
        return KW_EINVALID;
    struct kw_http_call *call = call_new(
        client, options->body,
        options->response_limit_bytes > 0 ? options->response_limit_bytes : KW_HTTP_RESPONSE_BYTES,
        arg);
    call->on_reply = on_reply;
    (void)curl_easy_setopt(call->easy, CURLOPT_URL, options->url);
    (void)curl_easy_setopt(call->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, options->method);
    if (strcmp(options->method, "HEAD") == 0)
        (void)curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
    (void)curl_easy_setopt(
        call->easy, CURLOPT_TIMEOUT_MS,
        (long)(options->timeout_ms > 0 ? options->timeout_ms : KW_HTTP_TIMEOUT_MS));
    if (options->ca_file != NULL)
        (void)curl_easy_setopt(call->easy, CURLOPT_CAINFO, options->ca_file);
    for (const char *const *header = options->headers; header != NULL && *header != NULL; header++)
        call->headers = curl_slist_append(call->headers, *header);
    call->headers = curl_slist_append(call->headers, "Expect:");
    (void)curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    if (options->body.len > 0 || strcmp(options->method, "POST") == 0) {
        (void)curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)options->body.len);
        (void)curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->upload);
    }
    KW_ASSERT(curl_multi_add_handle(client->multi, call->easy) == CURLM_OK);
    if (out != NULL)
        *out = call;
    return KW_OK;
}

void kw_http_call_cancel(struct kw_http_call *call)
{
    call_free(call);
}

kw_err kw_mail_send(struct kw_http_client *client, const struct kw_mail_options *options,
                    void (*on_sent)(kw_err err, const char *words, void *arg), void *arg)
{
    if (client->open >= client->limit || client->closing)
        return KW_EBUSY;
    if (!is_clean(options->url) || !is_clean(options->from) || !all_clean(options->to))
        return KW_EINVALID;
    struct kw_http_call *call = call_new(client, options->message, KW_HTTP_RESPONSE_BYTES, arg);
    call->on_sent = on_sent;
    (void)curl_easy_setopt(call->easy, CURLOPT_URL, options->url);
    (void)curl_easy_setopt(call->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    (void)curl_easy_setopt(call->easy, CURLOPT_USE_SSL,
                           (long)(options->plain_ok ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    if (options->user != NULL) {
        (void)curl_easy_setopt(call->easy, CURLOPT_USERNAME, options->user);
        (void)curl_easy_setopt(call->easy, CURLOPT_PASSWORD, options->password);
    }
    if (options->ca_file != NULL)
        (void)curl_easy_setopt(call->easy, CURLOPT_CAINFO, options->ca_file);
    (void)curl_easy_setopt(call->easy, CURLOPT_MAIL_FROM, options->from);
    for (const char *const *to = options->to; *to != NULL; to++)
        call->recipients = curl_slist_append(call->recipients, *to);
    (void)curl_easy_setopt(call->easy, CURLOPT_MAIL_RCPT, call->recipients);
    (void)curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
    (void)curl_easy_setopt(
        call->easy, CURLOPT_TIMEOUT_MS,
        (long)(options->timeout_ms > 0 ? options->timeout_ms : KW_MAIL_TIMEOUT_MS));
    KW_ASSERT(curl_multi_add_handle(client->multi, call->easy) == CURLM_OK);
    return KW_OK;
}
