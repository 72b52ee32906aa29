/* rate.c: the rates of the configuration. */
#include "base/rate.h"

#include <assert.h>

#include "base/time.h"

/* One to seven digits, no sign, no leading zero. */
static bool limit_parse(struct slice text, uint32_t *ret_limit)
{
	if (text.length == 0 || text.length > 7 || text.data[0] == '0')
		return false;
	uint32_t limit = 0;
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		limit = limit * 10 + (uint32_t)(text.data[i] - '0');
	}
	if (limit > RATE_LIMIT_MAX)
		return false;
	*ret_limit = limit;
	return true;
}

bool rate_parse(struct slice text, struct rate *ret_rate)
{
	assert(text.data != NULL || text.length == 0);
	assert(ret_rate != NULL);

	if (slice_equal(text, SLICE("off"))) {
		*ret_rate = (struct rate){0};
		return true;
	}
	struct slice rest = text;
	struct slice before;
	uint32_t limit;
	uint64_t window_ms;
	if (!slice_cut(&rest, '/', &before) || rest.data == NULL)
		return false;
	if (!limit_parse(before, &limit) || !duration_parse(rest, &window_ms))
		return false;
	if (window_ms == 0 || window_ms % 1000 != 0 || window_ms / 1000 > RATE_WINDOW_S_MAX)
		return false;
	*ret_rate = (struct rate){.limit = limit, .window_s = (uint32_t)(window_ms / 1000)};
	return true;
}
