/* registry_test.c - What the operator declares: nodes, stations, strangers, and what a drain tells. */
#include "unit/model/model_fixture.h"

static void strangers_are_kept_aside(void **state)
{
    struct kw_complex *complex = *state;
    struct kw_complex_counts counts;
    status_at(complex, "EV-9", 1, "Charging", T0);
    meter_at(complex, "EV-9", 1, 5000, 7000, 7000, 7000, 10, T0 + 1);
    struct kw_station *stranger = station(complex, "EV-9");
    assert_non_null(stranger);
    assert_false(stranger->registered);
    assert_true(stranger->online); /* it speaks */
    assert_int_equal(stranger->state, KW_STATE_CHARGING);
    kw_complex_counts(complex, &counts);
    assert_int_equal(counts.total, 2);
    assert_load(kw_complex_load(complex), 0, 0, 0, 0);
    assert_int_equal(put_station(complex, "EV-9", "B", 3, 2, 1), KW_OK);
    assert_load(node(complex, "B")->load, 5000, 7000, 7000, 7000);
    assert_load(kw_complex_load(complex), 5000, 7000, 7000, 7000);
    assert_int_equal(kw_complex_remove_station(complex, KW_STR("EV-9")), KW_OK);
    assert_load(node(complex, "B")->load, 0, 0, 0, 0);
    assert_false(station(complex, "EV-9")->registered);
    assert_int_equal(kw_complex_remove_station(complex, KW_STR("EV-9")), KW_OK); /* now for good */
    assert_null(station(complex, "EV-9"));
    assert_int_equal(kw_complex_remove_station(complex, KW_STR("EV-9")), KW_ENOTFOUND);
}

static void nonsense_is_refused(void **state)
{
    struct kw_complex *complex = *state;
    struct kw_event event = event_of(KW_EVENT_CONNECTOR_STATUS, "EV:1", 1, T0);
    assert_int_equal(apply(complex, &event), KW_EINVALID);
    event.station = KW_STR("1234567890123456789012345678901234567890123456789");
    assert_int_equal(apply(complex, &event), KW_EINVALID);
    event.station = KW_STR("");
    assert_int_equal(apply(complex, &event), KW_EINVALID);
    event.station = KW_STR("EV-1");
    event.evse = -1;
    assert_int_equal(apply(complex, &event), KW_EINVALID);
    event.evse = KW_CONNECTOR_ID_MAX + 1;
    assert_int_equal(apply(complex, &event), KW_EINVALID);
    event.evse = 1;
    event.at_ms = INT64_MAX;
    assert_int_equal(apply(complex, &event), KW_EINVALID);
    event = event_of(KW_EVENT_TX_STARTED, "EV-1", 1, T0);
    assert_int_equal(apply(complex, &event), KW_EINVALID); /* no transaction */
    event.transaction = KW_STR("1234567890123456789012345678901234567890");
    assert_int_equal(apply(complex, &event), KW_EINVALID);
    for (int id = 3; id <= KW_STATION_CONNECTORS_MAX; id++)
        status_at(complex, "EV-1", id, "Available", T0);
    event = event_of(KW_EVENT_CONNECTOR_STATUS, "EV-1", 500, T0);
    assert_int_equal(apply(complex, &event), KW_EFULL);
    assert_int_equal(station(complex, "EV-1")->connector_count, KW_STATION_CONNECTORS_MAX);
    assert_int_equal(put_station(complex, "EV-3", "nowhere", 3, 0, 1), KW_ENOTFOUND);
    assert_int_equal(put_station(complex, "EV-3", "A", 2, 0, 1), KW_EINVALID);
    assert_int_equal(put_station(complex, "EV-3", "A", 3, 3, 1), KW_EINVALID);
    assert_null(station(complex, "EV-3"));
    struct kw_complex_options options = { 0, 1 };
    struct kw_complex *small = kw_complex_new(&options);
    connect_at(small, "one", T0);
    event = event_of(KW_EVENT_STATION_CONNECTED, "two", KW_NONE, T0);
    assert_int_equal(apply(small, &event), KW_EFULL);
    kw_complex_free(small);
}

