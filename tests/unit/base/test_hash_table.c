/* test_hash_table.c: entries are found by their hash, those of one hash one after the other, also while the table grows. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/hash_table.h"
#include "base/list.h"

#define ENTRIES 1000

struct entry {
	struct hash_node node;
	uint32_t number;
};

static struct entry entries[ENTRIES];

static struct entry *find(const struct hash_table *table, uint64_t hash, uint32_t number)
{
	for (struct hash_node *node = hash_table_first(table, hash); node != NULL; node = hash_table_next(node)) {
		assert_int_equal(node->hash, hash);
		struct entry *entry = container_of(node, struct entry, node);
		if (entry->number == number)
			return entry;
	}
	return NULL;
}

/* Seven hashes share a chain and a hash is shared by several entries. */
static uint64_t hash_of(uint32_t number)
{
	return number / 3 * 7919;
}

static void entries_are_found_while_the_table_grows_and_shrinks(void **state)
{
	(void)state;
	struct hash_table table;
	assert_int_equal(hash_table_init(3, &table), OK);
	assert_int_equal(table.bucket_count, 4);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		entries[i].number = i;
		assert_null(find(&table, hash_of(i), i));
		hash_table_put(&table, &entries[i].node, hash_of(i));
		hash_table_grow(&table);
	}
	assert_int_equal(table.count, ENTRIES);
	assert_true(table.bucket_count >= ENTRIES / 2);
	for (uint32_t i = 0; i < ENTRIES; i += 2)
		hash_table_remove(&table, &entries[i].node);
	for (uint32_t i = 0; i < ENTRIES; i++)
		assert_ptr_equal(find(&table, hash_of(i), i), i % 2 == 0 ? NULL : &entries[i]);
	assert_int_equal(table.count, ENTRIES / 2);
	hash_table_clear(&table);
	assert_int_equal(table.count, 0);
	assert_null(find(&table, hash_of(1), 1));
	hash_table_put(&table, &entries[1].node, hash_of(1));
	assert_ptr_equal(find(&table, hash_of(1), 1), &entries[1]);
	hash_table_release(&table);
	hash_table_release(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_found_while_the_table_grows_and_shrinks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
