/* gateway_call.c - Our calls to a station: one outstanding, the others wait behind it (OCPP-J 4.1.1).
 *
 * A call that is not answered in time is over: its late answer is dropped and counted, nothing is ever
 * sent again by itself. The task that made the call is continued exactly once. */
#include <stdio.h>

#include "app/gateway_internal.h"
#include "base/log.h"
#include "base/mem.h"

#define KW_CALL_BYTES (256u * 1024)

static void send_next(struct link *link);

static struct out_call *take_first(struct link *link)
{
    struct out_call *call = link->calls;
    link->calls = call->next;
    if (link->calls == NULL)
        link->last_call = &link->calls;
    kw_timer_stop(link->call_timer);
    return call;
}

static void free_call(struct out_call *call)
{
    kw_buf_free(&call->frame);
    kw_free(call);
}

static int push_failure(lua_State *L, void *arg)
{
    const kw_err *err = arg;
    return kw_lua_fail(L, kw_err_slug(*err), kw_err_text(*err));
}

/* Ends the first call with a failure and goes on with the next. */
static void fail_first(struct link *link, kw_err err)
{
    struct out_call *call = take_first(link);
    if (!call->cancelled)
        (void)kw_task_resume(link->gateway->runtime->host, call->task, push_failure, &err);
    free_call(call);
}

static void on_time(struct kw_timer *timer, void *arg)
{
    struct link *link = arg;
    (void)timer;
    kw_metric_add(link->gateway->calls_timeout, 1);
    link->pumping = true;
    fail_first(link, KW_ETIMEOUT);
    send_next(link);
    link->pumping = false;
    gateway_link_release(link);
}

static void send_next(struct link *link)
{
    while (link->calls != NULL && !link->calls->sent) {
        struct out_call *call = link->calls;
        if (call->cancelled) {
            free_call(take_first(link));
            continue;
        }
        call->sent = true;
        if (gateway_link_send(link, &call->frame) != KW_OK) {
            fail_first(link, KW_ECLOSED);
            continue;
        }
        kw_metric_add(link->gateway->calls_sent, 1);
        kw_timer_start(link->call_timer, call->timeout_ms, 0);
    }
}

kw_err gateway_call_start(struct link *link, struct kw_task_id task, struct kw_str action,
                          struct kw_str payload, int64_t timeout_ms, struct out_call **out)
{
    size_t waiting = 0;
    for (const struct out_call *at = link->calls; at != NULL; at = at->next)
        waiting++;
    if (link->ws == NULL || !link->current)
        return KW_ECLOSED;
    if (waiting > KW_CALLS_WAITING_MAX)
        return KW_EFULL;
    struct out_call *call = kw_zalloc(sizeof *call);
    call->link = link;
    call->task = task;
    call->timeout_ms = timeout_ms;
    (void)snprintf(call->id, sizeof call->id, "%x-%x-%x", link->slot, link->round, ++link->next_id);
    kw_buf_init(&call->frame, KW_CALL_BYTES);
    kw_err err = kw_ocpp_call(&call->frame, kw_str_of(call->id), action, payload);
    if (err == KW_OK && waiting == 0) { /* sent at once; a failure is the caller's to see */
        err = gateway_link_send(link, &call->frame);
        call->sent = true;
    }
    if (err != KW_OK) {
        free_call(call);
        return err;
    }
    *link->last_call = call;
    link->last_call = &call->next;
    if (link->call_timer == NULL)
        link->call_timer = kw_timer_new(link->gateway->runtime->loop, on_time, link);
    if (call->sent) {
        kw_metric_add(link->gateway->calls_sent, 1);
        kw_timer_start(link->call_timer, timeout_ms, 0);
    }
    *out = call;
    return KW_OK;
}

void gateway_call_cancelled(void *call)
{
    ((struct out_call *)call)->cancelled = true;
}

struct answer {
    const struct kw_ocpp_frame *frame;
};

/* "result", payload | "error", code, description */
static int push_answer(lua_State *L, void *arg)
{
    char error[160];
    const struct kw_ocpp_frame *frame = ((const struct answer *)arg)->frame;
    if (frame->kind == KW_OCPP_ERROR) {
        lua_pushliteral(L, "error");
        lua_pushlstring(L, frame->action.ptr, frame->action.len);
        lua_pushlstring(L, frame->description.ptr != NULL ? frame->description.ptr : "",
                        frame->description.len);
        return 3;
    }
    lua_pushliteral(L, "result");
    if (kw_lua_push_json(L, frame->payload, error, sizeof error) != KW_OK)
        lua_newtable(L);
    return 2;
}

void gateway_call_answered(struct link *link, const struct kw_ocpp_frame *frame)
{
    struct answer answer = { frame };
    if (link->calls == NULL || !link->calls->sent || !kw_str_eqc(frame->id, link->calls->id)) {
        kw_metric_add(link->gateway->late_answers, 1);
        KW_LOG(KW_LOG_INFO, "gateway", "an answer that nobody waits for is dropped",
               KW_LC("station", link->cs), KW_LT("id", frame->id));
        return;
    }
    struct out_call *call = take_first(link);
    bool was_pumping = link->pumping;
    link->pumping = true;
    if (!call->cancelled)
        (void)kw_task_resume(link->gateway->runtime->host, call->task, push_answer, &answer);
    free_call(call);
    send_next(link);
    link->pumping = was_pumping;
    if (!was_pumping)
        gateway_link_release(link);
}

void gateway_calls_closed(struct link *link)
{
    while (link->calls != NULL)
        fail_first(link, KW_ECLOSED);
}
