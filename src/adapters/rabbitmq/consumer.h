/* consumer.h: the messages of one queue of RabbitMQ, in order. For `tro consume` and the tests.
 *
 * The queue is durable, made when it is not there, and bound to tro.events by the pattern and to tro.batches by "#": a batch has events of
 * several types, of which the reader chooses. It is read by one consumer at a time, because two would each
 * see a part. Used by one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/rabbitmq/rabbitmq.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"

#define RABBITMQ_PREFETCH 4096 /* messages that may be delivered and not acknowledged: acknowledge well before */

struct rabbitmq_consumer;

/* Lives until the next call. Members that the message lacks are empty. */
struct rabbitmq_delivery {
	uint64_t tag;        /* for rabbitmq_consumer_acknowledge; ascends, and begins anew with each connection */
	bool is_redelivered; /* it was delivered before, and not acknowledged */
	struct slice message_id;
	struct slice type;
	struct slice content_type;
	struct slice exchange;
	struct slice routing_key;
	struct slice traceparent, tracestate; /* the headers */
	struct slice body;
};

enum consumer_result {
	CONSUMER_DELIVERY,
	CONSUMER_NOTHING, /* the time is over */
	CONSUMER_DOWN,    /* no connection, and none is to be had now; the next call tries again */
};

/* url, tls: as rabbitmq_bus_open takes them. queue and pattern (of routing keys: "#", "order.*"): up to 255 bytes. queue and pattern are
 * borrowed until the function returns. Connects to nothing yet. ERR_VALIDATION with a message, ERR_NO_MEMORY. */
must_check enum error rabbitmq_consumer_open(const char *url, const struct tls_client_files *tls, const char *queue, const char *pattern,
                                             struct rabbitmq_consumer **ret_consumer, char message[static RABBITMQ_MESSAGE_MAX]);
/* Takes NULL. Messages that are not acknowledged stay in the queue. */
void rabbitmq_consumer_free(struct rabbitmq_consumer *consumer);

/* The next message, waiting up to timeout_ms; connecting takes up to three seconds. A connection that was lost is made again. */
must_check enum consumer_result rabbitmq_consumer_next(struct rabbitmq_consumer *consumer, uint64_t timeout_ms,
                                                       struct rabbitmq_delivery *ret_delivery);
/* This message and all that came before it leave the queue. It may fail silently: then they come again. */
void rabbitmq_consumer_acknowledge(struct rabbitmq_consumer *consumer, uint64_t tag);
/* Why it is down, in one line for people, without the password. */
const char *rabbitmq_consumer_problem(const struct rabbitmq_consumer *consumer);
