/* security_headers.h - The headers that every answer of the web side carries. */
#ifndef KW_SERVE_SECURITY_HEADERS_H
#define KW_SERVE_SECURITY_HEADERS_H

#include "base/str.h"

/* "Name: value\r\n" lines, ready to be copied behind a status line. Static. */
struct kw_str kw_security_headers(void);

#endif
