/* head.h: reads the head of an HTTP/1.1 or 1.0 request (RFC 9112), strictly.
 *
 * It refuses every head that another parser could read as a different request, because a proxy in front may be that parser: both
 * Content-Length and Transfer-Encoding, either of them or Host given twice, no Host, folded lines, blanks before a colon, a line end
 * that is not CR LF, control characters, another version. Pure, and as safe on garbage as on requests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"

#define HTTP_HEADERS_MAX 100

/* Why a request is refused. error OK: it is not. */
struct http_refusal {
	enum error error;
	const char *detail; /* static */
};

#define HTTP_ACCEPTED ((struct http_refusal){.error = OK})

static inline struct http_refusal http_refuse(enum error error, const char *detail)
{
	return (struct http_refusal){.error = error, .detail = detail};
}

struct http_header {
	struct slice name; /* as sent: compare with field_equal */
	struct slice value;
};

enum http_framing {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
};

/* Every slice borrows from the input, and the headers are in the array given to http_head_parse. */
struct http_head {
	struct slice method;
	struct slice target;
	bool is_version_1_0;
	bool is_persistent;    /* the client would like to go on using the connection */
	bool expects_continue; /* it waits for 100 (Continue) before it sends the body */
	enum http_framing framing;
	uint64_t content_length; /* 0 unless HTTP_BODY_LENGTH */
	const struct http_header *headers;
	uint32_t header_count;
};

struct http_head_limits {
	size_t head_max;   /* bytes of everything up to the body, empty lines before it too */
	size_t target_max; /* bytes of the request target */
};

/* The progress of reading a head; starts zeroed. */
struct http_head_scan {
	size_t position;       /* bytes looked at */
	size_t line;           /* the beginning of the current line */
	size_t start;          /* the beginning of the request line: empty lines before it are skipped */
	bool has_request_line; /* which is acceptable */
};

/* Looks for the end of the head in everything that has arrived so far, going on where it stopped, and refuses as early as it can. The
 * verdict does not depend on how the input arrives: the first byte that cannot be accepted decides.
 * *ret_end: bytes up to and with the empty line that ends the head; 0 while that has not arrived. */
must_check struct http_refusal http_head_scan(struct http_head_scan *scan, struct slice input, const struct http_head_limits *limits,
                                              size_t *ret_end);

/* Takes method and target out of an acceptable request line, whatever follows it: the answer to a head that is refused names them. */
void http_head_request_line(const struct http_head_scan *scan, struct slice input, struct slice *ret_method, struct slice *ret_target);

/* Takes apart the input from scan->start to the end that http_head_scan found. */
must_check struct http_refusal http_head_parse(struct slice input, struct http_header headers[static HTTP_HEADERS_MAX],
                                               struct http_head *ret_head);
