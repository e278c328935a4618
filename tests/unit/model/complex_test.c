/* complex_test.c - What events and the clock make of a small complex. */
#include "unit/model/model_fixture.h"

static void state_is_the_first_that_holds(void **state)
{
    struct kw_complex *complex = *state;
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_UNKNOWN); /* never seen */
    connect_at(complex, "EV-1", T0);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_UNKNOWN); /* nothing said */
    status_at(complex, "EV-1", 1, "Available", T0 + 1);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_AVAILABLE);
    status_at(complex, "EV-1", 2, "SuspendedEVSE", T0 + 2);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_SUSPENDED);
    status_at(complex, "EV-1", 1, "Charging", T0 + 3);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_CHARGING);
    status_at(complex, "EV-1", 2, "Faulted", T0 + 4);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_FAULTED);
    disconnect_at(complex, "EV-1", T0 + 5);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_OFFLINE);
    kw_complex_feed_lost(complex, true);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_UNKNOWN);
    kw_complex_feed_lost(complex, false);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_OFFLINE);
    assert_int_equal(station(complex, "EV-2")->state, KW_STATE_UNKNOWN);
}

static void connector_zero_is_the_station_itself(void **state)
{
    struct kw_complex *complex = *state;
    connect_at(complex, "EV-1", T0);
    status_at(complex, "EV-1", 1, "Available", T0);
    status_at(complex, "EV-1", 0, "Unavailable", T0 + 1);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_UNAVAILABLE);
    status_at(complex, "EV-1", 0, "Faulted", T0); /* older */
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_UNAVAILABLE);
    status_at(complex, "EV-1", 0, "Available", T0 + 2);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_AVAILABLE);
    assert_int_equal(station(complex, "EV-1")->connector_count, 2);
}

static void an_older_status_does_not_overwrite(void **state)
{
    struct kw_complex *complex = *state;
    connect_at(complex, "EV-1", T0);
    status_at(complex, "EV-1", 1, "Charging", T0 + 100);
    status_at(complex, "EV-1", 1, "Available", T0 + 99);
    assert_int_equal(kw_station_connector(station(complex, "EV-1"), 1)->state, KW_STATE_CHARGING);
    struct kw_event queued = event_of(KW_EVENT_CONNECTOR_STATUS, "EV-1", 1, T0 + 200);
    queued.status = KW_STR("Faulted");
    queued.offline = true;
    assert_int_equal(apply(complex, &queued), KW_OK);
    queued.offline = false;
    queued.received_ms = T0 + 200 + 60001; /* measured too far from when it came */
    assert_int_equal(apply(complex, &queued), KW_OK);
    assert_int_equal(kw_station_connector(station(complex, "EV-1"), 1)->state, KW_STATE_CHARGING);
    queued.received_ms = T0 + 200 + 60000;
    assert_int_equal(apply(complex, &queued), KW_OK);
    assert_int_equal(kw_station_connector(station(complex, "EV-1"), 1)->state, KW_STATE_FAULTED);
}

static void load_rolls_up_with_rotation(void **state)
{
    struct kw_complex *complex = *state;
    charge(complex);
    assert_load(node(complex, "A1")->load, 11000, 16000, 16000, 15900);
    connect_at(complex, "EV-2", T0);
    status_at(complex, "EV-2", 1, "Charging", T0);
    struct kw_sample samples[] = { sample_of("Current.Import", "", 32000),
                                   sample_of("Power.Active.Import", "", 7400) };
    struct kw_event event = meter_of("EV-2", 1, "", samples, 2, T0 + 10000);
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_int_equal(kw_station_connector(station(complex, "EV-2"), 1)->current_ma[0], 32000);
    assert_int_equal(kw_station_connector(station(complex, "EV-2"), 1)->current_ma[1], KW_NONE);
    assert_load(node(complex, "A1")->load, 18400, 16000, 48000, 15900);
    assert_load(node(complex, "grid")->load, 18400, 16000, 48000, 15900);
    assert_load(node(complex, "B")->load, 0, 0, 0, 0);
    assert_load(kw_complex_load(complex), 18400, 16000, 48000, 15900);
    assert_int_equal(node(complex, "grid")->charging, 2);
    assert_int_equal(node(complex, "grid")->stations, 2);
    assert_int_equal(node(complex, "grid")->as_of_ms, T0 + 10000);
    assert_int_equal(node(complex, "B")->as_of_ms, KW_NONE);
    assert_int_equal(kw_node_ratio(node(complex, "A1")), 48000 * 1000 / 63000);
    assert_int_equal(kw_node_ratio(node(complex, "grid")),
                     120); /* 48 of 400 A, worse than 18.4 of 250 kW */
}

