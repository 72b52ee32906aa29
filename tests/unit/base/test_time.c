/* test_time.c: times and durations in text. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/time.h"

static void assert_time(const char *text, uint64_t expected)
{
	uint64_t unix_ms;
	if (!time_parse(slice_of(text), &unix_ms))
		fail_msg("refused: %s", text);
	if (unix_ms != expected)
		fail_msg("%s is not %" PRIu64, text, unix_ms);
}

static void times_are_written_with_milliseconds(void **state)
{
	(void)state;
	static const struct {
		uint64_t unix_ms;
		const char *text;
	} expected[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{1767322985678, "2026-01-02T03:03:05.678Z"},
		{4107542399999, "2100-02-28T23:59:59.999Z"},
		{4107542400000, "2100-03-01T00:00:00.000Z"},
		{TIME_MS_MAX, "9999-12-31T23:59:59.999Z"},
		{UINT64_MAX, "9999-12-31T23:59:59.999Z"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		char text[TIME_TEXT_LENGTH + 1];
		time_format(expected[i].unix_ms, text);
		assert_string_equal(text, expected[i].text);
	}
}

static void every_day_is_what_the_c_library_says(void **state)
{
	(void)state;
	for (uint64_t day = 0; day * 86400000 <= TIME_MS_MAX; day += 3) {
		time_t seconds = (time_t)(day * 86400 + day % 86400);
		struct tm parts;
		char expected[64], text[TIME_TEXT_LENGTH + 1];
		gmtime_r(&seconds, &parts);
		snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
		         parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)(day % 1000));
		uint64_t unix_ms = (uint64_t)seconds * 1000 + day % 1000;
		time_format(unix_ms, text);
		assert_string_equal(text, expected);
		assert_time(text, unix_ms);
	}
}

static void offsets_and_decimals_are_read(void **state)
{
	(void)state;
	assert_time("1970-01-01T00:00:00Z", 0);
	assert_time("1970-01-01t00:00:00z", 0);
	assert_time("1970-01-01T01:00:00.5+01:00", 500);
	assert_time("1969-12-31T23:30:00-00:30", 0);
	assert_time("1970-01-01T00:00:00-00:00", 0);
	assert_time("1970-01-01T00:00:00.123456789Z", 123);
	assert_time("1970-01-01T00:00:00.9999Z", 999);
	assert_time("2026-11-22T23:59:59.999+23:59", 1795305659999);
	assert_time("2000-02-29T00:00:00Z", 951782400000);
}

static void a_leap_second_reads_as_the_second_before(void **state)
{
	(void)state;
	uint64_t unix_ms;
	assert_time("2016-12-31T23:59:60Z", 1483228799000);
	assert_time("2016-12-31T15:59:60.25-08:00", 1483228799250);
	assert_false(time_parse(SLICE("2016-12-31T23:58:60Z"), &unix_ms));
	assert_false(time_parse(SLICE("2016-12-31T23:59:60+01:00"), &unix_ms));
}

static void texts_other_than_times_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {
		"",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-01-02T03:04Z",
		"2026-01-02 03:04:05Z",
		"2026-1-02T03:04:05Z",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05.1234567890Z",
		"2026-01-02T03:04:05,5Z",
		"2026-01-02T03:04:05Zulu",
		"2026-01-02T03:04:05Z ",
		" 2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05+1:00",
		"2026-01-02T03:04:05+0100",
		"2026-01-02T03:04:05+24:00",
		"2026-01-02T03:04:05+00:60",
		"2026-00-02T03:04:05Z",
		"2026-13-02T03:04:05Z",
		"2026-01-00T03:04:05Z",
		"2026-01-32T03:04:05Z",
		"2026-02-29T03:04:05Z",
		"2100-02-29T03:04:05Z",
		"2026-04-31T03:04:05Z",
		"2026-01-02T24:00:00Z",
		"2026-01-02T23:60:00Z",
		"2026-01-02T23:00:61Z",
		"-026-01-02T23:00:00Z",
		"+2026-01-02T23:00:00Z",
		"12026-01-02T23:00:00Z",
		"1969-12-31T23:59:59.999Z",
		"1970-01-01T00:00:00+00:01",
		"0000-01-01T00:00:00Z",
		"0000-02-29T00:00:00Z",
		"9999-12-31T23:59:59-00:01",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		uint64_t unix_ms = 42;
		if (time_parse(slice_of(refused[i]), &unix_ms))
			fail_msg("taken: %s", refused[i]);
		assert_int_equal(unix_ms, 42);
	}
}

static void assert_duration(const char *text, uint64_t expected)
{
	uint64_t ms;
	if (!duration_parse(slice_of(text), &ms))
		fail_msg("refused: %s", text);
	if (ms != expected)
		fail_msg("%s is not %" PRIu64, text, ms);
}

static void durations_are_sums_of_units(void **state)
{
	(void)state;
	assert_duration("250ms", 250);
	assert_duration("30s", 30000);
	assert_duration("5m", 300000);
	assert_duration("1h", 3600000);
	assert_duration("7d", 604800000);
	assert_duration("1m30s", 90000);
	assert_duration("90s", 90000);
	assert_duration("1d2h3m4s5ms", 93784005);
	assert_duration("1m1ms", 60001);
	assert_duration("0s", 0);
	assert_duration("3650d", DURATION_MS_MAX);
}

static void texts_other_than_durations_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {
		"",
		"5",
		"m",
		"5 m",
		" 5m",
		"5m ",
		"-5m",
		"+5m",
		"1.5h",
		"5M",
		"5min",
		"1s1m",
		"1m1m",
		"1ms1",
		"5m30",
		"1w",
		"3651d",
		"1h ",
		"3650d1ms",
		"99999999999999999999999d",
		"18446744073709551616ms",
		"0x5s",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		uint64_t ms = 42;
		if (duration_parse(slice_of(refused[i]), &ms))
			fail_msg("taken: %s", refused[i]);
		assert_int_equal(ms, 42);
	}
	uint64_t ms;
	assert_false(duration_parse(SLICE("5s\0"), &ms));
}

static void durations_are_written_largest_unit_first(void **state)
{
	(void)state;
	static const struct {
		uint64_t ms;
		const char *text;
	} expected[] = {
		{0, "0s"},
		{1, "1ms"},
		{300000, "5m"},
		{90000, "1m30s"},
		{604800000, "7d"},
		{93784005, "1d2h3m4s5ms"},
		{3600001, "1h1ms"},
		{DURATION_MS_MAX, "3650d"},
		{DURATION_MS_MAX - 1, "3649d23h59m59s999ms"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		char text[DURATION_TEXT_LENGTH + 1];
		duration_format(expected[i].ms, text);
		assert_string_equal(text, expected[i].text);
		assert_duration(text, expected[i].ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_with_milliseconds),    cmocka_unit_test(every_day_is_what_the_c_library_says),
		cmocka_unit_test(offsets_and_decimals_are_read),          cmocka_unit_test(a_leap_second_reads_as_the_second_before),
		cmocka_unit_test(texts_other_than_times_are_refused),     cmocka_unit_test(durations_are_sums_of_units),
		cmocka_unit_test(texts_other_than_durations_are_refused), cmocka_unit_test(durations_are_written_largest_unit_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
