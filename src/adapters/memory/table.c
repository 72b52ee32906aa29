/* table.c: sorted arrays of copied rows. */
#include "adapters/memory/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "domain/hold.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "domain/row_compare.h"
#include "domain/sale.h"
#include "domain/seat.h"

#define AS(type, row) ((const struct type *)(const void *)(row))

void table_release(struct table *table)
{
	for (uint32_t i = 0; i < table->count; i++)
		free(table->rows[i]);
	free(table->rows);
	*table = (struct table){0};
}

/* The index of the first row that is not before the key. */
static uint32_t lower_bound(const struct table *table, const struct row *key)
{
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
	uint32_t index = lower_bound(table, key);
	return index < table->count && row_key_compare(table->rows[index], key) == 0 ? table->rows[index] : NULL;
}

uint32_t table_after(const struct table *table, const struct row *key)
{
	if (key == NULL)
		return 0;
	uint32_t index = lower_bound(table, key);
	return index < table->count && row_key_compare(table->rows[index], key) == 0 ? index + 1 : index;
}

/* `size` bytes of the row and `tail_size` of what it points to, in one allocation. Not its links: its view may be moving them. */
static void *copy_bytes(const struct row *row, size_t size, const void *tail, size_t tail_size)
{
	assert(size >= sizeof *row);
	char *copy = malloc(size + tail_size);
	if (copy == NULL)
		return NULL;
	const struct row head = {.kind = row->kind, .version = row->version, .stored_version = row->stored_version};
	memcpy(copy, &head, sizeof head);
	memcpy(copy + sizeof head, (const char *)row + sizeof head, size - sizeof head);
	if (tail_size > 0)
		memcpy(copy + size, tail, tail_size);
	return copy;
}

static struct row *copy_row(const struct row *row)
{
	switch (row->kind) {
	case ROW_SALE:
		return copy_bytes(row, sizeof(struct sale), NULL, 0);
	case ROW_SEAT:
		return copy_bytes(row, sizeof(struct seat), NULL, 0);
	case ROW_HOLD: {
		const struct hold *hold = AS(hold, row);
		struct hold *copy = copy_bytes(row, sizeof *hold, hold->seats, hold->seat_count * sizeof *hold->seats);
		if (copy != NULL)
			copy->seats = (struct seat_label *)(void *)(copy + 1);
		return (struct row *)(void *)copy;
	}
	case ROW_ORDER: {
		const struct order *order = AS(order, row);
		struct order *copy = copy_bytes(row, sizeof *order, order->items, order->item_count * sizeof *order->items);
		if (copy != NULL)
			copy->items = (struct order_item *)(void *)(copy + 1);
		return (struct row *)(void *)copy;
	}
	case ROW_PAYMENT: {
		struct payment *copy = copy_bytes(row, sizeof *copy, NULL, 0);
		if (copy != NULL)
			copy->answer = (struct slice){0}; /* the event has it */
		return (struct row *)(void *)copy;
	}
	case ROW_REFUND: {
		struct refund *copy = copy_bytes(row, sizeof *copy, NULL, 0);
		if (copy != NULL)
			copy->answer = (struct slice){0};
		return (struct row *)(void *)copy;
	}
	case ROW_KEY:
	case ROW_KIND_COUNT:
		break;
	}
	assert(false && "keys are found among the events");
	return NULL;
}

struct row *table_put(struct table *table, const struct row *row)
{
	struct row *copy = copy_row(row);
	if (copy == NULL)
		return NULL;
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
