/* breaker.c: a count of failures and the time of opening, from which the state follows. */
#include "pipeline/breaker.h"

#include <assert.h>
#include <stddef.h>

void breaker_init(struct breaker *breaker, uint32_t failures_max, uint64_t pause_ms)
{
	assert(breaker != NULL);
	assert(failures_max > 0);

	*breaker = (struct breaker){.failures_max = failures_max, .pause_ms = pause_ms};
}

enum breaker_state breaker_state(const struct breaker *breaker, uint64_t now_ms)
{
	assert(breaker != NULL);

	if (breaker->is_held)
		return BREAKER_OPEN;
	uint64_t opened_at_ms = breaker->opened_at_ms;
	if (opened_at_ms == 0)
		return BREAKER_CLOSED;
	/* Another thread's clock reading may be a little older than the moment it opened. */
	bool is_over = now_ms >= opened_at_ms && now_ms - opened_at_ms >= breaker->pause_ms;
	return is_over ? BREAKER_HALF_OPEN : BREAKER_OPEN;
}

bool breaker_allows(struct breaker *breaker, uint64_t now_ms)
{
	assert(breaker != NULL);
	switch (breaker_state(breaker, now_ms)) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_HALF_OPEN:
		return !atomic_exchange(&breaker->is_trying, true);
	case BREAKER_OPEN:
		break;
	}
	return false;
}

void breaker_succeeded(struct breaker *breaker)
{
	assert(breaker != NULL);

	/* Only what changes is written: the common case leaves the cache line shared. */
	if (!breaker->has_succeeded)
		breaker->has_succeeded = true;
	if (breaker->failures == 0 && breaker->opened_at_ms == 0)
		return;
	breaker->failures = 0;
	breaker->opened_at_ms = 0;
	breaker->is_trying = false;
}

void breaker_failed(struct breaker *breaker, uint64_t now_ms)
{
	assert(breaker != NULL);
	assert(now_ms > 0);

	uint32_t failures = atomic_fetch_add(&breaker->failures, 1) + 1;
	if (failures >= breaker->failures_max)
		breaker->opened_at_ms = now_ms;
	breaker->is_trying = false;
}

void breaker_undecided(struct breaker *breaker)
{
	assert(breaker != NULL);
	breaker->is_trying = false;
}

uint64_t breaker_pause_ms(const struct breaker *breaker, uint64_t now_ms)
{
	assert(breaker != NULL);
	uint64_t opened_at_ms = breaker->opened_at_ms, pause_ms = breaker->pause_ms;
	if (breaker->is_held || breaker->is_trying)
		return 1;
	if (opened_at_ms == 0 || now_ms >= opened_at_ms + pause_ms)
		return 0;
	return opened_at_ms + pause_ms - now_ms;
}

void breaker_watch(struct breaker *breaker)
{
	assert(breaker != NULL);
	breaker->has_succeeded = false;
}

bool breaker_hold(struct breaker *breaker)
{
	assert(breaker != NULL);

	if (!breaker->has_succeeded)
		breaker->is_held = true;
	return breaker->is_held;
}

bool breaker_is_held(const struct breaker *breaker)
{
	assert(breaker != NULL);
	return breaker->is_held;
}

void breaker_release(struct breaker *breaker)
{
	assert(breaker != NULL);

	if (!breaker->is_held)
		return;
	breaker->failures = 0;
	breaker->opened_at_ms = 0;
	breaker->is_trying = false;
	breaker->is_held = false;
}
