/* database.c: the contents, and what is looked for in them. */
#include "adapters/memory/database.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/memory/contents.h"

#define TEXTS_BLOCK (64 * 1024)
#define TEXTS_MAX ((size_t)4 * 1024 * 1024 * 1024)

struct memory_database *memory_database_new(void)
{
	struct memory_database *database = calloc(1, sizeof *database);
	if (database == NULL)
		return NULL;
	pthread_mutex_init(&database->lock, NULL);
	database->epoch = 1;
	arena_init(&database->texts, TEXTS_BLOCK, TEXTS_MAX);
	return database;
}

void memory_database_free(struct memory_database *database)
{
	if (database == NULL)
		return;
	for (uint32_t i = 0; i < ARRAY_LENGTH(database->tables); i++)
		table_release(&database->tables[i]);
	contents_drop_rebuild(database);
	free(database->events);
	free(database->places);
	free(database->abandoned);
	free(database->outbox);
	free(database->seat_changes);
	free(database->catalog_changes);
	free(database->publishers);
	arena_release(&database->texts);
	pthread_mutex_destroy(&database->lock);
	free(database);
}

void contents_swap(struct memory_database *database)
{
	assert(database != NULL);
	struct memory_rebuild *made = database->rebuild;
	assert(made != NULL);
	struct memory_rebuild old = {
		.places = database->places, .place_count = database->place_count, .place_capacity = database->place_capacity};
	memcpy(old.tables, database->tables, sizeof old.tables);
	memcpy(database->tables, made->tables, sizeof database->tables);
	database->places = made->places;
	database->place_count = made->place_count;
	database->place_capacity = made->place_capacity;
	*made = old;
}

void contents_drop_rebuild(struct memory_database *database)
{
	assert(database != NULL);
	struct memory_rebuild *rebuild = database->rebuild;
	if (rebuild == NULL)
		return;
	for (uint32_t i = 0; i < ARRAY_LENGTH(rebuild->tables); i++)
		table_release(&rebuild->tables[i]);
	free(rebuild->places);
	free(rebuild);
	database->rebuild = NULL;
}

/* The index of the first member past the id, of an array in the order of the ids that its members begin with. */
static uint32_t index_after(const void *array, uint32_t count, size_t size, const struct uuid *id)
{
	assert(size >= sizeof *id);
	uint32_t low = 0, high = id == NULL ? 0 : count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (uuid_compare((const struct uuid *)(const void *)((const char *)array + middle * size), id) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

_Static_assert(offsetof(struct event_record, id) == 0 && offsetof(struct catalog_change, event_id) == 0, "index_after compares them");

uint32_t contents_event_after(const struct memory_database *database, const struct uuid *id)
{
	assert(database != NULL);
	return index_after(database->events, database->event_count, sizeof *database->events, id);
}

uint32_t contents_catalog_change_after(const struct memory_database *database, const struct uuid *id)
{
	assert(database != NULL);
	return index_after(database->catalog_changes, database->catalog_change_count, sizeof *database->catalog_changes, id);
}

const struct event_record *contents_event(const struct memory_database *database, const struct uuid *id)
{
	assert(id != NULL);
	uint32_t index = contents_event_after(database, id);
	return index > 0 && uuid_equal(&database->events[index - 1].id, id) ? &database->events[index - 1] : NULL;
}

const struct event_record *contents_key(const struct memory_database *database, const uint8_t key[static KEY_HASH_LENGTH])
{
	assert(database != NULL);
	for (uint32_t i = database->event_count; i-- > 0;) {
		const struct idempotency *idempotency = &database->events[i].idempotency;
		if (idempotency->is_present && memcmp(idempotency->key, key, KEY_HASH_LENGTH) == 0)
			return &database->events[i];
	}
	return NULL;
}

bool contents_grow(void **array, uint32_t count, uint32_t *capacity, size_t size)
{
	assert(size > 0);
	assert(count <= *capacity);
	if (count < *capacity)
		return true;
	uint32_t larger = *capacity == 0 ? 64 : *capacity * 2;
	void *grown = realloc(*array, larger * size);
	if (grown == NULL)
		return false;
	*array = grown;
	*capacity = larger;
	return true;
}
