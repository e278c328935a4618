/* metrics.c - A list of metrics made under a lock, bumped without one. */
#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define KW_METRICS_MAX 4096
#define BUCKETS 14

static const int64_t bucket_us[BUCKETS] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000
};

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct kw_metric {
    struct kw_metric *next;
    char *name, *labels, *help;
    enum kind kind;
    _Atomic int64_t value; /* histogram: sum in us */
    _Atomic int64_t count, buckets[BUCKETS];
};

struct kw_metrics {
    pthread_mutex_t lock;
    struct kw_metric *first, **last;
    unsigned count;
};

struct kw_metrics *kw_metrics_new(void)
{
    struct kw_metrics *metrics = kw_zalloc(sizeof *metrics);
    (void)pthread_mutex_init(&metrics->lock, NULL);
    metrics->last = &metrics->first;
    return metrics;
}

void kw_metrics_free(struct kw_metrics *metrics)
{
    while (metrics->first != NULL) {
        struct kw_metric *metric = metrics->first;
        metrics->first = metric->next;
        kw_free(metric->name);
        kw_free(metric->labels);
        kw_free(metric->help);
        kw_free(metric);
    }
    (void)pthread_mutex_destroy(&metrics->lock);
    kw_free(metrics);
}

static struct kw_metric *get(struct kw_metrics *metrics, enum kind kind, const char *name,
                             const char *labels, const char *help)
{
    if (metrics == NULL)
        return NULL;
    (void)pthread_mutex_lock(&metrics->lock);
    struct kw_metric *metric = metrics->first;
    while (metric != NULL &&
           (strcmp(metric->name, name) != 0 || strcmp(metric->labels, labels) != 0))
        metric = metric->next;
    if (metric == NULL && metrics->count < KW_METRICS_MAX) {
        metric = kw_zalloc(sizeof *metric);
        metric->name = kw_strdup(name);
        metric->labels = kw_strdup(labels);
        metric->help = kw_strdup(help);
        metric->kind = kind;
        *metrics->last = metric;
        metrics->last = &metric->next;
        metrics->count++;
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    return metric;
}

struct kw_metric *kw_metrics_counter(struct kw_metrics *metrics, const char *name,
                                     const char *labels, const char *help)
{
    return get(metrics, COUNTER, name, labels, help);
}

struct kw_metric *kw_metrics_gauge(struct kw_metrics *metrics, const char *name, const char *labels,
                                   const char *help)
{
    return get(metrics, GAUGE, name, labels, help);
}

struct kw_metric *kw_metrics_histogram(struct kw_metrics *metrics, const char *name,
                                       const char *labels, const char *help)
{
    return get(metrics, HISTOGRAM, name, labels, help);
}

void kw_metric_add(struct kw_metric *metric, int64_t by)
{
    if (metric != NULL)
        atomic_fetch_add_explicit(&metric->value, by, memory_order_relaxed);
}

void kw_metric_set(struct kw_metric *metric, int64_t value)
{
    if (metric != NULL)
        atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void kw_metric_observe_us(struct kw_metric *metric, int64_t us)
{
    if (metric == NULL)
        return;
    atomic_fetch_add_explicit(&metric->value, us, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->count, 1, memory_order_relaxed);
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (us <= bucket_us[i]) {
            atomic_fetch_add_explicit(&metric->buckets[i], 1, memory_order_relaxed);
            break;
        }
    }
}

int64_t kw_metric_value(const struct kw_metric *metric)
{
    return metric != NULL ? atomic_load_explicit(&((struct kw_metric *)(uintptr_t)metric)->value,
                                                 memory_order_relaxed)
                          : 0;
}

static kw_err print_histogram(struct kw_metric *metric, struct kw_buf *out)
{
    const char *comma = metric->labels[0] != 0 ? "," : "";
    int64_t below = 0, count = atomic_load(&metric->count);
    kw_err err = KW_OK;
    for (unsigned i = 0; i < BUCKETS && err == KW_OK; i++) {
        below += atomic_load(&metric->buckets[i]);
        err = kw_buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %lld\n", metric->name, metric->labels,
                            comma, (double)bucket_us[i] / 1e6, (long long)below);
    }
    if (err == KW_OK)
        err = kw_buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %lld\n", metric->name, metric->labels,
                            comma, (long long)count);
    const char *open = metric->labels[0] != 0 ? "{" : "",
               *close = metric->labels[0] != 0 ? "}" : "";
    if (err == KW_OK)
        err = kw_buf_printf(out, "%s_sum%s%s%s %.6f\n%s_count%s%s%s %lld\n", metric->name, open,
                            metric->labels, close, (double)atomic_load(&metric->value) / 1e6,
                            metric->name, open, metric->labels, close, (long long)count);
    return err;
}

static bool seen_before(const struct kw_metrics *metrics, const struct kw_metric *metric)
{
    for (const struct kw_metric *at = metrics->first; at != metric; at = at->next) {
        if (strcmp(at->name, metric->name) == 0)
            return true;
    }
    return false;
}

static kw_err print_one(struct kw_metric *metric, struct kw_buf *out)
{
    if (metric->kind == HISTOGRAM)
        return print_histogram(metric, out);
    bool labelled = metric->labels[0] != 0;
    return kw_buf_printf(out, "%s%s%s%s %lld\n", metric->name, labelled ? "{" : "", metric->labels,
                         labelled ? "}" : "", (long long)kw_metric_value(metric));
}

kw_err kw_metrics_print(struct kw_metrics *metrics, struct kw_buf *out)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    kw_err err = KW_OK;
    (void)pthread_mutex_lock(&metrics->lock);
    for (struct kw_metric *metric = metrics->first; metric != NULL && err == KW_OK;
         metric = metric->next) {
        if (seen_before(metrics, metric))
            continue;
        err = kw_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                            metric->name, kinds[metric->kind]);
        for (struct kw_metric *same = metric; same != NULL && err == KW_OK; same = same->next) {
            if (strcmp(same->name, metric->name) == 0)
                err = print_one(same, out);
        }
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    return err;
}
