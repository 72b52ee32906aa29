/* key_index.c: ranges of keys that take turns to be written. */
#include "adapters/sqlite/key_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/store_statements.h"

#define NOTE_EVERY 32 /* ranges: a restart reads a little more again, and most commits write a page less */

_Static_assert(KEY_RANGES == 512, "range_of takes nine bits");

static uint32_t range_of(const uint8_t key[static KEY_HASH_LENGTH])
{
	assert(key != NULL);
	return (uint32_t)key[0] << 1 | key[1] >> 7;
}

void key_index_init(struct key_index *index)
{
	assert(index != NULL);
	*index = (struct key_index){.seen_position = -1};
}

void key_index_release(struct key_index *index)
{
	assert(index != NULL);
	for (uint32_t i = 0; i < KEY_RANGES; i++)
		free(index->ranges[i].keys);
	key_index_init(index);
}

static bool add(struct key_index *index, const char *key, int64_t position)
{
	assert(key != NULL);
	struct waiting_key waiting = {.position = position};
	memcpy(waiting.key, key, KEY_HASH_LENGTH);
	struct key_range *range = &index->ranges[range_of(waiting.key)];
	if (range->count == range->capacity) {
		uint32_t capacity = range->capacity == 0 ? 32 : range->capacity * 2;
		struct waiting_key *larger = realloc(range->keys, capacity * sizeof *larger);
		if (larger == NULL)
			return false;
		range->keys = larger;
		range->capacity = capacity;
	}
	range->keys[range->count++] = waiting;
	index->count++;
	return true;
}

/* The table has the keys of earlier processes up to the position noted there. */
static int begin(struct key_index *index, struct database *database)
{
	assert(index->seen_position < 0 && index->count == 0);
	int code = database_step(database, SELECT_KEYS_POSITION);
	if (code == SQLITE_ROW)
		index->seen_position = sqlite3_column_int64(database->statements[SELECT_KEYS_POSITION], 0);
	database_reset(database, SELECT_KEYS_POSITION);
	for (uint32_t i = 0; i < KEY_RANGES; i++)
		index->ranges[i].position = index->seen_position;
	return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_CORRUPT : code;
}

int key_index_follow(struct key_index *index, struct database *database)
{
	assert(index != NULL && database != NULL);
	int code = index->seen_position < 0 ? begin(index, database) : SQLITE_OK;
	if (code != SQLITE_OK)
		return code;
	sqlite3_stmt *select = database->statements[SELECT_LATER_KEYS];
	bind_int(select, 1, index->seen_position);
	while ((code = database_step(database, SELECT_LATER_KEYS)) == SQLITE_ROW) {
		int64_t position = sqlite3_column_int64(select, 0);
		struct slice key = column_text(select, 1);
		if (key.length == KEY_HASH_LENGTH && !add(index, key.data, position)) {
			code = SQLITE_NOMEM;
			break;
		}
		index->seen_position = position;
	}
	database_reset(database, SELECT_LATER_KEYS);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

int key_index_find(const struct key_index *index, struct database *database, const uint8_t key[static KEY_HASH_LENGTH],
                   int64_t *ret_position)
{
	assert(index != NULL && ret_position != NULL);
	const struct key_range *range = &index->ranges[range_of(key)];
	for (uint32_t i = 0; i < range->count; i++) {
		if (memcmp(range->keys[i].key, key, KEY_HASH_LENGTH) != 0)
			continue;
		*ret_position = range->keys[i].position;
		return SQLITE_OK;
	}
	bind_bytes(database->statements[SELECT_KEY], 1, key, KEY_HASH_LENGTH);
	int code = database_step(database, SELECT_KEY);
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		*ret_position = code == SQLITE_ROW ? sqlite3_column_int64(database->statements[SELECT_KEY], 0) : 0;
	database_reset(database, SELECT_KEY);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Another process may have written some of them already. */
static int write_range(const struct key_range *range, struct database *database)
{
	assert(range->count <= range->capacity);
	sqlite3_stmt *insert = database->statements[INSERT_KEY];
	int code = SQLITE_OK;
	for (uint32_t i = 0; code == SQLITE_OK && i < range->count; i++) {
		bind_bytes(insert, 1, range->keys[i].key, KEY_HASH_LENGTH);
		bind_int(insert, 2, range->keys[i].position);
		code = database_run(database, INSERT_KEY);
	}
	return code;
}

/* Computes the position up to which the table will have all keys once the range is written: that of the range written longest ago. */
static int note_position(const struct key_index *index, struct database *database, uint32_t range)
{
	assert(range < KEY_RANGES);
	bind_int(database->statements[UPDATE_KEYS_POSITION], 1, index->ranges[(range + 1) % KEY_RANGES].position);
	return database_run(database, UPDATE_KEYS_POSITION);
}

int key_index_write(struct key_index *index, struct database *database)
{
	uint32_t left = index->count;
	int code = SQLITE_OK;
	assert(index->written == 0);
	for (; code == SQLITE_OK && left > KEYS_WAITING_MAX; index->written++) {
		uint32_t range = (index->next + index->written) % KEY_RANGES;
		code = write_range(&index->ranges[range], database);
		left -= index->ranges[range].count;
		if (code == SQLITE_OK && range % NOTE_EVERY == 0)
			code = note_position(index, database, range);
	}
	return code;
}

void key_index_end(struct key_index *index, bool is_committed)
{
	assert(index->written <= KEY_RANGES && index->next < KEY_RANGES);
	for (; is_committed && index->written > 0; index->written--) {
		struct key_range *range = &index->ranges[index->next];
		assert(index->count >= range->count);
		index->count -= range->count;
		range->count = 0;
		range->position = index->seen_position;
		index->next = (index->next + 1) % KEY_RANGES;
	}
	index->written = 0;
}
