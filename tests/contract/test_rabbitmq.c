/* test_rabbitmq.c: the RabbitMQ adapter when its broker stops, is killed, hangs, blocks, refuses, or loses its exchange and its queues. */
#include "tests/contract/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hlc.h"
#include "state/changes.h"
#include "tests/support/publishing.h"

#define QUEUE "events"
#define TIMEOUT_MS 5000
#define PATIENCE_MS 30000  /* for what is large */
#define LATE_MS 2000       /* nothing is confirmed for so long, and the bus says so */
#define AT_ONCE_MS 3000    /* on a machine that is busy with other tests */
#define RECOVERY_TRIES 100 /* of a tenth of a second */

/* The unconfirmed events of the last publishing: to publish the same goes on with them. */
static struct sending sending;
static const struct bus *sending_bus;
static uint32_t sending_first, sending_count;

static struct bus *open_bus(const char *url)
{
	char message[RABBITMQ_MESSAGE_MAX];
	struct bus *bus;
	assert_int_equal(rabbitmq_bus_open(url, NULL, 0, &bus, message), OK);
	sending_bus = NULL;
	return bus;
}

static struct uuid id_of(uint32_t number)
{
	return uuid_v7(hlc_from_milliseconds(1000000) + number, number, 3);
}

/* Events number `first` and those after it, of `length` bytes of data or a little more. */
static enum bus_result publish_large(struct bus *bus, uint32_t first, uint32_t count, size_t length, uint64_t timeout_ms)
{
	static struct event_record records[4096];
	static const struct event_record *pointers[ARRAY_LENGTH(records)];
	static char data[16384];
	assert_true(count <= ARRAY_LENGTH(records) && length < sizeof data);
	int size = snprintf(data, sizeof data, "{\"hold_id\":\"%0*d\"}", (int)length, 1);
	for (uint32_t i = 0; i < count; i++) {
		records[i] = (struct event_record){
			.id = id_of(first + i),
			.type = EVENT_HOLD_CREATED,
			.stream_id = id_of(7),
			.sequence = first + i,
			.occurred_at_ms = 1000000,
			.trace = {.trace_id = {0x4b}, .span_id = {0xf0}, .flags = 1},
			.data = {.data = data, .length = (size_t)size},
		};
		pointers[i] = &records[i];
	}
	if (bus != sending_bus || first != sending_first || count != sending_count)
		sending = (struct sending){0};
	sending_bus = bus;
	sending_first = first;
	sending_count = count;
	enum bus_result result = sending_go_on(&sending, bus, pointers, count, timeout_ms);
	if (result == BUS_OK)
		sending_bus = NULL;
	return result;
}

static enum bus_result publish(struct bus *bus, uint32_t first, uint32_t count)
{
	return publish_large(bus, first, count, 1, TIMEOUT_MS);
}

static struct rabbitmq_bus_status status_of(struct bus *bus)
{
	struct rabbitmq_bus_status status;
	rabbitmq_bus_status(bus, &status);
	return status;
}

/* The bus is down, and says these words. */
static void expect_problem(struct bus *bus, const char *words)
{
	struct rabbitmq_bus_status status = status_of(bus);
	if (strstr(status.problem, words) == NULL)
		fail_msg("the problem is '%s', not '%s'", status.problem, words);
	assert_null(strchr(status.problem, '\n'));
}

/* Publishes as a publisher does: again and again, until it is confirmed. Answers how often it was not. */
static int publish_at_last(struct bus *bus, uint32_t first, uint32_t count)
{
	int failures = 0;
	while (publish(bus, first, count) != BUS_OK) {
		assert_true(failures++ < RECOVERY_TRIES);
		(void)usleep(100000);
	}
	assert_string_equal(status_of(bus).problem, "");
	assert_true(status_of(bus).is_connected);
	return failures;
}

static void expect_event(struct rabbitmq_consumer *consumer, uint32_t number)
{
	struct rabbitmq_delivery delivery = broker_receive(consumer);
	struct uuid expected = id_of(number), id;
	assert_true(uuid_parse(delivery.message_id, &id));
	assert_true(uuid_equal(&id, &expected));
}

