/* test_windows.c: sliding-window logs against a plain count of the same requests, and their bounds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "adapters/local/windows.h"

static struct windows *windows_for(uint32_t quota, uint32_t window_ms, uint32_t callers_max)
{
	const struct windows_options options = {
		.quota = quota,
		.window_ms = window_ms,
		.callers_max = callers_max,
		.seed = {.k0 = 1, .k1 = 2},
	};
	struct windows *windows;
	assert_int_equal(windows_new(&options, &windows), OK);
	return windows;
}

/* Whether the request was counted. */
static bool take(struct windows *windows, struct slice caller, uint64_t now_ms)
{
	struct window window = window_open(windows, caller, now_ms);
	bool has_room = !window_is_full(&window);
	if (has_room)
		window_count(&window);
	window_close(&window);
	return has_room;
}

static struct admission_quota quota_of(struct windows *windows, struct slice caller, uint64_t now_ms)
{
	struct window window = window_open(windows, caller, now_ms);
	struct admission_quota quota = window_quota(&window);
	window_close(&window);
	return quota;
}

static struct slice caller_name(uint32_t number, char text[static 32])
{
	int length = snprintf(text, 32, "caller-%u", number);
	return (struct slice){.data = text, .length = (size_t)length};
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Counts that are never forgotten. */
struct model {
	uint64_t times[20000];
	uint32_t count;
};

static uint32_t model_used(const struct model *model, uint64_t now_ms, uint32_t window_ms)
{
	uint32_t used = 0;
	for (uint32_t i = model->count; i > 0 && now_ms - model->times[i - 1] < window_ms; i--)
		used++;
	return used;
}

static void log_agrees_with_a_count_of_everything(void **state)
{
	(void)state;
	enum { QUOTA = 37, WINDOW_MS = 1000 };
	static struct model model;
	model.count = 0;
	struct windows *windows = windows_for(QUOTA, WINDOW_MS, 16);
	uint32_t random = 7;
	/* Past 2^32 ms, so that the times wrap round meanwhile. */
	uint64_t now_ms = (UINT64_C(1) << 32) - 50000;
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t pause = next_random(&random) % 100;
		now_ms += pause < 60 ? 0 : pause < 98 ? pause - 59 : 700;
		uint32_t used = model_used(&model, now_ms, WINDOW_MS);
		assert_int_equal(quota_of(windows, SLICE("ada"), now_ms).remaining, QUOTA - used);
		assert_int_equal(take(windows, SLICE("ada"), now_ms), used < QUOTA);
		if (used < QUOTA)
			model.times[model.count++] = now_ms;
	}
	assert_true(now_ms > UINT64_C(1) << 32);
	windows_free(windows);
}

static void full_window_says_exactly_when_it_has_room(void **state)
{
	(void)state;
	struct windows *windows = windows_for(3, 60000, 16);
	for (uint64_t now_ms = 1000; now_ms < 4000; now_ms += 1000)
		assert_true(take(windows, SLICE("ada"), now_ms));
	struct window window = window_open(windows, SLICE("ada"), 4250);
	assert_true(window_is_full(&window));
	assert_int_equal(window_wait_ms(&window), 56750);
	struct admission_quota quota = window_quota(&window);
	window_close(&window);
	assert_int_equal(quota.quota, 3);
	assert_int_equal(quota.window_s, 60);
	assert_int_equal(quota.remaining, 0);
	assert_int_equal(quota.reset_s, 57);
	assert_false(take(windows, SLICE("ada"), 60999));
	assert_true(take(windows, SLICE("ada"), 61000));
	assert_false(take(windows, SLICE("ada"), 61001));
	windows_free(windows);
}

static void callers_do_not_share_a_window(void **state)
{
	(void)state;
	struct windows *windows = windows_for(1, 60000, 1000);
	char text[32];
	for (uint32_t i = 0; i < 500; i++)
		assert_true(take(windows, caller_name(i, text), 1000));
	for (uint32_t i = 0; i < 500; i++)
		assert_false(take(windows, caller_name(i, text), 1001));
	windows_free(windows);
}

static void time_that_goes_back_stands_still(void **state)
{
	(void)state;
	struct windows *windows = windows_for(2, 1000, 16);
	assert_true(take(windows, SLICE("ada"), 5000));
	assert_true(take(windows, SLICE("ada"), 4999));
	assert_false(take(windows, SLICE("ada"), 10));
	assert_false(take(windows, SLICE("ada"), 5999));
	assert_true(take(windows, SLICE("ada"), 6000));
	windows_free(windows);
}

static void nobody_is_limited_without_windows_or_a_name(void **state)
{
	(void)state;
	struct windows *windows = windows_for(1, 1000, 16);
	for (uint32_t i = 0; i < 10; i++) {
		assert_true(take(windows, (struct slice){0}, 5000));
		assert_true(take(NULL, SLICE("ada"), 5000));
	}
	assert_false(quota_of(NULL, SLICE("ada"), 5000).is_limited);
	windows_free(windows);
}

static void least_recently_used_goes_when_there_are_too_many(void **state)
{
	(void)state;
	struct windows *windows = windows_for(1, 60000, 64);
	char text[32];
	assert_true(take(windows, SLICE("ada"), 1000));
	for (uint32_t i = 0; i < 10000; i++) {
		assert_true(take(windows, caller_name(i, text), 1000));
		if (i % 2 == 0)
			assert_false(take(windows, SLICE("ada"), 1000)); /* in use, so it stays */
	}
	assert_true(take(windows, caller_name(0, text), 1000));
	windows_free(windows);
}

static void ten_thousand_callers_take_little_memory(void **state)
{
	(void)state;
	struct mallinfo2 before = mallinfo2();
	struct windows *windows = windows_for(100, 60000, 131072);
	char text[32];
	for (uint32_t i = 0; i < 10000; i++) {
		for (uint32_t j = 0; j < 10; j++)
			assert_true(take(windows, caller_name(i, text), 1000 + j));
	}
	struct mallinfo2 after = mallinfo2();
	size_t used = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
	print_message("10,000 callers with 10 requests each: %zu KiB\n", used / 1024);
	assert_true(used < 3 * 1024 * 1024);
	windows_free(windows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_agrees_with_a_count_of_everything),
		cmocka_unit_test(full_window_says_exactly_when_it_has_room),
		cmocka_unit_test(callers_do_not_share_a_window),
		cmocka_unit_test(time_that_goes_back_stands_still),
		cmocka_unit_test(nobody_is_limited_without_windows_or_a_name),
		cmocka_unit_test(least_recently_used_goes_when_there_are_too_many),
		cmocka_unit_test(ten_thousand_callers_take_little_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
