/* rows.h - Rows of the live feed, and the schema that names their columns (docs/api.md). */
#ifndef KW_PUSH_ROWS_H
#define KW_PUSH_ROWS_H

#include "base/json.h"
#include "model/complex.h"

extern const char kw_rows_schema[]; /* JSON object: topic -> column names */

struct row_context {
    struct kw_str (*driver_of)(struct kw_str key_uid, void *arg); /* NULL: nobody knows drivers */
    void *arg;
    bool feed_lost; /* nothing is believed: every value is stale */
};

void kw_row_station(struct kw_json_out *json, const struct kw_station *station,
                    const struct row_context *context);
void kw_row_node(struct kw_json_out *json, const struct kw_node *node,
                 const struct row_context *context);
void kw_row_transaction(struct kw_json_out *json, const struct kw_station *station,
                        const struct kw_connector *connector, const struct row_context *context);

/* STATION~TRANSACTION: a transaction's number is unique in its station only. */
#define KW_ROW_TX_ID_BYTES (KW_STATION_ID_BYTES + KW_TX_BYTES + 2)
struct kw_str kw_row_transaction_id(const char *station_id, const char *transaction,
                                    char out[KW_ROW_TX_ID_BYTES]);

#endif
