/* under_way.h: the messages of a connection that are not settled, in the order in which they were sent, over all channels. Private to
 * the RabbitMQ adapter.
 *
 * Brokers settle messages of several channels in any order; the point up to which all are confirmed counts. A refused message stops that
 * point: later messages may have been confirmed, and are sent again behind it all the same. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/rabbitmq/confirms.h"
#include "base/attributes.h"

#define UNDER_WAY_MAX CONFIRMS_MAX
#define UNDER_WAY_CHANNELS 4

struct under_way_message {
	uint8_t channel; /* from 0 */
	uint32_t events;
	uint64_t tag;
};

struct under_way {
	struct confirms channels[UNDER_WAY_CHANNELS];
	struct under_way_message messages[UNDER_WAY_MAX];
	uint32_t first, count;
	bool is_refused; /* one of them */
};

/* A new connection. */
void under_way_reset(struct under_way *under_way);
/* There is room for the message. */
void under_way_add(struct under_way *under_way, uint8_t channel, uint32_t events);
/* Notes an ack or nack of the broker. Answers the number of messages that it settles. Unknown tags are ignored. */
uint32_t under_way_settle(struct under_way *under_way, uint8_t channel, uint64_t tag, bool is_multiple, bool is_refused);
/* Takes the confirmed messages off the front, up to the first that is refused or not settled; answers the number of their events. */
uint32_t under_way_advance(struct under_way *under_way);
/* Whether the broker has said of each what became of it. */
must_check bool under_way_is_settled(const struct under_way *under_way);