static uint64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void a_message_is_a_cloud_event(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	struct rabbitmq_consumer *consumer = broker_listen(QUEUE, "hold.*");
	assert_int_equal(publish(bus, 1, 1), BUS_OK);
	struct rabbitmq_delivery delivery = broker_receive(consumer);
	char id[UUID_TEXT_LENGTH + 1], stream[UUID_TEXT_LENGTH + 1], expected[1024];
	struct uuid event_id = id_of(1), stream_id = id_of(7);
	uuid_format(&event_id, id);
	uuid_format(&stream_id, stream);
	(void)snprintf(expected, sizeof expected,
	               "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/tro\",\"type\":\"hold.created\",\"subject\":\"%s\","
	               "\"time\":\"1970-01-01T00:16:40.000Z\",\"sequence\":1,\"datacontenttype\":\"application/json\","
	               "\"traceparent\":\"00-4b000000000000000000000000000000-f000000000000000-01\",\"data\":{\"hold_id\":\"1\"}}",
	               id, stream);
	assert_true(slice_equal_string(delivery.body, expected));
	assert_true(slice_equal_string(delivery.message_id, id));
	assert_true(slice_equal_string(delivery.type, "hold.created"));
	assert_true(slice_equal_string(delivery.content_type, "application/cloudevents+json"));
	assert_true(slice_equal_string(delivery.exchange, RABBITMQ_EXCHANGE));
	assert_true(slice_equal_string(delivery.routing_key, "hold.created"));
	assert_false(delivery.is_redelivered);
	broker_leave(consumer, QUEUE);
	bus_free(bus);
}

static void events_of_a_partition_come_in_batches(void **state)
{
	(void)state;
	struct bus *bus;
	char message[RABBITMQ_MESSAGE_MAX];
	assert_int_equal(rabbitmq_bus_open(broker_url(), NULL, 16, &bus, message), OK);
	sending_bus = NULL;
	struct rabbitmq_consumer *consumer = broker_listen(QUEUE, "hold.*");
	assert_int_equal(publish(bus, 1, 40), BUS_OK);
	assert_int_equal(bus->confirmed, 40);
	assert_int_equal(bus->messages, 3);
	struct uuid stream_id = id_of(7);
	char partition[4];
	(void)snprintf(partition, sizeof partition, "%u", outbox_partition(&stream_id));
	for (uint32_t number = 1; number <= 40;) {
		struct rabbitmq_delivery delivery = broker_receive(consumer);
		struct uuid expected = id_of(number), id;
		uint32_t before = number;
		assert_true(slice_equal_string(delivery.content_type, "application/cloudevents-batch+json"));
		assert_true(slice_equal_string(delivery.exchange, RABBITMQ_BATCH_EXCHANGE));
		assert_true(slice_equal_string(delivery.routing_key, partition));
		assert_true(uuid_parse(delivery.message_id, &id) && uuid_equal(&id, &expected));
		static const char begin[] = "{\"specversion\":\"1.0\",\"id\":\"";
		const char *at = delivery.body.data, *end = at + delivery.body.length;
		assert_true(*at == '[' && end[-1] == ']');
		for (; (at = memmem(at, (size_t)(end - at), begin, strlen(begin))) != NULL; number++) {
			at += strlen(begin);
			expected = id_of(number);
			assert_true(uuid_parse((struct slice){.data = at, .length = UUID_TEXT_LENGTH}, &id) && uuid_equal(&id, &expected));
		}
		assert_int_equal(number - before, before < 33 ? 16 : 8);
	}
	broker_leave(consumer, QUEUE);
	bus_free(bus);
}

static void the_bus_counts_unroutable_messages(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	assert_int_equal(publish(bus, 1, 3), BUS_OK);
	struct rabbitmq_bus_status status = status_of(bus);
	struct uuid last = id_of(3);
	assert_int_equal(status.unroutable, 3);
	assert_int_equal(status.messages, 3);
	assert_int_equal(status.unroutable_type, EVENT_HOLD_CREATED);
	assert_true(uuid_equal(&status.unroutable_id, &last));
	struct rabbitmq_consumer *consumer = broker_listen(QUEUE, "#");
	assert_int_equal(publish_large(bus, 4, 200, 5000, PATIENCE_MS), BUS_OK);
	assert_int_equal(status_of(bus).unroutable, 3);
	assert_int_equal(status_of(bus).messages, 203);
	broker_leave(consumer, QUEUE);
	assert_int_equal(publish_large(bus, 4, 200, 5000, PATIENCE_MS), BUS_OK); /* all of them come back */
	assert_int_equal(status_of(bus).unroutable, 203);
	bus_free(bus);
}

