/* http_status.c - Status lines, whole, so that an answer copies one string. */
#include "base/mem.h"
#include "serve/http_internal.h"

#define LINE(code, reason) \
    { \
        code, \
        { \
            "HTTP/1.1 " #code " " reason "\r\n", sizeof("HTTP/1.1 " #code " " reason "\r\n") - 1 \
        } \
    }
#define PREFIX_BYTES 13 /* "HTTP/1.1 200 " */

static const struct {
    int status;
    struct kw_str line;
} LINES[] = {
    LINE(200, "OK"),
    LINE(304, "Not Modified"),
    LINE(101, "Switching Protocols"),
    LINE(201, "Created"),
    LINE(202, "Accepted"),
    LINE(204, "No Content"),
    LINE(206, "Partial Content"),
    LINE(301, "Moved Permanently"),
    LINE(302, "Found"),
    LINE(303, "See Other"),
    LINE(307, "Temporary Redirect"),
    LINE(308, "Permanent Redirect"),
    LINE(400, "Bad Request"),
    LINE(401, "Unauthorized"),
    LINE(403, "Forbidden"),
    LINE(404, "Not Found"),
    LINE(405, "Method Not Allowed"),
    LINE(406, "Not Acceptable"),
    LINE(408, "Request Timeout"),
    LINE(409, "Conflict"),
    LINE(410, "Gone"),
    LINE(411, "Length Required"),
    LINE(412, "Precondition Failed"),
    LINE(413, "Content Too Large"),
    LINE(414, "URI Too Long"),
    LINE(415, "Unsupported Media Type"),
    LINE(417, "Expectation Failed"),
    LINE(422, "Unprocessable Content"),
    LINE(426, "Upgrade Required"),
    LINE(428, "Precondition Required"),
    LINE(429, "Too Many Requests"),
    LINE(431, "Request Header Fields Too Large"),
    LINE(500, "Internal Server Error"),
    LINE(501, "Not Implemented"),
    LINE(502, "Bad Gateway"),
    LINE(503, "Service Unavailable"),
    LINE(504, "Gateway Timeout"),
    LINE(505, "HTTP Version Not Supported"),
    LINE(507, "Insufficient Storage"),
};

struct kw_str kw_http_status_line(int status)
{
    for (size_t i = 0; i < KW_COUNT_OF(LINES); i++) {
        if (LINES[i].status == status)
            return LINES[i].line;
    }
    return KW_STR_NONE;
}

struct kw_str kw_http_reason(int status)
{
    struct kw_str line = kw_http_status_line(status);
    if (line.len == 0)
        return KW_STR("Status");
    return kw_str_n(line.ptr + PREFIX_BYTES, line.len - PREFIX_BYTES - 2);
}
