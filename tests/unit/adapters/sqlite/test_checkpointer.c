/* test_checkpointer.c: whose turn it is to copy the log. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <unistd.h>

#include "adapters/sqlite/checkpointer.h"
#include "scratch.h"

#define LONG_PAGES 20000
#define WAIT_MS 10000

static struct scratch scratch;
static struct checkpointer *checkpointer;

static int set_up(void **state)
{
	(void)state;
	char message[SQLITE_MESSAGE_MAX];
	scratch_make(&scratch);
	scratch_migrate(&scratch);
	return checkpointer_new(scratch.path, &checkpointer, message) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	checkpointer_free(checkpointer);
	scratch_remove(&scratch);
	return 0;
}

/* Whether it becomes the writer's turn while commits leave so many pages: not before the thread has copied what it can. */
static bool becomes_the_writers(uint32_t wal_pages)
{
	for (uint32_t waited_ms = 0; waited_ms < WAIT_MS; waited_ms++) {
		if (checkpointer_notice(checkpointer, wal_pages))
			return true;
		usleep(1000);
	}
	return false;
}

static void a_short_log_is_left_to_the_thread(void **state)
{
	(void)state;
	for (uint32_t pages = 0; pages < 10000; pages += 100)
		assert_false(checkpointer_notice(checkpointer, pages));
}

static void the_writer_copies_the_rest_of_a_long_one(void **state)
{
	(void)state;
	assert_false(checkpointer_notice(checkpointer, LONG_PAGES)); /* all of that is not a rest */
	assert_true(becomes_the_writers(LONG_PAGES));
}

static void a_log_that_a_reader_keeps_long_is_not_tried_again_at_once(void **state)
{
	(void)state;
	assert_true(becomes_the_writers(LONG_PAGES));
	assert_false(checkpointer_notice(checkpointer, LONG_PAGES));
	assert_false(checkpointer_notice(checkpointer, LONG_PAGES + 100));
	assert_true(becomes_the_writers(LONG_PAGES + 2000));
}

static void a_log_that_has_begun_anew_is_short(void **state)
{
	(void)state;
	assert_true(becomes_the_writers(LONG_PAGES));
	assert_false(checkpointer_notice(checkpointer, 10));
	assert_true(becomes_the_writers(LONG_PAGES));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_short_log_is_left_to_the_thread),
		TEST(the_writer_copies_the_rest_of_a_long_one),
		TEST(a_log_that_a_reader_keeps_long_is_not_tried_again_at_once),
		TEST(a_log_that_has_begun_anew_is_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
