/* fuzz_duration.c: durations, rates and times from any bytes. A value that is read keeps its limits and survives being written and read
 * again. */
#include <assert.h>
#include <stdint.h>

#include "base/rate.h"
#include "base/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_duration(struct slice text)
{
	uint64_t ms, again_ms;
	if (!duration_parse(text, &ms))
		return;
	assert(ms <= DURATION_MS_MAX);
	char written[DURATION_TEXT_LENGTH + 1];
	duration_format(ms, written);
	assert(duration_parse(slice_of(written), &again_ms) && again_ms == ms);
}

static void check_rate(struct slice text)
{
	struct rate rate;
	if (!rate_parse(text, &rate))
		return;
	assert(rate.limit <= RATE_LIMIT_MAX);
	assert(rate.limit == 0 || (rate.window_s >= 1 && rate.window_s <= RATE_WINDOW_S_MAX));
}

static void check_time(struct slice text)
{
	uint64_t unix_ms, again_ms;
	if (!time_parse(text, &unix_ms))
		return;
	assert(unix_ms <= TIME_MS_MAX);
	char written[TIME_TEXT_LENGTH + 1];
	time_format(unix_ms, written);
	assert(time_parse(slice_of(written), &again_ms) && again_ms == unix_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {.data = (const char *)data, .length = size};
	check_duration(text);
	check_rate(text);
	check_time(text);
	return 0;
}
