/* internal.h - The complex's inside, shared by the files of model/ only. */
#ifndef KW_MODEL_INTERNAL_H
#define KW_MODEL_INTERNAL_H

#include "base/map.h"
#include "model/complex.h"

/* A station with what only the model needs: what it adds to its ancestors right now. */
struct station_slot {
    struct kw_station station; /* first: a station pointer is a slot pointer */
    struct kw_load share;      /* feeder phases, as added to the nodes */
    int64_t share_charging, share_stale;
    int64_t active_transactions;
    bool dirty, counted;
    enum kw_state counted_state;
    size_t index;
};

struct gone {
    struct gone *next;
    bool is_node;
    char id[KW_NAME_BYTES];
};

struct kw_complex {
    struct kw_complex_options options;
    struct kw_map *stations, *nodes;
    struct station_slot **list; /* stable order */
    size_t station_count, station_room;
    struct kw_node **order;     /* depth-first */
    size_t node_count;
    struct kw_node *first_root;
    struct kw_load total;
    struct kw_complex_counts counts;
    struct station_slot **dirty_stations;
    size_t dirty_station_count, dirty_station_room;
    struct kw_node **dirty_nodes;
    size_t dirty_node_count, dirty_node_room;
    struct gone *gone, **last_gone;
    int64_t day_start_ms, day_wh;
    uint64_t change;
    bool feed_lost, order_stale;
};

void kw_complex_refresh(struct kw_complex *complex, struct kw_station *station, int64_t now_ms);
struct kw_station *kw_complex_see(struct kw_complex *complex, struct kw_str cs); /* NULL: full or bad id */
struct kw_connector *kw_station_need_connector(struct kw_station *station, int id);
void kw_complex_mark_node(struct kw_complex *complex, struct kw_node *node);
void kw_complex_unshare(struct kw_complex *complex, struct station_slot *slot);
void kw_complex_meter_register(struct kw_complex *complex, struct kw_connector *connector, int64_t register_wh,
                               int64_t at_ms);

#endif
