/* pipeline.c - The sentence of the product, in two functions: take_event() and end_page().
 *
 * The feed gives one event after the other, then the end of what was read. Its rows and the cursor are one
 * database transaction: whatever dies, it is either stored with its cursor or read again (exactly
 * once). While the store is at work the next read goes on and its rows collect; they are one
 * transaction with the newest cursor. Deltas do not wait for commits: live state is not history (docs/adr/0005). */
#include "app/pipeline.h"

#include <string.h>

#include "app/history.h"
#include "app/live.h"
#include "app/over.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/zone.h"

#define KW_LOST_AFTER_MS 5000 /* not live for so long: nothing is believed any more */
#define KW_RETRY_MS 200
#define KW_PAGE_ENTRIES 500  /* of one read, a stream */
#define KW_AHEAD_EVENTS 2000 /* collected while the store is at work; then reading waits for it */
#define KW_COMMIT_EVERY_MS 50

struct kw_pipeline {
    struct kw_service *service;
    struct kw_reader *reader;
    struct kw_timer *second, *pace;
    /* collected, not yet given to the store */
    struct kw_store_page *page;
    struct kw_cursor cursor;
    size_t waiting_events, read_events; /* of the page; of the current read */
    bool waiting, reader_waits, caught_up;
    uintptr_t snapshot; /* number of the last one; each station keeps that which mentioned it */
    /* at the store */
    bool committing, commit_caught_up;
    int64_t waiting_since_us, commit_began_us, commit_wh;
    unsigned idle_seconds;
    bool wanted[KW_EVENT_TYPE_COUNT];
    /* open transactions that may be over: looked for once after each snapshot */
    bool over_due;
    /* state of the feed */
    enum kw_feed_state state, reader_state;
    int64_t live_us, lag_ms, last_event_ms;
    bool was_live;
    const char *fatal;
    /* energy of the day */
    int64_t day_start_ms, day_end_ms; /* local midnights */
    bool day_due, day_asked;
    struct kw_metric *lag_seconds, *commit_seconds, *state_gauge, *refused[2], *gap_events;
};

static void commit(struct kw_pipeline *pipeline);
static void committed(kw_err err, void *arg);
static void tell_lua(struct kw_pipeline *pipeline, const struct kw_event *event);
static void find_over(struct kw_pipeline *pipeline);
static void count_refused(struct kw_pipeline *pipeline, const struct kw_event *event, kw_err err);

/* --- the sentence --- */

/* One event: 1. the live model changes; 2. Lua hears what it asked for; 3. its rows join the page. */
static void take_event(const struct kw_event *event, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    struct kw_service *service = pipeline->service;
    int64_t now_ms = kw_now_ms();
    kw_err err = kw_complex_apply(service->complex, event, now_ms);
    if (err != KW_OK)
        count_refused(pipeline, event, err);
    if (pipeline->wanted[event->type])
        tell_lua(pipeline, event);
    kw_history_event(service, pipeline->page, event);
    pipeline->read_events++;
    pipeline->last_event_ms = event->received_ms;
    pipeline->lag_ms = now_ms > event->received_ms ? now_ms - event->received_ms : 0;
    kw_metric_observe_us(pipeline->lag_seconds, pipeline->lag_ms * 1000);
}

/* What was read is whole: 4. rows and cursor go to the store as one transaction; 5. what changed
 * goes to the browsers, now or with the tick; 6. the next is read, unless the store is far behind. */
static void end_page(struct kw_reader *reader, const struct kw_cursor *cursor, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    pipeline->cursor = *cursor;
    pipeline->caught_up = pipeline->read_events < KW_PAGE_ENTRIES;
    pipeline->waiting_events += pipeline->read_events;
    pipeline->read_events = 0;
    commit(pipeline);
    kw_live_changed(pipeline->service->live);
    pipeline->reader_waits = pipeline->waiting_events >= KW_AHEAD_EVENTS || pipeline->fatal != NULL;
    if (!pipeline->reader_waits)
        kw_reader_page_done(reader);
}

/* --- commit: one at a time, at most one in KW_COMMIT_EVERY_MS unless much waits --- */

