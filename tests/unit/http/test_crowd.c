/* test_crowd.c: more connections than there are places: some are closed for others, or not let in. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http/server.h"
#include "tests/support/raw_client.h"

#define LOOPS 2
#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OLD_US 1200000 /* an idle connection younger than a second is not closed for another */

static struct http_server *server;
static struct raw_response response;
static struct raw_client clients[64];

static enum http_progress answer(struct http_request *request)
{
	http_respond(request, 200, "text/plain", SLICE("served"));
	return HTTP_ANSWERED;
}

static const struct http_route routes[] = {
	{.method = HTTP_GET, .path = "/", .handle = answer},
	{.method = HTTP_POST, .path = "/", .body_max = 8 << 20, .handle = answer},
};
static const struct cors_origins nobody;
static struct cidr_list trusted;
static const struct http_router router = {.routes = routes, .route_count = ARRAY_LENGTH(routes), .cors = &nobody};

static struct http_server_options options_of(uint32_t connections_max)
{
	struct http_server_options options = http_server_defaults();
	options.loops = LOOPS;
	options.connections_max = connections_max;
	options.router = &router;
	options.trusted_proxies = &trusted;
	return options;
}

static void start(const struct http_server_options *options)
{
	uint32_t failed;
	assert_int_equal(http_server_new(options, &failed, &server), OK);
	assert_int_equal(http_server_start(server), OK);
}

static void stop(uint32_t client_count)
{
	for (uint32_t i = 0; i < client_count; i++)
		raw_close(&clients[i]);
	(void)http_server_stop(server, 5000);
	http_server_free(server);
}

static void open_client(uint32_t i)
{
	raw_open(&clients[i], http_server_port(server));
}

static void ask(uint32_t i)
{
	assert_true(raw_send_text(&clients[i], GET));
	assert_true(raw_receive(&clients[i], false, &response));
	assert_int_equal(response.status, 200);
}

static bool is_gone(uint32_t i)
{
	char byte;
	return recv(clients[i].descriptor, &byte, 1, MSG_DONTWAIT) == 0;
}

/* In time, on a machine that does other things as well. */
static bool is_gone_soon(uint32_t i)
{
	for (uint32_t waited_ms = 0; waited_ms < 10000 && !is_gone(i); waited_ms += 10)
		usleep(10000);
	return is_gone(i);
}

static void the_longest_idle_are_closed_first(void **state)
{
	(void)state;
	struct http_server_options options = options_of(16);
	start(&options);
	for (uint32_t i = 0; i < 12; i++) {
		open_client(i);
		ask(i);
	}
	usleep(OLD_US);
	for (uint32_t i = 0; i < 8; i++) /* which makes these the youngest */
		ask(i);
	for (uint32_t i = 12; i < 16; i++) {
		open_client(i);
		ask(i);
	}
	for (uint32_t i = 8; i < 12; i++)
		assert_true(is_gone_soon(i));
	for (uint32_t i = 0; i < 8; i++)
		assert_false(is_gone(i));
	assert_int_equal(http_server_evicted_connections(server), 4);
	stop(16);
}

static void below_three_quarters_nobody_is_closed(void **state)
{
	(void)state;
	struct http_server_options options = options_of(16);
	start(&options);
	for (uint32_t i = 0; i < 6; i++) {
		open_client(i);
		ask(i);
	}
	usleep(OLD_US);
	for (uint32_t i = 6; i < 12; i++) {
		open_client(i);
		ask(i);
	}
	usleep(50000);
	assert_int_equal(http_server_evicted_connections(server), 0);
	stop(12);
}

static void silent_connections_on_all_places_make_room(void **state)
{
	(void)state;
	static const char *const beginnings[] = {"", "GET / HT"};
	for (size_t kind = 0; kind < ARRAY_LENGTH(beginnings); kind++) {
		struct http_server_options options = options_of(32);
		start(&options);
		for (uint32_t i = 0; i < 40; i++) { /* the last ones wait to be accepted */
			open_client(i);
			assert_true(raw_send_text(&clients[i], beginnings[kind]));
		}
		struct timespec before, after;
		clock_gettime(CLOCK_MONOTONIC, &before);
		for (uint32_t i = 40; i < 60; i++) {
			open_client(i);
			ask(i);
			raw_close(&clients[i]);
		}
		clock_gettime(CLOCK_MONOTONIC, &after);
		assert_true(after.tv_sec - before.tv_sec <= 5); /* of ten that a head may take */
		assert_true(http_server_evicted_connections(server) >= 9);
		assert_true(http_server_connections(server) <= 32);
		stop(40);
	}
}

static void an_address_has_a_maximum(void **state)
{
	(void)state;
	trusted.count = 0;
	struct http_server_options options = options_of(64);
	options.connections_per_address = 8;
	start(&options);
	for (uint32_t i = 0; i < 8; i++) {
		open_client(i);
		ask(i);
	}
	for (uint32_t i = 8; i < 12; i++) {
		open_client(i);
		(void)raw_send_text(&clients[i], GET);
		assert_false(raw_receive(&clients[i], false, &response));
	}
	assert_int_equal(http_server_refused_connections(server), 4);
	raw_close(&clients[0]);
	for (uint32_t i = 0; http_server_connections(server) > 7 && i < 5000; i++)
		usleep(1000);
	open_client(0);
	ask(0);
	stop(12);
}

static void a_trusted_proxy_has_none(void **state)
{
	(void)state;
	assert_true(cidr_list_parse(SLICE("127.0.0.1"), &trusted));
	struct http_server_options options = options_of(64);
	options.connections_per_address = 2;
	start(&options);
	for (uint32_t i = 0; i < 20; i++) {
		open_client(i);
		ask(i);
	}
	assert_int_equal(http_server_refused_connections(server), 0);
	stop(20);
	trusted.count = 0;
}

/* Sends so many bytes a second of a body until the server says something, or it is complete; answers the status. */
static int send_body(uint32_t length, uint32_t bytes_a_second)
{
	static char bytes[1 << 16];
	char head[128];
	open_client(0);
	snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n", length);
	assert_true(raw_send_text(&clients[0], head));
	for (uint32_t sent = 0; sent < length;) {
		uint32_t piece = bytes_a_second / 20 < length - sent ? bytes_a_second / 20 : length - sent;
		char byte;
		if (recv(clients[0].descriptor, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0)
			break;
		assert_true(raw_send(&clients[0], bytes, piece));
		sent += piece;
		usleep(50000);
	}
	assert_true(raw_receive(&clients[0], false, &response));
	return response.status;
}

static void a_large_body_may_take_longer_when_it_keeps_coming(void **state)
{
	(void)state;
	struct http_server_options options = options_of(64);
	options.body_timeout_ms = 1000; /* as long as this machine may stand still */
	start(&options);
	assert_int_equal(send_body(200000, 80000), 200);
	assert_int_equal(send_body(100000, 8000), 408);
	assert_int_equal(send_body(4000, 2000), 408);
	stop(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_idle_are_closed_first),
		cmocka_unit_test(below_three_quarters_nobody_is_closed),
		cmocka_unit_test(silent_connections_on_all_places_make_room),
		cmocka_unit_test(an_address_has_a_maximum),
		cmocka_unit_test(a_trusted_proxy_has_none),
		cmocka_unit_test(a_large_body_may_take_longer_when_it_keeps_coming),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
