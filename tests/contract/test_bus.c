/* test_bus.c: the contract of ports/bus.h, for every adapter: the one in this process; over RabbitMQ alone when it runs (broker.h). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "adapters/local/bus.h"
#include "base/hlc.h"
#include "tests/contract/broker.h"
#include "tests/support/publishing.h"

#define QUEUE "contract"
#define EVENTS_MAX 3000
#define TIMEOUT_MS 10000

/* A bus, and what has come out of it. */
struct line {
	struct bus *bus;
	struct local_subscriber subscriber;
	struct rabbitmq_consumer *consumer; /* NULL: the bus of this process */
	struct uuid ids[EVENTS_MAX];
	uint32_t count;
};

static void listen_to(void *context, const struct event_record *record)
{
	struct line *line = context;
	assert_true(line->count < EVENTS_MAX);
	line->ids[line->count++] = record->id;
}

static void open_line(struct line *line)
{
	char message[RABBITMQ_MESSAGE_MAX];
	line->count = 0;
	line->consumer = NULL;
	if (broker_url() != NULL) {
		assert_int_equal(rabbitmq_bus_open(broker_url(), NULL, 0, &line->bus, message), OK);
		return;
	}
	assert_int_equal(local_bus_new(&line->bus), OK);
	line->subscriber = (struct local_subscriber){.receive = listen_to, .context = line};
}

static void begin_listening(struct line *line)
{
	if (broker_url() != NULL)
		line->consumer = broker_listen(QUEUE, "#");
	else
		local_bus_subscribe(line->bus, &line->subscriber);
}

/* Waits for so many events in all, and no more. */
static void expect_events(struct line *line, uint32_t count)
{
	while (line->consumer != NULL && line->count < count) {
		struct rabbitmq_delivery delivery = broker_receive(line->consumer);
		assert_true(uuid_parse(delivery.message_id, &line->ids[line->count++]));
	}
	assert_int_equal(line->count, count);
}

static void close_line(struct line *line)
{
	struct rabbitmq_delivery delivery;
	if (line->consumer != NULL) {
		assert_int_equal(rabbitmq_consumer_next(line->consumer, 50, &delivery), CONSUMER_NOTHING);
		broker_leave(line->consumer, QUEUE);
	} else if (broker_url() == NULL) {
		local_bus_unsubscribe(line->bus, &line->subscriber);
	}
	bus_free(line->bus);
}

static struct uuid id_of(uint32_t number)
{
	return uuid_v7(hlc_from_milliseconds(1000000) + number, number, 3);
}

/* Events number `first` and those after it. */
static enum bus_result publish(struct line *line, uint32_t first, uint32_t count)
{
	static struct event_record records[EVENTS_MAX];
	static const struct event_record *pointers[EVENTS_MAX];
	assert_true(count <= EVENTS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		records[i] = (struct event_record){
			.id = id_of(first + i),
			.type = (first + i) % 2 == 0 ? EVENT_HOLD_CREATED : EVENT_ORDER_CONFIRMED,
			.stream_id = id_of(7),
			.sequence = first + i,
			.occurred_at_ms = 1000000,
			.trace = {.trace_id = {1}, .span_id = {1}},
			.data = SLICE("{\"hold_id\":\"1\"}"),
		};
		pointers[i] = &records[i];
	}
	struct sending sending = {0};
	return sending_go_on(&sending, line->bus, pointers, count, TIMEOUT_MS);
}

static void the_bus_publishes_events_without_a_subscriber(void **state)
{
	(void)state;
	static struct line line;
	open_line(&line);
	assert_int_equal(publish(&line, 1, 3), BUS_OK);
	begin_listening(&line);
	assert_int_equal(publish(&line, 4, 1), BUS_OK);
	expect_events(&line, 1);
	close_line(&line);
}

static void events_come_out_in_the_order_they_went_in(void **state)
{
	(void)state;
	static struct line line;
	static const uint32_t counts[] = {1, 3, 512, 2000, 484};
	open_line(&line);
	begin_listening(&line);
	assert_int_equal(line.bus->operations->collect(line.bus, 0), BUS_OK);
	uint32_t published = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
		assert_int_equal(publish(&line, published, counts[i]), BUS_OK);
		published += counts[i];
		expect_events(&line, published);
	}
	for (uint32_t i = 0; i < published; i++) {
		struct uuid expected = id_of(i);
		assert_true(uuid_equal(&line.ids[i], &expected));
	}
	assert_int_equal(line.bus->operations->collect(line.bus, 0), BUS_OK);
	close_line(&line);
}

static void an_event_that_is_published_again_comes_out_again(void **state)
{
	(void)state;
	static struct line line;
	open_line(&line);
	begin_listening(&line);
	for (int i = 0; i < 2; i++)
		assert_int_equal(publish(&line, 1, 2), BUS_OK);
	expect_events(&line, 4);
	assert_true(uuid_equal(&line.ids[0], &line.ids[2]));
	assert_true(uuid_equal(&line.ids[1], &line.ids[3]));
	close_line(&line);
}

static void unsubscribing_ends_the_delivery(void **state)
{
	(void)state;
	static struct line line;
	open_line(&line);
	begin_listening(&line);
	static struct line other;
	other = (struct line){.bus = line.bus, .subscriber = {.receive = listen_to, .context = &other}};
	local_bus_subscribe(line.bus, &other.subscriber);
	assert_int_equal(publish(&line, 1, 1), BUS_OK);
	local_bus_unsubscribe(line.bus, &other.subscriber);
	assert_int_equal(publish(&line, 2, 1), BUS_OK);
	assert_int_equal(other.count, 1);
	expect_events(&line, 2);
	close_line(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bus_publishes_events_without_a_subscriber),
		cmocka_unit_test(events_come_out_in_the_order_they_went_in),
		cmocka_unit_test(an_event_that_is_published_again_comes_out_again),
	};
	const struct CMUnitTest local_tests[] = {
		cmocka_unit_test(unsubscribing_ends_the_delivery),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return broker_url() != NULL ? failed : failed + cmocka_run_group_tests(local_tests, NULL, NULL);
}