static void give_to_store(struct kw_pipeline *pipeline)
{
    struct kw_store_cursor cursor;
    memcpy(cursor.epoch, pipeline->cursor.epoch, sizeof cursor.epoch);
    memcpy(cursor.last_id, pipeline->cursor.last_id, sizeof cursor.last_id);
    memcpy(cursor.last_n, pipeline->cursor.last_n, sizeof cursor.last_n);
    if (kw_store_ingest(pipeline->service->runtime->store, pipeline->page, &cursor, committed,
                        pipeline) != KW_OK) {
        kw_timer_start(pipeline->pace, KW_RETRY_MS, 0); /* the queue is full */
        return;
    }
    pipeline->page = kw_store_page_new(); /* the other is the store's now */
    pipeline->waiting = false;
    pipeline->waiting_events = 0;
    pipeline->committing = true;
    pipeline->commit_caught_up = pipeline->caught_up;
    pipeline->commit_wh = kw_complex_energy_today_wh(pipeline->service->complex);
    pipeline->commit_began_us = kw_mono_us();
    pipeline->idle_seconds = 0;
    if (pipeline->reader_waits && pipeline->reader != NULL) {
        pipeline->reader_waits = false;
        kw_reader_page_done(pipeline->reader);
    }
}

static void commit(struct kw_pipeline *pipeline)
{
    int64_t now_us = kw_mono_us();
    if (!pipeline->waiting)
        pipeline->waiting_since_us = now_us;
    pipeline->waiting = true;
    if (pipeline->committing || pipeline->day_asked || pipeline->fatal != NULL ||
        kw_timer_active(pipeline->pace))
        return; /* whoever ends comes here again */
    int64_t since_ms = (now_us - pipeline->commit_began_us) / 1000;
    if (since_ms < KW_COMMIT_EVERY_MS && pipeline->waiting_events < KW_PAGE_ENTRIES)
        kw_timer_start(pipeline->pace, KW_COMMIT_EVERY_MS - since_ms, 0);
    else
        give_to_store(pipeline);
}

static void commit_now(struct kw_timer *timer, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    (void)timer;
    if (pipeline->waiting && !pipeline->committing && !pipeline->day_asked &&
        pipeline->fatal == NULL)
        give_to_store(pipeline);
}

/* The store's sum is of everything up to the last commit; what the model has added since is on top. */
static void day_answered(kw_err err, int64_t energy_wh, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    struct kw_complex *complex = pipeline->service->complex;
    int64_t since_wh = kw_complex_energy_today_wh(complex) - pipeline->commit_wh;
    pipeline->day_asked = false;
    if (err != KW_OK) {
        pipeline->day_due = true; /* asked again */
    } else {
        kw_complex_new_day(complex, pipeline->day_start_ms, energy_wh + since_wh);
        kw_push_complex(pipeline->service->push);
    }
    if (pipeline->waiting)
        commit(pipeline);
}

/* What was drawn today, from the store. No page is committed until the answer. */
static void ask_day(struct kw_pipeline *pipeline)
{
    struct kw_store *store = pipeline->service->runtime->store;
    pipeline->day_asked =
        kw_store_energy_since(store, pipeline->day_start_ms, day_answered, pipeline) == KW_OK;
    pipeline->day_due =
        !pipeline->day_asked; /* a snapshot that begins meanwhile makes it due anew */
}

static void committed(kw_err err, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    kw_metric_observe_us(pipeline->commit_seconds, kw_mono_us() - pipeline->commit_began_us);
    pipeline->committing = false;
    if (err != KW_OK)
        pipeline->fatal = "the database refused a page; nothing more is read (see the log)";
    else if (pipeline->reader == NULL)
        return; /* stopping: what waits is read again after the start */
    else if (pipeline->day_due && pipeline->commit_caught_up)
        ask_day(pipeline);
    if (err == KW_OK && pipeline->over_due && pipeline->commit_caught_up &&
        pipeline->reader_state == KW_FEED_LIVE)
        find_over(pipeline); /* the store knows as much as the model */
    if (pipeline->waiting)
        commit(pipeline);
}

