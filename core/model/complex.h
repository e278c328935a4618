/* complex.h - The live complex: stations, connectors, node tree, loads, staleness.
 *
 * The only way the model changes is kw_complex_apply() (events), the snapshot setters (state read
 * whole from Redis) and the registry setters (what the operator declared). Each change marks what it
 * touched as dirty; the owner drains the dirty lists once a tick and tells the world.
 *
 * Loads roll up in O(depth): a connector's change is a difference added to each ancestor. Pure: no
 * I/O; time is a parameter. 50,000 stations is the design point; no allocation per event. */
#ifndef KW_MODEL_COMPLEX_H
#define KW_MODEL_COMPLEX_H

#include "base/mem.h"
#include "model/types.h"

struct kw_complex;

struct kw_load {
    int64_t power_w;
    int64_t current_ma[KW_PHASES];
};

struct kw_connector {
    int id;                 /* OCPP connector (1..) */
    char status[KW_WORD_BYTES];
    char error_code[KW_WORD_BYTES];
    enum kw_state state;    /* by itself; the station's connection is not in it */
    int64_t status_ms;
    int64_t power_w, current_ma[KW_PHASES], voltage_mv[KW_PHASES], energy_register_wh, soc_pct, meter_ms;
    int64_t offered_ma, limit_ma, limit_w;
    char limit_source[KW_WORD_BYTES];
    char transaction[KW_TX_BYTES]; /* "" = none */
    char key_uid[KW_KEY_BYTES];
    int64_t tx_started_ms, tx_meter_start_wh, tx_energy_wh;
    bool stale;             /* meter values too old while a transaction is active */
};

struct kw_station {
    char id[KW_STATION_ID_BYTES + 1];
    char name[KW_NAME_BYTES * 2];
    struct kw_node *node;   /* NULL: not placed */
    bool registered;        /* declared by the operator; else only seen in the feed */
    bool online;
    bool seen;              /* the feed has said something about it */
    enum kw_state state;    /* effective (docs/api.md) */
    int phases;             /* 1 or 3 */
    int rotation;           /* station L1 is feeder phase 0, 1 or 2 */
    char vendor[KW_NAME_BYTES], model[KW_NAME_BYTES], firmware[KW_NAME_BYTES];
    int64_t last_seen_ms, connected_ms, conn_generation;
    int64_t as_of_ms;
    struct kw_connector *connectors; /* ordered by id */
    size_t connector_count;
    int64_t revision;
    uint64_t change;        /* grows with every change of this station */
    void *user;             /* owner's */
};

struct kw_node {
    char id[KW_NAME_BYTES];
    char kind[KW_WORD_BYTES];
    char name[KW_NAME_BYTES * 2];
    struct kw_node *parent, *first_child, *next_sibling;
    int depth;
    int64_t limit_ma[KW_PHASES], limit_w; /* KW_NONE: no limit */
    struct kw_load load;    /* sum of the stations below, feeder phases */
    struct kw_load meter;   /* its own meter, KW_NONE without */
    int64_t meter_ms;
    int64_t as_of_ms;       /* newest value in the sum */
    int64_t stations, charging, stale_parts; /* counts below */
    int64_t revision;
    int enter, leave;       /* depth-first interval: x is below n when n.enter <= x.enter < n.leave */
    uint64_t change;
    void *user;             /* the model's own: queued as dirty */
};

struct kw_complex_counts {
    int64_t total, by_state[KW_STATE_COUNT], active_transactions;
};

struct kw_complex_options {
    int64_t stale_after_ms; /* 0: 90,000 */
    unsigned max_stations;  /* 0: 65,536; more are refused and counted */
};

struct kw_complex *kw_complex_new(const struct kw_complex_options *options);
void kw_complex_free(struct kw_complex *complex);

