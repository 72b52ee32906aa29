/* test_arena.c: memory that an arena gives, and refuses. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdalign.h>
#include <stdlib.h>

#include "base/arena.h"

static void nothing_is_reserved_before_the_first_use(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 1024, 4096);
	assert_null(arena.blocks);
	assert_int_equal(arena.reserved, 0);
	arena_release(&arena);
	arena_release(NULL);
}

static void allocations_are_aligned_and_apart(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 256, 1 << 20);
	unsigned char *pieces[200];
	for (size_t i = 0; i < ARRAY_LENGTH(pieces); i++) {
		pieces[i] = arena_allocate(&arena, i);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		memset(pieces[i], (int)i, i);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(pieces); i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_equal(pieces[i][k], i);
	}
	arena_release(&arena);
}

static void the_whole_maximum_can_be_taken_and_not_a_byte_more(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 64, 100); /* the second block is cut to what is left */
	assert_non_null(arena_allocate(&arena, 64));
	assert_non_null(arena_allocate(&arena, 36));
	assert_int_equal(arena.reserved, 100);
	assert_null(arena_allocate(&arena, 1));
	arena_release(&arena);
}

static void a_piece_larger_than_a_block_gets_its_own(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 64, 10000);
	char *large = arena_allocate(&arena, 5000);
	assert_non_null(large);
	memset(large, 'x', 5000);
	assert_null(arena_allocate(&arena, 5001));
	assert_non_null(arena_allocate(&arena, 5000));
	arena_release(&arena);
}

static void sizes_that_overflow_are_refused(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 64, SIZE_MAX);
	assert_null(arena_allocate(&arena, SIZE_MAX));
	assert_null(arena_allocate(&arena, SIZE_MAX - 8));
	assert_null(arena_allocate_array(&arena, SIZE_MAX / 2, 3));
	assert_non_null(arena_allocate(&arena, 8));
	arena_release(&arena);
}

static void an_array_is_zeroed(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 1024, 1024);
	memset(arena_allocate(&arena, 512), 0xff, 512);
	arena_clear(&arena);
	const unsigned char *array = arena_allocate_array(&arena, 16, 32);
	assert_non_null(array);
	for (size_t i = 0; i < 512; i++)
		assert_int_equal(array[i], 0);
	arena_release(&arena);
}

static void clearing_keeps_one_block(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 128, 1024);
	void *first = arena_allocate(&arena, 100);
	for (int i = 0; i < 5; i++)
		assert_non_null(arena_allocate(&arena, 100));
	arena_clear(&arena);
	assert_int_equal(arena.reserved, 128);
	assert_ptr_equal(arena_allocate(&arena, 100), first);
	arena_release(&arena);
	assert_int_equal(arena.reserved, 0);
}

static void copies_are_terminated(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 64, 64);
	struct slice copy = arena_copy(&arena, (struct slice){.data = "seat\0x", .length = 6});
	assert_int_equal(copy.length, 6);
	assert_memory_equal(copy.data, "seat\0x", 7);
	copy = arena_copy(&arena, (struct slice){0});
	assert_non_null(copy.data);
	assert_int_equal(copy.length, 0);
	assert_int_equal(copy.data[0], 0);
	assert_null(arena_copy(&arena, SLICE("this is too much for what is left of it")).data);
	arena_release(&arena);
}

static void formatted_text_is_terminated(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 32, 32);
	struct slice text = arena_format(&arena, "%s-%d", "row", 7);
	assert_int_equal(text.length, 5);
	assert_string_equal(text.data, "row-7");
	assert_null(arena_format(&arena, "%40d", 1).data);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_reserved_before_the_first_use),
		cmocka_unit_test(allocations_are_aligned_and_apart),
		cmocka_unit_test(the_whole_maximum_can_be_taken_and_not_a_byte_more),
		cmocka_unit_test(a_piece_larger_than_a_block_gets_its_own),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(an_array_is_zeroed),
		cmocka_unit_test(clearing_keeps_one_block),
		cmocka_unit_test(copies_are_terminated),
		cmocka_unit_test(formatted_text_is_terminated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
