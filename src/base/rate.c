/* rate.c: the rates of the configuration. */
#include "base/rate.h"

#include <assert.h>

#include "base/decimal.h"
#include "base/time.h"

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
	uint64_t limit, window_ms;
	if (!slice_cut(&rest, '/', &before) || rest.data == NULL)
		return false;
	if (!decimal_parse(before, RATE_LIMIT_MAX, &limit) || limit == 0 || !duration_parse(rest, &window_ms))
		return false;
	if (window_ms == 0 || window_ms % 1000 != 0 || window_ms / 1000 > RATE_WINDOW_S_MAX)
		return false;
	*ret_rate = (struct rate){.limit = (uint32_t)limit, .window_s = (uint32_t)(window_ms / 1000)};
	return true;
}