static void a_broker_that_is_not_there_is_down_at_once_and_found_when_it_comes(void **state)
{
	(void)state;
	broker_tell("stop");
	struct bus *bus = open_bus(broker_url());
	uint64_t began_ms = now_ms();
	assert_int_equal(bus->operations->collect(bus, 0), BUS_DOWN);
	assert_int_equal(publish(bus, 1, 1), BUS_DOWN);
	assert_in_range(now_ms() - began_ms, 0, AT_ONCE_MS);
	expect_problem(bus, "cannot be reached");
	assert_false(status_of(bus).is_connected);
	broker_tell("start");
	(void)publish_at_last(bus, 1, 1);
	assert_int_equal(status_of(bus).connections, 1);
	bus_free(bus);
}

/* Events confirmed before are in the queue, those published after come behind them. */
static void survive(const char *how)
{
	struct bus *bus = open_bus(broker_url());
	struct rabbitmq_consumer *consumer = broker_listen(QUEUE, "#");
	broker_tell("control eval mnesia:sync_log()."); /* of queues and bindings it promises nothing before */
	assert_int_equal(publish(bus, 1, 20), BUS_OK);
	rabbitmq_consumer_free(consumer);
	broker_tell("%s", how);
	assert_int_equal(bus->operations->collect(bus, 0), BUS_DOWN);
	broker_tell("start");
	(void)publish_at_last(bus, 21, 1);
	consumer = broker_open(QUEUE, "#");
	for (uint32_t i = 1; i <= 21; i++)
		expect_event(consumer, i);
	broker_leave(consumer, QUEUE);
	bus_free(bus);
}

static void confirmed_messages_survive_a_restart(void **state)
{
	(void)state;
	survive("stop");
}

static void confirmed_messages_survive_a_kill(void **state)
{
	(void)state;
	survive("kill");
}

static void wrong_credentials_are_a_problem_without_the_password(void **state)
{
	(void)state;
	char url[256];
	const char *address = strchr(broker_url(), '@');
	assert_non_null(address);
	(void)snprintf(url, sizeof url, "amqp://tro:sesame%s", address);
	struct bus *bus = open_bus(url);
	assert_int_equal(publish(bus, 1, 1), BUS_DOWN);
	expect_problem(bus, "ACCESS_REFUSED");
	assert_null(strstr(status_of(bus).problem, "sesame"));
	broker_tell("control add_user late sesame");
	bus_free(bus);
	(void)snprintf(url, sizeof url, "amqp://late:sesame%s", address);
	bus = open_bus(url);
	assert_int_equal(publish(bus, 1, 1), BUS_DOWN);
	expect_problem(bus, "refused for user 'late'");
	broker_tell("control set_permissions late .* .* .*");
	(void)publish_at_last(bus, 1, 1); /* the cause has ended */
	bus_free(bus);
	(void)snprintf(url, sizeof url, "%s/nowhere", broker_url());
	bus = open_bus(url);
	assert_int_equal(bus->operations->collect(bus, 0), BUS_DOWN);
	expect_problem(bus, "nowhere");
	bus_free(bus);
}

static void malformed_urls_are_refused_and_not_shown(void **state)
{
	(void)state;
	static const char *const urls[] = {
		"",
		"http://tro:sesame@localhost",
		"amqp://tro:sesame@localhost:port",
		"amqp://tro:sesame@localhost:99999",
		"amqp://tro:sesame@localhost/a/b",
		"amqp://tro:sesame@[::1",
		"amqp://tro:sesame%zz@localhost",
		"amqp://tro:sesame@localhost?heartbeat=1",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(urls); i++) {
		char message[RABBITMQ_MESSAGE_MAX] = "";
		struct bus *bus;
		assert_int_equal(rabbitmq_bus_open(urls[i], NULL, 0, &bus, message), ERR_VALIDATION);
		assert_true(message[0] != '\0');
		assert_null(strstr(message, "sesame"));
	}
}

