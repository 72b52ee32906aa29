/* random.c: the system's random numbers, a pool at a time. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "adapters/system/system.h"
#include "base/attributes.h"

#define POOL_BYTES 256 /* the most that getrandom gives without being interrupted */

struct pool {
	unsigned char bytes[POOL_BYTES];
	size_t left; /* unused bytes, at the end */
};

static thread_local_storage struct pool pool;

static void refill(void)
{
	assert(pool.left == 0);
	ssize_t length;
	do
		length = getrandom(pool.bytes, sizeof pool.bytes, 0);
	while (length < 0 && errno == EINTR);
	if (length != (ssize_t)sizeof pool.bytes)
		abort(); /* without random numbers ids collide and secrets can be guessed */
	pool.left = sizeof pool.bytes;
}

static void system_fill(struct random *random, void *memory, size_t length)
{
	assert(random != NULL);
	assert(memory != NULL || length == 0);
	unsigned char *to = memory;
	while (length > 0) {
		if (pool.left == 0)
			refill();
		assert(pool.left > 0 && pool.left <= sizeof pool.bytes);
		size_t piece = length < pool.left ? length : pool.left;
		unsigned char *from = pool.bytes + sizeof pool.bytes - pool.left;
		memcpy(to, from, piece);
		memset(from, 0, piece); /* bytes that were given out cannot be read again */
		pool.left -= piece;
		to += piece;
		length -= piece;
	}
}

static const struct random_operations operations = {.fill = system_fill};

struct random *system_random(void)
{
	static struct random random = {.operations = &operations};
	return &random;
}
