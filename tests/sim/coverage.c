/* coverage.c: the names of the situations. */
#include "tests/sim/coverage.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const texts[SITUATION_COUNT] = {
#define X(name, text) [SITUATION_##name] = text,
	SITUATIONS(X)
#undef X
};

void coverage_print(const struct coverage *coverage)
{
	for (int i = 0; i < SITUATION_COUNT; i++)
		printf("%12" PRIu64 "  %s\n", coverage->counts[i], texts[i]);
}

uint32_t coverage_check(const struct coverage *coverage)
{
	uint32_t missing = 0;
	for (int i = 0; i < SITUATION_COUNT; i++) {
		if (coverage->counts[i] > 0)
			continue;
		printf("never happened: %s\n", texts[i]);
		missing++;
	}
	return missing;
}
