/* web.h - The HTTPS side: certificate, listener, the few routes that C answers itself, static files. */
#ifndef KW_APP_WEB_H
#define KW_APP_WEB_H

#include "app/service.h"

KW_MUST_USE kw_err kw_web_new(struct kw_service *service, struct kw_web **out, char *error,
                              size_t error_size);
KW_MUST_USE kw_err kw_web_listen(struct kw_web *web, char *error, size_t error_size);
uint16_t kw_web_port(const struct kw_web *web);
/* Listener closed, open answers finished, sockets told 1012; on_done when all are gone. */
void kw_web_drain(struct kw_web *web, int64_t grace_ms, void (*on_done)(void *arg), void *arg);
void kw_web_reload(struct kw_web *web);
void kw_web_free(struct kw_web *web); /* NULL is fine */

#endif