/* --- what else the feed says --- */

static void count_refused(struct kw_pipeline *pipeline, const struct kw_event *event, kw_err err)
{
    kw_metric_add(pipeline->refused[err == KW_EFULL], 1);
    KW_LOG(KW_LOG_WARN, "feed", "the model refused an event; it is kept in history",
           KW_LT("type", event->type_name), KW_LT("station", event->station),
           KW_LT("entry", event->entry_id), KW_LC("error", kw_err_slug(err)));
}

static void bad_entry(enum kw_stream stream, struct kw_str entry_id, const char *error, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    pipeline->read_events++;
    KW_LOG(KW_LOG_WARN, "feed", "a stream entry is not of the contract and was left out",
           KW_LC("stream", stream == KW_STREAM_EV ? "ev" : "mv"), KW_LT("entry", entry_id),
           KW_LC("error", error));
}

static void gap(enum kw_stream stream, int64_t expected_n, int64_t got_n, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    kw_metric_add(pipeline->gap_events, got_n > expected_n ? got_n - expected_n : 0);
    kw_history_gap(pipeline->page, stream, expected_n, got_n, kw_now_ms());
    KW_LOG(KW_LOG_ERROR, "feed", "events are missing; a snapshot follows",
           KW_LC("stream", stream == KW_STREAM_EV ? "ev" : "mv"), KW_LI("expected", expected_n),
           KW_LI("got", got_n));
}

static void snapshot_begin(const char *why, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    (void)why; /* the reader logs it */
    pipeline->day_due = true;
    pipeline->over_due = true;
    pipeline->snapshot++;
}

static void mention(struct kw_pipeline *pipeline, struct kw_str station_id)
{
    struct kw_station *station = kw_complex_station(pipeline->service->complex, station_id);
    if (station != NULL)
        station->user = (void *)pipeline->snapshot;
}

/* A station of which Redis knows nothing any more is not connected, and charges nobody. */
static void drop_unmentioned(struct kw_pipeline *pipeline)
{
    static const struct kw_str away[] = { { "connected", 9 }, { "0", 1 } };
    struct kw_complex *complex = pipeline->service->complex;
    int64_t now_ms = kw_now_ms();
    for (size_t i = 0; i < kw_complex_station_count(complex); i++) {
        struct kw_station *station = kw_complex_station_at(complex, i);
        struct kw_str id = kw_str_of(station->id);
        if (!station->seen || station->user == (void *)pipeline->snapshot)
            continue;
        KW_IGNORE(kw_complex_snapshot_station(complex, id, away, 2, now_ms));
        for (size_t c = 0; c < station->connector_count; c++)
            KW_IGNORE(kw_complex_snapshot_connector(complex, id, station->connectors[c].id, NULL, 0,
                                                    now_ms));
    }
}

static void snapshot_row(const char *kind, struct kw_str id, int64_t connector,
                         struct kw_str transaction, const struct kw_str *fields, size_t count,
                         void *arg)
{
    struct kw_pipeline *pipeline = arg;
    struct kw_complex *complex = pipeline->service->complex;
    int64_t now_ms = kw_now_ms();
    kw_err err;
    if (strcmp(kind, "station") == 0) {
        err = kw_complex_snapshot_station(complex, id, fields, count, now_ms);
    } else if (strcmp(kind, "conn") == 0) {
        err = kw_complex_snapshot_connector(complex, id, (int)connector, fields, count, now_ms);
    } else if (strcmp(kind, "tx") == 0) {
        err = kw_complex_snapshot_transaction(complex, id, transaction, fields, count, now_ms);
        kw_history_snapshot_transaction(pipeline->service, pipeline->page, id, transaction, fields,
                                        count);
    } else {
        err = kw_complex_snapshot_node(complex, id, fields, count, now_ms);
        if (err == KW_ENOTFOUND)
            err = KW_OK; /* a meter of a node that nobody declared */
    }
    if (strcmp(kind, "node") != 0)
        mention(pipeline, id);
    if (err == KW_OK)
        return;
    kw_metric_add(pipeline->refused[err == KW_EFULL], 1);
    KW_LOG(KW_LOG_WARN, "feed", "a snapshot row has a field that is not of the contract",
           KW_LC("kind", kind), KW_LT("id", id), KW_LC("error", kw_err_slug(err)));
}

