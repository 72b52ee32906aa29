/* admission.h: who may go on: sliding-window rate limits, and which idempotency keys are in use right now.
 *
 * Only a filter in front: the store alone decides whether a key was used. A request is never refused because admission is down. */
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
	bool ret_is_shared;          /* judged for all processes together; else by what this one has seen */
};

enum admission_end {
	ADMISSION_DONE,   /* the command changed something: remember its key */
	ADMISSION_FORGET, /* refused or failed: the key may be used again */
};

struct admission;

#define ADMISSION_PROBLEM_MAX 256

/* What a ping of an admission outside this process found. */
struct admission_ping {
	bool is_serving; /* it judges; else every request is judged in this process */
	char problem
		[ADMISSION_PROBLEM_MAX]; /* why it does not, or not for everybody: one line for people, never with a password; or empty */
};

struct admission_operations {
	/* Judges `count` requests in order, filling their ret_ fields. The windows come first: a request counts in all of its own or, where one
	 * is full, in none and is refused. Then the key: a busy one and a mismatch are refused, and have been counted. The key of one that goes on
	 * is in use until finish, or for ADMISSION_LEASE_MS; that of a repeat, which goes on, stays finished. Safe from any thread.
	 * One outside this process is called on a thread that may wait; `count` may be 0, which sends what finish has queued. It may count services
	 * in each process apart. */
	void (*admit)(struct admission *admission, struct admission_request *requests, uint32_t count);
	/* Ends the use of the key that the request was admitted with. now_ms: as in struct admission_request. Safe from any thread; never waits:
	 * one outside this process queues it for the next admit. */
	void (*finish)(struct admission *admission, const struct admission_request *request, enum admission_end end, uint64_t now_ms);
	/* Finds out whether it serves, and makes the connections that admit uses: call it about once a second on a thread that may wait. NULL where
	 * there is nothing to find out. */
	void (*ping)(struct admission *admission, struct admission_ping *ret_ping);
	void (*free)(struct admission *admission);
};

struct admission {
	const struct admission_operations *operations;
	struct admission *local; /* NULL: admit takes microseconds and never waits: call it where you are. Else who judges where you are */
	_Atomic bool is_serving; /* with `local`: false while only that judges */
};

/* Takes NULL. */
static inline void admission_free(struct admission *admission)
{
	if (admission != NULL)
		admission->operations->free(admission);
}
