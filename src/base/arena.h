/* arena.h: memory of one request or one batch, taken piece by piece and freed in one go.
 *
 * Grows by blocks up to a maximum set at the start; past it every allocation answers NULL. Used by one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;                /* bytes taken of the newest block */
	size_t reserved;            /* bytes of all blocks */
	size_t block_size;
	size_t maximum;
	bool lacks_memory; /* the system had none for a block since the last clear; not so when the maximum is reached */
};

/* Nothing is allocated until the first use. block_size: bytes of an ordinary block; maximum: bytes of all blocks together. */
void arena_init(struct arena *arena, size_t block_size, size_t maximum);
/* Frees every block; takes NULL. The arena may be used again after another arena_init. */
void arena_release(struct arena *arena);
/* Forgets every allocation and keeps one block, so that a batch costs no malloc. */
void arena_clear(struct arena *arena);

/* Aligned for any type, not zeroed; NULL past the maximum or out of memory. size 0 answers a valid pointer. */
must_check void *arena_allocate(struct arena *arena, size_t size);
/* The same, zeroed, for `count` members; NULL also when count × size overflows. */
must_check void *arena_allocate_array(struct arena *arena, size_t count, size_t size);
/* A copy, with a terminating zero byte behind it that `length` does not count. data is NULL on failure. */
must_check struct slice arena_copy(struct arena *arena, struct slice text);
/* A formatted string, terminated; data is NULL on failure. */
must_check struct slice arena_format(struct arena *arena, const char *format, ...) format_printf(2, 3);
