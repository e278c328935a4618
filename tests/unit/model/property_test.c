/* property_test.c - Incremental sums equal a full recomputation, whatever happens in whatever order.
 *
 * A fixed seed drives 50,000 random events, registry edits, tree edits and clock steps over 60
 * stations and 24 nodes. Every 50 steps the test computes every sum again from nothing but the
 * public fields of stations and connectors, and compares. */
#include "unit/model/model_fixture.h"

#define STEPS 50000
#define STATIONS 60
#define NODES 24

struct world {
    struct kw_complex *complex;
    uint64_t seed;
    int64_t now_ms;
    int64_t drained;
};

static unsigned pick(struct world *world, unsigned below)
{
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((world->seed >> 33) % below);
}

static const char *station_id(struct world *world, char out[16])
{
    (void)snprintf(out, 16, "EV-%u", pick(world, STATIONS));
    return out;
}

static const char *node_id(struct world *world, char out[16])
{
    (void)snprintf(out, 16, "N%u", pick(world, NODES));
    return out;
}

/* Mostly now, sometimes a bit old, sometimes very old and queued. */
static void stamp(struct world *world, struct kw_event *event)
{
    unsigned kind = pick(world, 20);
    int64_t back = kind == 0 ? 3600000 : kind < 4 ? (int64_t)pick(world, 50000) : 0;
    event->received_ms = world->now_ms;
    event->at_ms = world->now_ms - back;
    event->offline = kind == 0;
}

static void one_meter(struct world *world, const char *id, const char *transaction)
{
    struct kw_sample samples[5];
    size_t count = 0;
    if (pick(world, 4) > 0)
        samples[count++] = sample_of("Power.Active.Import", "", (int64_t)pick(world, 22000));
    if (pick(world, 3) > 0) {
        samples[count++] = sample_of("Current.Import", "L1", (int64_t)pick(world, 32000));
        samples[count++] = sample_of("Current.Import", "L3", (int64_t)pick(world, 32000));
    } else {
        samples[count++] = sample_of("Current.Import", "", (int64_t)pick(world, 32000));
    }
    if (pick(world, 2) > 0)
        samples[count++] =
            sample_of("Energy.Active.Import.Register", "", world->now_ms / 1000 % 100000000);
    struct kw_event event = meter_of(id, pick(world, 6) > 0 ? (int64_t)pick(world, 3) : KW_NONE,
                                     transaction, samples, count, 0);
    stamp(world, &event);
    assert_int_equal(kw_complex_apply(world->complex, &event, world->now_ms), KW_OK);
}

static void one_event(struct world *world)
{
    static const char *const words[] = { "Available",     "Preparing", "Charging",    "SuspendedEV",
                                         "SuspendedEVSE", "Finishing", "Unavailable", "Faulted",
                                         "Reserved",      "Nonsense" };
    static const enum kw_event_type types[] = {
        KW_EVENT_STATION_CONNECTED, KW_EVENT_STATION_DISCONNECTED, KW_EVENT_STATION_BOOT,
        KW_EVENT_STATION_STATUS,    KW_EVENT_CONNECTOR_STATUS,     KW_EVENT_CONNECTOR_STATUS,
        KW_EVENT_TX_STARTED,        KW_EVENT_TX_STARTED,           KW_EVENT_TX_UPDATED,
        KW_EVENT_TX_ENDED,          KW_EVENT_PROFILE_APPLIED,      KW_EVENT_AUTH_REQUEST
    };
    char id[16], transaction[16];
    station_id(world, id);
    (void)snprintf(transaction, sizeof transaction, "%u", pick(world, 3));
    if (pick(world, 2) > 0) {
        one_meter(world, id, transaction);
        return;
    }
    struct kw_event event = event_of(types[pick(world, KW_COUNT_OF(types))], id,
                                     (int64_t)pick(world, 3), world->now_ms);
    event.generation = (int64_t)pick(world, 4);
    event.status = kw_str_of(words[pick(world, KW_COUNT_OF(words))]);
    event.transaction = kw_str_of(transaction);
    event.meter_start_wh = event.meter_stop_wh = world->now_ms / 1000 % 100000000;
    event.charging_state = KW_STR("Charging");
    event.limit_ma = 16000;
    stamp(world, &event);
    assert_int_equal(kw_complex_apply(world->complex, &event, world->now_ms), KW_OK);
}

