/* test_instruments.c: a scrape tells what the process knows, and nothing that is out of date. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "domain/money.h"
#include "runtime/instruments.h"
#include "tests/support/fake_time.h"

struct world {
	struct fake_clock clock;
	struct dependencies dependencies;
	struct instruments *instruments;
	struct sales_watch sales;
	struct watched_outbox outbox;
	struct buffer text;
};

static struct world world;

static void tell_outbox(void *context, struct watched_outbox *ret_outbox)
{
	*ret_outbox = ((struct world *)context)->outbox;
}

static int make_world(void **state)
{
	(void)state;
	world = (struct world){.sales = {.refunds_due = 3}};
	fake_clock_init(&world.clock, 1700000000000);
	dependencies_init(&world.dependencies, 1);
	buffer_init(&world.text, NULL, 4 << 20);
	if (instruments_new(&world.clock.base, &world.dependencies, &world.instruments) != OK)
		return -1;
	const struct instruments_sources sources = {
		.outbox = tell_outbox, .sales = &world.sales, .clock = &world.clock.base, .context = &world};
	instruments_connect(world.instruments, &sources, true);
	return 0;
}

static int free_world(void **state)
{
	(void)state;
	instruments_free(world.instruments);
	dependencies_release(&world.dependencies);
	buffer_release(&world.text);
	return 0;
}

/* Whether the exposition has that line, or one that begins so. */
static bool tells(const char *start)
{
	char line[256] = "\n";
	buffer_clear(&world.text);
	buffer_append_byte(&world.text, '\n');
	instruments_write(world.instruments, false, &world.text);
	buffer_append_byte(&world.text, '\0');
	assert_false(world.text.failed);
	strncat(line, start, sizeof line - 2);
	return strstr(world.text.data, line) != NULL;
}

/* As it is when nobody has bought anything yet. */
static void series_of_alerts_and_dashboards_exist_from_the_start(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"tro_http_requests_total{method=\"POST\",route=\"/v1/holds\",status=\"503\"} 0\n",
		"tro_http_requests_total{method=\"POST\",route=\"/v1/holds\",status=\"201\"} 0\n",
		"tro_http_requests_total{method=\"POST\",route=\"/v1/payments/callback\",status=\"200\"} 0\n",
		"tro_http_requests_total{method=\"DELETE\",route=\"/v1/holds/{id}\",status=\"500\"} 0\n",
		"tro_http_request_duration_seconds_bucket{method=\"POST\",route=\"/v1/holds\",le=\"0.25\"} 0\n",
		"tro_commands_total{command=\"payment\",outcome=\"order-unknown\"} 0\n",
		"tro_holds_total{outcome=\"refused\",reason=\"seats-taken\"} 0\n",
		"tro_orders_total{outcome=\"ok\",reason=\"none\"} 0\n",
		"tro_domain_events_total{type=\"order.confirmed\"} 0\n",
		"tro_revenue_minor_units_total{currency=\"EUR\"} 0\n",
		"tro_refunds_required_minor_units_total{currency=\"EUR\",reason=\"event_cancelled\"} 0\n",
		"tro_refunds_done_minor_units_total{currency=\"EUR\"} 0\n",
	};
	const struct currency euro = {"EUR"};
	world.sales.currencies[currency_index(&euro) / 64] |= UINT64_C(1) << currency_index(&euro) % 64;
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
		assert_true(tells(lines[i]));
	assert_false(tells("tro_revenue_minor_units_total{currency=\"JPY\"}"));
	assert_false(tells("tro_http_requests_total{method=\"GET\",route=\"/v1/healthz\""));
}

static void a_client_that_sends_slowly_makes_no_slow_request(void **state)
{
	(void)state;
	const struct trace_context trace = {.flags = 1};
	const struct http_request_summary summary = {.route = "/v1/holds",
	                                             .method = SLICE("POST"),
	                                             .status = 201,
	                                             .duration_ns = UINT64_C(400000000),
	                                             .served_ns = UINT64_C(900000),
	                                             .trace = &trace};
	instruments_request(world.instruments, &summary);
	assert_true(tells("tro_http_request_duration_seconds_bucket{method=\"POST\",route=\"/v1/holds\",le=\"0.001\"} 1\n"));
}

static void a_process_that_has_not_heard_of_the_store_lately_says_nothing_of_it(void **state)
{
	(void)state;
	static const char *const names[] = {"tro_outbox_entries", "tro_outbox_age_seconds",      "tro_publishers_alive",
	                                    "tro_refunds_due",    "tro_refunds_due_age_seconds", "tro_expiry_overdue_seconds",
	                                    "tro_oversold_events"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		char start[64];
		(void)snprintf(start, sizeof start, "%s ", names[i]);
		world.outbox.is_known = false;
		world.sales.known_until_ns = 0;
		assert_false(tells(start));
		world.outbox.is_known = true;
		world.sales.known_until_ns = clock_monotonic_ns(&world.clock.base) + 1;
		assert_int_equal(tells("tro_oversold_events "), world.sales.checked_events > 0);
		world.sales.checked_events = 1;
		assert_true(tells(start));
	}
	assert_true(tells("tro_refunds_due 3\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(series_of_alerts_and_dashboards_exist_from_the_start, make_world, free_world),
		cmocka_unit_test_setup_teardown(a_client_that_sends_slowly_makes_no_slow_request, make_world, free_world),
		cmocka_unit_test_setup_teardown(a_process_that_has_not_heard_of_the_store_lately_says_nothing_of_it, make_world,
	                                        free_world),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
