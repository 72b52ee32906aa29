/* admission.h: admits or refuses requests: sliding-window rate limits, and a list of the idempotency keys in use.
 *
 * It is only a filter: the store alone decides whether a key was used. No request is refused because admission is down. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "domain/key.h"

#define ADMISSION_LEASE_MS 60000                              /* a key is in use for at most this long */
#define ADMISSION_REMEMBER_MS (UINT64_C(24) * 60 * 60 * 1000) /* a finished key is remembered for at most this long */

enum admission_verdict {
	ADMISSION_GO,
	ADMISSION_LIMITED,  /* over a rate: nothing was counted */
	ADMISSION_BUSY,     /* the first request with this key is still running */
	ADMISSION_MISMATCH, /* the key is in use, or was, with another request */
};

/* The values of the RateLimit headers for one window. */
struct admission_quota {
	bool is_limited;    /* false: no such limit; the rest is zero */
	uint32_t quota;     /* q: requests in a window */
	uint32_t window_s;  /* w */
	uint32_t remaining; /* r: requests left after this one */
	uint32_t reset_s;   /* t: seconds until one more is free (or the window is whole again, when nothing is used) */
};

struct admission_request {
	struct slice user;    /* empty: no user's limit */
	struct slice service; /* the service that acts for the user; empty: no service's limit */
	struct slice address; /* client IP as text; empty: no address's limit */
	struct idempotency idempotency;
	uint64_t now_ms; /* by a clock that never goes back, so that corrections of the time of day change no verdict */

	enum admission_verdict ret_verdict;
	struct admission_quota ret_user;
	struct admission_quota ret_service;
	struct admission_quota ret_address;
	uint64_t ret_retry_after_ms; /* ADMISSION_LIMITED: the exact wait. ADMISSION_BUSY: a guess */
	bool ret_is_repeat;          /* the key was finished before: the store knows its answer */
	bool ret_is_shared;          /* judged for all processes together; else by this one's counts */
};

enum admission_end {
	ADMISSION_DONE,   /* the command changed something: remember its key */
	ADMISSION_FORGET, /* refused or failed: the key may be used again */
};

struct admission;

#define ADMISSION_PROBLEM_MAX 256

/* The result of a ping, for an admission outside this process. */
struct admission_ping {
	bool is_serving;                     /* it judges; else this process judges every request */
	char problem[ADMISSION_PROBLEM_MAX]; /* why it judges none, or not all: one line for people, without passwords; or empty */
};

struct admission_operations {
	/* Judges `count` requests in order, filling their ret_ fields. The windows come first: a request counts in all of its windows
	 * or, if one is full, in none and is refused. Then comes the key: a busy key and a mismatch are refused, and have been counted.
	 * The key of an admitted request is in use until finish, or for ADMISSION_LEASE_MS; the key of an admitted repeat stays
	 * finished. Safe from any thread. Call an admission outside this process on a thread that may wait; a `count` of 0 sends the
	 * queued finishes. It may count services in each process apart. */
	void (*admit)(struct admission *admission, struct admission_request *requests, uint32_t count);
	/* Counts a request that another admission has judged and counted in its windows in the windows here, too, so that these know of it
	 * when the other one is gone. When one of them is full the request is refused after all, as by admit, and counted in none.
	 * ret_user, ret_service and ret_address become what is left here where that is less. Its key is not looked at. Safe from any
	 * thread; never waits. NULL for one outside this process. */
	void (*count)(struct admission *admission, struct admission_request *request);
	/* Looks at the window of the request's service and counts nothing. ret_service becomes what is left there. True: it is full, and
	 * the request is refused as by admit; else its other ret_ fields stay. Safe from any thread; never waits. NULL for one outside this
	 * process. */
	bool (*is_service_full)(struct admission *admission, struct admission_request *request);
	/* Ends the use of the request's key. now_ms: as in struct admission_request. Safe from any thread; never waits: an admission
	 * outside this process queues it for the next admit. */
	void (*finish)(struct admission *admission, const struct admission_request *request, enum admission_end end, uint64_t now_ms);
	/* Checks whether it serves, and makes the connections that admit uses: call it about once a second on a thread that may wait.
	 * NULL for one in this process. */
	void (*ping)(struct admission *admission, struct admission_ping *ret_ping);
	void (*free)(struct admission *admission);
};

struct admission {
	const struct admission_operations *operations;
	struct admission *local; /* NULL: any thread may call admit, which never waits. Else the admission with such an admit */
	_Atomic bool is_serving; /* with `local`: false while only `local` judges */
};

/* Takes NULL. */
static inline void admission_free(struct admission *admission)
{
	if (admission != NULL)
		admission->operations->free(admission);
}