static void tree_edits_keep_order_and_sums(void **state)
{
    struct kw_complex *complex = *state;
    charge(complex);
    assert_true(kw_node_contains(node(complex, "A"), node(complex, "A1")));
    assert_false(kw_node_contains(node(complex, "B"), node(complex, "A1")));
    assert_int_equal(put_node(complex, "A", "A1", KW_NONE, KW_NONE),
                     KW_EINVALID); /* below itself */
    assert_int_equal(put_node(complex, "A", "A", KW_NONE, KW_NONE), KW_EINVALID);
    assert_int_equal(put_node(complex, "C", "nowhere", KW_NONE, KW_NONE), KW_ENOTFOUND);
    assert_int_equal(put_node(complex, "A", "B", KW_NONE, KW_NONE), KW_OK);
    assert_true(kw_node_contains(node(complex, "B"), node(complex, "A1")));
    assert_int_equal(node(complex, "B")->load.power_w, 11000);
    assert_int_equal(node(complex, "B")->stations, 2);
    kw_complex_age(complex, T0 + 11000);
    assert_int_equal(node(complex, "B")->as_of_ms, T0 + 10000);
    assert_int_equal(put_node(complex, "A", "", KW_NONE, KW_NONE), KW_OK); /* a root of its own */
    assert_int_equal(node(complex, "grid")->load.power_w, 0);
    assert_int_equal(node(complex, "grid")->stations, 0);
    assert_int_equal(node(complex, "A")->depth, 0);
    assert_int_equal(node(complex, "A1")->depth, 1);
    kw_complex_age(complex, T0 + 12000);
    assert_int_equal(node(complex, "grid")->as_of_ms, KW_NONE);
    assert_int_equal(kw_complex_remove_node(complex, KW_STR("A")), KW_EBUSY);
    assert_int_equal(kw_complex_remove_node(complex, KW_STR("A1")), KW_EBUSY);
    assert_int_equal(put_station(complex, "EV-1", "B", 3, 1, 2), KW_OK);
    assert_load(node(complex, "B")->load, 11000, 15900, 16000, 16000);
    assert_int_equal(put_station(complex, "EV-2", "", 1, 1, 1), KW_OK);
    assert_int_equal(kw_complex_remove_node(complex, KW_STR("A1")), KW_OK);
    assert_int_equal(kw_complex_remove_node(complex, KW_STR("A")), KW_OK);
    assert_int_equal(kw_complex_remove_node(complex, KW_STR("A")), KW_ENOTFOUND);
    assert_int_equal(kw_complex_node_count(complex), 2);
    char id[16], parent[16] = "";
    for (int level = 0; level < KW_NODE_DEPTH; level++) {
        (void)snprintf(id, sizeof id, "d%d", level);
        assert_int_equal(put_node(complex, id, parent, KW_NONE, KW_NONE), KW_OK);
        memcpy(parent, id, sizeof id);
    }
    assert_int_equal(put_node(complex, "deep", parent, KW_NONE, KW_NONE), KW_EINVALID);
    assert_int_equal(put_node(complex, "d0", "grid", KW_NONE, KW_NONE),
                     KW_EINVALID); /* whole subtree */
}

