/* keys.c: ranges of keys that take turns to be written. */
#include "adapters/sqlite/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/sqlite/store.h"

_Static_assert(KEY_RANGES == 512, "range_of takes nine bits");

static uint32_t range_of(const uint8_t key[static KEY_HASH_LENGTH])
{
	return (uint32_t)key[0] << 1 | key[1] >> 7;
}

void keys_init(struct keys *keys)
{
	*keys = (struct keys){.seen_position = -1};
}

void keys_release(struct keys *keys)
{
	for (uint32_t i = 0; i < KEY_RANGES; i++)
		free(keys->ranges[i].keys);
	keys_init(keys);
}

static bool add(struct keys *keys, const char *key, int64_t position)
{
	struct waiting_key waiting = {.position = position};
	memcpy(waiting.key, key, KEY_HASH_LENGTH);
	struct key_range *range = &keys->ranges[range_of(waiting.key)];
	if (range->count == range->capacity) {
		uint32_t capacity = range->capacity == 0 ? 32 : range->capacity * 2;
		struct waiting_key *larger = realloc(range->keys, capacity * sizeof *larger);
		if (larger == NULL)
			return false;
		range->keys = larger;
		range->capacity = capacity;
	}
	range->keys[range->count++] = waiting;
	keys->count++;
	return true;
}

/* Where the table's knowledge ends. */
static int begin(struct keys *keys, struct database *database)
{
	int code = database_step(database, SELECT_KEYS_POSITION);
	if (code == SQLITE_ROW) {
		keys->seen_position = sqlite3_column_int64(database->statements[SELECT_KEYS_POSITION], 0);
		keys->round_position = keys->seen_position;
	}
	database_reset(database, SELECT_KEYS_POSITION);
	return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_CORRUPT : code;
}

int keys_follow(struct keys *keys, struct database *database)
{
	int code = keys->seen_position < 0 ? begin(keys, database) : SQLITE_OK;
	if (code != SQLITE_OK)
		return code;
	sqlite3_stmt *select = database->statements[SELECT_LATER_KEYS];
	bind_int(select, 1, keys->seen_position);
	while ((code = database_step(database, SELECT_LATER_KEYS)) == SQLITE_ROW) {
		int64_t position = sqlite3_column_int64(select, 0);
		struct slice key = column_text(select, 1);
		if (key.length == KEY_HASH_LENGTH && !add(keys, key.data, position)) {
			code = SQLITE_NOMEM;
			break;
		}
		keys->seen_position = position;
	}
	database_reset(database, SELECT_LATER_KEYS);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

int keys_find(const struct keys *keys, struct database *database, const uint8_t key[static KEY_HASH_LENGTH], int64_t *ret_position)
{
	const struct key_range *range = &keys->ranges[range_of(key)];
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
	sqlite3_stmt *insert = database->statements[INSERT_KEY];
	int code = SQLITE_OK;
	for (uint32_t i = 0; code == SQLITE_OK && i < range->count; i++) {
		bind_bytes(insert, 1, range->keys[i].key, KEY_HASH_LENGTH);
		bind_int(insert, 2, range->keys[i].position);
		code = database_run(database, INSERT_KEY);
	}
	return code;
}

int keys_write(struct keys *keys, struct database *database)
{
	uint32_t left = keys->count;
	int code = SQLITE_OK;
	assert(keys->written == 0);
	for (; code == SQLITE_OK && left > KEYS_WAITING_MAX; keys->written++) {
		uint32_t index = (keys->next + keys->written) % KEY_RANGES;
		code = write_range(&keys->ranges[index], database);
		left -= keys->ranges[index].count;
		if (code == SQLITE_OK && index == KEY_RANGES - 1) {
			bind_int(database->statements[UPDATE_KEYS_POSITION], 1, keys->round_position);
			code = database_run(database, UPDATE_KEYS_POSITION);
		}
	}
	return code;
}

void keys_end(struct keys *keys, bool is_committed)
{
	for (; is_committed && keys->written > 0; keys->written--) {
		struct key_range *range = &keys->ranges[keys->next];
		assert(keys->count >= range->count);
		keys->count -= range->count;
		range->count = 0;
		keys->next = (keys->next + 1) % KEY_RANGES;
		if (keys->next == 0)
			keys->round_position = keys->seen_position;
	}
	keys->written = 0;
}
