/* resolver.h: the addresses of a host's name, within a time limit.
 *
 * The system's look-up has no limit that a caller could set. So it is done on a thread of its own, and a caller whose time is over leaves
 * it behind. Of each resolver one look-up runs at most: the next call waits for the one that was left. Used by one thread at a time. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

#define RESOLVER_ADDRESSES_MAX 8
#define RESOLVER_ADDRESS_SIZE 64 /* of the numbers as text, with a zone and the final NUL */
#define RESOLVER_PROBLEM_MAX 256

struct resolver;

struct resolver_addresses {
	char texts[RESOLVER_ADDRESSES_MAX][RESOLVER_ADDRESS_SIZE]; /* in the order in which they are to be tried */
	uint32_t count;
};

/* Never fails to look up numbers, which need no thread. ERR_NO_MEMORY. */
must_check enum error resolver_new(struct resolver **ret_resolver);
/* A look-up that still runs ends by itself. Takes NULL. */
void resolver_free(struct resolver *resolver);

/* deadline_ns: of the monotonic clock. ERR_SYSTEM: the problem says why, in one line for people; *ret_addresses is untouched then. */
must_check enum error resolver_find(struct resolver *resolver, const char *host, uint64_t deadline_ns,
                                    struct resolver_addresses *ret_addresses, char problem[static RESOLVER_PROBLEM_MAX]);
