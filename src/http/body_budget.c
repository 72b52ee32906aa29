/* body_budget.c: see body_budget.h. */
#include "http/body_budget.h"

#include <assert.h>
#include <stddef.h>

bool body_budget_take(struct body_budget *budget, uint64_t bytes)
{
	assert(budget != NULL);

	uint64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
	do {
		if (bytes > budget->maximum || used > budget->maximum - bytes)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed));
	return true;
}

void body_budget_give(struct body_budget *budget, uint64_t bytes)
{
	assert(budget != NULL);

	uint64_t before = atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
	assert(before >= bytes);
}
