/* broker.h: the RabbitMQ that tests/peers/rabbitmq.py runs beside the test, and what it is told to do. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "adapters/rabbitmq/consumer.h"
#include "base/attributes.h"

/* NULL: there is none. */
const char *broker_url(void);
/* "kill", "delete_exchange tro.events", "control list_queues": returns when it is done. Fails the test when it cannot be done. */
void broker_tell(const char *format, ...) format_printf(1, 2);

struct rabbitmq_consumer *broker_open(const char *queue, const char *pattern);
/* One whose queue is there, and empty. */
struct rabbitmq_consumer *broker_listen(const char *queue, const char *pattern);
/* Its next message, acknowledged; fails the test when none comes within ten seconds. */
struct rabbitmq_delivery broker_receive(struct rabbitmq_consumer *consumer);
/* Ends the consumer and its queue. */
void broker_leave(struct rabbitmq_consumer *consumer, const char *queue);
