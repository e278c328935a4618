/* rows.h - Rows of the live feed, and the schema that names their columns (docs/api.md). */
#ifndef KW_PUSH_ROWS_H
#define KW_PUSH_ROWS_H

#include "base/json.h"
#include "push/push.h"

extern const char kw_rows_schema[]; /* JSON object: topic -> column names */

typedef struct kw_str kw_driver_of(struct kw_str key_uid, void *arg);

void kw_row_station(struct kw_json_out *json, const struct kw_station *station, kw_driver_of *driver_of, void *arg);
void kw_row_node(struct kw_json_out *json, const struct kw_node *node);
void kw_row_transaction(struct kw_json_out *json, const struct kw_station *station, const struct kw_connector *connector,
                        kw_driver_of *driver_of, void *arg);

#endif
