/* gateway_record.c - Journal first, then Redis.
 *
 * A record is text lines: the first is what the state must still know ("kv", JSON), each further one is an
 * event for Redis. It is durable when the fsync that covers it is done; only then does the waiting task go
 * on (and the station get its answer) and the events go to the writer, which keeps their order. */
#include <stdio.h>
#include <string.h>

#include "app/gateway_internal.h"
#include "base/log.h"
#include "base/mem.h"

struct commit {
    struct kw_gateway *gateway;
    struct kw_task_id task;
    bool waits;
    size_t length;
    char payload[];
};

static void put_events(struct kw_gateway *gateway, uint64_t sequence, struct kw_str payload)
{
    struct kw_str rest;
    (void)kw_str_cut(payload, '\n', &rest); /* the first line is no event */
    while (rest.len > 0) {
        struct kw_str line = kw_str_cut(rest, '\n', &rest);
        if (line.len > 0)
            kw_event_writer_put(gateway->writer, sequence, line);
    }
}

/* --- a bounded backlog --- */

/* In order to the writer, as long as memory is meant to take it. False: from here on the journal keeps it. */
static bool hand_over(struct kw_gateway *gateway, uint64_t sequence, struct kw_str payload)
{
    if (kw_event_writer_waiting(gateway->writer) >= KW_BACKLOG_EVENTS) {
        if (!gateway->behind)
            KW_LOG(KW_LOG_WARN, "gateway",
                   "many events wait for Redis; more of them stay on the disk",
                   KW_LI("from_record", sequence));
        gateway->behind = true;
        kw_timer_start(gateway->catch_up, KW_BACKLOG_TICK_MS, 0);
        return false;
    }
    put_events(gateway, sequence, payload);
    gateway->handed = sequence;
    return true;
}

struct step {
    struct kw_gateway *gateway;
    unsigned left;
};

static kw_err on_read_back(uint64_t sequence, struct kw_str payload, void *arg)
{
    struct step *step = arg;
    if (step->left > 0 && hand_over(step->gateway, sequence, payload)) {
        step->left--;
        return KW_OK;
    }
    step->left = 0;
    return KW_EFULL;
}

static void catch_up(struct kw_timer *timer, void *arg)
{
    struct kw_gateway *gateway = arg;
    struct step step = { gateway, KW_BACKLOG_STEP };
    if (gateway->journal == NULL || gateway->writer_closed)
        return;
    if (kw_event_writer_waiting(gateway->writer) <= KW_BACKLOG_EVENTS / 2) {
        kw_err err = kw_journal_read(gateway->journal, gateway->handed, gateway->synced,
                                     on_read_back, &step);
        if (err != KW_OK)
            KW_LOG(KW_LOG_ERROR, "gateway", "the journal cannot be read back",
                   KW_LC("error", kw_err_text(err)));
        else if (step.left > 0) /* nothing was left to read */
            gateway->behind = false;
    }
    if (gateway->behind)
        kw_timer_start(timer, KW_BACKLOG_TICK_MS, 0);
}

static int push_outcome(lua_State *L, void *arg)
{
    const kw_err *err = arg;
    if (*err != KW_OK)
        return kw_lua_fail(L, kw_err_slug(*err), "the journal did not take the record");
    lua_pushboolean(L, 1);
    return 1;
}

static void on_synced(kw_err err, uint64_t sequence, void *arg)
{
    struct commit *commit = arg;
    struct kw_gateway *gateway = commit->gateway;
    gateway->commits_open--;
    gateway->journal_well = err == KW_OK;
    if (err == KW_OK)
        gateway->synced = sequence;
    else
        gateway->refused++;
    if (err == KW_OK && !gateway->writer_closed && !gateway->behind)
        (void)hand_over(gateway, sequence, kw_str_n(commit->payload, commit->length));
    if (commit->waits)
        (void)kw_task_resume(gateway->runtime->host, commit->task, push_outcome, &err);
    kw_free(commit);
}

kw_err gateway_record_commit(struct kw_gateway *gateway, struct kw_str payload,
                             const struct kw_task_id *task, void **out)
{
    uint64_t sequence;
    if (gateway->journal == NULL)
        return KW_ECLOSED;
    struct commit *commit = kw_alloc(sizeof *commit + payload.len);
    commit->gateway = gateway;
    commit->waits = task != NULL;
    if (task != NULL)
        commit->task = *task;
    commit->length = payload.len;
    memcpy(commit->payload, payload.ptr, payload.len);
    kw_err err = kw_journal_append(gateway->journal, payload, &sequence, on_synced, commit);
    if (err != KW_OK) {
        kw_free(commit);
        gateway_count(gateway, "journal-refused");
        return err;
    }
    gateway->commits_open++;
    if (out != NULL)
        *out = commit;
    return KW_OK;
}

