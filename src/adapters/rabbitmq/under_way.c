/* under_way.c: a ring of messages beside the marks of each channel. */
#include "adapters/rabbitmq/under_way.h"

#include <assert.h>
#include <stddef.h>

void under_way_reset(struct under_way *under_way)
{
	assert(under_way != NULL);
	for (uint32_t i = 0; i < UNDER_WAY_CHANNELS; i++)
		confirms_reset(&under_way->channels[i]);
	under_way->first = under_way->count = 0;
	under_way->is_refused = false;
}

void under_way_add(struct under_way *under_way, uint8_t channel, uint32_t events)
{
	assert(under_way->count < UNDER_WAY_MAX && channel < UNDER_WAY_CHANNELS);
	struct confirms *confirms = &under_way->channels[channel];
	under_way->messages[(under_way->first + under_way->count) % UNDER_WAY_MAX] =
		(struct under_way_message){.channel = channel, .events = events, .tag = confirms->next};
	under_way->count++;
	confirms_add(confirms);
}

uint32_t under_way_settle(struct under_way *under_way, uint8_t channel, uint64_t tag, bool is_multiple, bool is_refused)
{
	assert(under_way != NULL);
	if (channel >= UNDER_WAY_CHANNELS)
		return 0;
	uint32_t count = confirms_settle(&under_way->channels[channel], tag, is_multiple, is_refused);
	under_way->is_refused |= is_refused && count > 0;
	return count;
}

uint32_t under_way_advance(struct under_way *under_way)
{
	assert(under_way->count <= UNDER_WAY_MAX);
	uint32_t events = 0;
	while (under_way->count > 0) {
		const struct under_way_message *message = &under_way->messages[under_way->first];
		if (confirms_state(&under_way->channels[message->channel], message->tag) != CONFIRM_DONE)
			break;
		events += message->events;
		under_way->first = (under_way->first + 1) % UNDER_WAY_MAX;
		under_way->count--;
	}
	return events;
}

bool under_way_is_settled(const struct under_way *under_way)
{
	assert(under_way != NULL);
	for (uint32_t i = 0; i < UNDER_WAY_CHANNELS; i++)
		if (confirms_count(&under_way->channels[i]) > 0)
			return false;
	return true;
}
