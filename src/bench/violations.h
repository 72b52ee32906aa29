/* violations.h: broken promises of the server: counted, and the first ones kept with their evidence. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"

#define VIOLATIONS_KEPT_MAX 20
#define VIOLATION_LENGTH_MAX 2000

struct violations {
	uint64_t count;
	char *texts[VIOLATIONS_KEPT_MAX]; /* NULL from the first free one on */
};

/* The evidence in one line; beyond VIOLATION_LENGTH_MAX it is cut. */
void violations_add(struct violations *violations, const char *format, ...) format_printf(2, 3);
void violations_release(struct violations *violations);
