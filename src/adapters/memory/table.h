/* table.h: rows of one kind, sorted by their natural keys, each a copy of its own. Private to the memory adapter. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "domain/row.h"

struct table {
	struct row **rows;
	uint32_t count;
	uint32_t capacity;
};

/* Takes one that is all zero. */
void table_release(struct table *table);
/* The row with the key of `key`, of which only the kind and the key's fields count; NULL. */
struct row *table_find(const struct table *table, const struct row *key);
/* The index of the first row past the key; 0 for NULL. */
uint32_t table_after(const struct table *table, const struct row *key);
/* Puts a copy, in the place of one with the same key. NULL: out of memory. */
must_check struct row *table_put(struct table *table, const struct row *row);
