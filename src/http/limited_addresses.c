/* limited_addresses.c: see limited_addresses.h. */
#include "http/limited_addresses.h"

#include <assert.h>
#include <string.h>

static uint64_t slot_of(const struct limited_addresses *addresses, const struct ip_address *address)
{
	return hash_bytes(&addresses->seed, address->bytes, sizeof address->bytes) % LIMITED_ADDRESSES_MAX;
}

void limited_addresses_note(struct limited_addresses *addresses, const struct ip_address *address, uint64_t until_ms)
{
	assert(addresses != NULL && address != NULL);

	uint64_t slot = slot_of(addresses, address);
	addresses->slots[slot].address = *address;
	addresses->slots[slot].until_ms = until_ms;
}

bool limited_addresses_has(const struct limited_addresses *addresses, const struct ip_address *address, uint64_t now_ms)
{
	assert(addresses != NULL && address != NULL);

	uint64_t slot = slot_of(addresses, address);
	return now_ms < addresses->slots[slot].until_ms &&
	       memcmp(addresses->slots[slot].address.bytes, address->bytes, sizeof address->bytes) == 0;
}