/* --- transactions whose end was in a gap --- */

static void over_found(struct kw_str station_id, struct kw_str transaction, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    if (pipeline->reader != NULL)
        kw_reader_ask_transaction(pipeline->reader, station_id, transaction);
}

static void over_end(kw_err err, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    if (err != KW_OK)
        pipeline->over_due = true; /* asked again */
}

static void find_over(struct kw_pipeline *pipeline)
{
    pipeline->over_due = kw_over_find(pipeline->service, over_found, over_end, pipeline) != KW_OK;
}

static void transaction_row(struct kw_str station_id, struct kw_str transaction,
                            const struct kw_str *fields, size_t count, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    bool ended = false;
    for (size_t i = 0; i + 1 < count; i += 2)
        ended = ended || (kw_str_eqc(fields[i], "endTs") && fields[i + 1].len > 0);
    KW_LOG(KW_LOG_WARN, "feed",
           ended ? "the end of a transaction was missing and is taken from its hash"
                 : "a transaction is open here, but no connector shows it",
           KW_LT("station", station_id), KW_LT("transaction", transaction));
    if (!ended)
        return;
    kw_history_snapshot_transaction(pipeline->service, pipeline->page, station_id, transaction,
                                    fields, count);
    commit(pipeline);
}

static void fatal(const char *text, void *arg)
{
    ((struct kw_pipeline *)arg)->fatal = text;
    KW_LOG(KW_LOG_ERROR, "feed", "the feed stopped for good", KW_LC("why", text));
}

/* --- state of the feed: live at once, lost only after a while --- */

static void settle_state(struct kw_pipeline *pipeline)
{
    struct kw_service *service = pipeline->service;
    if (pipeline->state == KW_FEED_LIVE)
        pipeline->live_us = kw_mono_us(); /* was, until now */
    int64_t away_us = kw_mono_us() - pipeline->live_us;
    enum kw_feed_state state = pipeline->reader_state == KW_FEED_LIVE        ? KW_FEED_LIVE
                               : pipeline->state == KW_FEED_LOST             ? KW_FEED_LOST
                               : away_us >= (int64_t)KW_LOST_AFTER_MS * 1000 ? KW_FEED_LOST
                                                                             : KW_FEED_STALE;
    if (state == KW_FEED_LIVE)
        pipeline->was_live = true;
    if (state == pipeline->state)
        return;
    static const char *const names[] = { "lost", "stale", "live" };
    KW_LOG(state == KW_FEED_LIVE ? KW_LOG_INFO : KW_LOG_WARN, "feed", "state of the feed",
           KW_LC("state", names[state]));
    pipeline->state = state;
    kw_metric_set(pipeline->state_gauge, (int64_t)state);
    kw_complex_feed_lost(service->complex, state == KW_FEED_LOST);
    kw_push_feed(service->push);
    kw_push_complex(service->push);
    kw_live_changed(service->live);
}

static void reader_state(enum kw_feed_state state, int64_t lag_ms, int64_t last_event_ms, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    (void)lag_ms;
    (void)last_event_ms;
    pipeline->reader_state = state;
    settle_state(pipeline);
}

/* The model is as new as Redis; what the streams still hold behind the cursor comes now, as history. */
static void snapshot_end(struct kw_reader *reader, const struct kw_cursor *cursor, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    drop_unmentioned(pipeline);
    pipeline->read_events = KW_PAGE_ENTRIES; /* more is there */
    end_page(reader, cursor, arg);
}

/* --- once a second --- */

