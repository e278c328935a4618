/* http_checks.c - What a strict server must refuse and llhttp does not. */
#include "proto/http_checks.h"

#include <string.h>

#include <arpa/inet.h>

#include "base/limits.h"
#include "base/mem.h"

static bool refuse(struct kw_http_fault *fault, int status, const char *slug, const char *text)
{
    *fault = (struct kw_http_fault){ status, slug, text };
    return false;
}

static bool method_of(struct kw_str word, enum kw_http_method *out)
{
    for (int method = KW_HTTP_GET; method <= KW_HTTP_OPTIONS; method++) {
        if (kw_str_eqc(word, kw_http_method_name((enum kw_http_method)method))) {
            *out = (enum kw_http_method)method;
            return true;
        }
    }
    return false;
}

static bool clean_target(struct kw_str target)
{
    for (size_t i = 0; i < target.len; i++) {
        unsigned char byte = (unsigned char)target.ptr[i];
        if (byte <= 0x20 || byte >= 0x7f || byte == '#' || byte == '"' || byte == '<' ||
            byte == '>' || byte == '\\' || byte == '^' || byte == '`' || byte == '{' ||
            byte == '|' || byte == '}')
            return false;
    }
    return target.len > 0;
}

/* host [":" port]: a name, an IPv4 address, or [IPv6]. */
static bool valid_host(struct kw_str host)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char parsed[16];
    size_t at = 0;
    if (host.len > 260)
        return false;
    if (host.len > 0 && host.ptr[0] == '[') {
        const char *end = memchr(host.ptr, ']', host.len);
        at = end != NULL ? (size_t)(end - host.ptr) : 0;
        if (at == 0 ||
            kw_str_copy(kw_str_n(host.ptr + 1, at - 1), address, sizeof address) != KW_OK ||
            strlen(address) != at - 1 || inet_pton(AF_INET6, address, parsed) != 1)
            return false;
        at++;
    } else {
        for (; at < host.len && host.ptr[at] != ':'; at++) {
            char byte = host.ptr[at];
            if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                  (byte >= '0' && byte <= '9') || byte == '.' || byte == '-' || byte == '_'))
                return false;
        }
        if (at == 0)
            return false;
    }
    if (at == host.len)
        return true;
    struct kw_str port = kw_str_n(host.ptr + at + 1, host.len - at - 1);
    int64_t number;
    return host.ptr[at] == ':' && port.len > 0 && port.len <= 5 && port.ptr[0] != '-' &&
           kw_str_to_i64(port, &number) == KW_OK && number <= 65535;
}

/* absolute-form (RFC 9112 3.2.2): the authority goes to head->host, where the Host field must agree
 * with it; target becomes what follows. */
static bool origin_form(struct kw_http_head *head)
{
    struct kw_str target = head->target;
    if (target.ptr[0] == '/')
        return true;
    if (kw_str_eqc(target, "*"))
        return head->method == KW_HTTP_OPTIONS;
    size_t from = kw_str_ieq(kw_str_n(target.ptr, target.len < 8 ? 0 : 8), KW_STR("https://"))  ? 8
                  : kw_str_ieq(kw_str_n(target.ptr, target.len < 7 ? 0 : 7), KW_STR("http://")) ? 7
                                                                                                : 0;
    size_t end = from;
    while (end < target.len && target.ptr[end] != '/' && target.ptr[end] != '?')
        end++;
    head->host = kw_str_n(target.ptr + from, end - from);
    if (from == 0 || !valid_host(head->host) || (end < target.len && target.ptr[end] == '?'))
        return false;
    head->target = end < target.len ? kw_str_n(target.ptr + end, target.len - end) : KW_STR("/");
    return true;
}

