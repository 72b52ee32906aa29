/* windows.h: sliding-window logs: for each caller the times of the requests counted within the last window, exactly.
 *
 * A log is a ring of four bytes a request that grows with its use, never past the quota. Callers are told apart by a keyed 64-bit hash
 * of their name. There are at most `callers_max` logs: idle ones are freed as others are used, and then the least recently used go.
 * Safe from any thread: logs are spread over shards, each behind its own lock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"
#include "ports/admission.h"

struct windows;

struct windows_options {
	uint32_t quota;     /* requests in a window */
	uint32_t window_ms; /* less than 2^31 */
	uint32_t callers_max;
	struct hash_seed seed; /* random: nobody outside may guess it */
};

/* ERR_NO_MEMORY. */
must_check enum error windows_new(const struct windows_options *options, struct windows **ret_windows);
/* Takes NULL. */
void windows_free(struct windows *windows);

/* A caller's log, locked and slid to now. */
struct window {
	struct windows *windows; /* NULL: nothing is limited */
	struct window_shard *shard;
	struct window_log *log; /* NULL: there is no memory for one; then the caller is not limited */
	uint64_t now_ms;
};

/* windows: NULL opens a window that is never full. Callers may hold only one window of the same `windows` open at a time. */
struct window window_open(struct windows *windows, struct slice caller, uint64_t now_ms);
bool window_is_full(const struct window *window);
/* Counts a request in a window that is not full. */
void window_count(struct window *window);
/* The values of the RateLimit headers. */
struct admission_quota window_quota(const struct window *window);
/* Milliseconds until a full window has room; 0 when it has. */
uint64_t window_wait_ms(const struct window *window);
void window_close(struct window *window);
