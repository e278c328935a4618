/* complex_json.c - The whole complex in one object: GET /complex, the live topic `complex`, and `feed`.
 *
 * What nobody computes yet (who waits, withheld power, alerts) is null, never zero. */
#include "app/pipeline.h"
#include "app/service.h"
#include "base/clock.h"
#include "base/json.h"

static void number(struct kw_json_out *json, const char *key, int64_t value)
{
    kw_json_key(json, key);
    if (value == KW_NONE)
        kw_json_null(json);
    else
        kw_json_i64(json, value);
}

static void at(struct kw_json_out *json, const char *key, int64_t unix_ms)
{
    kw_json_key(json, key);
    if (unix_ms == KW_NONE)
        kw_json_null(json);
    else
        kw_json_at_ms(json, unix_ms);
}

static void feed(struct kw_json_out *json, const struct kw_feed_view *view)
{
    static const char *const names[] = { "lost", "stale", "live" };
    kw_json_obj(json);
    KW_JSON_KV(str, json, "state", kw_str_of(names[view->state]));
    number(json, "lag_ms", view->last_event_ms == KW_NONE ? KW_NONE : view->lag_ms);
    at(json, "last_event_at", view->last_event_ms);
    kw_json_obj_end(json);
}

/* Limits of the whole: the sum over the roots, if each has one. */
static int64_t sum_of_roots(const struct kw_complex *complex, int phase)
{
    int64_t sum = KW_NONE;
    for (size_t i = 0; i < kw_complex_node_count(complex); i++) {
        const struct kw_node *node = kw_complex_node_at((struct kw_complex *)(uintptr_t)complex, i);
        if (node->parent != NULL)
            continue;
        int64_t limit = phase < 0 ? node->limit_w : node->limit_ma[phase];
        if (limit == KW_NONE)
            return KW_NONE;
        sum = sum == KW_NONE ? limit : sum + limit;
    }
    return sum;
}

static void stations(struct kw_json_out *json, const struct kw_complex *complex)
{
    struct kw_complex_counts counts;
    kw_complex_counts(complex, &counts);
    kw_json_obj(json);
    KW_JSON_KV(i64, json, "total", counts.total);
    for (int state = 0; state < KW_STATE_COUNT; state++)
        KW_JSON_KV(i64, json, kw_state_name((enum kw_state)state), counts.by_state[state]);
    kw_json_obj_end(json);
    KW_JSON_KV(i64, json, "active_transactions", counts.active_transactions);
}

static void phases(struct kw_json_out *json, const char *key, const int64_t values[KW_PHASES])
{
    kw_json_key(json, key);
    kw_json_arr(json);
    for (int phase = 0; phase < KW_PHASES; phase++) {
        if (values[phase] == KW_NONE)
            kw_json_null(json);
        else
            kw_json_i64(json, values[phase]);
    }
    kw_json_arr_end(json);
}

static void not_computed(struct kw_json_out *json)
{
    static const char *const alerts[] = { "critical", "warning", "info" };
    number(json, "waiting", KW_NONE);
    number(json, "withheld_w", KW_NONE);
    kw_json_key(json, "alerts");
    kw_json_obj(json);
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
        number(json, alerts[i], KW_NONE);
    kw_json_obj_end(json);
}

void kw_service_write_complex(const struct kw_service *service, struct kw_buf *out)
{
    const struct kw_complex *complex = service->complex;
    const struct kw_config *config = service->runtime->config;
    struct kw_load load = kw_complex_load(complex);
    int64_t limit_ma[KW_PHASES];
    struct kw_feed_view view;
    struct kw_json_out json;
    kw_pipeline_feed(service->pipeline, &view);
    if (!view.was_live) /* nothing was heard yet: no figure, not zero */
        load = (struct kw_load){ KW_NONE, { KW_NONE, KW_NONE, KW_NONE } };
    for (int phase = 0; phase < KW_PHASES; phase++)
        limit_ma[phase] = sum_of_roots(complex, phase);
    kw_json_out_init(&json, out);
    kw_json_obj(&json);
    KW_JSON_KV(str, &json, "name", kw_str_of(kw_config_text(config, "complex_name")));
    KW_JSON_KV(str, &json, "zone", kw_str_of(kw_config_text(config, "zone")));
    kw_json_key(&json, "stations");
    stations(&json, complex);
    number(&json, "power_w", load.power_w);
    phases(&json, "current_ma", load.current_ma);
    phases(&json, "limit_ma", limit_ma);
    number(&json, "limit_w", sum_of_roots(complex, -1));
    KW_JSON_KV(i64, &json, "energy_today_wh", kw_complex_energy_today_wh(complex));
    not_computed(&json);
    kw_json_key(&json, "feed");
    feed(&json, &view);
    at(&json, "as_of", view.state == KW_FEED_LIVE ? kw_now_ms() : view.last_event_ms);
    kw_json_obj_end(&json);
}

void kw_service_write_feed(const struct kw_service *service, struct kw_buf *out)
{
    struct kw_feed_view view;
    struct kw_json_out json;
    kw_pipeline_feed(service->pipeline, &view);
    kw_json_out_init(&json, out);
    feed(&json, &view);
}
