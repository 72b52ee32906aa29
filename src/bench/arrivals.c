/* arrivals.c: the moments of a fixed rate, computed from the count so that rounding never adds up. */
#include "bench/arrivals.h"

#include <assert.h>

#include "bench/clock.h"

static uint64_t moment_of(const struct arrivals *arrivals, uint64_t number)
{
	assert(arrivals->rate > 0 && arrivals->rate <= NS_PER_S);
	return arrivals->start_ns + number / arrivals->rate * NS_PER_S + number % arrivals->rate * NS_PER_S / arrivals->rate;
}

uint64_t arrivals_due_ns(const struct arrivals *arrivals, uint64_t now_ns)
{
	assert(arrivals != NULL);

	if (arrivals->maximum > 0 && arrivals->begun >= arrivals->maximum)
		return ARRIVALS_OVER;
	/* Overdue arrivals are dropped when the time is up: they would measure a server that nobody else loads any more. */
	if (now_ns >= arrivals->end_ns)
		return ARRIVALS_OVER;
	if (arrivals->rate == 0)
		return arrivals->start_ns;
	uint64_t moment = moment_of(arrivals, arrivals->begun);
	return moment < arrivals->end_ns ? moment : ARRIVALS_OVER;
}

bool arrivals_take(struct arrivals *arrivals, uint64_t now_ns, uint64_t *ret_intended_ns)
{
	assert(arrivals != NULL && ret_intended_ns != NULL);

	uint64_t due_ns = arrivals_due_ns(arrivals, now_ns);
	if (due_ns > now_ns)
		return false;
	arrivals->begun++;
	*ret_intended_ns = arrivals->rate == 0 ? now_ns : due_ns;
	return true;
}

uint64_t arrivals_missed(const struct arrivals *arrivals)
{
	assert(arrivals != NULL);

	if (arrivals->rate == 0 || arrivals->end_ns == UINT64_MAX)
		return 0;
	uint64_t length_ns = arrivals->end_ns - arrivals->start_ns;
	uint64_t planned = length_ns / NS_PER_S * arrivals->rate + length_ns % NS_PER_S * arrivals->rate / NS_PER_S;
	if (arrivals->maximum > 0 && planned > arrivals->maximum)
		planned = arrivals->maximum;
	return planned > arrivals->begun ? planned - arrivals->begun : 0;
}
