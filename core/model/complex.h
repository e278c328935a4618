/* complex.h - The live complex: stations, connectors, node tree, loads, staleness.
 *
 * The only way the model changes is kw_complex_apply() (events), the snapshot setters (state read
 * whole from Redis) and the registry setters (what the operator declared). Each change marks what it
 * touched as dirty; the owner drains the dirty lists once a tick and tells the world.
 *
 * Only registered stations count: in sums, counts and energy. A station that is merely seen in the
 * feed is kept whole beside them (the list of discovered ones) and joins when it is declared. The
 * load of a station that is not connected is not believed: it leaves the sums, and its open
 * transactions count there as stale parts, so the sum means "at least".
 *
 * Loads roll up in O(depth): a connector's change is a difference added to each ancestor. Pure: no
 * I/O; time is a parameter. 50,000 stations is the design point; no allocation per event. */
#ifndef KW_MODEL_COMPLEX_H
#define KW_MODEL_COMPLEX_H

#include "base/mem.h"
#include "model/types.h"

struct kw_complex;

#define KW_STATION_CONNECTORS_MAX 64 /* of one station; events for more are refused (KW_EFULL) */
#define KW_CONNECTOR_ID_MAX 1000     /* a number above is nonsense (KW_EINVALID) */
#define KW_NODES_MAX 16384
#define KW_RATIO_MAX 1000000 /* thousandths; also "load where nothing is allowed" */

struct kw_load {
    int64_t power_w;
    int64_t current_ma[KW_PHASES];
};

struct kw_connector {
    int id; /* OCPP connector (1..) */
    char status[KW_WORD_BYTES];
    char error_code[KW_WORD_BYTES];
    enum kw_state state; /* by itself; the station's connection is not in it */
    int64_t status_ms;
    int64_t power_w, current_ma[KW_PHASES], voltage_mv[KW_PHASES], soc_pct, meter_ms;
    int64_t energy_register_wh, register_ms;
    int64_t register_doubt_wh; /* an unlikely value that waits for a second one, or KW_NONE */
    int64_t offered_ma, limit_ma, limit_w, limit_ms;
    char limit_source[KW_WORD_BYTES];
    char transaction[KW_TX_BYTES]; /* "" = none */
    char key_uid[KW_KEY_BYTES];
    int64_t tx_started_ms, tx_meter_start_wh, tx_energy_wh;
    int64_t tx_event_ms; /* newest start or end of a transaction here: guards the open one */
    bool stale; /* a transaction is open, and its values are too old or the station is away */
};

struct kw_station {
    char id[KW_STATION_ID_BYTES + 1];
    char name[KW_NAME_BYTES * 2];
    struct kw_node *node; /* NULL: not placed */
    bool registered;      /* declared by the operator; else only seen in the feed */
    bool online;
    bool seen;                      /* the feed has said something about it */
    enum kw_state state;            /* effective (docs/api.md) */
    enum kw_state own_state;        /* what the station says of itself (connector 0) */
    char error_code[KW_WORD_BYTES]; /* of connector 0 */
    int64_t status_ms;              /* of connector 0 */
    int phases;                     /* 1 or 3 */
    int rotation;                   /* station L1 is feeder phase 0, 1 or 2 */
    char vendor[KW_NAME_BYTES], model[KW_NAME_BYTES], firmware[KW_NAME_BYTES];
    int64_t last_seen_ms, connected_ms, conn_generation;
    int64_t as_of_ms;                /* newest fact about it, station time; KW_NONE: none */
    struct kw_connector *connectors; /* ordered by id; moves when a connector is discovered */
    size_t connector_count;
    int64_t revision;
    uint64_t change; /* grows with every change of this station */
    void *user;      /* owner's */
};