static void a_broker_is_trusted_by_its_certificate(void **state)
{
	(void)state;
	const char *url = getenv("TRO_TEST_RABBIT_TLS"), *certificate = getenv("TRO_TEST_RABBIT_CERTIFICATE");
	assert_non_null(url);
	assert_non_null(certificate);
	assert_int_equal(setenv("SSL_CERT_FILE", certificate, 1), 0);
	struct bus *bus = open_bus(url);
	assert_int_equal(publish_large(bus, 1, 2000, 2000, PATIENCE_MS), BUS_OK);
	assert_int_equal(status_of(bus).messages, 2000);
	assert_int_equal(bus->operations->collect(bus, 0), BUS_OK);
	bus_free(bus);
	assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
	bus = open_bus(url);
	assert_int_equal(publish(bus, 1, 1), BUS_DOWN);
	expect_problem(bus, "self-signed certificate");
	bus_free(bus);
}

static void an_exchange_that_was_deleted_is_made_again(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	assert_int_equal(publish(bus, 1, 1), BUS_OK);
	broker_tell("delete_exchange " RABBITMQ_EXCHANGE);
	assert_int_equal(publish(bus, 2, 5), BUS_DOWN);
	expect_problem(bus, "no exchange 'tro.events'");
	(void)publish_at_last(bus, 2, 5);
	assert_int_equal(status_of(bus).connections, 2);
	bus_free(bus);
}

static void an_exchange_of_another_kind_is_a_problem_until_it_goes(void **state)
{
	(void)state;
	broker_tell("delete_exchange " RABBITMQ_EXCHANGE);
	broker_tell("control eval 'rabbit_exchange:declare(rabbit_misc:r(<<\"/\">>, exchange, <<\"" RABBITMQ_EXCHANGE
	            "\">>), fanout, true, false, false, [], <<\"test\">>).'");
	struct bus *bus = open_bus(broker_url());
	assert_int_equal(publish(bus, 1, 1), BUS_DOWN);
	expect_problem(bus, "PRECONDITION_FAILED");
	broker_tell("delete_exchange " RABBITMQ_EXCHANGE);
	(void)publish_at_last(bus, 1, 1);
	bus_free(bus);
}

static void a_blocked_connection_takes_nothing_and_says_why_at_once(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	struct rabbitmq_consumer *consumer = broker_listen(QUEUE, "#");
	assert_int_equal(publish(bus, 1, 1), BUS_OK);
	broker_tell("raise_alarm");
	uint64_t began_ms = now_ms();
	assert_int_equal(publish_large(bus, 2, 4000, 2000, 2000), BUS_PENDING); /* far more than fits in sockets */
	assert_int_equal(publish_large(bus, 2, 1, 1, 100), BUS_PENDING);
	assert_int_equal(bus->operations->collect(bus, 0), BUS_PENDING);
	assert_in_range(now_ms() - began_ms, 0, PATIENCE_MS / 3);
	assert_true(status_of(bus).is_blocked);
	expect_problem(bus, "low on memory");
	broker_tell("clear_alarm");
	(void)publish_at_last(bus, 2, 1);
	assert_false(status_of(bus).is_blocked);
	assert_int_equal(status_of(bus).connections, 1);
	broker_leave(consumer, QUEUE);
	bus_free(bus);
}

static void a_queue_that_refuses_is_asked_again(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	struct rabbitmq_delivery delivery;
	broker_tell("control set_policy full ^" QUEUE "$ '{\"max-length\":2,\"overflow\":\"reject-publish\"}'");
	struct rabbitmq_consumer *consumer = broker_listen(QUEUE, "#");
	rabbitmq_consumer_free(consumer);
	assert_int_equal(publish(bus, 1, 50), BUS_DOWN);
	expect_problem(bus, "refuses messages");
	assert_true(status_of(bus).is_connected);
	broker_tell("control clear_policy full");
	(void)publish_at_last(bus, 1, 50);
	consumer = broker_open(QUEUE, "#");
	for (uint32_t i = 1; i <= 50; i++)
		expect_event(consumer, i); /* events that it took the first time were not sent again */
	assert_int_equal(rabbitmq_consumer_next(consumer, 100, &delivery), CONSUMER_NOTHING);
	assert_int_equal(publish(bus, 1, 50), BUS_OK); /* whole, and all over again */
	for (uint32_t i = 1; i <= 50; i++)
		expect_event(consumer, i);
	broker_leave(consumer, QUEUE);
	bus_free(bus);
}

