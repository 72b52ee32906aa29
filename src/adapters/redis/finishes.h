/* finishes.h: ends of keys, and counts to take back, that wait for the next round trip to Redis. Private to the Redis adapter.
 *
 * A ring of a fixed size: when it is full new ones are dropped, and the key stays in use until its lease ends. Safe from any thread. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/redis/names.h"
#include "base/attributes.h"
#include "base/error.h"

#define MARK_OWNER_LENGTH 8
#define MARK_LENGTH_MAX (1 + 2 * KEY_HASH_LENGTH + 2 * MARK_OWNER_LENGTH)
#define FINISH_NONCE_LENGTH 24

/* What Redis holds under a key: "I" or "D", the request's fingerprint, and while it is in use who uses it. */
struct mark {
	char text[MARK_LENGTH_MAX];
	uint32_t length; /* 0: none */
};

struct mark mark_in_use(const uint8_t fingerprint[static KEY_HASH_LENGTH], const uint8_t owner[static MARK_OWNER_LENGTH]);
struct mark mark_done(const uint8_t fingerprint[static KEY_HASH_LENGTH]);

static inline struct slice mark_slice(const struct mark *mark)
{
	return (struct slice){.data = mark->text, .length = mark->length};
}

/* With a mark: the key that has it gets `next`, or goes when that is none. Without: the window forgets the nonce. */
struct finish {
	struct redis_name name;
	uint16_t slot;
	struct mark mark;
	struct mark next;
	char nonce[FINISH_NONCE_LENGTH];
	uint64_t until_ms; /* of the monotonic clock: dropped after it, because the lease is over; 0: never */
};

struct finishes {
	pthread_mutex_t lock; /* guards all below */
	struct finish *ring;
	uint32_t capacity;
	uint32_t first;
	uint32_t count;
};

must_check enum error finishes_init(struct finishes *finishes, uint32_t capacity);
void finishes_release(struct finishes *finishes);
void finishes_push(struct finishes *finishes, const struct finish *finish);
/* The oldest that is not over. False: none waits. */
must_check bool finishes_pop(struct finishes *finishes, uint64_t now_ms, struct finish *ret_finish);
