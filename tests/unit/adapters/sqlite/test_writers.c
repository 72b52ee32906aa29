/* test_writers.c: the stores of a file take turns, first come, first served, and share one thread for its checkpoints. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "adapters/sqlite/writers.h"
#include "scratch.h"

#define STEP_US 1000
#define STEPS_MAX 20000
#define WAITING 5

static struct scratch scratch;
static atomic_uint order[WAITING], served;

static struct writers *join(const char *path)
{
	char message[SQLITE_MESSAGE_MAX];
	struct writers *writers;
	assert_int_equal(writers_join(path, &writers, message), OK);
	return writers;
}

static int set_up(void **state)
{
	(void)state;
	scratch_make(&scratch);
	scratch_migrate(&scratch);
	served = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(&scratch);
	return 0;
}

static void stores_of_one_file_share_their_thread(void **state)
{
	(void)state;
	struct scratch other;
	scratch_make(&other);
	scratch_migrate(&other);
	struct writers *first = join(scratch.path), *second = join(scratch.path), *third = join(other.path);
	assert_ptr_equal(first, second);
	assert_ptr_not_equal(first, third);
	assert_ptr_not_equal(writers_checkpointer(first), writers_checkpointer(third));
	writers_leave(first);
	assert_ptr_equal(join(scratch.path), second);
	writers_leave(second);
	writers_leave(second);
	writers_leave(third);
	scratch_remove(&other);
}

static void a_file_that_is_not_there_has_no_writers(void **state)
{
	(void)state;
	char message[SQLITE_MESSAGE_MAX];
	struct writers *writers;
	assert_int_equal(writers_join("/nowhere/at/all.db", &writers, message), ERR_SYSTEM);
	writers_leave(NULL);
}

struct waiting {
	struct writers *writers;
	uint32_t number;
};

static void *take_turn(void *context)
{
	struct waiting *waiting = context;
	assert_int_equal(writers_take_turn(waiting->writers), SQLITE_OK);
	order[served++] = waiting->number;
	writers_end_turn(waiting->writers);
	return NULL;
}

static void waiting_writers_are_served_in_turn(void **state)
{
	(void)state;
	struct writers *writers = join(scratch.path);
	struct waiting waiting[WAITING];
	pthread_t threads[WAITING];
	assert_int_equal(writers_take_turn(writers), SQLITE_OK);
	for (uint32_t i = 0; i < WAITING; i++) {
		waiting[i] = (struct waiting){.writers = writers, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, take_turn, &waiting[i]), 0);
		for (uint32_t step = 0; step < STEPS_MAX && writers_waiting(writers) <= i; step++)
			(void)usleep(STEP_US);
		assert_int_equal(writers_waiting(writers), i + 1);
	}
	assert_int_equal(served, 0);
	writers_end_turn(writers);
	for (uint32_t i = 0; i < WAITING; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (uint32_t i = 0; i < WAITING; i++)
		assert_int_equal(order[i], i);
	assert_int_equal(writers_take_turn(writers), SQLITE_OK);
	writers_end_turn(writers);
	writers_leave(writers);
}

static void a_writer_that_waits_too_long_is_told_and_leaves_the_queue(void **state)
{
	(void)state;
	struct writers *writers = join(scratch.path);
	assert_int_equal(writers_take_turn(writers), SQLITE_OK);
	assert_int_equal(writers_take_turn(writers), SQLITE_BUSY);
	assert_int_equal(writers_waiting(writers), 0);
	writers_end_turn(writers);
	assert_int_equal(writers_take_turn(writers), SQLITE_OK);
	writers_end_turn(writers);
	writers_leave(writers);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stores_of_one_file_share_their_thread),
		TEST(a_file_that_is_not_there_has_no_writers),
		TEST(waiting_writers_are_served_in_turn),
		TEST(a_writer_that_waits_too_long_is_told_and_leaves_the_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