void gateway_record_cancelled(void *commit)
{
    ((struct commit *)commit)->waits = false;
}

kw_err gateway_record_checkpoint(struct kw_gateway *gateway, struct kw_str state, uint64_t sequence)
{
    if (gateway->journal == NULL)
        return KW_ECLOSED;
    return kw_journal_checkpoint(gateway->journal, state, sequence);
}

/* --- Redis --- */

static void on_confirmed(uint64_t sequence, void *arg)
{
    struct kw_gateway *gateway = arg;
    if (gateway->journal != NULL)
        kw_journal_confirm(gateway->journal, sequence);
}

static void on_link(bool up, void *arg)
{
    struct kw_gateway *gateway = arg;
    if (up != gateway->redis_up)
        KW_LOG(up ? KW_LOG_INFO : KW_LOG_WARN, "gateway",
               up ? "Redis is there" : "Redis is away; stations are answered from the journal");
    gateway->redis_up = up;
    gateway->redis_seen |= up;
}

kw_err gateway_record_open(struct kw_gateway *gateway, char *error, size_t error_size)
{
    char directory[512];
    const struct kw_config *config = gateway->runtime->config;
    (void)snprintf(directory, sizeof directory, "%s/journal", kw_config_text(config, "data_dir"));
    const struct kw_journal_options journal = { .directory = directory,
                                                .record_limit_bytes = KW_RECORD_BYTES_MAX,
                                                .metrics = gateway->runtime->metrics };
    kw_err err =
        kw_journal_open(gateway->runtime->loop, &journal, &gateway->journal, error, error_size);
    if (err != KW_OK)
        return err;
    gateway->journal_well = true;
    gateway->synced = kw_journal_last(gateway->journal);
    gateway->catch_up = kw_timer_new(gateway->runtime->loop, catch_up, gateway);
    const struct kw_event_writer_options writer = { .redis_url =
                                                        kw_config_text(config, "redis_url"),
                                                    .prefix =
                                                        kw_config_text(config, "redis_prefix"),
                                                    .source = kw_config_text(config, "gateway_id"),
                                                    .metrics = gateway->runtime->metrics };
    return kw_event_writer_new(gateway->runtime->loop, &writer, on_confirmed, on_link, gateway,
                               &gateway->writer, error, error_size);
}

/* --- start --- */

struct replay {
    struct kw_gateway *gateway;
    struct kw_str text;
    char *error;
    size_t error_size;
    uint64_t states, events;
};

static int push_text(lua_State *L, void *arg)
{
    const struct replay *replay = arg;
    lua_pushlstring(L, replay->text.ptr, replay->text.len);
    return 1;
}

static kw_err tell_lua(struct replay *replay, const char *function, struct kw_str text)
{
    replay->text = text;
    return kw_host_call(replay->gateway->runtime->host, "gateway", function, NULL, push_text, NULL,
                        replay, replay->error, replay->error_size);
}

static kw_err on_checkpoint(struct kw_str state, void *arg)
{
    return tell_lua(arg, "restore", state);
}

static kw_err on_record(uint64_t sequence, struct kw_str payload, void *arg)
{
    struct replay *replay = arg;
    struct kw_gateway *gateway = replay->gateway;
    struct kw_str rest, state = kw_str_cut(payload, '\n', &rest);
    if (sequence > kw_journal_confirmed(gateway->journal)) {
        if (!gateway->behind)
            (void)hand_over(gateway, sequence, payload);
        replay->events++;
    }
    if (sequence <= kw_journal_checkpointed(gateway->journal))
        return KW_OK;
    replay->states++;
    return tell_lua(replay, "replay", state);
}

kw_err gateway_record_replay(struct kw_gateway *gateway, char *error, size_t error_size)
{
    struct replay replay = { .gateway = gateway, .error = error, .error_size = error_size };
    kw_err err = kw_journal_replay(gateway->journal, on_checkpoint, on_record, &replay);
    if (err != KW_OK && error[0] == 0)
        (void)snprintf(error, error_size,
                       "the journal in %s/journal cannot be read; the log says why",
                       kw_config_text(gateway->runtime->config, "data_dir"));
    if (err == KW_OK)
        KW_LOG(KW_LOG_INFO, "gateway", "state is back from the journal",
               KW_LI("records", replay.states), KW_LI("records_to_send", replay.events));
    return err;
}

void gateway_record_close(struct kw_gateway *gateway)
{
    struct kw_journal *journal = gateway->journal;
    kw_timer_close(gateway->catch_up);
    gateway->catch_up = NULL;
    gateway->writer_closed = true;
    gateway->journal = NULL; /* its last callbacks resume tasks: they cannot add records any more */
    if (journal != NULL)
        kw_journal_close(journal);
    if (gateway->writer != NULL)
        kw_event_writer_close(gateway->writer);
    gateway->writer = NULL;
}