static void totals_prefer_the_unphased_sample(void **state)
{
    struct kw_complex *complex = *state;
    struct kw_sample phases[] = { sample_of("Power.Active.Import", "L1", 1000),
                                  sample_of("Power.Active.Import", "L2-N", 2000),
                                  sample_of("Power.Active.Import", "L3", 3000),
                                  sample_of("Voltage", "L2", 231500),
                                  sample_of("SoC", "", 55),
                                  sample_of("Current.Offered", "", 16000),
                                  sample_of("Power.Active.Import", "L1-L2", 999999),
                                  sample_of("Power.Active.Import", "", KW_NONE) };
    phases[4].location = KW_STR("EV");
    connect_at(complex, "EV-1", T0);
    status_at(complex, "EV-1", 1, "Charging", T0);
    struct kw_event event = meter_of("EV-1", 1, "", phases, KW_COUNT_OF(phases), T0 + 1);
    assert_int_equal(apply(complex, &event), KW_OK);
    struct kw_connector *connector = kw_station_connector(station(complex, "EV-1"), 1);
    assert_int_equal(connector->power_w, 6000);
    assert_int_equal(connector->voltage_mv[1], 231500);
    assert_int_equal(connector->voltage_mv[0], KW_NONE);
    assert_int_equal(connector->soc_pct, 55);
    assert_int_equal(connector->offered_ma, 16000);
    phases[7].value = 6100;
    event.at_ms = event.received_ms = T0 + 2;
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_int_equal(connector->power_w, 6100);
    phases[7].location = KW_STR("Inlet"); /* another place of measurement is another value */
    event.at_ms = event.received_ms = T0 + 3;
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_int_equal(connector->power_w, 6000);
    phases[0].value = INT64_MAX - 1; /* no measurement: ignored, never summed */
    phases[7].location = KW_STR("Outlet");
    phases[7].value = INT64_MIN + 1;
    event.at_ms = event.received_ms = T0 + 4;
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_int_equal(connector->power_w, 5000);
}

static void unphased_current_loads_every_wired_phase(void **state)
{
    struct kw_complex *complex = *state;
    struct kw_sample samples[] = { sample_of("Current.Import", "", 16000) };
    connect_at(complex, "EV-1", T0);
    status_at(complex, "EV-1", 1, "Charging", T0);
    struct kw_event event = meter_of("EV-1", 1, "", samples, 1, T0 + 1);
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_load(node(complex, "grid")->load, 0, 16000, 16000, 16000);
}

static void transaction_opens_runs_and_ends(void **state)
{
    struct kw_complex *complex = *state;
    struct kw_complex_counts counts;
    charge(complex);
    struct kw_connector *connector = kw_station_connector(station(complex, "EV-1"), 1);
    assert_string_equal(connector->transaction, "7");
    assert_string_equal(connector->key_uid, "04A1");
    assert_int_equal(connector->tx_started_ms, T0 + 1000);
    assert_int_equal(connector->tx_energy_wh, 200);
    kw_complex_counts(complex, &counts);
    assert_int_equal(counts.active_transactions, 1);
    assert_int_equal(counts.by_state[KW_STATE_CHARGING], 1);
    assert_int_equal(counts.by_state[KW_STATE_UNKNOWN], 1);
    assert_int_equal(counts.total, 2);
    end_at(complex, "EV-1", 1, "8", 1300, T0 + 15000); /* another one */
    assert_string_equal(connector->transaction, "7");
    end_at(complex, "EV-1", 1, "7", 1300, T0 + 20000);
    assert_string_equal(connector->transaction, "");
    assert_int_equal(connector->tx_energy_wh, KW_NONE);
    assert_int_equal(connector->power_w, 0); /* nothing is open: nothing flows */
    assert_load(node(complex, "grid")->load, 0, 0, 0, 0);
    start_at(complex, "EV-1", 1, "7", 1000, T0 + 1000); /* replayed: older than the end */
    assert_string_equal(connector->transaction, "");
    meter_at(complex, "EV-1", 1, 11000, 16000, 16000, 16000, 1250,
             T0 + 20000); /* the last sample, late */
    assert_int_equal(connector->power_w, 0);
    kw_complex_counts(complex, &counts);
    assert_int_equal(counts.active_transactions, 0);
}