static void a_node_meter_counts_where_it_sees_more(void **state)
{
    struct kw_complex *complex = *state;
    charge(complex);
    struct kw_event event = event_of(KW_EVENT_NODE_METER, "A", KW_NONE, T0 + 10000);
    event.power_w = 40000;
    event.current_ma[0] = 61000;
    event.current_ma[1] = 1000;
    assert_int_equal(apply(complex, &event), KW_OK);
    assert_load(kw_node_load(node(complex, "A")), 40000, 61000, 16000, 15900);
    assert_int_equal(kw_node_ratio(node(complex, "A")), 488);
    assert_load(node(complex, "A")->load, 11000, 16000, 16000, 15900);
    kw_complex_age(complex, T0 + 10000 + 90001);
    assert_load(kw_node_load(node(complex, "A")), 11000, 16000, 16000, 15900);
    assert_int_equal(put_node(complex, "B", "grid", 0, KW_NONE), KW_OK);
    assert_int_equal(kw_node_ratio(node(complex, "B")), 0);
    assert_int_equal(put_station(complex, "EV-1", "B", 3, 0, 2), KW_OK);
    assert_int_equal(kw_node_ratio(node(complex, "B")), KW_RATIO_MAX);
    assert_int_equal(put_node(complex, "B", "grid", INT64_MAX, KW_NONE), KW_EINVALID);
    assert_int_equal(put_node(complex, "B", "grid", KW_NONE, KW_NONE), KW_OK);
    assert_int_equal(kw_node_ratio(node(complex, "B")), KW_NONE);
}

struct seen {
    char text[512];
};

static void on_station(struct kw_station *changed, void *arg)
{
    struct seen *seen = arg;
    (void)snprintf(seen->text + strlen(seen->text), 80, "s:%s ", changed->id);
}

static void on_node(struct kw_node *changed, void *arg)
{
    struct seen *seen = arg;
    (void)snprintf(seen->text + strlen(seen->text), 80, "n:%s ", changed->id);
}

static void on_gone(struct kw_str id, bool is_node, void *arg)
{
    struct seen *seen = arg;
    (void)snprintf(seen->text + strlen(seen->text), 80, "%s-%.*s ", is_node ? "n" : "s",
                   (int)id.len, id.ptr);
}

static const char *drain(struct kw_complex *complex, struct seen *seen)
{
    seen->text[0] = 0;
    kw_complex_drain(complex, on_station, on_node, on_gone, seen);
    assert_false(kw_complex_dirty(complex));
    return seen->text;
}

static void drain_tells_each_change_once_in_order(void **state)
{
    struct kw_complex *complex = *state;
    struct seen seen;
    assert_string_equal(drain(complex, &seen), "n:grid n:A n:B n:A1 s:EV-1 s:EV-2 ");
    assert_string_equal(drain(complex, &seen), "");
    connect_at(complex, "EV-2", T0);
    status_at(complex, "EV-1", 1, "Available", T0);
    status_at(complex, "EV-2", 1, "Available", T0);
    assert_string_equal(drain(complex, &seen), "s:EV-2 s:EV-1 "); /* no node adds anything else */
    meter_at(complex, "EV-1", 1, 0, 0, 0, 0, 5, T0 + 1);
    assert_string_equal(drain(complex, &seen), "n:A1 n:A n:grid s:EV-1 "); /* a younger value */
    struct kw_event heard = event_of(KW_EVENT_AUTH_REQUEST, "EV-1", 1, T0 + 2);
    assert_int_equal(apply(complex, &heard), KW_OK);
    assert_false(kw_complex_dirty(complex));
    assert_int_equal(station(complex, "EV-1")->last_seen_ms, T0 + 2);
    assert_int_equal(put_station(complex, "EV-5", "", 3, 0, 1), KW_OK);
    assert_int_equal(kw_complex_remove_station(complex, KW_STR("EV-5")), KW_OK);
    assert_int_equal(put_node(complex, "C", "", KW_NONE, KW_NONE), KW_OK);
    assert_int_equal(kw_complex_remove_node(complex, KW_STR("C")), KW_OK);
    assert_int_equal(put_node(complex, "C", "", KW_NONE, KW_NONE), KW_OK); /* and back again */
    assert_string_equal(drain(complex, &seen), "s-EV-5 n-C n:C ");
    uint64_t before = station(complex, "EV-1")->change;
    status_at(complex, "EV-1", 1, "Faulted", T0 + 3);
    assert_true(station(complex, "EV-1")->change > before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL_TEST(strangers_are_kept_aside),
        MODEL_TEST(nonsense_is_refused),
        MODEL_TEST(tree_edits_keep_order_and_sums),
        MODEL_TEST(a_node_meter_counts_where_it_sees_more),
        MODEL_TEST(drain_tells_each_change_once_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
