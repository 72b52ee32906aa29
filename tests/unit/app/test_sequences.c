/* test_sequences.c: events that come twice, too early, too late, or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "app/sequences.h"

static struct uuid stream_of(uint64_t number)
{
	return uuid_v7(number, number * UINT64_C(0x9e3779b97f4a7c15), 0);
}

static struct sequences *make(bool is_complete)
{
	struct sequences *sequences = sequences_new((struct hash_seed){.k0 = 1, .k1 = 2}, is_complete);
	assert_non_null(sequences);
	return sequences;
}

static void expect(struct sequences *sequences, uint64_t stream, uint32_t sequence, enum sequence_finding finding, uint32_t missing)
{
	struct uuid id = stream_of(stream);
	uint32_t found_missing;
	assert_int_equal(sequences_note(sequences, &id, sequence, &found_missing), finding);
	assert_int_equal(found_missing, missing);
}

static void each_stream_is_followed_by_itself(void **state)
{
	(void)state;
	struct sequences *sequences = make(true);
	for (uint32_t sequence = 1; sequence <= 200; sequence++)
		for (uint64_t stream = 1; stream <= 50; stream++)
			expect(sequences, stream, sequence, SEQUENCE_NEXT, 0);
	expect(sequences, 7, 203, SEQUENCE_GAP, 2);
	expect(sequences, 8, 201, SEQUENCE_NEXT, 0);
	sequences_free(sequences);
}

static void a_sequence_seen_before_is_a_repeat(void **state)
{
	(void)state;
	struct sequences *sequences = make(true);
	for (uint32_t sequence = 1; sequence <= 100; sequence++)
		expect(sequences, 1, sequence, SEQUENCE_NEXT, 0);
	expect(sequences, 1, 100, SEQUENCE_REPEAT, 0);
	expect(sequences, 1, 37, SEQUENCE_REPEAT, 0);
	expect(sequences, 1, 36, SEQUENCE_REPEAT, 0);
	expect(sequences, 1, 1, SEQUENCE_REPEAT, 0);
	expect(sequences, 1, 101, SEQUENCE_NEXT, 0);
	sequences_free(sequences);
}

static void a_missing_sequence_is_late_at_first_and_a_repeat_after(void **state)
{
	(void)state;
	struct sequences *sequences = make(true);
	expect(sequences, 1, 1, SEQUENCE_NEXT, 0);
	expect(sequences, 1, 4, SEQUENCE_GAP, 2);
	expect(sequences, 1, 3, SEQUENCE_LATE, 0);
	expect(sequences, 1, 3, SEQUENCE_REPEAT, 0);
	expect(sequences, 1, 5, SEQUENCE_NEXT, 0);
	expect(sequences, 1, 2, SEQUENCE_LATE, 0);
	expect(sequences, 1, 2, SEQUENCE_REPEAT, 0);
	expect(sequences, 1, 69, SEQUENCE_GAP, 63);
	expect(sequences, 1, 5, SEQUENCE_REPEAT, 0);
	expect(sequences, 1, 6, SEQUENCE_LATE, 0);
	expect(sequences, 1, UINT32_MAX, SEQUENCE_GAP, UINT32_MAX - 70);
	expect(sequences, 1, UINT32_MAX - 1, SEQUENCE_LATE, 0);
	sequences_free(sequences);
}

static void a_stream_may_begin_anywhere_unless_it_is_complete(void **state)
{
	(void)state;
	struct sequences *sequences = make(false);
	expect(sequences, 1, 5, SEQUENCE_NEXT, 0);
	expect(sequences, 1, 4, SEQUENCE_LATE, 0);
	expect(sequences, 1, 7, SEQUENCE_GAP, 1);
	sequences_free(sequences);
	sequences = make(true);
	expect(sequences, 1, 5, SEQUENCE_GAP, 4);
	expect(sequences, 2, 1, SEQUENCE_NEXT, 0);
	sequences_free(sequences);
}

static void of_very_many_streams_those_not_seen_for_long_are_forgotten(void **state)
{
	(void)state;
	struct sequences *sequences = make(true);
	for (uint64_t stream = 1; stream <= 3 * SEQUENCES_STREAMS; stream++) {
		expect(sequences, stream, 1, SEQUENCE_NEXT, 0);
		if (stream % 1000 == 0)
			expect(sequences, 5, (uint32_t)(stream / 1000) + 1, SEQUENCE_NEXT, 0);
	}
	expect(sequences, 2 * SEQUENCES_STREAMS + 1000, 1, SEQUENCE_REPEAT, 0); /* among the last */
	expect(sequences, 7, 3, SEQUENCE_NEXT, 0);                              /* forgotten, so it may begin anywhere */
	expect(sequences, 5, 3 * SEQUENCES_STREAMS / 1000 + 3, SEQUENCE_GAP, 1);
	sequences_free(sequences);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stream_is_followed_by_itself),
		cmocka_unit_test(a_sequence_seen_before_is_a_repeat),
		cmocka_unit_test(a_missing_sequence_is_late_at_first_and_a_repeat_after),
		cmocka_unit_test(a_stream_may_begin_anywhere_unless_it_is_complete),
		cmocka_unit_test(of_very_many_streams_those_not_seen_for_long_are_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