static void queued_transaction_is_a_fact_but_not_a_live_value(void **state)
{
    struct kw_complex *complex = *state;
    connect_at(complex, "EV-1", T0);
    struct kw_event event = event_of(KW_EVENT_TX_STARTED, "EV-1", 1, T0 - 600000);
    event.transaction = KW_STR("9");
    event.offline = true;
    event.received_ms = T0 + 1;
    assert_int_equal(apply(complex, &event), KW_OK);
    struct kw_connector *connector = kw_station_connector(station(complex, "EV-1"), 1);
    assert_string_equal(connector->transaction, "9");
    struct kw_sample samples[] = { sample_of("Power.Active.Import", "", 5000) };
    struct kw_event meter = meter_of("EV-1", 1, "9", samples, 1, T0 - 500000);
    meter.offline = true;
    meter.received_ms = T0 + 2;
    assert_int_equal(apply(complex, &meter), KW_OK);
    assert_int_equal(connector->power_w, KW_NONE);
    meter =
        meter_of("EV-1", KW_NONE, "9", samples, 1, T0 + 3); /* no place: that of its transaction */
    assert_int_equal(apply(complex, &meter), KW_OK);
    assert_int_equal(kw_station_connector(station(complex, "EV-1"), 1)->power_w, 5000);
}

static void chargingstate_tells_what_occupied_does_not(void **state)
{
    struct kw_complex *complex = *state;
    connect_at(complex, "EV-1", T0);
    status_at(complex, "EV-1", 1, "Occupied", T0);
    start_at(complex, "EV-1", 1, "x", 0, T0);
    struct kw_event event = event_of(KW_EVENT_TX_UPDATED, "EV-1", KW_NONE, T0 + 1);
    event.transaction = KW_STR("x");
    event.charging_state = KW_STR("Charging");
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_CHARGING);
    status_at(complex, "EV-1", 1, "SuspendedEV", T0 + 2); /* 1.6 says it itself */
    event.at_ms = event.received_ms = T0 + 3;
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_int_equal(station(complex, "EV-1")->state, KW_STATE_SUSPENDED);
}

static void values_grow_stale_and_fresh_again(void **state)
{
    struct kw_complex *complex = *state;
    charge(complex);
    kw_complex_age(complex, T0 + 10000 + 90000);
    assert_int_equal(node(complex, "grid")->stale_parts, 0);
    kw_complex_age(complex, T0 + 10000 + 90001);
    assert_true(kw_station_connector(station(complex, "EV-1"), 1)->stale);
    assert_int_equal(node(complex, "grid")->stale_parts, 1);
    assert_int_equal(node(complex, "B")->stale_parts, 0);
    assert_int_equal(station(complex, "EV-1")->state,
                     KW_STATE_CHARGING); /* the state is not stale */
    kw_complex_feed_lost(complex, true);
    kw_complex_feed_lost(complex, false);
    assert_int_equal(node(complex, "grid")->stale_parts, 1); /* nothing was heard meanwhile */
    meter_at(complex, "EV-1", 1, 11000, 16000, 16000, 15900, 1300, T0 + 10000 + 95000);
    assert_int_equal(node(complex, "grid")->stale_parts, 0);
    disconnect_at(complex, "EV-1", T0 + 200000);
    assert_int_equal(node(complex, "grid")->stale_parts, 1); /* "at least" what is left */
    assert_load(node(complex, "grid")->load, 0, 0, 0, 0);
    connect_at(complex, "EV-1", T0 + 200001);
    assert_load(node(complex, "grid")->load, 11000, 16000, 16000, 15900);
}

static void a_register_alone_does_not_refresh_the_power(void **state)
{
    struct kw_complex *complex = *state;
    charge(complex);
    struct kw_sample samples[] = { sample_of("Energy.Active.Import.Register", "", 1250) };
    struct kw_event event = meter_of("EV-1", 1, "7", samples, 1, T0 + 60000);
    assert_int_equal(apply(complex, &event), KW_OK);
    struct kw_connector *connector = kw_station_connector(station(complex, "EV-1"), 1);
    assert_int_equal(connector->meter_ms, T0 + 10000);
    assert_int_equal(connector->tx_energy_wh, 250);
}

