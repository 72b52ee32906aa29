/* wire.h: writes the requests of the load generator, each with its user, its target and its key.
 *
 * Tokens are signed once, at the start; every request is written into a buffer with a few copies. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/uuid.h"

#define WIRE_USERS_MAX 1000000

struct wire_options {
	struct slice host; /* for the Host header: "127.0.0.1:8080" */
	struct slice jwt_secret;
	struct slice jwt_issuer; /* may be empty, and the audience too */
	struct slice jwt_audience;
	struct slice payment_secret;
	uint32_t users;
	uint64_t now_ms;
};

struct wire {
	struct arena arena; /* the texts below */
	struct slice host;
	struct slice payment_secret;
	struct slice admin_token;
	struct slice *user_tokens;
	uint32_t users;
	struct buffer body, header; /* scratch of the request that is being written */
};

/* Signs a token for each user and one for the admin, good for a day. ERR_NO_MEMORY, ERR_SYSTEM, ERR_LIMIT; nothing to release then. */
must_check enum error wire_init(struct wire *wire, const struct wire_options *options);
void wire_release(struct wire *wire);

/* The seats of one event that a request names. */
struct wire_seats {
	uint32_t first;
	uint32_t count;
};

/* Each appends one whole request; a failure shows in request->failed. `key` is the journey's: the kind of the request is added to it,
 * so that one journey needs one key only. */
void wire_event_create(struct wire *wire, uint32_t seats, uint64_t now_ms, struct buffer *request);
void wire_hold_create(struct wire *wire, uint32_t user, const struct uuid *key, const struct uuid *event_id, struct wire_seats seats,
                      struct buffer *request);
void wire_hold_get(struct wire *wire, uint32_t user, const struct uuid *hold_id, struct buffer *request);
void wire_hold_release(struct wire *wire, uint32_t user, const struct uuid *hold_id, struct buffer *request);
void wire_order_create(struct wire *wire, uint32_t user, const struct uuid *key, const struct uuid *hold_id, struct buffer *request);
void wire_order_get(struct wire *wire, uint32_t user, const struct uuid *order_id, struct buffer *request);
void wire_order_cancel(struct wire *wire, uint32_t user, const struct uuid *key, const struct uuid *order_id, struct buffer *request);
void wire_payment(struct wire *wire, const struct uuid *key, const struct uuid *order_id, bool succeeded, uint64_t now_ms,
                  struct buffer *request);
/* cursor: empty for the first page. */
/* The first page of a seat map as a browser asks for it, compressed; and what the sections have left. */
void wire_seats_compressed(struct wire *wire, const struct uuid *event_id, struct buffer *request);
void wire_availability(struct wire *wire, const struct uuid *event_id, struct buffer *request);
/* The page of an event. */
void wire_event_get(struct wire *wire, const struct uuid *event_id, struct buffer *request);
void wire_seats_page(struct wire *wire, const struct uuid *event_id, struct slice cursor, struct buffer *request);

#define WIRE_USER_LENGTH 12 /* "buyer-000042" */
/* The `sub` of a user's token. */
void wire_user_name(uint32_t user, char name[static WIRE_USER_LENGTH + 1]);
