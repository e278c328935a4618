/* types.h - The words of the live complex: states, phases, measured values.
 *
 * Units: W, Wh, mA, mV, ms UTC, tenths of a percent for SoC are not used (percent). "Never reported"
 * is KW_NONE, never zero. */
#ifndef KW_MODEL_TYPES_H
#define KW_MODEL_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/str.h"

#define KW_NONE INT64_MIN

/* Normalised state (complex-contract.md 3); the order is the order of display. */
#define KW_STATE_LIST(X) \
    X(KW_STATE_UNKNOWN, "unknown") \
    X(KW_STATE_AVAILABLE, "available") \
    X(KW_STATE_PREPARING, "preparing") \
    X(KW_STATE_CHARGING, "charging") \
    X(KW_STATE_SUSPENDED, "suspended") \
    X(KW_STATE_FINISHING, "finishing") \
    X(KW_STATE_RESERVED, "reserved") \
    X(KW_STATE_FAULTED, "faulted") \
    X(KW_STATE_UNAVAILABLE, "unavailable") \
    X(KW_STATE_OFFLINE, "offline")

enum kw_state {
#define KW_STATE_ENUM(code, name) code,
    KW_STATE_LIST(KW_STATE_ENUM)
#undef KW_STATE_ENUM
        KW_STATE_COUNT
};
const char *kw_state_name(enum kw_state state);
/* From the contract's `state` ("suspendedEV", "charging", ...) or an OCPP 1.6 status ("SuspendedEV",
 * "Charging", ...); unknown words: KW_STATE_UNKNOWN. */
enum kw_state kw_state_of(struct kw_str word);

#define KW_NAME_BYTES 64
#define KW_KEY_BYTES 40
#define KW_TX_BYTES 40
#define KW_WORD_BYTES 32

/* One thing that happened, decoded from a stream entry (complex-contract.md 4). Slices live as long
 * as the decoder's page. */
#define KW_EVENT_LIST(X) \
    X(KW_EVENT_OTHER, "") \
    X(KW_EVENT_GATEWAY_STARTED, "gw.started") \
    X(KW_EVENT_STATION_CONNECTED, "station.connected") \
    X(KW_EVENT_STATION_DISCONNECTED, "station.disconnected") \
    X(KW_EVENT_STATION_BOOT, "station.boot") \
    X(KW_EVENT_STATION_STATUS, "station.status") \
    X(KW_EVENT_CONNECTOR_STATUS, "connector.status") \
    X(KW_EVENT_AUTH_REQUEST, "auth.request") \
    X(KW_EVENT_TX_STARTED, "tx.started") \
    X(KW_EVENT_TX_UPDATED, "tx.updated") \
    X(KW_EVENT_TX_ENDED, "tx.ended") \
    X(KW_EVENT_METER_VALUES, "meter.values") \
    X(KW_EVENT_NODE_METER, "node.meter") \
    X(KW_EVENT_COMMAND_RESULT, "command.result") \
    X(KW_EVENT_PROFILE_APPLIED, "profile.applied")

enum kw_event_type {
#define KW_EVENT_ENUM(code, name) code,
    KW_EVENT_LIST(KW_EVENT_ENUM)
#undef KW_EVENT_ENUM
        KW_EVENT_TYPE_COUNT
};
const char *kw_event_name(enum kw_event_type type);

enum kw_stream { KW_STREAM_EV, KW_STREAM_MV };

/* One sampled value, scaled to our units (W, Wh, mA, mV, percent); `measurand` as OCPP spells it. */
struct kw_sample {
    struct kw_str measurand; /* "Energy.Active.Import.Register", ... */
    struct kw_str phase;     /* "L1", "" ... */
    struct kw_str location;  /* "Outlet" when absent */
    struct kw_str context;   /* "Sample.Periodic" when absent */
    int64_t value;           /* scaled; KW_NONE if not a number */
    struct kw_str unit;      /* as received */
};
#define KW_SAMPLES_MAX 64

struct kw_event {
    enum kw_event_type type;
    enum kw_stream stream;
    struct kw_str entry_id; /* "1700000000000-0" */
    int64_t n;              /* number in the stream */
    struct kw_str type_name;
    struct kw_str station;     /* cs */
    int64_t evse, connector;   /* KW_NONE when absent */
    int64_t generation;        /* conGen of connected and disconnected; KW_NONE or 0: absent */
    struct kw_str transaction; /* tx */
    int64_t at_ms;             /* ts, else rts */
    int64_t received_ms;       /* rts */
    bool offline;              /* off=1: history and totals only, never the live value */
    struct kw_str detail;      /* d, raw JSON object ("{}" when absent) */
    /* decoded from d, by type (empty / KW_NONE when absent): */
    struct kw_str status, state, error_code, vendor_error_code, info;
    struct kw_str id_token, auth_status, reason, charging_state, quality,
        flags /* raw JSON array */;
    struct kw_str vendor, model, serial, firmware;
    struct kw_str command_id, command_state, ocpp_status, effect;
    int64_t meter_start_wh, meter_stop_wh, energy_wh;
    int64_t power_w, current_ma[KW_PHASES], limit_w, limit_ma;
    struct kw_str limit_source;
    const struct kw_sample *samples; /* meter.values */
    size_t sample_count;
};

#endif
