/* idempotency_key.h: the Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header) and what is kept of it: hashes. */
#pragma once

#include <stdint.h>

#include "auth/digest.h"
#include "base/attributes.h"
#include "base/slice.h"

#define IDEMPOTENCY_KEY_LENGTH_MIN 16
#define IDEMPOTENCY_KEY_LENGTH_MAX 255
#define IDEMPOTENCY_HASH_LENGTH 16

struct idempotency_key {
	uint8_t length;
	char text[IDEMPOTENCY_KEY_LENGTH_MAX];
};

#define IDEMPOTENCY_KEY_ACCEPTED "It must have 16 to 255 printable ASCII characters, bare or as a quoted string."

/* 16 to 255 printable ASCII characters, bare or as a string of RFC 8941 ("…", with \" and \\); the two spell the same key.
 * Parameters after a quoted one are refused. False: *ret_key untouched. */
must_check bool idempotency_key_parse(struct slice field, struct idempotency_key *ret_key);

/* The key as this caller's: the first half of SHA-256(user, a zero byte, key). */
void idempotency_hash(struct digest *digest, struct slice user, const struct idempotency_key *key,
                      uint8_t hash[static IDEMPOTENCY_HASH_LENGTH]);
/* Identifies the request that used the key: the first half of SHA-256(method, a space, path, a line feed, body). */
void idempotency_fingerprint(struct digest *digest, struct slice method, struct slice path, struct slice body,
                             uint8_t fingerprint[static IDEMPOTENCY_HASH_LENGTH]);
