/* internal.h - The complex's inside, shared by the files of model/ only.
 *
 * The one invariant: what a station adds to its ancestors and to the totals right now stands in
 * its `tally`. kw_complex_refresh() is the only function that changes a tally of a placed station,
 * and it carries the difference upward in the same breath, so sums can never drift. */
#ifndef KW_MODEL_INTERNAL_H
#define KW_MODEL_INTERNAL_H

#include "base/map.h"
#include "model/complex.h"

#define KW_NOT_LISTED SIZE_MAX
#define KW_CLOCK_SLACK_MS 60000 /* ocpp.md 2.3: further from the receive time is never live */
/* What is larger is no measurement; 64 connectors of 65,536 stations at this value still add up. */
#define KW_VALUE_MAX ((int64_t)100000000000)
#define KW_TIME_MAX_MS ((int64_t)100000000000000) /* year 5138 */

/* What a station adds, by itself, to every sum that it is part of. */
struct tally {
    struct kw_load load; /* feeder phases */
    int64_t charging, stale_parts, transactions;
    enum kw_state state;
    bool counted; /* registered: only then it counts anywhere */
};

struct station_slot {
    struct kw_station station; /* first: a station pointer is a slot pointer */
    struct tally tally;
    int64_t connection_ms; /* guard of `online` */
    int64_t value_ms;      /* newest meter value of its connectors */
    size_t dirty_at;       /* place in the dirty list, or KW_NOT_LISTED */
    size_t active_at;      /* place in the list of stations with open transactions */
};

struct node_slot {
    struct kw_node node; /* first */
    size_t dirty_at;
};

struct gone {
    struct gone *next;
    bool is_node;
    char id[KW_NAME_BYTES];
};

/* A list of pointers with room to grow; a removed entry is NULL until the list is drained. */
struct pointer_list {
    void **items;
    size_t count, room;
};
void kw_list_add(struct pointer_list *list, void *item);

struct kw_complex {
    struct kw_complex_options options;
    struct kw_map *stations, *nodes;
    struct pointer_list list; /* station slots, stable order */
    struct kw_node **order;   /* depth-first */
    size_t node_count;
    struct kw_node *first_root;
    struct kw_load total;
    struct kw_complex_counts counts;
    struct pointer_list dirty_stations, dirty_nodes, active;
    size_t dirty_count; /* entries of both dirty lists that are not NULL */
    struct gone *gone, **last_gone;
    int64_t day_start_ms, day_wh;
    int64_t now_ms; /* the newest `now_ms` that a caller told */
    uint64_t change, tree_version;
    bool feed_lost, as_of_stale;
};

static inline struct station_slot *kw_slot(struct kw_station *station)
{
    return (struct station_slot *)(void *)station;
}

static inline int64_t kw_sane(int64_t value)
{
    return value >= -KW_VALUE_MAX && value <= KW_VALUE_MAX ? value : KW_NONE;
}

/* Recompute what the station is and adds, carry the difference upward, mark what changed. */
void kw_complex_refresh(struct kw_complex *complex, struct kw_station *station);
/* Take the station out of every sum (before it moves, is removed, or changes its wiring). */
void kw_complex_withdraw(struct kw_complex *complex, struct kw_station *station);
void kw_complex_mark_station(struct kw_complex *complex, struct station_slot *slot);
void kw_complex_mark_node(struct kw_complex *complex, struct kw_node *node);
void kw_complex_unmark_station(struct kw_complex *complex, struct station_slot *slot);
void kw_complex_unmark_node(struct kw_complex *complex, struct kw_node *node);
void kw_complex_add_gone(struct kw_complex *complex, const char *id, bool is_node);
void kw_complex_renew_as_of(struct kw_complex *complex);

/* The station, made unregistered when unknown. KW_EINVALID: no valid identity; KW_EFULL. */
kw_err kw_complex_see(struct kw_complex *complex, struct kw_str cs, struct kw_station **out);
/* The connector, made when unknown. KW_EINVALID: id < 1 or absurd; KW_EFULL: too many. */
kw_err kw_station_need_connector(struct kw_station *station, int64_t id, struct kw_connector **out);
void kw_station_touch(struct kw_station *station, int64_t at_ms); /* newest fact */
void kw_connector_no_load(struct kw_connector *connector);
void kw_connector_end_transaction(struct kw_connector *connector, int64_t at_ms);
/* Connection news under its guard; false: older than what stands. */
bool kw_station_connection(struct kw_station *station, bool online, int64_t at_ms,
                           int64_t generation);

/* Bounded copy, cut at a whole UTF-8 sequence. */
void kw_copy_text(char *out, size_t size, struct kw_str text);

/* meter.c */
void kw_complex_apply_samples(struct kw_complex *complex, struct kw_station *station,
                              struct kw_connector *connector, const struct kw_event *event,
                              bool live);
void kw_complex_take_register(struct kw_complex *complex, const struct kw_station *station,
                              struct kw_connector *connector, int64_t register_wh, int64_t at_ms);

#endif
