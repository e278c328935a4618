/* web_probes.h - What an operator's tools ask: is it alive, is it ready, how much. */
#ifndef KW_APP_WEB_PROBES_H
#define KW_APP_WEB_PROBES_H

#include "app/service.h"

/* True: /healthz, /readyz or /metrics, answered. */
bool kw_web_probe(struct kw_service *service, struct kw_exchange *exchange);

#endif
