/* response.h: the answer to a request: filled in by a handler; response_head.h writes it.
 *
 * response_head.h adds the fields of every answer: Date, Content-Length, Connection, X-Request-Id and the security headers, with
 * `Cache-Control: no-store` and a Content-Security-Policy that forbids everything unless the handler says otherwise. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "http/head.h"

#define HTTP_RESPONSE_HEADERS_MAX 16
#define HTTP_MORE_MS 100

struct http_response {
	uint16_t status;                     /* 0: not answered yet */
	enum error error;                    /* of a problem: the full error, also when the client is told less */
	struct slice detail;                 /* of a 401 or 403: the detail sent to the client, for the log; lives as long as the request */
	const char *content_type;            /* static; NULL: there is no content */
	const char *cache_control;           /* static; NULL: no-store */
	const char *content_security_policy; /* static; NULL: nothing may be loaded */
	struct slice etag;                   /* with its quotes; empty: none */
	struct slice body;                   /* borrowed until `release`, or until the request is freed */
	void (*release)(void *context);      /* called once when the body is no longer needed; NULL: it lives as long as the request */
	void *release_context;
	/* Of a streamed answer: called on the loop, with `release_context`, HTTP_MORE_MS after the last piece was sent. The next piece
	 * is borrowed until the next call or `release`, and empty if there is none yet. False: the answer is complete. Such an answer to
	 * a GET has no Content-Length, and ends with its connection. NULL: the answer is not streamed. */
	bool (*more)(void *context, struct slice *ret_piece);
	uint32_t header_count;
	struct http_header headers[HTTP_RESPONSE_HEADERS_MAX];
};

/* Adds a header. Both slices are borrowed like the body; the value has no control characters; no more than HTTP_RESPONSE_HEADERS_MAX. */
void http_response_header(struct http_response *response, struct slice name, struct slice value);
