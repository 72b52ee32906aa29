/* admission.h: who may go on: sliding-window rate limits, and which idempotency keys are in use right now.
 *
 * Only a filter in front: the store alone decides whether a key was used. When it is down everything goes on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "domain/key.h"

#define ADMISSION_LEASE_MS 60000                              /* how long a key is in use at most */
#define ADMISSION_REMEMBER_MS (UINT64_C(24) * 60 * 60 * 1000) /* how long a finished key is remembered at most */

enum admission_verdict {
	ADMISSION_GO,
	ADMISSION_LIMITED,  /* over a rate: nothing was counted */
	ADMISSION_BUSY,     /* the first request with this key is still running */
	ADMISSION_MISMATCH, /* the key is in use, or was, with another request */
};

/* What the RateLimit headers say of one window. */
struct admission_quota {
	bool is_limited;    /* false: no such limit; the rest is zero */
	uint32_t quota;     /* q: requests in a window */
	uint32_t window_s;  /* w */
	uint32_t remaining; /* r: what is left after this request */
	uint32_t reset_s;   /* t: seconds until one more is free (or the window is whole again, when nothing is used) */
};

struct admission_request {
	struct slice user;    /* empty: no user's limit */
	struct slice service; /* who acts for the user; empty: no service's limit */
	struct slice address; /* client IP as text; empty: no address's limit */
	struct idempotency idempotency;
	uint64_t now_ms; /* of a clock that never goes back: a correction of the time of day locks nobody out and lets nobody in */

	enum admission_verdict ret_verdict;
	struct admission_quota ret_user;
	struct admission_quota ret_service;
	struct admission_quota ret_address;
	uint64_t ret_retry_after_ms; /* ADMISSION_LIMITED: the exact wait. ADMISSION_BUSY: a guess */
	bool ret_is_repeat;          /* the key was finished before: the store will have it */
};

enum admission_end {
	ADMISSION_DONE,   /* the command changed something: remember its key */
	ADMISSION_FORGET, /* refused or failed: the key may be used again */
};

struct admission;

struct admission_operations {
	/* Judges `count` requests in order, filling their ret_ fields. The windows come first: a request counts in all of its own, also one that
	 * is refused for its key, or in none when one of them is full. Then the key. The key of one that goes on is in use until finish, or for
	 * ADMISSION_LEASE_MS; that of a repeat, which goes on and counts like any other, stays finished. Safe from any thread. */
	void (*admit)(struct admission *admission, struct admission_request *requests, uint32_t count);
	/* Ends the use of a key. now_ms: as in struct admission_request. Safe from any thread. */
	void (*finish)(struct admission *admission, const struct idempotency *idempotency, enum admission_end end, uint64_t now_ms);
	void (*free)(struct admission *admission);
};

struct admission {
	const struct admission_operations *operations;
	bool is_local; /* admit and finish take microseconds and never wait: call them where you are, without a lane */
};

/* Takes NULL. */
static inline void admission_free(struct admission *admission)
{
	if (admission != NULL)
		admission->operations->free(admission);
}
