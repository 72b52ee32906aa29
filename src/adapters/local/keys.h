/* keys.h: which idempotency keys are in use, and which were used with what: a bounded memory of them.
 *
 * When it is full the key that was finished longest ago is forgotten; a key that finds no room is simply not known.
 * Safe from any thread: keys are spread over shards, each behind its own lock. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/hash.h"
#include "domain/key.h"
#include "ports/admission.h"

struct keys;

enum key_state {
	KEY_UNKNOWN,
	KEY_IN_USE,   /* the first request with it is running */
	KEY_FINISHED, /* it was used with the same request */
	KEY_MISMATCH, /* it is in use or was used with another request */
};

/* seed: random. ERR_NO_MEMORY. */
must_check enum error keys_new(uint32_t keys_max, struct hash_seed seed, struct keys **ret_keys);
/* Takes NULL. */
void keys_free(struct keys *keys);

/* A key's place, locked. */
struct key_slot {
	struct keys *keys;
	const struct idempotency *idempotency; /* borrowed */
	struct key_shard *shard;
	uint64_t hash;
	struct key_entry *entry; /* NULL: unknown */
	enum key_state state;
};

/* Callers may hold only one slot at a time. */
struct key_slot key_open(struct keys *keys, const struct idempotency *idempotency, uint64_t now_ms);
/* The unknown key is in use from now until key_finish, or for ADMISSION_LEASE_MS. */
void key_use(struct key_slot *slot, uint64_t now_ms);
void key_finish(struct key_slot *slot, enum admission_end end, uint64_t now_ms);
void key_close(struct key_slot *slot);