bool kw_http_check_line(struct kw_str bytes, struct kw_http_head *head, struct kw_http_fault *fault)
{
    struct kw_str rest, line, method, target, version;
    line = kw_str_cut(bytes, '\r', &rest);
    method = kw_str_cut(line, ' ', &rest);
    target = kw_str_cut(rest, ' ', &version);
    if (memchr(line.ptr, 0, line.len) != NULL || method.len == 0 || target.len == 0 ||
        version.len == 0)
        return refuse(fault, 400, "bad-line", "The request line is malformed.");
    if (memchr(version.ptr, ' ', version.len) != NULL)
        return refuse(fault, 400, "bad-line", "The request line has more than two spaces.");
    if (!kw_str_eqc(version, "HTTP/1.1") && !kw_str_eqc(version, "HTTP/1.0")) {
        if (kw_str_starts(version, KW_STR("HTTP/")) && version.len == 8)
            return refuse(fault, 505, "bad-version", "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
        return refuse(fault, 400, "bad-version", "The version is malformed.");
    }
    if (!method_of(method, &head->method))
        return refuse(fault, 501, "bad-method", "The method is unknown here.");
    if (target.len > KW_HTTP_TARGET_BYTES)
        return refuse(fault, 414, "target-too-long", "The request target is longer than 8 KiB.");
    head->target = target;
    if (!clean_target(target) || !origin_form(head))
        return refuse(fault, 400, "bad-target", "The request target is malformed.");
    head->path = kw_str_cut(head->target, '?', &head->query);
    return true;
}

static bool has_token(const struct kw_http_head *head, const char *name, const char *token)
{
    for (size_t i = 0; i < head->header_count; i++) {
        struct kw_str rest = head->headers[i].value;
        if (!kw_str_ieq(head->headers[i].name, kw_str_of(name)))
            continue;
        while (rest.len > 0) {
            if (kw_str_ieq(kw_str_trim(kw_str_cut(rest, ',', &rest)), kw_str_of(token)))
                return true;
        }
    }
    return false;
}

bool kw_http_check_fields(struct kw_http_head *head, bool is_http_1_0, bool upgrade,
                          struct kw_http_fault *fault)
{
    unsigned hosts = 0, encodings = 0, lengths = 0;
    struct kw_str authority = head->host; /* of an absolute-form target */
    for (size_t i = 0; i < head->header_count; i++) {
        const struct kw_http_header *header = &head->headers[i];
        if (memchr(header->value.ptr, '\r', header->value.len) != NULL ||
            memchr(header->value.ptr, '\n', header->value.len) != NULL ||
            memchr(header->value.ptr, 0, header->value.len) != NULL)
            return refuse(fault, 400, "bad-header", "A header has a forbidden byte.");
        if (kw_str_ieq(header->name, KW_STR("host"))) {
            hosts++;
            head->host = header->value;
        } else if (kw_str_ieq(header->name, KW_STR("transfer-encoding"))) {
            encodings++;
            if (!kw_str_ieq(header->value, KW_STR("chunked")))
                return refuse(fault, 501, "bad-encoding",
                              "Only the chunked transfer encoding is understood.");
        } else if (kw_str_ieq(header->name, KW_STR("content-length"))) {
            lengths++;
        }
    }
    if (hosts > 1)
        return refuse(fault, 400, "two-hosts", "The request has more than one Host.");
    if (hosts == 0 && !is_http_1_0)
        return refuse(fault, 400, "no-host", "HTTP/1.1 needs a Host.");
    if (hosts == 1 && !valid_host(head->host))
        return refuse(fault, 400, "bad-host", "Host is malformed.");
    if (hosts == 1 && authority.len > 0 && !kw_str_ieq(authority, head->host))
        return refuse(fault, 400, "two-hosts", "Host and the request target name two hosts.");
    if (encodings > 1 || lengths > 1 || (encodings > 0 && lengths > 0))
        return refuse(fault, 400, "smuggling", "The length of the body is given twice.");
    if (encodings > 0 && is_http_1_0)
        return refuse(fault, 400, "chunked-1-0", "HTTP/1.0 has no chunked encoding.");
    if (upgrade && head->has_body)
        return refuse(fault, 400, "upgrade-body", "An upgrade request cannot have a body.");
    head->upgrade_websocket = head->method == KW_HTTP_GET && !is_http_1_0 &&
                              has_token(head, "connection", "upgrade") &&
                              has_token(head, "upgrade", "websocket");
    return true;
}
