/* arena.c: blocks of malloc in a list; an allocation moves a mark forward in the newest one. */
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *next; /* older */
	size_t size;              /* bytes of data */
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t block_size, size_t maximum)
{
	assert(arena != NULL);
	assert(block_size > 0);

	*arena = (struct arena){.block_size = block_size, .maximum = maximum};
}

/* Frees blocks, newest first, until `last` (which may be NULL) is the newest. */
static void arena_free_until(struct arena *arena, const struct arena_block *last)
{
	while (arena->blocks != last) {
		struct arena_block *block = arena->blocks;
		arena->blocks = block->next;
		arena->reserved -= block->size;
		free(block);
	}
	arena->used = 0;
}

void arena_release(struct arena *arena)
{
	if (arena == NULL)
		return;
	arena_free_until(arena, NULL);
	assert(arena->reserved == 0);
}

void arena_clear(struct arena *arena)
{
	assert(arena != NULL);

	struct arena_block *oldest = arena->blocks;
	while (oldest != NULL && oldest->next != NULL)
		oldest = oldest->next;
	arena_free_until(arena, oldest);
	arena->lacks_memory = false;
}

/* Makes a block that has room for `size` bytes the newest one. */
static bool arena_grow(struct arena *arena, size_t size)
{
	size_t available = arena->maximum - arena->reserved;
	if (size > available)
		return false;
	size_t block_size = size > arena->block_size ? size : arena->block_size;
	if (block_size > available)
		block_size = available;
	if (block_size > SIZE_MAX - sizeof(struct arena_block))
		return false;
	struct arena_block *block = malloc(sizeof *block + block_size);
	if (block == NULL) {
		arena->lacks_memory = true;
		return false;
	}
	block->next = arena->blocks;
	block->size = block_size;
	arena->blocks = block;
	arena->reserved += block_size;
	arena->used = 0;
	return true;
}

void *arena_allocate(struct arena *arena, size_t size)
{
	assert(arena != NULL);
	assert(arena->reserved <= arena->maximum);

	/* `used` stays a multiple of the alignment or is the whole block, and so is every address that is given out. */
	if (arena->blocks == NULL || size > arena->blocks->size - arena->used) {
		if (!arena_grow(arena, size))
			return NULL;
	}
	struct arena_block *block = arena->blocks;
	void *memory = block->data + arena->used;
	size_t padding = -size % alignof(max_align_t);
	size_t left = block->size - arena->used - size;
	arena->used += size + (padding < left ? padding : left);
	return memory;
}

void *arena_allocate_array(struct arena *arena, size_t count, size_t size)
{
	assert(size > 0);

	if (count > SIZE_MAX / size)
		return NULL;
	void *memory = arena_allocate(arena, count * size);
	if (memory != NULL)
		memset(memory, 0, count * size);
	return memory;
}

struct slice arena_copy(struct arena *arena, struct slice text)
{
	assert(text.data != NULL || text.length == 0);
	assert(text.length < SIZE_MAX);

	char *copy = arena_allocate(arena, text.length + 1);
	if (copy == NULL)
		return (struct slice){0};
	if (text.length > 0)
		memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	return (struct slice){.data = copy, .length = text.length};
}

struct slice arena_format(struct arena *arena, const char *format, ...)
{
	assert(format != NULL);

	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	assert(length >= 0);

	size_t size = (size_t)length + 1;
	char *text = arena_allocate(arena, size);
	if (text == NULL)
		return (struct slice){0};
	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return (struct slice){.data = text, .length = size - 1};
}
