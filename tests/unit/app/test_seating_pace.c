/* test_seating_pace.c: how large the chunks of a large event are on fast, slow and stalling stores, and that it is made in time on all of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "app/seating_pace.h"

#define MS UINT64_C(1000000)
#define SEATS 1000000
#define LEFT_NS (45000 * MS)

/* A chunk takes the store so long; besides, the network and the pause take their time. */
struct store_speed {
	uint64_t fixed_ns, seat_ns, network_ns;
};

struct making {
	struct seating_pace pace;
	uint64_t now_ns, longest_ns;
	uint32_t chunks, rest;
};

static void begin(struct making *making)
{
	*making = (struct making){.rest = SEATS};
	seating_pace_begin(&making->pace, 50, 4000, 10 * MS);
}

static uint64_t write_chunk(struct making *making, const struct store_speed *speed)
{
	uint32_t seats = making->rest < making->pace.chunk ? making->rest : making->pace.chunk;
	uint64_t held_ns = speed->fixed_ns + seats * speed->seat_ns;
	uint64_t whole_ns = held_ns + speed->network_ns + seating_pace_pause_ms(held_ns) * MS;
	making->now_ns += whole_ns;
	making->rest -= seats;
	making->chunks++;
	making->longest_ns = held_ns > making->longest_ns ? held_ns : making->longest_ns;
	const struct seating_took took = {
		.seats = seats,
		.held_ns = held_ns,
		.whole_ns = whole_ns,
		.rest = making->rest,
		.left_ns = making->now_ns < LEFT_NS ? LEFT_NS - making->now_ns : 0,
	};
	if (making->rest > 0)
		seating_pace_note(&making->pace, &took);
	return held_ns;
}

static void make(struct making *making, const struct store_speed *speed)
{
	while (making->rest > 0)
		(void)write_chunk(making, speed);
	assert_true(making->now_ns <= LEFT_NS + 1000 * MS);
}

static void a_store_at_any_speed_is_held_up_for_ten_milliseconds(void **state)
{
	static const struct store_speed speeds[] = {
		{.fixed_ns = MS / 4, .seat_ns = 3500},
		{.fixed_ns = 3 * MS, .seat_ns = 3500},
		{.fixed_ns = MS, .seat_ns = 20000},
		{.fixed_ns = MS / 2, .seat_ns = 6000, .network_ns = 10 * MS}, /* the network holds nobody up */
	};
	(void)state;
	for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
		struct making making;
		begin(&making);
		make(&making, &speeds[i]);
		assert_in_range(making.longest_ns, 8 * MS, 12 * MS);
		assert_true(making.chunks < SEATS / 200);
	}
}

static void a_store_that_becomes_slower_has_smaller_chunks_at_once_and_larger_ones_again(void **state)
{
	static const struct store_speed quick = {.fixed_ns = MS / 4, .seat_ns = 3500}, slow = {.fixed_ns = MS, .seat_ns = 35000};
	struct making making;
	(void)state;
	begin(&making);
	for (uint32_t i = 0; i < 20; i++)
		(void)write_chunk(&making, &quick);
	uint32_t usual = making.pace.chunk;
	assert_in_range(usual, 2000, 4000);
	(void)write_chunk(&making, &slow);
	assert_in_range(write_chunk(&making, &slow), 5 * MS, 12 * MS);
	uint32_t small = making.pace.chunk;
	assert_true(small < usual / 8);
	(void)write_chunk(&making, &quick);
	assert_int_equal(making.pace.chunk, 2 * small);
	for (uint32_t i = 0; i < 10; i++)
		(void)write_chunk(&making, &quick);
	assert_in_range(making.pace.chunk, usual - usual / 10, usual + usual / 10);
}

/* Syncs alone take longer than a chunk may: chunks of 50 seats would take ten minutes. */
static void an_event_is_made_in_time_where_every_commit_is_slow(void **state)
{
	static const struct store_speed slow = {.fixed_ns = 30 * MS, .seat_ns = 5000};
	struct making making;
	(void)state;
	begin(&making);
	make(&making, &slow);
	assert_in_range(making.longest_ns, 30 * MS, 50 * MS);
}

static void others_have_time_behind_each_chunk(void **state)
{
	(void)state;
	assert_int_equal(seating_pace_pause_ms(0), 3);
	assert_int_equal(seating_pace_pause_ms(20 * MS), 5);
	assert_int_equal(seating_pace_pause_ms(1000 * MS), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_at_any_speed_is_held_up_for_ten_milliseconds),
		cmocka_unit_test(a_store_that_becomes_slower_has_smaller_chunks_at_once_and_larger_ones_again),
		cmocka_unit_test(an_event_is_made_in_time_where_every_commit_is_slow),
		cmocka_unit_test(others_have_time_behind_each_chunk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
