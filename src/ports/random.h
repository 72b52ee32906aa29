/* random.h: makes unpredictable bits. The simulator has its own source. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct random;

struct random_operations {
	/* Fills the memory; never fails, never blocks after start. Safe from any thread. */
	void (*fill)(struct random *random, void *memory, size_t length);
};

struct random {
	const struct random_operations *operations;
};

static inline void random_fill(struct random *random, void *memory, size_t length)
{
	random->operations->fill(random, memory, length);
}

static inline uint64_t random_u64(struct random *random)
{
	uint64_t value;
	random_fill(random, &value, sizeof value);
	return value;
}