static void one_edit(struct world *world)
{
    char id[16], other[16];
    kw_err err;
    switch (pick(world, 8)) {
    case 0:
        err = kw_complex_remove_station(world->complex, kw_str_of(station_id(world, id)));
        assert_true(err == KW_OK || err == KW_ENOTFOUND);
        break;
    case 1:
        err = kw_complex_remove_node(world->complex, kw_str_of(node_id(world, id)));
        assert_true(err == KW_OK || err == KW_ENOTFOUND || err == KW_EBUSY);
        break;
    case 2:
    case 3:
        err = put_node(world->complex, node_id(world, id),
                       pick(world, 5) > 0 ? node_id(world, other) : "", 63000, KW_NONE);
        assert_true(err == KW_OK || err == KW_ENOTFOUND || err == KW_EINVALID);
        break;
    default:
        err = put_station(world->complex, station_id(world, id),
                          pick(world, 6) > 0 ? node_id(world, other) : "", pick(world, 2) ? 3 : 1,
                          (int)pick(world, 3), (int)pick(world, 3));
        assert_true(err == KW_OK || err == KW_ENOTFOUND);
        break;
    }
}

/* --- the same sums, from nothing --- */

struct sums {
    struct kw_load load;
    int64_t stations, charging, stale_parts, as_of_ms;
};

static void add_station(struct sums *sums, const struct kw_station *one)
{
    sums->stations++;
    sums->charging += one->state == KW_STATE_CHARGING;
    for (size_t c = 0; c < one->connector_count; c++) {
        const struct kw_connector *connector = &one->connectors[c];
        sums->stale_parts += connector->stale;
        if (connector->meter_ms > sums->as_of_ms)
            sums->as_of_ms = connector->meter_ms;
        if (!one->online)
            continue;
        sums->load.power_w += connector->power_w != KW_NONE ? connector->power_w : 0;
        for (int phase = 0; phase < KW_PHASES; phase++) {
            if (connector->current_ma[phase] != KW_NONE)
                sums->load.current_ma[(phase + one->rotation) % KW_PHASES] +=
                    connector->current_ma[phase];
        }
    }
}

static bool is_below(const struct kw_node *top, const struct kw_node *at)
{
    while (at != NULL && at != top)
        at = at->parent;
    return at == top;
}

static struct sums recompute(struct kw_complex *complex, const struct kw_node *top)
{
    struct sums sums = { .as_of_ms = KW_NONE };
    for (size_t i = 0; i < kw_complex_station_count(complex); i++) {
        const struct kw_station *one = kw_complex_station_at(complex, i);
        if (one->registered && (top == NULL || (one->node != NULL && is_below(top, one->node))))
            add_station(&sums, one);
    }
    return sums;
}

static enum kw_state state_from_nothing(const struct kw_station *one)
{
    static const enum kw_state order[] = { KW_STATE_FAULTED,     KW_STATE_CHARGING,
                                           KW_STATE_SUSPENDED,   KW_STATE_PREPARING,
                                           KW_STATE_FINISHING,   KW_STATE_RESERVED,
                                           KW_STATE_UNAVAILABLE, KW_STATE_AVAILABLE };
    if (!one->seen)
        return KW_STATE_UNKNOWN;
    if (!one->online)
        return KW_STATE_OFFLINE;
    for (size_t i = 0; i < KW_COUNT_OF(order); i++) {
        bool any = one->own_state == order[i];
        for (size_t c = 0; c < one->connector_count; c++)
            any = any || one->connectors[c].state == order[i];
        if (any)
            return order[i];
    }
    return KW_STATE_UNKNOWN;
}

