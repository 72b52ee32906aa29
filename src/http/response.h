/* response.h: the answer to a request: filled in by a handler, written by the connection.
 *
 * What every answer has is added when it is written: Date, Content-Length, Connection, X-Request-Id and the security headers, with
 * `Cache-Control: no-store` and a Content-Security-Policy that forbids everything unless the handler says otherwise. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "http/head.h"

#define HTTP_RESPONSE_HEADERS_MAX 16

struct http_request;

struct http_response {
	uint16_t status;                     /* 0: not answered yet */
	enum error error;                    /* of a problem: what has happened, also when the client is told less */
	const char *content_type;            /* static; NULL: there is no content */
	const char *cache_control;           /* static; NULL: no-store */
	const char *content_security_policy; /* static; NULL: nothing may be loaded */
	struct slice etag;                   /* with its quotes; empty: none */
	struct slice body;                   /* borrowed until `release`, or until the request is freed */
	void (*release)(void *context);      /* called once when the body is no longer needed; NULL: it lives as long as the request */
	void *release_context;
	uint32_t header_count;
	struct http_header headers[HTTP_RESPONSE_HEADERS_MAX];
};

/* Gives the answer its status and content; headers added so far stay. A content_type of NULL: no content, whatever `body` says. */
void http_respond(struct http_request *request, uint16_t status, const char *content_type, struct slice body);

/* Adds a header. Both slices are borrowed like the body; the value has no control characters; no more than HTTP_RESPONSE_HEADERS_MAX. */
void http_response_header(struct http_response *response, struct slice name, struct slice value);

/* What the connection knows and the request does not. */
struct http_delivery {
	bool is_persistent;  /* the connection stays open for another request */
	bool is_version_1_0; /* the client's, which has to be told that */
	struct slice date;   /* as in Date */
};

/* Writes the head, status line to empty line. To GET and HEAD a 200 whose ETag If-None-Match has (weak comparison, or `*`) becomes a 304. */
void http_response_write_head(struct http_request *request, const struct http_delivery *delivery, struct buffer *buffer);
/* The content that follows the head: empty for HEAD, 204 and 304. */
struct slice http_response_content(const struct http_request *request);
