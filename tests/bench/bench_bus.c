/* bench_bus.c: how many events a second RabbitMQ takes from the bus, each confirmed, in batches such as the publisher makes: into no
 * queue, and into a durable one that nobody reads meanwhile.
 *
 *   tests/peers/rabbitmq.py bench_bus [--events=100000] [--batch=1024] */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/rabbitmq/consumer.h"
#include "tests/support/measure.h"
#include "tests/support/publishing.h"

#define BATCH_MAX 8192
#define TIMEOUT_MS 60000

static const char data[] = "{\"hold_id\":\"01a3185c-5000-7000-8000-00000000002a\",\"event_id\":\"01a3185c-5000-7000-8000-00000000002a\","
			   "\"user_id\":\"user-1234\","
			   "\"seats\":[\"A-1-12\",\"A-1-13\"],\"status\":\"ACTIVE\",\"expires_at\":\"2026-01-02T03:04:05.678Z\","
			   "\"created_at\":\"2026-01-02T02:54:05.678Z\"}";

static void publish_batch(struct bus *bus, uint64_t first, uint32_t count)
{
	static struct event_record records[BATCH_MAX];
	static const struct event_record *pointers[BATCH_MAX];
	for (uint32_t i = 0; i < count; i++) {
		records[i] = (struct event_record){
			.id = uuid_v7(first + i, first + i, 1),
			.type = EVENT_HOLD_CREATED,
			.stream_id = uuid_v7(first + i, first + i, 2),
			.sequence = 1,
			.occurred_at_ms = 1700000000000 + first + i,
			.trace = {.trace_id = {1}, .span_id = {1}},
			.data = SLICE(data),
		};
		pointers[i] = &records[i];
	}
	struct sending sending = {0};
	if (sending_go_on(&sending, bus, pointers, count, TIMEOUT_MS) == BUS_OK)
		return;
	struct rabbitmq_bus_status status;
	rabbitmq_bus_status(bus, &status);
	must(false, status.problem);
}

static void measure(struct bus *bus, const char *what, uint32_t events, uint32_t batch)
{
	double began = seconds_now(), cpu_began = cpu_seconds();
	for (uint32_t done = 0; done < events; done += batch)
		publish_batch(bus, done, events - done < batch ? events - done : batch);
	double seconds = seconds_now() - began;
	(void)printf("%-28s %8.0f events/s, %.1f us of processor time here for each\n", what, events / seconds,
	             (cpu_seconds() - cpu_began) * 1e6 / events);
}

static uint32_t number(const char *text, uint32_t maximum)
{
	unsigned long value = strtoul(text, NULL, 10);
	must(value >= 1 && value <= maximum, "a number is out of range");
	return (uint32_t)value;
}

/* One that gets everything, and stays when this returns. */
static void make_queue(const char *url)
{
	char message[RABBITMQ_MESSAGE_MAX];
	struct rabbitmq_consumer *consumer;
	struct rabbitmq_delivery delivery;
	must(rabbitmq_consumer_open(url, NULL, "bench", "#", &consumer, message) == OK, message);
	must(rabbitmq_consumer_next(consumer, 0, &delivery) == CONSUMER_NOTHING, "the queue cannot be made, or is not empty");
	rabbitmq_consumer_free(consumer);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"events", required_argument, NULL, 'e'}, {"batch", required_argument, NULL, 'b'}, {0}};
	const char *url = getenv("TRO_TEST_RABBIT");
	uint32_t events = 100000, batch = 1024;
	char message[RABBITMQ_MESSAGE_MAX];
	struct bus *bus;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		must(option == 'e' || option == 'b', "usage: bench_bus [--events=N] [--batch=N]");
		if (option == 'e')
			events = number(optarg, 100000000);
		else
			batch = number(optarg, BATCH_MAX);
	}
	must(url != NULL, "TRO_TEST_RABBIT is not set: tests/peers/rabbitmq.py bench_bus");
	must(rabbitmq_bus_open(url, NULL, 0, &bus, message) == OK, message);
	measure(bus, "no queue, all comes back", events, batch);
	make_queue(url);
	measure(bus, "a durable queue", events, batch);
	bus_free(bus);
	return 0;
}
