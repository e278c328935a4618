/* snapshot_test.c - The hashes of the contract, whole, under the time guards. */
#include "unit/model/model_fixture.h"

static void snapshot_reads_the_contract(void **state)
{
    struct kw_complex *complex = *state;
    const struct kw_str station_fields[] = { KW_STR("vendor"),          KW_STR("Acme"),
                                             KW_STR("model"),           KW_STR("Wall"),
                                             KW_STR("firmwareVersion"), KW_STR("1.2"),
                                             KW_STR("connected"),       KW_STR("1"),
                                             KW_STR("connectedTs"),     KW_STR("1767225600000"),
                                             KW_STR("lastSeenTs"),      KW_STR("1767225605000"),
                                             KW_STR("conGen"),          KW_STR("1795573305724") };
    const struct kw_str connector_fields[] = { KW_STR("status"),    KW_STR("Charging"),
                                               KW_STR("state"),     KW_STR("charging"),
                                               KW_STR("errorCode"), KW_STR("NoError"),
                                               KW_STR("statusTs"),  KW_STR("1767225600500"),
                                               KW_STR("txId"),      KW_STR("7"),
                                               KW_STR("idToken"),   KW_STR("04A1"),
                                               KW_STR("txTs"),      KW_STR("1767225600500"),
                                               KW_STR("powerW"),    KW_STR("7400.5"),
                                               KW_STR("currentL1"), KW_STR("32.05"),
                                               KW_STR("voltageL1"), KW_STR("230.9"),
                                               KW_STR("energyWh"),  KW_STR("1400"),
                                               KW_STR("socPct"),    KW_STR("41"),
                                               KW_STR("offeredA"),  KW_STR("32"),
                                               KW_STR("meterTs"),   KW_STR("1767225604000"),
                                               KW_STR("limitA"),    KW_STR("25.5"),
                                               KW_STR("limitSrc"),  KW_STR("operator"),
                                               KW_STR("limitTs"),   KW_STR("1767225603000") };
    const struct kw_str tx_fields[] = { KW_STR("startTs"),      KW_STR("1767225600500"),
                                        KW_STR("meterStartWh"), KW_STR("1000"),
                                        KW_STR("evseId"),       KW_STR("1"),
                                        KW_STR("idToken"),      KW_STR("04A1") };
    assert_int_equal(kw_complex_snapshot_station(complex, KW_STR("EV-2"), station_fields,
                                                 KW_COUNT_OF(station_fields), T0 + 6000),
                     KW_OK);
    assert_int_equal(kw_complex_snapshot_connector(complex, KW_STR("EV-2"), 1, connector_fields,
                                                   KW_COUNT_OF(connector_fields), T0 + 6000),
                     KW_OK);
    assert_int_equal(kw_complex_snapshot_transaction(complex, KW_STR("EV-2"), KW_STR("7"),
                                                     tx_fields, KW_COUNT_OF(tx_fields), T0 + 6000),
                     KW_OK);
    const struct kw_station *read = station(complex, "EV-2");
    const struct kw_connector *connector = &read->connectors[0];
    assert_true(read->online);
    assert_string_equal(read->vendor, "Acme");
    assert_string_equal(read->firmware, "1.2");
    assert_int_equal(read->conn_generation, INT64_C(1795573305724));
    assert_int_equal(read->connected_ms, T0);
    assert_int_equal(read->last_seen_ms, T0 + 5000);
    assert_int_equal(read->as_of_ms, T0 + 4000);
    assert_int_equal(read->state, KW_STATE_CHARGING);
    assert_int_equal(connector->power_w, 7401);
    assert_int_equal(connector->current_ma[0], 32050);
    assert_int_equal(connector->current_ma[1], KW_NONE);
    assert_int_equal(connector->voltage_mv[0], 230900);
    assert_int_equal(connector->soc_pct, 41);
    assert_int_equal(connector->offered_ma, 32000);
    assert_int_equal(connector->limit_ma, 25500);
    assert_int_equal(connector->limit_w, KW_NONE);
    assert_string_equal(connector->limit_source, "operator");
    assert_string_equal(connector->transaction, "7");
    assert_int_equal(connector->tx_started_ms, T0 + 500);
    assert_int_equal(connector->tx_energy_wh, 400);
    assert_load(node(complex, "grid")->load, 7401, 0, 32050, 0); /* rotated by one */
}

static void snapshot_obeys_the_guards(void **state)
{
    struct kw_complex *complex = *state;
    charge(complex);
    const struct kw_str old[] = {
        KW_STR("status"), KW_STR("Faulted"), KW_STR("statusTs"), KW_STR("1767225600999"),
        KW_STR("powerW"), KW_STR("1"),       KW_STR("meterTs"),  KW_STR("1767225609999"),
        KW_STR("txId"),   KW_STR("6"),       KW_STR("txTs"),     KW_STR("1767225600999")
    };
    assert_int_equal(kw_complex_snapshot_connector(complex, KW_STR("EV-1"), 1, old,
                                                   KW_COUNT_OF(old), T0 + 20000),
                     KW_OK);
    struct kw_connector *connector = kw_station_connector(station(complex, "EV-1"), 1);
    assert_int_equal(connector->state, KW_STATE_CHARGING);
    assert_int_equal(connector->power_w, 11000);
    assert_string_equal(connector->transaction, "7");
    const struct kw_str bad[] = { KW_STR("powerW"), KW_STR("many"),    KW_STR("currentL1"),
                                  KW_STR("4"),      KW_STR("meterTs"), KW_STR("1767225620000"),
                                  KW_STR("txId"),   KW_STR("7") };
    assert_int_equal(kw_complex_snapshot_connector(complex, KW_STR("EV-1"), 1, bad,
                                                   KW_COUNT_OF(bad), T0 + 20000),
                     KW_EINVALID);
    assert_int_equal(connector->power_w, KW_NONE); /* absent, never zero; the rest is taken */
    assert_int_equal(connector->current_ma[0], 4000);
    const struct kw_str future[] = { KW_STR("status"), KW_STR("Finishing"), KW_STR("statusTs"),
                                     KW_STR("1867225620000") };
    assert_int_equal(kw_complex_snapshot_connector(complex, KW_STR("EV-1"), 1, future,
                                                   KW_COUNT_OF(future), T0 + 21000),
                     KW_OK);
    assert_int_equal(connector->status_ms, T0 + 21000); /* a clock ahead does not lock the guard */
    assert_string_equal(connector->transaction, "");    /* no txId: its end was missed */
    assert_int_equal(kw_complex_snapshot_connector(complex, KW_STR("EV-1"), 0, NULL, 0, T0),
                     KW_EINVALID);
    assert_int_equal(kw_complex_snapshot_node(complex, KW_STR("none"), NULL, 0, T0), KW_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL_TEST(snapshot_reads_the_contract),
        MODEL_TEST(snapshot_obeys_the_guards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
