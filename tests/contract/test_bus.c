/* test_bus.c: the contract of ports/bus.h, for every adapter. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "adapters/local/bus.h"

struct listener {
	struct local_subscriber subscriber;
	uint32_t sequences[8];
	uint32_t count;
};

static void listen_to(void *context, const struct event_record *record)
{
	struct listener *listener = context;
	assert_true(listener->count < ARRAY_LENGTH(listener->sequences));
	listener->sequences[listener->count++] = record->sequence;
}

static void publish(struct bus *bus, uint32_t first, uint32_t count)
{
	struct event_record records[4] = {{.type = EVENT_NONE}};
	const struct event_record *pointers[4];
	for (uint32_t i = 0; i < count; i++) {
		records[i] = (struct event_record){.type = EVENT_HOLD_CREATED, .sequence = first + i};
		pointers[i] = &records[i];
	}
	assert_int_equal(bus->operations->publish(bus, pointers, count, 1000), BUS_OK);
}

static void subscribers_receive_in_order_until_they_unsubscribe(void **state)
{
	(void)state;
	struct bus *bus;
	assert_int_equal(local_bus_new(&bus), OK);
	publish(bus, 1, 1); /* nobody listens, and that is no error */

	struct listener first = {.subscriber = {.receive = listen_to, .context = &first}};
	struct listener second = {.subscriber = {.receive = listen_to, .context = &second}};
	local_bus_subscribe(bus, &first.subscriber);
	publish(bus, 2, 2);
	local_bus_subscribe(bus, &second.subscriber);
	publish(bus, 4, 1);
	local_bus_unsubscribe(bus, &first.subscriber);
	publish(bus, 5, 1);
	local_bus_unsubscribe(bus, &second.subscriber);

	assert_int_equal(first.count, 3);
	assert_int_equal(first.sequences[0], 2);
	assert_int_equal(first.sequences[1], 3);
	assert_int_equal(first.sequences[2], 4);
	assert_int_equal(second.count, 2);
	assert_int_equal(second.sequences[0], 4);
	assert_int_equal(second.sequences[1], 5);
	assert_int_equal(bus->operations->ping(bus), BUS_OK);
	bus_free(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subscribers_receive_in_order_until_they_unsubscribe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
