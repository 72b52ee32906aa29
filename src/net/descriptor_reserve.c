/* descriptor_reserve.c: an event descriptor takes no file and little memory, and can be had wherever a socket can. */
#include "net/descriptor_reserve.h"

#include <assert.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum error descriptor_reserve_init(struct descriptor_reserve *reserve, uint32_t capacity)
{
	assert(reserve != NULL && reserve->count == 0);
	assert(capacity <= DESCRIPTOR_RESERVE_MAX);

	reserve->capacity = capacity;
	descriptor_reserve_refill(reserve);
	if (reserve->count == capacity)
		return OK;
	descriptor_reserve_release(reserve);
	return ERR_SYSTEM;
}

void descriptor_reserve_release(struct descriptor_reserve *reserve)
{
	while (descriptor_reserve_spend(reserve))
		continue;
	reserve->capacity = 0;
}

bool descriptor_reserve_spend(struct descriptor_reserve *reserve)
{
	assert(reserve->count <= reserve->capacity);
	if (reserve->count == 0)
		return false;
	close(reserve->descriptors[--reserve->count]);
	return true;
}

void descriptor_reserve_refill(struct descriptor_reserve *reserve)
{
	assert(reserve->count <= reserve->capacity);
	while (reserve->count < reserve->capacity) {
		int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (descriptor < 0)
			return;
		reserve->descriptors[reserve->count++] = descriptor;
	}
}
