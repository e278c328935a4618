/* model_fixture.h - A small complex, and short words for events, in the tests of model and push. */
#ifndef KW_TESTS_MODEL_FIXTURE_H
#define KW_TESTS_MODEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/complex.h"

#define T0 ((int64_t)1767225600000) /* 2026-01-01T00:00:00.000Z */
#define NO_LIMIT \
    { \
        KW_NONE, KW_NONE, KW_NONE \
    }

static inline struct kw_event event_of(enum kw_event_type type, const char *station,
                                       int64_t connector, int64_t at_ms)
{
    struct kw_event event = { .type = type, .station = kw_str_of(station), .at_ms = at_ms };
    event.n = 1;
    event.evse = connector;
    event.connector = connector == KW_NONE ? KW_NONE : 1;
    event.received_ms = at_ms;
    event.generation = KW_NONE;
    event.meter_start_wh = event.meter_stop_wh = event.energy_wh = KW_NONE;
    event.power_w = event.limit_w = event.limit_ma = KW_NONE;
    event.current_ma[0] = event.current_ma[1] = event.current_ma[2] = KW_NONE;
    event.detail = KW_STR("{}");
    return event;
}

static inline kw_err apply(struct kw_complex *complex, const struct kw_event *event)
{
    return kw_complex_apply(complex, event, event->received_ms);
}

static inline void connect_at(struct kw_complex *complex, const char *id, int64_t at_ms)
{
    struct kw_event event = event_of(KW_EVENT_STATION_CONNECTED, id, KW_NONE, at_ms);
    assert_int_equal(apply(complex, &event), KW_OK);
}

static inline void disconnect_at(struct kw_complex *complex, const char *id, int64_t at_ms)
{
    struct kw_event event = event_of(KW_EVENT_STATION_DISCONNECTED, id, KW_NONE, at_ms);
    assert_int_equal(apply(complex, &event), KW_OK);
}

static inline void status_at(struct kw_complex *complex, const char *id, int64_t connector,
                             const char *status, int64_t at_ms)
{
    struct kw_event event = event_of(
        connector == 0 ? KW_EVENT_STATION_STATUS : KW_EVENT_CONNECTOR_STATUS, id, connector, at_ms);
    event.status = kw_str_of(status);
    event.error_code = KW_STR("NoError");
    assert_int_equal(apply(complex, &event), KW_OK);
}

static inline void start_at(struct kw_complex *complex, const char *id, int64_t connector,
                            const char *transaction, int64_t meter_wh, int64_t at_ms)
{
    struct kw_event event = event_of(KW_EVENT_TX_STARTED, id, connector, at_ms);
    event.transaction = kw_str_of(transaction);
    event.id_token = KW_STR("04A1");
    event.meter_start_wh = meter_wh;
    assert_int_equal(apply(complex, &event), KW_OK);
}

static inline void end_at(struct kw_complex *complex, const char *id, int64_t connector,
                          const char *transaction, int64_t meter_wh, int64_t at_ms)
{
    struct kw_event event = event_of(KW_EVENT_TX_ENDED, id, connector, at_ms);
    event.transaction = kw_str_of(transaction);
    event.meter_stop_wh = meter_wh;
    assert_int_equal(apply(complex, &event), KW_OK);
}

static inline struct kw_sample sample_of(const char *measurand, const char *phase, int64_t value)
{
    return (struct kw_sample){ .measurand = kw_str_of(measurand),
                               .phase = kw_str_of(phase),
                               .location = KW_STR("Outlet"),
                               .context = KW_STR("Sample.Periodic"),
                               .value = value,
                               .unit = KW_STR("") };
}

static inline struct kw_event meter_of(const char *id, int64_t connector, const char *transaction,
                                       const struct kw_sample *samples, size_t count, int64_t at_ms)
{
    struct kw_event event = event_of(KW_EVENT_METER_VALUES, id, connector, at_ms);
    event.stream = KW_STREAM_MV;
    event.transaction = kw_str_of(transaction);
    event.samples = samples;
    event.sample_count = count;
    return event;
}

