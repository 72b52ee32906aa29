/* test_server_stop.c: a graceful stop answers what has been asked, resets nobody, and does not take longer than it may. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/echo_server.h"
#include "tests/support/raw_client.h"

#define BUSY_CLIENTS 40
#define IDLE_CLIENTS 20
#define PING "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST_HEAD "POST /late?ms=%d HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n%08d"

static struct echo_server echo;

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A client that asks, reads its answer and asks again, on one connection, until it is told that the connection will close. */
struct busy_client {
	pthread_t thread;
	struct raw_client raw;
	int delay_ms;
	uint32_t asked;
	uint32_t answered;
	bool was_told;
	bool ended_cleanly;
};

/* Reads the answer to request `number`; true when it is there in full. */
static bool read_answer(struct busy_client *client, uint32_t number)
{
	char expected[16];
	snprintf(expected, sizeof expected, "%08u", number);
	size_t received = 0;
	client->raw.bytes[0] = '\0';
	const char *end;
	while ((end = strstr(client->raw.bytes, "\r\n\r\n")) == NULL || strlen(end) < 4 + 8) {
		ssize_t length = recv(client->raw.descriptor, client->raw.bytes + received, RAW_CLIENT_ROOM - received, 0);
		if (length <= 0)
			return false;
		received += (size_t)length;
		client->raw.bytes[received] = '\0';
	}
	return strcmp(end + 4, expected) == 0;
}

static void *be_busy(void *argument)
{
	struct busy_client *client = argument;
	while (!client->was_told) {
		char text[256];
		snprintf(text, sizeof text, POST_HEAD, client->delay_ms, client->asked);
		if (!raw_send_text(&client->raw, text))
			break;
		if (!read_answer(client, client->asked++))
			break;
		client->answered++;
		client->was_told = strstr(client->raw.bytes, "Connection: close\r\n") != NULL;
	}
	client->ended_cleanly = raw_is_closed(&client->raw, 5000);
	raw_close(&client->raw);
	return NULL;
}

static void a_busy_server_stops_without_losing_an_answer(void **state)
{
	(void)state;
	static struct busy_client busy[BUSY_CLIENTS];
	static struct raw_client idle[IDLE_CLIENTS];
	static struct raw_client leaving;
	echo_server_start(&echo, http_server_defaults());
	uint16_t port = http_server_port(echo.server);
	for (int i = 0; i < BUSY_CLIENTS; i++) {
		busy[i] = (struct busy_client){.delay_ms = i % 4 == 0 ? 300 : i % 3};
		raw_open(&busy[i].raw, port);
		assert_int_equal(pthread_create(&busy[i].thread, NULL, be_busy, &busy[i]), 0);
	}
	for (int i = 0; i < IDLE_CLIENTS; i++)
		raw_open(&idle[i], port);
	usleep(300000);
	for (int i = 0; i < 5; i++) {
		char text[256];
		raw_open(&leaving, port);
		snprintf(text, sizeof text, POST_HEAD, 200, 0);
		raw_send_text(&leaving, text);
		raw_close(&leaving);
	}
	uint64_t started = now_ms();
	bool is_clean = echo_server_stop(&echo, 8000);
	uint64_t took = now_ms() - started;
	for (int i = 0; i < BUSY_CLIENTS; i++) {
		pthread_join(busy[i].thread, NULL);
		assert_true(busy[i].was_told);
		assert_true(busy[i].ended_cleanly);
		assert_int_equal(busy[i].asked, busy[i].answered);
	}
	for (int i = 0; i < IDLE_CLIENTS; i++) {
		assert_true(raw_is_closed(&idle[i], 1000));
		raw_close(&idle[i]);
	}
	assert_true(is_clean);
	assert_true(took < 6000);
	assert_true(atomic_load(&echo.delivered) >= BUSY_CLIENTS);
}

static void *ask_late(void *argument)
{
	struct raw_client *client = argument;
	usleep(500000);
	raw_send_text(client, PING);
	return NULL;
}

