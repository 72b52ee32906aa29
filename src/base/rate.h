/* rate.h: so many in so much time: "100/1m". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"

#define RATE_LIMIT_MAX 1000000
#define RATE_WINDOW_S_MAX 86400

struct rate {
	uint32_t limit; /* 0: not limited */
	uint32_t window_s;
};

/* "LIMIT/DURATION", the limit from 1 to RATE_LIMIT_MAX and the duration whole seconds up to a day, or "off". False: *ret_rate untouched. */
must_check bool rate_parse(struct slice text, struct rate *ret_rate);