static void every_second(struct kw_timer *timer, void *arg)
{
    struct kw_pipeline *pipeline = arg;
    struct kw_service *service = pipeline->service;
    int64_t now_ms = kw_now_ms();
    (void)timer;
    kw_complex_age(service->complex, now_ms);
    settle_state(pipeline);
    if (now_ms >= pipeline->day_end_ms || now_ms < pipeline->day_start_ms) {
        pipeline->day_start_ms = kw_zone_day_start_ms(service->zone, now_ms);
        pipeline->day_end_ms = kw_zone_next_day_ms(service->zone, now_ms);
        pipeline->day_due = true;
    }
    pipeline
        ->idle_seconds++; /* an empty read takes one: after two, nothing is waiting to be read */
    if (pipeline->day_due && pipeline->idle_seconds > 2 && !pipeline->committing &&
        !pipeline->waiting && !pipeline->day_asked) {
        pipeline->commit_wh = kw_complex_energy_today_wh(service->complex);
        ask_day(pipeline);
    }
    if (pipeline->over_due && pipeline->reader_state == KW_FEED_LIVE &&
        pipeline->idle_seconds > 2 && !pipeline->committing && !pipeline->waiting) {
        find_over(pipeline);
    }
    if (kw_complex_dirty(service->complex) || kw_push_pending(service->push))
        kw_live_changed(service->live);
}

void kw_pipeline_feed(const struct kw_pipeline *pipeline, struct kw_feed_view *out)
{
    *out = (struct kw_feed_view){
        .state = pipeline->state,
        .lag_ms = pipeline->lag_ms,
        .last_event_ms = pipeline->last_event_ms,
        .link_up = pipeline->reader != NULL && kw_reader_links_up(pipeline->reader),
        .was_live = pipeline->was_live,
        .fatal = pipeline->fatal,
        .commit_waits_ms =
            pipeline->committing ? (kw_mono_us() - pipeline->commit_began_us) / 1000 : 0,
    };
}

/* --- Lua --- */

static void set_number(lua_State *L, const char *field, int64_t value)
{
    if (value == KW_NONE)
        return;
    lua_pushinteger(L, value);
    lua_setfield(L, -2, field);
}

static void set_text(lua_State *L, const char *field, struct kw_str text)
{
    if (text.len == 0)
        return;
    lua_pushlstring(L, text.ptr, text.len);
    lua_setfield(L, -2, field);
}

static int push_event(lua_State *L, void *arg)
{
    const struct kw_event *event = arg;
    char error[160];
    lua_createtable(L, 0, 8);
    set_text(L, "type", event->type_name);
    set_text(L, "station_id", event->station);
    set_text(L, "transaction_id", event->transaction);
    set_number(L, "connector_id", event->evse != KW_NONE ? event->evse : event->connector);
    set_number(L, "at_ms", event->at_ms);
    set_number(L, "received_ms", event->received_ms);
    if (kw_lua_push_json(L, event->detail, error, sizeof error) != KW_OK)
        lua_newtable(L); /* decoded before: cannot fail but for memory */
    lua_setfield(L, -2, "d");
    return 1;
}

static void tell_lua(struct kw_pipeline *pipeline, const struct kw_event *event)
{
    char error[1024] = "";
    struct kw_host *host = pipeline->service->runtime->host;
    void *argument = (void *)(uintptr_t)event;
    if (kw_host_call(host, "service", "on_event", NULL, push_event, NULL, argument, error,
                     sizeof error) != KW_OK)
        KW_LOG(KW_LOG_ERROR, "feed", "service.on_event failed", KW_LC("error", error),
               KW_LT("type", event->type_name));
}

/* service.events: a set {["tx.started"] = true} or a list. */
static void read_wanted(struct kw_pipeline *pipeline)
{
    lua_State *L = kw_host_state(pipeline->service->runtime->host);
    int top = lua_gettop(L);
    (void)kw_host_push_loaded(pipeline->service->runtime->host, "service", "events");
    if (lua_istable(L, -1)) {
        for (lua_pushnil(L); lua_next(L, top + 1) != 0; lua_pop(L, 1)) {
            int at = lua_type(L, -2) == LUA_TSTRING ? -2 : -1;
            const char *name = lua_type(L, at) == LUA_TSTRING ? lua_tostring(L, at) : "";
            for (int type = 1; type < KW_EVENT_TYPE_COUNT; type++)
                if (strcmp(name, kw_event_name((enum kw_event_type)type)) == 0)
                    pipeline->wanted[type] = true;
        }
    }
    lua_settop(L, top);
}