static void unlikely_registers_wait_for_a_second(void **state)
{
    struct kw_complex *complex = *state;
    kw_complex_new_day(complex, T0, 500);
    charge(complex); /* 1000 at the start, 1200 measured */
    assert_int_equal(kw_complex_energy_today_wh(complex), 700);
    struct kw_connector *connector = kw_station_connector(station(complex, "EV-1"), 1);
    meter_at(complex, "EV-1", 1, 11000, 0, 0, 0, 0, T0 + 20000); /* a single zero */
    assert_int_equal(connector->energy_register_wh, 1200);
    meter_at(complex, "EV-1", 1, 11000, 0, 0, 0, 1260, T0 + 30000);
    assert_int_equal(kw_complex_energy_today_wh(complex), 760);
    meter_at(complex, "EV-1", 1, 11000, 0, 0, 0, 90000000, T0 + 40000); /* a single wild one */
    meter_at(complex, "EV-1", 1, 11000, 0, 0, 0, 1290, T0 + 50000);
    assert_int_equal(kw_complex_energy_today_wh(complex), 790);
    meter_at(complex, "EV-1", 1, 11000, 0, 0, 0, 10, T0 + 60000); /* a reset: it stays low */
    meter_at(complex, "EV-1", 1, 11000, 0, 0, 0, 40, T0 + 70000);
    assert_int_equal(connector->energy_register_wh, 40);
    assert_int_equal(kw_complex_energy_today_wh(complex), 820);
    assert_int_equal(connector->tx_energy_wh, 290); /* never goes back */
    kw_complex_new_day(complex, T0 + 80000, 0);
    struct kw_sample samples[] = { sample_of("Energy.Active.Import.Register", "", 60) };
    struct kw_event queued = meter_of("EV-1", 1, "7", samples, 1, T0 + 75000); /* of yesterday */
    queued.offline = true;
    queued.received_ms = T0 + 85000;
    assert_int_equal(apply(complex, &queued), KW_OK);
    assert_int_equal(kw_complex_energy_today_wh(complex), 0);
    meter_at(complex, "EV-1", 1, 11000, 0, 0, 0, 65, T0 + 90000);
    assert_int_equal(kw_complex_energy_today_wh(complex), 5);
}

static void connection_follows_its_generation(void **state)
{
    struct kw_complex *complex = *state;
    struct kw_event event = event_of(KW_EVENT_STATION_CONNECTED, "EV-1", KW_NONE, T0);
    event.generation = 4;
    assert_int_equal(apply(complex, &event), KW_OK);
    event.generation = 5;
    event.at_ms = event.received_ms = T0 + 10;
    assert_int_equal(apply(complex, &event), KW_OK);
    event.type =
        KW_EVENT_STATION_DISCONNECTED; /* the replaced socket dies after the new one lives */
    event.generation = 4;
    event.at_ms = event.received_ms = T0 + 20;
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_true(station(complex, "EV-1")->online);
    event.generation = 5;
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_false(station(complex, "EV-1")->online);
    connect_at(complex, "EV-1", T0 + 30);
    struct kw_event gateway = event_of(KW_EVENT_GATEWAY_STARTED, "", KW_NONE, T0 + 40);
    assert_int_equal(apply(complex, &gateway), KW_OK);
    assert_false(station(complex, "EV-1")->online);
    event.type = KW_EVENT_STATION_CONNECTED; /* its generations begin anew */
    event.generation = 1;
    event.at_ms = event.received_ms = T0 + 50;
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_true(station(complex, "EV-1")->online);
}

static void applied_profile_sets_the_limit(void **state)
{
    struct kw_complex *complex = *state;
    connect_at(complex, "EV-1", T0);
    struct kw_event event = event_of(KW_EVENT_PROFILE_APPLIED, "EV-1", 0, T0 + 5);
    event.limit_ma = 10000;
    event.limit_source = KW_STR("balancing");
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_int_equal(kw_station_connector(station(complex, "EV-1"), 1)->limit_ma, 10000);
    assert_int_equal(kw_station_connector(station(complex, "EV-1"), 2)->limit_ma, 10000);
    event.evse = 2;
    event.limit_ma = 6000;
    event.at_ms = T0 + 4;
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_int_equal(kw_station_connector(station(complex, "EV-1"), 2)->limit_ma,
                     10000); /* older */
    event.at_ms = T0 + 6;
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_int_equal(kw_station_connector(station(complex, "EV-1"), 1)->limit_ma, 10000);
    assert_int_equal(kw_station_connector(station(complex, "EV-1"), 2)->limit_ma, 6000);
    assert_string_equal(kw_station_connector(station(complex, "EV-1"), 2)->limit_source,
                        "balancing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL_TEST(state_is_the_first_that_holds),
        MODEL_TEST(connector_zero_is_the_station_itself),
        MODEL_TEST(an_older_status_does_not_overwrite),
        MODEL_TEST(load_rolls_up_with_rotation),
        MODEL_TEST(totals_prefer_the_unphased_sample),
        MODEL_TEST(unphased_current_loads_every_wired_phase),
        MODEL_TEST(transaction_opens_runs_and_ends),
        MODEL_TEST(queued_transaction_is_a_fact_but_not_a_live_value),
        MODEL_TEST(chargingstate_tells_what_occupied_does_not),
        MODEL_TEST(values_grow_stale_and_fresh_again),
        MODEL_TEST(a_register_alone_does_not_refresh_the_power),
        MODEL_TEST(unlikely_registers_wait_for_a_second),
        MODEL_TEST(connection_follows_its_generation),
        MODEL_TEST(applied_profile_sets_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
