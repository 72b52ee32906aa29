/* finishes.c: a ring behind a lock. */
#include "adapters/redis/finishes.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hex.h"

struct mark mark_in_use(const uint8_t fingerprint[static KEY_HASH_LENGTH], const uint8_t owner[static MARK_OWNER_LENGTH])
{
	struct mark mark = mark_done(fingerprint);
	assert(mark.length + 2 * MARK_OWNER_LENGTH <= sizeof mark.text);
	mark.text[0] = 'I';
	mark.length = (uint32_t)(hex_encode(owner, MARK_OWNER_LENGTH, mark.text + mark.length) - mark.text);
	return mark;
}

struct mark mark_done(const uint8_t fingerprint[static KEY_HASH_LENGTH])
{
	struct mark mark = {.text = "D"};
	static_assert(1 + 2 * KEY_HASH_LENGTH <= sizeof mark.text, "a mark has room for a fingerprint");
	mark.length = (uint32_t)(hex_encode(fingerprint, KEY_HASH_LENGTH, mark.text + 1) - mark.text);
	return mark;
}

enum error finishes_init(struct finishes *finishes, uint32_t capacity)
{
	assert(finishes != NULL && capacity > 0);

	*finishes = (struct finishes){.capacity = capacity};
	finishes->ring = calloc(capacity, sizeof *finishes->ring);
	if (finishes->ring == NULL)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&finishes->lock, NULL);
	return OK;
}

void finishes_release(struct finishes *finishes)
{
	assert(finishes != NULL);
	if (finishes->ring == NULL)
		return;
	pthread_mutex_destroy(&finishes->lock);
	free(finishes->ring);
	*finishes = (struct finishes){0};
}

void finishes_push(struct finishes *finishes, const struct finish *finish)
{
	assert(finishes->ring != NULL);
	assert(finish != NULL && finish->name.length > 0);

	pthread_mutex_lock(&finishes->lock);
	if (finishes->count < finishes->capacity) {
		finishes->ring[(finishes->first + finishes->count) % finishes->capacity] = *finish;
		finishes->count++;
	}
	pthread_mutex_unlock(&finishes->lock);
}

bool finishes_pop(struct finishes *finishes, uint64_t now_ms, struct finish *ret_finish)
{
	assert(finishes->ring != NULL && ret_finish != NULL);
	bool is_found = false;
	pthread_mutex_lock(&finishes->lock);
	while (finishes->count > 0 && !is_found) {
		*ret_finish = finishes->ring[finishes->first];
		finishes->first = (finishes->first + 1) % finishes->capacity;
		finishes->count--;
		is_found = now_ms < ret_finish->until_ms;
	}
	pthread_mutex_unlock(&finishes->lock);
	return is_found;
}