struct kw_node {
    char id[KW_NAME_BYTES];
    char kind[KW_WORD_BYTES];
    char name[KW_NAME_BYTES * 2];
    struct kw_node *parent, *first_child, *next_sibling;
    int depth;
    int64_t limit_ma[KW_PHASES], limit_w; /* KW_NONE: no limit */
    struct kw_load load;                  /* sum of the stations below, feeder phases */
    struct kw_load meter;                 /* its own meter, KW_NONE without */
    int64_t meter_ms;
    bool meter_fresh; /* its own meter was heard within stale_after_ms */
    int64_t as_of_ms; /* newest meter value in the sum; KW_NONE: none (exact after a drain) */
    int64_t stations, charging; /* stations below; those whose state is charging */
    int64_t stale_parts;        /* connectors below whose values are stale */
    int64_t revision;
    int enter, leave; /* depth-first interval: x is below n when n.enter <= x.enter < n.leave */
    uint64_t change;
    void *user; /* owner's */
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
/* Insert, update, or move with all below. KW_ENOTFOUND: no such parent; KW_EINVALID: cycle, deeper than
 * KW_NODE_DEPTH, a text too long, or a limit that is none; KW_EFULL: KW_NODES_MAX. Siblings stand in the order of their names. */
KW_MUST_USE kw_err kw_complex_put_node(struct kw_complex *complex, const struct kw_node_spec *spec);
KW_MUST_USE kw_err kw_complex_remove_node(struct kw_complex *complex,
                                          struct kw_str id); /* KW_EBUSY: in use */
struct kw_station_spec {
    struct kw_str id, name, node_id;
    int phases, rotation, connectors; /* declared number of connectors (>= 0) */
    int64_t revision;
};
/* Insert, update, or move. KW_ENOTFOUND: no such node; KW_EINVALID: id, phases (1, 3), rotation (0..2) or
 * the number of connectors makes no sense; KW_EFULL. On an error nothing changed. */
KW_MUST_USE kw_err kw_complex_put_station(struct kw_complex *complex,
                                          const struct kw_station_spec *spec);
/* A station that the feed speaks of becomes a discovered one (its id is still reported as gone); any
 * other, also a discovered one, is freed. KW_ENOTFOUND. */
KW_MUST_USE kw_err kw_complex_remove_station(struct kw_complex *complex, struct kw_str id);

/* --- what the feed says --- */
/* Apply one event. KW_OK also when nothing changed (old, repeated, unknown type); KW_EINVALID: the
 * event makes no sense (counted by the caller); KW_EFULL: too many stations or connectors. On an error
 * at most the station (and that it was seen) is new. node.meter names its node in `station`.
 *
 * Live values take only what was not queued offline, not measured over 60 s away from its receive time,
 * and not older than what stands there (ocpp.md 2.3). Starts and ends of transactions are facts, not
 * samples: a queued one opens or closes too, under its own time guard. Registers of queued samples
 * count for the energy of the day. The connector is `evse`, or `connector` without one; a sample
 * without either belongs to the connector of its transaction. */
KW_MUST_USE kw_err kw_complex_apply(struct kw_complex *complex, const struct kw_event *event,
                                    int64_t now_ms);
/* Set fields read from `P:station:{cs}`, `P:conn:{cs}:{evse}:{con}`, `P:tx:{cs}:{id}` or `P:node:{id}`
 * (names of the contract), under the time guards: an older field set does not overwrite. fields: name,
 * value, name, value... A connector without txId has no open transaction. KW_EINVALID: a field is not
 * the number it should be; that field was taken for absent, the others are set. KW_ENOTFOUND: no such
 * node (not declared). KW_EFULL as above. */
KW_MUST_USE kw_err kw_complex_snapshot_station(struct kw_complex *complex, struct kw_str cs,
                                               const struct kw_str *fields, size_t count,
                                               int64_t now_ms);
KW_MUST_USE kw_err kw_complex_snapshot_connector(struct kw_complex *complex, struct kw_str cs,
                                                 int connector, const struct kw_str *fields,
                                                 size_t count, int64_t now_ms);
KW_MUST_USE kw_err kw_complex_snapshot_transaction(struct kw_complex *complex, struct kw_str cs,
                                                   struct kw_str transaction,
                                                   const struct kw_str *fields, size_t count,
                                                   int64_t now_ms);
KW_MUST_USE kw_err kw_complex_snapshot_node(struct kw_complex *complex, struct kw_str node_id,
                                            const struct kw_str *fields, size_t count,
                                            int64_t now_ms);
/* The producer's sign of life (P:meta aliveTs) is gone or back: lost makes every station unknown. A new
 * complex is lost until it is told otherwise. O(stations). */
void kw_complex_feed_lost(struct kw_complex *complex, bool lost);
bool kw_complex_feed_is_lost(const struct kw_complex *complex);
/* Age values; call about once a second. Marks what became stale as dirty. O(stations with an open
 * transaction + nodes). */
void kw_complex_age(struct kw_complex *complex, int64_t now_ms);

/* --- reading --- */
struct kw_station *kw_complex_station(struct kw_complex *complex, struct kw_str id);
struct kw_node *kw_complex_node(struct kw_complex *complex, struct kw_str id);
struct kw_connector *kw_station_connector(struct kw_station *station, int id);
size_t kw_complex_station_count(const struct kw_complex *complex);
struct kw_station *kw_complex_station_at(struct kw_complex *complex,
                                         size_t index); /* stable order */
size_t kw_complex_node_count(const struct kw_complex *complex);
struct kw_node *kw_complex_node_at(struct kw_complex *complex,
                                   size_t index); /* depth-first order */
/* Grows when a node moves or goes: what is below what may have changed without a station's doing. */
uint64_t kw_complex_tree_version(const struct kw_complex *complex);
bool kw_node_contains(const struct kw_node *node, const struct kw_node *below);
void kw_complex_counts(const struct kw_complex *complex,
                       struct kw_complex_counts *out); /* registered only */
struct kw_load kw_complex_load(
    const struct kw_complex *complex); /* registered stations, placed or not */
/* What is known to flow through the node: its own meter where that is fresh and larger (the meter also
 * sees what is not a station), else the sum. */
struct kw_load kw_node_load(const struct kw_node *node);
/* kw_node_load() against the worst limit in force here, in thousandths, at most KW_RATIO_MAX; KW_NONE
 * without a limit. */
int64_t kw_node_ratio(const struct kw_node *node);
/* Energy of the local day that began at `day_start_ms`: the sum of register increases of all
 * registered connectors since then (an unlikely step counts only when a second value confirms it, and
 * then from there on). The owner calls kw_complex_new_day() at midnight and, at start, once with
 * the amount already drawn today (from the store). */
void kw_complex_new_day(struct kw_complex *complex, int64_t day_start_ms, int64_t drawn_wh);
int64_t kw_complex_energy_today_wh(const struct kw_complex *complex);

/* --- changes since the last drain: what is gone, then nodes, then stations, in order of first touch.
 * A visitor may change the model: what it touches is visited in the same drain. --- */
typedef void kw_station_visitor(struct kw_station *station, void *arg);
typedef void kw_node_visitor(struct kw_node *node, void *arg);
typedef void kw_gone_visitor(struct kw_str id, bool is_node, void *arg);
void kw_complex_drain(struct kw_complex *complex, kw_station_visitor *on_station,
                      kw_node_visitor *on_node, kw_gone_visitor *on_gone, void *arg);
bool kw_complex_dirty(const struct kw_complex *complex);

#endif