static void an_idle_client_may_ask_once_more(void **state)
{
	(void)state;
	static struct raw_client client;
	struct raw_response response;
	pthread_t thread;
	echo_server_start(&echo, http_server_defaults());
	raw_open(&client, http_server_port(echo.server));
	assert_true(raw_send_text(&client, PING));
	assert_true(raw_receive(&client, false, &response));
	assert_int_equal(pthread_create(&thread, NULL, ask_late, &client), 0);
	echo_server_stop(&echo, 8000);
	pthread_join(thread, NULL);
	assert_true(raw_receive(&client, false, &response));
	assert_int_equal(response.status, 200);
	assert_string_equal(raw_header(&response, "Connection"), "close");
	assert_true(raw_is_closed(&client, 1000));
	raw_close(&client);
}

static void a_server_that_nobody_uses_stops_at_once(void **state)
{
	(void)state;
	echo_server_start(&echo, http_server_defaults());
	uint64_t started = now_ms();
	assert_true(echo_server_stop(&echo, 8000));
	assert_true(now_ms() - started < 500);
}

static void clients_that_do_not_go_are_cut(void **state)
{
	(void)state;
	static struct raw_client stuck, slow, waiting;
	char text[256];
	echo_server_start(&echo, http_server_defaults());
	uint16_t port = http_server_port(echo.server);
	raw_open(&stuck, port); /* never reads 16 MiB of answers */
	for (int i = 0; i < 4; i++)
		raw_send_text(&stuck, "GET /megabytes HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_open(&slow, port); /* never ends its request */
	raw_send_text(&slow, "GET /ping HTTP/1.1\r\n");
	raw_open(&waiting, port); /* is answered too late; its request outlives the connection */
	snprintf(text, sizeof text, POST_HEAD, 3000, 0);
	raw_send_text(&waiting, text);
	usleep(200000);
	uint64_t started = now_ms();
	assert_false(echo_server_stop(&echo, 1500));
	assert_true(now_ms() - started < 2500);
	raw_close(&stuck);
	raw_close(&slow);
	raw_close(&waiting);
	assert_true(atomic_load(&echo.bodies_released) > 0);
}

static void a_stop_without_time_cuts_everybody(void **state)
{
	(void)state;
	static struct raw_client client;
	struct raw_response response;
	echo_server_start(&echo, http_server_defaults());
	raw_open(&client, http_server_port(echo.server));
	assert_true(raw_send_text(&client, PING));
	assert_true(raw_receive(&client, false, &response));
	echo_server_stop(&echo, 0);
	raw_close(&client);
}

static void an_address_in_use_is_refused(void **state)
{
	(void)state;
	echo_server_start(&echo, http_server_defaults());
	struct http_server_options options = http_server_defaults();
	options.router = &echo.router;
	options.trusted_proxies = &echo.trusted;
	options.addresses[0].port = http_server_port(echo.server);
	struct http_server *second = NULL;
	uint32_t failed;
	assert_int_equal(http_server_new(&options, &failed, &second), ERR_SYSTEM);
	options.addresses[0].host = "not.an.address";
	assert_int_equal(http_server_new(&options, &failed, &second), ERR_SYSTEM);
	assert_null(second);
	assert_true(echo_server_stop(&echo, 8000));
}

static void both_families_are_served_on_any_address(void **state)
{
	(void)state;
	static struct raw_client client;
	struct raw_response response;
	struct http_server_options options = http_server_defaults();
	options.addresses[0].host = "*";
	options.loops = 1;
	echo_server_start(&echo, options);
	raw_open(&client, http_server_port(echo.server));
	assert_true(raw_send_text(&client, "GET /echo/a?q HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_true(raw_receive(&client, false, &response));
	assert_string_equal(response.body, "a||127.0.0.1");
	raw_close(&client);
	assert_true(echo_server_stop(&echo, 8000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_busy_server_stops_without_losing_an_answer), cmocka_unit_test(an_idle_client_may_ask_once_more),
		cmocka_unit_test(a_server_that_nobody_uses_stops_at_once),      cmocka_unit_test(clients_that_do_not_go_are_cut),
		cmocka_unit_test(a_stop_without_time_cuts_everybody),           cmocka_unit_test(an_address_in_use_is_refused),
		cmocka_unit_test(both_families_are_served_on_any_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
