/* rabbitmq.h: the bus port (ports/bus.h) on RabbitMQ, or another broker that speaks AMQP 0-9-1 with its extensions.
 *
 * Events go to the topic exchange tro.events, with the event's type as the routing key, as CloudEvents 1.0 in structured JSON; or in
 * batches of one partition to the topic exchange tro.batches, with the partition as the routing key (message.h). A confirmed message is
 * in every queue bound to it, on disk if the queue is durable. The broker confirms and returns a message that no queue is bound to: it
 * is counted as unroutable. Partitions are spread over a few channels of one connection; each keeps its order. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/net/tls_client.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/uuid.h"
#include "ports/bus.h"

#define RABBITMQ_MESSAGE_MAX 512
#define RABBITMQ_EXCHANGE "tro.events"
#define RABBITMQ_BATCH_EXCHANGE "tro.batches"
#define RABBITMQ_BATCH_MAX 1000

/* url: amqp:// or amqps://, as RabbitMQ writes it: amqps://user:password@host:port/vhost; no path, or "/" alone, is the vhost "/".
 * Borrowed until the function returns. batch_max: the events of a message, at most, to tro.batches; 0: each event is a message to
 * tro.events. The broker need not run yet: the first call connects and declares the exchange. When the connection is lost the next call
 * connects again, with pauses, during which it answers BUS_DOWN at once. Connecting takes two seconds at most. While the connection
 * stands both calls answer BUS_PENDING until all messages are confirmed, also while the broker blocks the connection. A blocked
 * connection with nothing unconfirmed is BUS_DOWN. A message that the broker refuses makes the bus BUS_DOWN once all others are settled.
 * Heartbeats notice within 30 seconds that the broker or the network is dead; a live broker that has confirmed nothing for two minutes
 * is given up as well.
 *
 * tls: of an amqps:// URL; NULL: no files. The paths are borrowed as long as the bus lives.
 *
 * ERR_VALIDATION: a malformed URL, or files for TLS with one that does not ask for it; message says so in one line for people, without
 * the password. ERR_NO_MEMORY. */
must_check enum error rabbitmq_bus_open(const char *url, const struct tls_client_files *tls, uint32_t batch_max, struct bus **ret_bus,
                                        char message[static RABBITMQ_MESSAGE_MAX]);

struct rabbitmq_bus_status {
	bool is_connected;
	bool is_blocked;                    /* the broker takes no messages now: it lacks memory or disk */
	uint64_t connections;               /* made so far */
	uint64_t messages;                  /* that were confirmed, with those that were unroutable */
	uint64_t unroutable;                /* messages that no queue was bound to */
	struct uuid unroutable_id;          /* the last of them */
	enum event_type unroutable_type;    /* the same; EVENT_NONE: there was none */
	char problem[RABBITMQ_MESSAGE_MAX]; /* why it is down, in one line for people, without the password; empty: it is not */
};

/* For a bus of rabbitmq_bus_open, as its last call left it; safe from any thread. */
void rabbitmq_bus_status(struct bus *bus, struct rabbitmq_bus_status *ret_status);
