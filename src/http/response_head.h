/* response_head.h: an answer as it goes to the client, for the connection that writes it. Internal to http/. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "http/request.h"

/* Facts for the head that the connection knows and the request does not. */
struct http_delivery {
	bool is_persistent;  /* the connection stays open for another request */
	bool is_version_1_0; /* the client's, which has to be told that */
	bool is_encrypted;   /* the client is told to stay with that */
	struct slice date;   /* as in Date */
};

/* Writes the head, status line to empty line. To GET and HEAD a 200 whose ETag If-None-Match has (weak comparison, or `*`) becomes a
 * 304. */
void http_response_write_head(struct http_request *request, const struct http_delivery *delivery, struct buffer *buffer);
/* The content that follows the head: empty for HEAD, 204 and 304. */
struct slice http_response_content(const struct http_request *request);
