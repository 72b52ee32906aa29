/* limited_addresses.h: the addresses over their rate, each with the time at which its window has room again.
 *
 * Admission counts no request that it refuses, so a full window stays full for the exact time that it named: until then a request of
 * that address is refused by its head, and its body is not read. Admission judges a forgotten address as usual. Used by one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/hash.h"

#define LIMITED_ADDRESSES_MAX 1024

struct limited_addresses {
	struct hash_seed seed;
	struct {
		struct ip_address address;
		uint64_t until_ms;      /* of the monotonic clock; 0: nobody */
	} slots[LIMITED_ADDRESSES_MAX]; /* each address has one place, where the latest stays */
};

void limited_addresses_note(struct limited_addresses *addresses, const struct ip_address *address, uint64_t until_ms);
bool limited_addresses_has(const struct limited_addresses *addresses, const struct ip_address *address, uint64_t now_ms);