static void check_stations(struct world *world)
{
    struct kw_complex_counts counts, expected = { 0 };
    for (size_t i = 0; i < kw_complex_station_count(world->complex); i++) {
        const struct kw_station *one = kw_complex_station_at(world->complex, i);
        if (!kw_complex_feed_is_lost(world->complex))
            assert_int_equal(one->state, state_from_nothing(one));
        if (!one->registered)
            continue;
        expected.total++;
        expected.by_state[one->state]++;
        for (size_t c = 0; c < one->connector_count; c++)
            expected.active_transactions += one->connectors[c].transaction[0] != 0;
    }
    kw_complex_counts(world->complex, &counts);
    assert_memory_equal(&counts, &expected, sizeof counts);
}

static void check_nodes(struct world *world)
{
    for (size_t i = 0; i < kw_complex_node_count(world->complex); i++) {
        const struct kw_node *at = kw_complex_node_at(world->complex, i);
        struct sums sums = recompute(world->complex, at);
        assert_memory_equal(&sums.load, &at->load, sizeof sums.load);
        assert_int_equal(sums.stations, at->stations);
        assert_int_equal(sums.charging, at->charging);
        assert_int_equal(sums.stale_parts, at->stale_parts);
        assert_int_equal(sums.as_of_ms, at->as_of_ms);
        assert_int_equal(at->enter, i);
        assert_true(at->depth < KW_NODE_DEPTH);
        for (size_t j = 0; j < kw_complex_node_count(world->complex); j++) {
            const struct kw_node *other = kw_complex_node_at(world->complex, j);
            assert_int_equal(kw_node_contains(at, other), is_below(at, other));
        }
    }
    struct kw_load total = kw_complex_load(world->complex);
    struct sums all = recompute(world->complex, NULL);
    assert_memory_equal(&total, &all.load, sizeof total);
}

static void count_station(struct kw_station *one, void *arg)
{
    assert_true(one->change > 0);
    ((struct world *)arg)->drained++;
}

static void count_node(struct kw_node *one, void *arg)
{
    assert_true(one->change > 0);
    ((struct world *)arg)->drained++;
}

static void count_gone(struct kw_str id, bool is_node, void *arg)
{
    assert_true(id.len > 0 && id.ptr[0] == (is_node ? 'N' : 'E'));
    ((struct world *)arg)->drained++;
}

static void sums_equal_a_full_recomputation(void **state)
{
    struct world world = { kw_complex_new(NULL), 20260101, T0, 0 };
    (void)state;
    for (int step = 0; step < STEPS; step++) {
        world.now_ms += pick(&world, 3000);
        if (pick(&world, 12) == 0)
            one_edit(&world);
        else
            one_event(&world);
        if (pick(&world, 30) == 0)
            kw_complex_age(world.complex, world.now_ms);
        if (pick(&world, 900) == 0 || step == 500)
            kw_complex_feed_lost(world.complex, !kw_complex_feed_is_lost(world.complex));
        if (pick(&world, 2000) == 0) {
            struct kw_event event = event_of(KW_EVENT_GATEWAY_STARTED, "", KW_NONE, world.now_ms);
            assert_int_equal(kw_complex_apply(world.complex, &event, world.now_ms), KW_OK);
        }
        if (step % 50 == 0) {
            kw_complex_drain(world.complex, count_station, count_node, count_gone, &world);
            assert_false(kw_complex_dirty(world.complex));
            check_stations(&world);
            check_nodes(&world);
        }
    }
    assert_true(world.drained > STEPS / 4);
    assert_true(kw_complex_energy_today_wh(world.complex) > 0);
    kw_complex_free(world.complex);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sums_equal_a_full_recomputation) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
