/* metrics.h - Counters, gauges and histograms, printed in the Prometheus text format.
 *
 * A metric is made once (at start), by name and one fixed label text, and then only bumped: bumping
 * is an atomic add, allowed on any thread. The set owns all metrics. */
#ifndef KW_BASE_METRICS_H
#define KW_BASE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct kw_metrics;
struct kw_metric;

struct kw_metrics *kw_metrics_new(void);
void kw_metrics_free(struct kw_metrics *metrics);

/* `labels` is "" or like `reason="bad-json"`. The same (name, labels) gives the same metric.
 * At most 4096 metrics; beyond it a shared overflow metric. Names as Prometheus wants them,
 * prefix kw_, unit last (kw_http_requests_total, kw_loop_lag_seconds). */
struct kw_metric *kw_metrics_counter(struct kw_metrics *metrics, const char *name,
                                     const char *labels, const char *help);
struct kw_metric *kw_metrics_gauge(struct kw_metrics *metrics, const char *name, const char *labels,
                                   const char *help);
/* Buckets in microseconds: 100us 250us 500us 1ms 2.5 5 10 25 50 100 250 500ms 1s 5s; printed in s. */
struct kw_metric *kw_metrics_histogram(struct kw_metrics *metrics, const char *name,
                                       const char *labels, const char *help);

void kw_metric_add(struct kw_metric *metric, int64_t by);        /* counter, gauge; NULL is fine */
void kw_metric_set(struct kw_metric *metric, int64_t value);     /* gauge; NULL is fine */
void kw_metric_observe_us(struct kw_metric *metric, int64_t us); /* histogram; NULL is fine */
int64_t kw_metric_value(const struct kw_metric *metric);         /* counter or gauge */

KW_MUST_USE kw_err kw_metrics_print(struct kw_metrics *metrics, struct kw_buf *out);

#endif
