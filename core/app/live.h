/* live.h - The browsers' live feed: WebSockets at /api/v1/live on one side, push on the other. */
#ifndef KW_APP_LIVE_H
#define KW_APP_LIVE_H

#include "app/service.h"

struct kw_live *kw_live_new(struct kw_service *service);
KW_MUST_USE kw_err kw_live_start(struct kw_live *live, char *error, size_t error_size);
void kw_live_free(struct kw_live *live); /* when all sockets are gone */

/* Take the exchange of GET /api/v1/live; answered now or later. */
void kw_live_open(struct kw_live *live, struct kw_exchange *exchange);

/* The model or a document changed: flush on this turn's end when quiet, else with the next tick. */
void kw_live_changed(struct kw_live *live);

/* Sockets of a session or of an account are closed with 4401. Returns how many. */
size_t kw_live_end_session(struct kw_live *live, struct kw_str session_id);
size_t kw_live_end_account(struct kw_live *live, struct kw_str account_id);
void kw_live_stop(struct kw_live *live); /* timers end; the server's drain closes the sockets */

#endif
