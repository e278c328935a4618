/* security_headers.c - The only place where the browser's protections are written down.
 *
 * They go on every answer, errors and redirects too: a page is only as strict as its laxest
 * response. No inline script or style, nothing from elsewhere, no framing (reliability.md 2,
 * web.md 0.2). A route that needs less has to change this file, where a reviewer sees it. */
#include "serve/security_headers.h"

static const char LINES[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n"
    "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()\r\n";

struct kw_str kw_security_headers(void)
{
    return (struct kw_str){ LINES, sizeof LINES - 1 };
}