/* --- registry (what the operator declared) --- */
struct kw_node_spec {
    struct kw_str id, parent_id /* empty: root */, kind, name;
    int64_t limit_ma[KW_PHASES], limit_w, revision;
};
/* Insert or update. KW_ENOTFOUND: no such parent; KW_EINVALID: cycle or deeper than KW_NODE_DEPTH. */
KW_MUST_USE kw_err kw_complex_put_node(struct kw_complex *complex, const struct kw_node_spec *spec);
KW_MUST_USE kw_err kw_complex_remove_node(struct kw_complex *complex, struct kw_str id); /* KW_EBUSY: in use */
struct kw_station_spec {
    struct kw_str id, name, node_id;
    int phases, rotation, connectors; /* declared number of connectors (>= 0) */
    int64_t revision;
};
KW_MUST_USE kw_err kw_complex_put_station(struct kw_complex *complex, const struct kw_station_spec *spec);
KW_MUST_USE kw_err kw_complex_remove_station(struct kw_complex *complex, struct kw_str id);

/* --- what the feed says --- */
/* Apply one event. KW_OK also when nothing changed (old, repeated, unknown type); KW_EINVALID: the
 * event makes no sense (counted by the caller); KW_EFULL: too many stations. */
KW_MUST_USE kw_err kw_complex_apply(struct kw_complex *complex, const struct kw_event *event, int64_t now_ms);
/* Set fields read from `P:station:{cs}` or `P:conn:{cs}:{evse}:{con}` (names of the contract), under
 * the time guards: an older field set does not overwrite. fields: name, value, name, value... */
KW_MUST_USE kw_err kw_complex_snapshot_station(struct kw_complex *complex, struct kw_str cs,
                                               const struct kw_str *fields, size_t count, int64_t now_ms);
KW_MUST_USE kw_err kw_complex_snapshot_connector(struct kw_complex *complex, struct kw_str cs, int connector,
                                                 const struct kw_str *fields, size_t count, int64_t now_ms);
KW_MUST_USE kw_err kw_complex_snapshot_transaction(struct kw_complex *complex, struct kw_str cs,
                                                   struct kw_str transaction, const struct kw_str *fields,
                                                   size_t count, int64_t now_ms);
KW_MUST_USE kw_err kw_complex_snapshot_node(struct kw_complex *complex, struct kw_str node_id,
                                            const struct kw_str *fields, size_t count, int64_t now_ms);
/* The producer's sign of life (P:meta aliveTs) is gone or back: lost makes every station unknown. */
void kw_complex_feed_lost(struct kw_complex *complex, bool lost);
/* Age values; call about once a second. Marks what became stale as dirty. */
void kw_complex_age(struct kw_complex *complex, int64_t now_ms);

/* --- reading --- */
struct kw_station *kw_complex_station(struct kw_complex *complex, struct kw_str id);
struct kw_node *kw_complex_node(struct kw_complex *complex, struct kw_str id);
struct kw_connector *kw_station_connector(struct kw_station *station, int id);
size_t kw_complex_station_count(const struct kw_complex *complex);
struct kw_station *kw_complex_station_at(struct kw_complex *complex, size_t index); /* stable order */
size_t kw_complex_node_count(const struct kw_complex *complex);
struct kw_node *kw_complex_node_at(struct kw_complex *complex, size_t index); /* depth-first order */
bool kw_node_contains(const struct kw_node *node, const struct kw_node *below);
void kw_complex_counts(const struct kw_complex *complex, struct kw_complex_counts *out); /* registered only */
struct kw_load kw_complex_load(const struct kw_complex *complex); /* sum of roots and unplaced stations */
/* Thousandths of the worst limit in force at this node; KW_NONE without a limit. */
int64_t kw_node_ratio(const struct kw_node *node);
/* Energy of the local day that began at `day_start_ms`: the sum of register increases of all
 * connectors since then. The owner calls kw_complex_new_day() at midnight and, at start, once with
 * the amount already drawn today (from the store). */
void kw_complex_new_day(struct kw_complex *complex, int64_t day_start_ms, int64_t drawn_wh);
int64_t kw_complex_energy_today_wh(const struct kw_complex *complex);

/* --- changes since the last drain; order of first touch --- */
typedef void kw_station_visitor(struct kw_station *station, void *arg);
typedef void kw_node_visitor(struct kw_node *node, void *arg);
typedef void kw_gone_visitor(struct kw_str id, bool is_node, void *arg);
void kw_complex_drain(struct kw_complex *complex, kw_station_visitor *on_station, kw_node_visitor *on_node,
                      kw_gone_visitor *on_gone, void *arg);
bool kw_complex_dirty(const struct kw_complex *complex);

#endif