/* Publishes to a broker that keeps its connections and answers nothing. */
static void expect_timeout(struct bus *bus, uint32_t count, size_t length, const char *problem)
{
	broker_tell("pause");
	uint64_t began_ms = now_ms();
	assert_int_equal(publish_large(bus, 1, count, length, LATE_MS), BUS_PENDING);
	assert_in_range(now_ms() - began_ms, LATE_MS - 50, LATE_MS + AT_ONCE_MS);
	expect_problem(bus, problem);
	began_ms = now_ms();
	assert_int_equal(bus->operations->collect(bus, 0), BUS_PENDING);
	assert_in_range(now_ms() - began_ms, 0, AT_ONCE_MS);
	broker_tell("resume");
	for (int i = 0; bus->operations->collect(bus, 0) != BUS_OK; i++) {
		assert_true(i < RECOVERY_TRIES);
		(void)usleep(100000);
	}
	assert_string_equal(status_of(bus).problem, "");
	(void)publish_at_last(bus, 1, 1);
}

static void a_broker_that_hangs_is_not_waited_for_longer_than_asked(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	assert_int_equal(publish(bus, 1, 1), BUS_OK);
	expect_timeout(bus, 1, 1, "does not confirm in time");
	expect_timeout(bus, 4096, 16000, "too slowly");
	assert_int_equal(status_of(bus).connections, 1);
	broker_tell("pause");
	struct bus *other = open_bus(broker_url());
	uint64_t began_ms = now_ms();
	assert_int_equal(publish_large(other, 1, 1, 1, 500), BUS_DOWN); /* it takes the connection and says nothing on it */
	assert_in_range(now_ms() - began_ms, 450, AT_ONCE_MS);
	broker_tell("resume");
	(void)publish_at_last(other, 1, 1);
	bus_free(other);
	bus_free(bus);
}

/* As when the network is gone: events stay pending until two heartbeats are missing, and not for ever. */
static void a_connection_without_a_sign_of_life_is_given_up(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	assert_int_equal(publish(bus, 1, 1), BUS_OK);
	broker_tell("pause");
	uint64_t began_ms = now_ms();
	assert_int_equal(publish_large(bus, 2, 1, 1, 500), BUS_PENDING);
	enum bus_result result;
	while ((result = bus->operations->collect(bus, 0)) == BUS_PENDING)
		(void)usleep(100000);
	assert_int_equal(result, BUS_DOWN);
	assert_in_range(now_ms() - began_ms, 20000, 30000 + AT_ONCE_MS);
	assert_false(status_of(bus).is_connected);
	broker_tell("resume");
	(void)publish_at_last(bus, 2, 1);
	assert_int_equal(status_of(bus).connections, 2);
	bus_free(bus);
}

/* Messages that are under way when the time is over are not sent again; so they come to their end, once. */
static void a_batch_that_is_too_large_for_its_time_is_published_all_the_same(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	struct rabbitmq_consumer *consumer = broker_listen(QUEUE, "#");
	struct rabbitmq_delivery delivery;
	uint32_t failures = 0;
	assert_int_equal(bus->operations->collect(bus, 0), BUS_OK);
	while (publish_large(bus, 1, 4096, 1000, 5) != BUS_OK)
		assert_true(failures++ < 10000);
	assert_in_range(failures, 1, 10000);
	for (uint32_t i = 1; i <= 4096; i++)
		expect_event(consumer, i);
	assert_int_equal(rabbitmq_consumer_next(consumer, 100, &delivery), CONSUMER_NOTHING);
	assert_int_equal(status_of(bus).connections, 1);
	broker_leave(consumer, QUEUE);
	bus_free(bus);
}

static void a_connection_that_an_operator_closes_is_made_again(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	assert_int_equal(bus->operations->collect(bus, 0), BUS_OK);
	broker_tell("close_connections");
	assert_int_equal(bus->operations->collect(bus, 0), BUS_DOWN);
	expect_problem(bus, "closed by the test");
	(void)publish_at_last(bus, 1, 1);
	broker_tell("stop_app");
	assert_int_equal(publish(bus, 2, 1), BUS_DOWN);
	broker_tell("start_app");
	(void)publish_at_last(bus, 2, 1);
	bus_free(bus);
}

