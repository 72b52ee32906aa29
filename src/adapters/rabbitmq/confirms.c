/* confirms.c: a ring of one mark for each tag. */
#include "adapters/rabbitmq/confirms.h"

#include <assert.h>
#include <string.h>

void confirms_reset(struct confirms *confirms)
{
	assert(confirms != NULL);
	memset(confirms->is_settled, 0, sizeof confirms->is_settled);
	confirms->first = 1;
	confirms->next = 1;
}

uint32_t confirms_count(const struct confirms *confirms)
{
	assert(confirms->next >= confirms->first && confirms->next - confirms->first <= CONFIRMS_MAX);
	return (uint32_t)(confirms->next - confirms->first);
}

void confirms_add(struct confirms *confirms)
{
	assert(confirms_count(confirms) < CONFIRMS_MAX);
	confirms->is_settled[confirms->next % CONFIRMS_MAX] = false;
	confirms->next++;
}

uint32_t confirms_settle(struct confirms *confirms, uint64_t tag, bool is_multiple)
{
	assert(confirms != NULL);
	uint32_t count = 0;
	uint64_t last = is_multiple && tag == 0 ? confirms->next - 1 : tag;
	if (last < confirms->first || last >= confirms->next)
		return 0;
	for (uint64_t i = is_multiple ? confirms->first : last; i <= last; i++) {
		if (confirms->is_settled[i % CONFIRMS_MAX])
			continue;
		confirms->is_settled[i % CONFIRMS_MAX] = true;
		count++;
	}
	while (confirms->first < confirms->next && confirms->is_settled[confirms->first % CONFIRMS_MAX])
		confirms->first++;
	return count;
}
