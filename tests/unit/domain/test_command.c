/* test_command.c: which lane a command belongs to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/support/commands.h"

static void every_command_of_an_event_has_the_events_shard(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 4096, 65536);
	const struct command commands[] = {
		sale_create_command(&arena),
		sale_command(&arena, COMMAND_SALE_PAUSE),
		sale_command(&arena, COMMAND_SALE_RESUME),
		sale_command(&arena, COMMAND_SALE_CANCEL),
		hold_command(&arena, 1, "ann", "1"),
		release_command(&arena, 1, "ann"),
		hold_expire_command(&arena, 1),
		order_command(&arena, 1, "ann", 1),
		order_seats_command(&arena, 1, "ann", "1"),
		cancel_command(&arena, 1, "ann"),
		order_expire_command(&arena, 1),
		payment_command(&arena, 1, "t1", PAYMENT_FAILED),
	};
	struct uuid event_id = test_event_id();
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
		assert_int_equal(command_shard(&commands[i]), uuid_shard(&event_id));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_of_an_event_has_the_events_shard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
