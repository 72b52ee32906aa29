/* table.c: sorted arrays of copied rows. */
#include "adapters/memory/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "state/kinds.h"

void table_release(struct table *table)
{
	assert(table->count <= table->capacity);
	for (uint32_t i = 0; i < table->count; i++)
		free(table->rows[i]);
	free(table->rows);
	*table = (struct table){0};
}

/* The index of the first row that is not before the key. */
static uint32_t lower_bound(const struct table *table, const struct row *key)
{
	assert(key != NULL);
	uint32_t low = 0, high = table->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (row_key_compare(table->rows[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct row *table_find(const struct table *table, const struct row *key)
{
	assert(key != NULL);
	uint32_t index = lower_bound(table, key);
	return index < table->count && row_key_compare(table->rows[index], key) == 0 ? table->rows[index] : NULL;
}

uint32_t table_after(const struct table *table, const struct row *key)
{
	assert(table != NULL);
	if (key == NULL)
		return 0;
	uint32_t index = lower_bound(table, key);
	return index < table->count && row_key_compare(table->rows[index], key) == 0 ? index + 1 : index;
}

struct row *table_put(struct table *table, const struct row *row)
{
	assert(row->kind < ROW_KEY);
	void *place = malloc(row_size(row->kind, row));
	if (place == NULL)
		return NULL;
	struct row *copy = row_copy_to(place, row->kind, row);
	uint32_t index = lower_bound(table, row);
	if (index < table->count && row_key_compare(table->rows[index], row) == 0) {
		free(table->rows[index]);
		table->rows[index] = copy;
		return copy;
	}
	if (table->count == table->capacity) {
		uint32_t capacity = table->capacity == 0 ? 64 : table->capacity * 2;
		struct row **larger = realloc(table->rows, capacity * sizeof *larger);
		if (larger == NULL) {
			free(copy);
			return NULL;
		}
		table->rows = larger;
		table->capacity = capacity;
	}
	memmove(&table->rows[index + 1], &table->rows[index], (table->count - index) * sizeof *table->rows);
	table->rows[index] = copy;
	table->count++;
	return copy;
}
