/* test_sighting.c: which messages are events of a stream, and what is noted of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "app/sighting.h"

#define STREAM "019a9f3c-7b2e-7c41-8a55-2f6d1f0a9b3c"
#define EVENT(sequence) "{\"subject\":\"" STREAM "\",\"sequence\":" sequence ",\"time\":\"2027-01-01T00:00:00Z\"}"

static struct sequences *sequences;

static int begin(void **state)
{
	(void)state;
	sequences = sequences_new((struct hash_seed){.k0 = 1, .k1 = 2}, true);
	return sequences == NULL ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	sequences_free(sequences);
	return 0;
}

static void an_event_is_seen_with_its_stream_and_sequence(void **state)
{
	(void)state;
	char stream[UUID_TEXT_LENGTH + 1];
	struct sighting sighting = sighting_of(sequences, SLICE(" " EVENT("1") "\n"));
	assert_true(sighting.is_event);
	uuid_format(&sighting.stream, stream);
	assert_string_equal(stream, STREAM);
	assert_int_equal(sighting.sequence, 1);
	assert_int_equal(sighting.finding, SEQUENCE_NEXT);
	assert_true(slice_equal_string(sighting.event, EVENT("1"))); /* without what is around it */
	assert_true(slice_equal_string(sighting.time, "2027-01-01T00:00:00Z"));
}

static void gaps_and_repeats_are_noted(void **state)
{
	(void)state;
	(void)sighting_of(sequences, SLICE(EVENT("1")));
	struct sighting gap = sighting_of(sequences, SLICE(EVENT("4")));
	assert_int_equal(gap.finding, SEQUENCE_GAP);
	assert_int_equal(gap.missing, 2);
	assert_int_equal(sighting_of(sequences, SLICE(EVENT("3"))).finding, SEQUENCE_LATE);
	assert_int_equal(sighting_of(sequences, SLICE(EVENT("3"))).finding, SEQUENCE_REPEAT);
}

static void a_body_without_an_event_is_not_counted(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		"",
		"not JSON",
		"[]",
		"{}",
		"{\"subject\":\"x\",\"sequence\":1,\"time\":\"t\"}",
		"{\"subject\":\"" STREAM "\",\"sequence\":0,\"time\":\"t\"}",
		"{\"subject\":\"" STREAM "\",\"sequence\":\"1\",\"time\":\"t\"}",
		"{\"subject\":\"" STREAM "\",\"sequence\":4294967296,\"time\":\"t\"}",
		"{\"subject\":\"" STREAM "\",\"sequence\":1}",
	};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		if (sighting_of(sequences, slice_of(bodies[i])).is_event)
			fail_msg("%s", bodies[i]);
	assert_int_equal(sighting_of(sequences, SLICE(EVENT("1"))).finding, SEQUENCE_NEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_event_is_seen_with_its_stream_and_sequence, begin, end),
		cmocka_unit_test_setup_teardown(gaps_and_repeats_are_noted, begin, end),
		cmocka_unit_test_setup_teardown(a_body_without_an_event_is_not_counted, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
