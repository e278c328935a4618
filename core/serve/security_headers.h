/* security_headers.h - The headers that every response of the web side carries; the only place. */
#ifndef KW_SERVE_SECURITY_HEADERS_H
#define KW_SERVE_SECURITY_HEADERS_H

/* Strict: no inline script or style, nothing from elsewhere, no framing (reliability.md 2, web.md 0.2). */
#define KW_CSP \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " \
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

#define KW_SECURITY_HEADERS \
    "Content-Security-Policy: " KW_CSP "\r\n" \
    "X-Content-Type-Options: nosniff\r\n" \
    "Referrer-Policy: no-referrer\r\n" \
    "Cross-Origin-Opener-Policy: same-origin\r\n" \
    "Cross-Origin-Resource-Policy: same-origin\r\n" \
    "Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()\r\n"

/* Only over TLS: a browser ignores it otherwise. */
#define KW_HSTS_HEADER "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"

#endif
