/* response.h: the answer to a request: filled in by a handler; response_head.h writes it.
 *
 * What every answer has is added when it is written: Date, Content-Length, Connection, X-Request-Id and the security headers, with
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
	enum error error;                    /* of a problem: what has happened, also when the client is told less */
	struct slice detail;                 /* of a 401 or 403: what its client is told, for the log; lives as long as the request */
	const char *content_type;            /* static; NULL: there is no content */
	const char *cache_control;           /* static; NULL: no-store */
	const char *content_security_policy; /* static; NULL: nothing may be loaded */
	struct slice etag;                   /* with its quotes; empty: none */
	struct slice body;                   /* borrowed until `release`, or until the request is freed */
	void (*release)(void *context);      /* called once when the body is no longer needed; NULL: it lives as long as the request */
	void *release_context;
	/* Of an answer that goes on: asked on the loop, with `release_context`, HTTP_MORE_MS after what came before was sent, for what follows: the
	 * piece is borrowed until the next call or `release`, and is empty when there is nothing yet. False: that was all. Such an answer to a GET has
	 * no Content-Length, and ends with its connection. NULL: the body is all there is. */
	bool (*more)(void *context, struct slice *ret_piece);
	uint32_t header_count;
	struct http_header headers[HTTP_RESPONSE_HEADERS_MAX];
};

/* Adds a header. Both slices are borrowed like the body; the value has no control characters; no more than HTTP_RESPONSE_HEADERS_MAX. */
void http_response_header(struct http_response *response, struct slice name, struct slice value);
