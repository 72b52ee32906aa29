/* confirms.c: a ring of one mark for each tag. */
#include "adapters/rabbitmq/confirms.h"

#include <assert.h>
#include <string.h>

void confirms_reset(struct confirms *confirms)
{
	assert(confirms != NULL);
	memset(confirms->state, CONFIRM_AWAITED, sizeof confirms->state);
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
	confirms->state[confirms->next % CONFIRMS_MAX] = CONFIRM_AWAITED;
	confirms->next++;
}

uint32_t confirms_settle(struct confirms *confirms, uint64_t tag, bool is_multiple, bool is_refused)
{
	assert(confirms != NULL);
	uint32_t count = 0;
	uint64_t last = is_multiple && tag == 0 ? confirms->next - 1 : tag;
	if (last < confirms->first || last >= confirms->next)
		return 0;
	for (uint64_t i = is_multiple ? confirms->first : last; i <= last; i++) {
		if (confirms->state[i % CONFIRMS_MAX] != CONFIRM_AWAITED)
			continue;
		confirms->state[i % CONFIRMS_MAX] = is_refused ? CONFIRM_REFUSED : CONFIRM_DONE;
		count++;
	}
	while (confirms->first < confirms->next && confirms->state[confirms->first % CONFIRMS_MAX] != CONFIRM_AWAITED)
		confirms->first++;
	return count;
}

enum confirm_state confirms_state(const struct confirms *confirms, uint64_t tag)
{
	assert(tag > 0 && tag < confirms->next && confirms->next - tag <= CONFIRMS_MAX);
	return confirms->state[tag % CONFIRMS_MAX];
}
