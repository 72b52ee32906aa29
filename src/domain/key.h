/* key.h: an idempotency key that was used: draft-ietf-httpapi-idempotency-key-header.
 *
 * There is no table of keys: the domain event that answers a command carries its key, and the event's data is the answer to give again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "domain/row.h"

#define KEY_HASH_LENGTH 16

/* Scoped to the caller and hashed by the code that builds the command; absent when the command needs none. */
struct idempotency {
	bool is_present;
	uint8_t key[KEY_HASH_LENGTH];         /* of user and key */
	uint8_t fingerprint[KEY_HASH_LENGTH]; /* of method, path and body */
};

struct key {
	struct row row;
	struct idempotency idempotency;
	struct uuid stream_id; /* the event's stream: the hold or order that was made or changed */
	struct slice answer;   /* the event's data; inside the same allocation */
};
