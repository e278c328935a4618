/* limits.h - The bounds that no configuration changes, each named once, with its reason. */
#ifndef KW_BASE_LIMITS_H
#define KW_BASE_LIMITS_H

#define KW_STATION_ID_BYTES 48     /* OCPP 2.0.1 part 4: identity at most 48 characters */
#define KW_ID_TAG_BYTES 36         /* 1.6 CiString20, 2.0.1 idToken 36 */
#define KW_MESSAGE_ID_BYTES 36     /* OCPP-J: unique id at most 36 characters */
#define KW_HTTP_HEAD_BYTES 16384   /* request line and headers together */
#define KW_HTTP_HEADERS 64         /* header fields of one message */
#define KW_HTTP_TARGET_BYTES 8192  /* request target */
#define KW_HTTP_BODY_BYTES 1048576 /* default body ceiling of a route */
#define KW_WS_OCPP_MESSAGE_BYTES \
    1048576                            /* ocpp.md 1.1: accept >= 64 KiB, refuse > 1 MiB with 1009 */
#define KW_WS_LIVE_MESSAGE_BYTES 16384 /* what a browser may send in one message */
#define KW_WS_FRAGMENTS 1024           /* reliability.md fact 8: fragments are counted too */
#define KW_OUT_QUEUE_BYTES 1048576     /* reliability.md R14: a reader that stops is bounded */
#define KW_NODE_DEPTH 16               /* levels of the node tree */
#define KW_PHASES 3

#endif
