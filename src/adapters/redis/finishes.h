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

/* The value of a key in Redis: "I" or "D", the request's fingerprint, and while the key is in use its user. */
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

enum finish_kind {
	FINISH_DONE,      /* the key gets the mark, even if another process uses it by now: the store has committed */
	FINISH_FORGET,    /* the key goes if it still has the mark */
	FINISH_TAKE_BACK, /* the window forgets the nonce */
};

struct finish {
	enum finish_kind kind;
	struct redis_name name;
	uint16_t slot;
	struct mark mark;                /* FINISH_DONE, FINISH_FORGET */
	char nonce[FINISH_NONCE_LENGTH]; /* FINISH_TAKE_BACK */
	uint64_t until_ms;               /* of the monotonic clock: dropped after it, because the lease is over */
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
