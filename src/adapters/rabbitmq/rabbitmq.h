/* rabbitmq.h: the bus port (ports/bus.h) on RabbitMQ, or another broker that speaks AMQP 0-9-1 with its extensions.
 *
 * Events go to the topic exchange tro.events, with the event's type as the routing key, as CloudEvents 1.0 in structured JSON
 * (message.h). A batch is OK when the broker has confirmed every message of it; then each is in every queue that is bound to it, on disk
 * where the queue is durable. A message that no queue is bound to is confirmed all the same: it comes back, and is counted as unroutable. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "ports/bus.h"

#define RABBITMQ_MESSAGE_MAX 512
#define RABBITMQ_EXCHANGE "tro.events"

/* url: amqp:// or amqps://, as RabbitMQ writes it: amqps://user:password@host:port/vhost; no path, or "/" alone, is the vhost "/". Borrowed
 * until the function returns. The broker need not be there: the first call that needs it connects and declares the exchange, and whenever
 * the connection is lost the next call makes it again, with pauses, during which it answers BUS_DOWN at once. publish takes no longer than
 * its timeout, ping no longer than two seconds. While the connection stands
 * both answer BUS_PENDING until what was sent is confirmed, also while the broker blocks the connection; and what is confirmed or under way
 * is not sent again, in whatever batch it comes. Heartbeats find out within 30 seconds that the broker or the way to it is dead; a broker that lives and has
 * confirmed nothing for two minutes is given up as well.
 *
 * ERR_VALIDATION: a malformed URL; message says so in one line for people, without the password. ERR_NO_MEMORY. */
must_check enum error rabbitmq_bus_open(const char *url, struct bus **ret_bus, char message[static RABBITMQ_MESSAGE_MAX]);

struct rabbitmq_bus_status {
	bool is_connected;
	bool is_blocked;                    /* the broker takes no messages now: it lacks memory or disk */
	uint64_t connections;               /* made so far */
	uint64_t confirmed;                 /* messages, with those that were unroutable */
	uint64_t unroutable;                /* messages that no queue was bound to */
	struct uuid unroutable_id;          /* the last of them */
	enum event_type unroutable_type;    /* the same; EVENT_NONE: there was none */
	char problem[RABBITMQ_MESSAGE_MAX]; /* why it is down, in one line for people, without the password; empty: it is not */
};

/* For a bus of rabbitmq_bus_open, as its last call left it; safe from any thread. */
void rabbitmq_bus_status(struct bus *bus, struct rabbitmq_bus_status *ret_status);
