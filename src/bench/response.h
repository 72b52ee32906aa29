/* response.h: reads HTTP/1.1 responses (RFC 9112) as they arrive, in pieces of any size.
 *
 * Strict on purpose, for a client that also tests: bare line feeds, folded headers, two lengths that differ, a body without a length,
 * interim responses that nobody asked for and anything past the limits are all BROKEN. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"

#define RESPONSE_HEAD_MAX (16 * 1024)
#define RESPONSE_BODY_MAX (8 * 1024 * 1024)

enum response_state {
	RESPONSE_INCOMPLETE,
	RESPONSE_COMPLETE,
	RESPONSE_BROKEN,
};

struct response {
	uint16_t status;
	bool is_replayed; /* Idempotency-Replayed: true */
	bool closes;      /* the server closes the connection after it */
	bool has_retry_after;
	uint32_t retry_after_s;
	struct slice body; /* inside the bytes that were handed in */
	size_t length;     /* bytes of the whole message; later bytes belong to the next one */
};

/* All zero is a parser at the start of a message. */
struct response_parser {
	struct response response; /* the response so far, but for the body */
	size_t position;          /* bytes read and understood; while the head is incomplete: bytes looked at */
	size_t body_start;        /* 0: the head is incomplete */
	size_t body_length;       /* bytes of the body so far, chunks moved together */
	size_t remaining;         /* bytes still to come of the body or the chunk */
	enum { BODY_SIZED, BODY_CHUNK_SIZE, BODY_CHUNK_DATA, BODY_TRAILER } phase;
};

/* `data` holds the message from its first byte, `length` bytes of it so far: each call gets what the call before got, and more. Chunked
 * bodies are put together in place. On RESPONSE_COMPLETE *ret_response is filled and the parser is at the start of the next message. */
must_check enum response_state response_parse(struct response_parser *parser, char *data, size_t length, struct response *ret_response);