static void the_broker_redelivers_unacknowledged_messages(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	struct rabbitmq_consumer *consumer = broker_listen(QUEUE, "#");
	struct rabbitmq_delivery delivery;
	assert_int_equal(publish(bus, 1, 3), BUS_OK);
	expect_event(consumer, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rabbitmq_consumer_next(consumer, TIMEOUT_MS, &delivery), CONSUMER_DELIVERY);
	rabbitmq_consumer_free(consumer);
	consumer = broker_open(QUEUE, "#");
	delivery = broker_receive(consumer);
	assert_true(delivery.is_redelivered);
	expect_event(consumer, 3);
	broker_leave(consumer, QUEUE);
	bus_free(bus);
}

static void a_consumer_finds_its_queue_again(void **state)
{
	(void)state;
	struct bus *bus = open_bus(broker_url());
	struct rabbitmq_consumer *consumer = broker_listen(QUEUE, "#");
	struct rabbitmq_delivery delivery;
	broker_tell("control delete_queue " QUEUE);
	assert_int_equal(rabbitmq_consumer_next(consumer, TIMEOUT_MS, &delivery), CONSUMER_DOWN);
	assert_non_null(strstr(rabbitmq_consumer_problem(consumer), "the queue was deleted"));
	(void)usleep(200000);
	assert_int_equal(rabbitmq_consumer_next(consumer, 100, &delivery), CONSUMER_NOTHING);
	assert_int_equal(publish(bus, 1, 1), BUS_OK);
	expect_event(consumer, 1);
	broker_tell("restart");
	(void)publish_at_last(bus, 2, 1);
	expect_event(consumer, 2);
	broker_leave(consumer, QUEUE);
	bus_free(bus);
}

static void a_queue_has_one_reader(void **state)
{
	(void)state;
	char message[RABBITMQ_MESSAGE_MAX];
	struct rabbitmq_delivery delivery;
	struct rabbitmq_consumer *first = broker_listen(QUEUE, "#"), *second;
	assert_int_equal(rabbitmq_consumer_open(broker_url(), NULL, QUEUE, "#", &second, message), OK);
	assert_int_equal(rabbitmq_consumer_next(second, 0, &delivery), CONSUMER_DOWN);
	assert_non_null(strstr(rabbitmq_consumer_problem(second), "exclusive"));
	rabbitmq_consumer_free(second);
	broker_leave(first, QUEUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_a_cloud_event),
		cmocka_unit_test(events_of_a_partition_come_in_batches),
		cmocka_unit_test(the_bus_counts_unroutable_messages),
		cmocka_unit_test(a_broker_that_is_not_there_is_down_at_once_and_found_when_it_comes),
		cmocka_unit_test(confirmed_messages_survive_a_restart),
		cmocka_unit_test(confirmed_messages_survive_a_kill),
		cmocka_unit_test(wrong_credentials_are_a_problem_without_the_password),
		cmocka_unit_test(malformed_urls_are_refused_and_not_shown),
		cmocka_unit_test(a_broker_is_trusted_by_its_certificate),
		cmocka_unit_test(an_exchange_that_was_deleted_is_made_again),
		cmocka_unit_test(an_exchange_of_another_kind_is_a_problem_until_it_goes),
		cmocka_unit_test(a_blocked_connection_takes_nothing_and_says_why_at_once),
		cmocka_unit_test(a_queue_that_refuses_is_asked_again),
		cmocka_unit_test(a_broker_that_hangs_is_not_waited_for_longer_than_asked),
		cmocka_unit_test(a_connection_without_a_sign_of_life_is_given_up),
		cmocka_unit_test(a_batch_that_is_too_large_for_its_time_is_published_all_the_same),
		cmocka_unit_test(a_connection_that_an_operator_closes_is_made_again),
		cmocka_unit_test(the_broker_redelivers_unacknowledged_messages),
		cmocka_unit_test(a_consumer_finds_its_queue_again),
		cmocka_unit_test(a_queue_has_one_reader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