/* --- life --- */

static void make_metrics(struct kw_pipeline *pipeline)
{
    struct kw_metrics *metrics = pipeline->service->runtime->metrics;
    pipeline->lag_seconds =
        kw_metrics_histogram(metrics, "kw_feed_lag_seconds", "",
                             "From the receipt of an event by the gateway to its apply here.");
    pipeline->commit_seconds = kw_metrics_histogram(
        metrics, "kw_feed_commit_seconds", "", "From the end of a page to its commit, with waits.");
    pipeline->state_gauge =
        kw_metrics_gauge(metrics, "kw_feed_state", "", "0 lost, 1 stale, 2 live.");
    pipeline->refused[0] =
        kw_metrics_counter(metrics, "kw_feed_refused_total", "reason=\"invalid\"",
                           "Events that the live model refused.");
    pipeline->refused[1] = kw_metrics_counter(metrics, "kw_feed_refused_total", "reason=\"full\"",
                                              "Events that the live model refused.");
    pipeline->gap_events = kw_metrics_counter(metrics, "kw_feed_missing_events_total", "",
                                              "Events that never arrived, by their numbers.");
}

kw_err kw_pipeline_new(struct kw_service *service, struct kw_pipeline **out, char *error,
                       size_t error_size)
{
    struct kw_store_cursor cursor;
    kw_err err = kw_store_read_cursor(service->runtime->store, &cursor);
    if (err != KW_OK) {
        (void)snprintf(error, error_size, "the feed cursor cannot be read from the database: %s",
                       kw_err_text(err));
        return err;
    }
    struct kw_pipeline *pipeline = kw_zalloc(sizeof *pipeline);
    pipeline->service = service;
    memcpy(pipeline->cursor.epoch, cursor.epoch, sizeof cursor.epoch);
    memcpy(pipeline->cursor.last_id, cursor.last_id, sizeof cursor.last_id);
    memcpy(pipeline->cursor.last_n, cursor.last_n, sizeof cursor.last_n);
    pipeline->page = kw_store_page_new();
    pipeline->last_event_ms = KW_NONE;
    pipeline->live_us = kw_mono_us();
    pipeline->second = kw_timer_new(service->runtime->loop, every_second, pipeline);
    pipeline->pace = kw_timer_new(service->runtime->loop, commit_now, pipeline);
    make_metrics(pipeline);
    *out = pipeline;
    return KW_OK;
}

kw_err kw_pipeline_start(struct kw_pipeline *pipeline, char *error, size_t error_size)
{
    static const struct kw_reader_events events = { take_event,     end_page,     snapshot_begin,
                                                    snapshot_row,   snapshot_end, gap,
                                                    bad_entry,      reader_state, fatal,
                                                    transaction_row };
    struct kw_runtime *runtime = pipeline->service->runtime;
    struct kw_reader_options options = { .redis_url = kw_config_text(runtime->config, "redis_url"),
                                         .prefix = kw_config_text(runtime->config, "redis_prefix"),
                                         .page_entries = KW_PAGE_ENTRIES,
                                         .metrics = runtime->metrics };
    struct kw_cursor from = pipeline->cursor;
    read_wanted(pipeline);
    kw_err err = kw_reader_new(runtime->loop, &options, &from, &events, pipeline, &pipeline->reader,
                               error, error_size);
    if (err != KW_OK)
        return err;
    every_second(pipeline->second, pipeline);
    ask_day(pipeline); /* what the store knows now; anew when the feed has caught up */
    kw_timer_start(pipeline->second, 1000, 1000);
    return KW_OK;
}

void kw_pipeline_stop(struct kw_pipeline *pipeline)
{
    if (pipeline->reader != NULL)
        kw_reader_close(pipeline->reader);
    pipeline->reader = NULL;
    kw_timer_stop(pipeline->second);
}

void kw_pipeline_free(struct kw_pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    kw_timer_close(pipeline->second);
    kw_timer_close(pipeline->pace);
    if (pipeline->page != NULL)
        kw_store_page_free(pipeline->page);
    kw_free(pipeline);
}