/* Power, three currents and the register, as a good station sends them. */
static inline void meter_at(struct kw_complex *complex, const char *id, int64_t connector,
                            int64_t power_w, int64_t l1, int64_t l2, int64_t l3,
                            int64_t register_wh, int64_t at_ms)
{
    struct kw_sample samples[] = { sample_of("Power.Active.Import", "", power_w),
                                   sample_of("Current.Import", "L1", l1),
                                   sample_of("Current.Import", "L2", l2),
                                   sample_of("Current.Import", "L3", l3),
                                   sample_of("Energy.Active.Import.Register", "", register_wh) };
    struct kw_event event = meter_of(id, connector, "", samples, 5, at_ms);
    assert_int_equal(apply(complex, &event), KW_OK);
}

static inline kw_err put_node(struct kw_complex *complex, const char *id, const char *parent,
                              int64_t limit_ma, int64_t limit_w)
{
    struct kw_node_spec spec = { .id = kw_str_of(id),
                                 .parent_id = kw_str_of(parent),
                                 .kind = KW_STR("feeder"),
                                 .name = kw_str_of(id),
                                 .limit_ma = { limit_ma, limit_ma, limit_ma },
                                 .limit_w = limit_w,
                                 .revision = 1 };
    return kw_complex_put_node(complex, &spec);
}

static inline kw_err put_station(struct kw_complex *complex, const char *id, const char *node,
                                 int phases, int rotation, int connectors)
{
    struct kw_station_spec spec = {
        kw_str_of(id), kw_str_of(""), kw_str_of(node), phases, rotation, connectors, 1
    };
    return kw_complex_put_station(complex, &spec);
}

static inline struct kw_station *station(struct kw_complex *complex, const char *id)
{
    return kw_complex_station(complex, kw_str_of(id));
}

static inline struct kw_node *node(struct kw_complex *complex, const char *id)
{
    return kw_complex_node(complex, kw_str_of(id));
}

/* grid -> A -> A1, grid -> B. EV-1 (3 phases) and EV-2 (1 phase, rotated by 1) hang on A1. */
static inline int model_setup(void **state)
{
    struct kw_complex *complex = kw_complex_new(NULL);
    kw_complex_feed_lost(complex, false);
    assert_int_equal(put_node(complex, "grid", "", 400000, 250000), KW_OK);
    assert_int_equal(put_node(complex, "A", "grid", 125000, KW_NONE), KW_OK);
    assert_int_equal(put_node(complex, "B", "grid", 125000, KW_NONE), KW_OK);
    assert_int_equal(put_node(complex, "A1", "A", 63000, KW_NONE), KW_OK);
    assert_int_equal(put_station(complex, "EV-1", "A1", 3, 0, 2), KW_OK);
    assert_int_equal(put_station(complex, "EV-2", "A1", 1, 1, 1), KW_OK);
    *state = complex;
    return 0;
}

static inline int model_teardown(void **state)
{
    kw_complex_free(*state);
    return 0;
}

static inline void assert_load(struct kw_load load, int64_t power_w, int64_t l1, int64_t l2,
                               int64_t l3)
{
    assert_int_equal(load.power_w, power_w);
    assert_int_equal(load.current_ma[0], l1);
    assert_int_equal(load.current_ma[1], l2);
    assert_int_equal(load.current_ma[2], l3);
}

static inline void charge(struct kw_complex *complex)
{
    connect_at(complex, "EV-1", T0);
    status_at(complex, "EV-1", 1, "Charging", T0 + 1000);
    start_at(complex, "EV-1", 1, "7", 1000, T0 + 1000);
    meter_at(complex, "EV-1", 1, 11000, 16000, 16000, 15900, 1200, T0 + 10000);
}

#define MODEL_TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

#endif
