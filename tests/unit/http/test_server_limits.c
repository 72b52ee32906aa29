/* test_server_limits.c: slow, idle and too many clients, and what ten thousand idle ones cost. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/echo_server.h"
#include "tests/support/raw_client.h"

#define PING "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
#define CROWD 10000
#define COST_MAX_KIB (6 * 1024)

/* Sanitizers have memory of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#define IS_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define IS_SANITIZED false
#endif

static struct echo_server echo;
static struct raw_client client;
static struct raw_response response;

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void start(struct http_server_options options)
{
	echo_server_start(&echo, options);
	raw_open(&client, http_server_port(echo.server));
}

static void stop(void)
{
	raw_close(&client);
	echo_server_stop(&echo, 8000);
}

static void a_request_has_to_arrive_in_time(void **state)
{
	(void)state;
	struct http_server_options options = http_server_defaults();
	options.head_timeout_ms = 300;
	options.body_timeout_ms = 300;
	start(options);
	static const char *const beginnings[] = {
		"GET /ping HTTP/1.1\r\nHost: a\r\n",
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\nabc", "\r\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(beginnings); i++) {
		uint64_t started = now_ms();
		assert_true(raw_send_text(&client, beginnings[i]));
		assert_true(raw_receive(&client, false, &response));
		assert_int_equal(response.status, 408);
		assert_non_null(strstr(response.body, "/problems/request-timeout"));
		assert_true(now_ms() - started >= 290);
		assert_true(raw_is_closed(&client, 1000));
		raw_close(&client);
		raw_open(&client, http_server_port(echo.server));
	}
	stop();
}

static void dribbling_does_not_help(void **state)
{
	(void)state;
	struct http_server_options options = http_server_defaults();
	options.head_timeout_ms = 400;
	options.body_timeout_ms = 400;
	start(options);
	uint64_t started = now_ms();
	assert_true(raw_send_text(&client, "GET /ping HTTP/1.1\r\nHost: a\r\n"));
	while (now_ms() - started < 10000 && raw_send_text(&client, "X: y\r\n")) {
		usleep(20000);
		if (recv(client.descriptor, client.bytes, 1, MSG_DONTWAIT | MSG_PEEK) > 0)
			break;
	}
	assert_true(now_ms() - started < 3000);
	assert_true(raw_receive(&client, false, &response));
	assert_int_equal(response.status, 408);
	stop();
}

static void time_limits_begin_anew_with_each_request(void **state)
{
	(void)state;
	struct http_server_options options = http_server_defaults();
	options.head_timeout_ms = 300;
	options.body_timeout_ms = 300;
	options.idle_timeout_ms = 600;
	start(options);
	for (int i = 0; i < 4; i++) {
		assert_true(raw_send_text(&client, "GET /ping HT"));
		usleep(150000);
		assert_true(raw_send_text(&client, "TP/1.1\r\nHost: a\r\n\r\n"));
		assert_true(raw_receive(&client, false, &response));
		assert_int_equal(response.status, 200);
	}
	assert_true(raw_send_text(&client,
	                          "POST /late?ms=900 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n1"));
	assert_true(raw_receive(&client, false, &response)); /* a handler may take longer than either limit */
	assert_int_equal(response.status, 200);
	stop();
}

static void an_idle_connection_is_closed(void **state)
{
	(void)state;
	struct http_server_options options = http_server_defaults();
	options.idle_timeout_ms = 300;
	start(options);
	assert_true(raw_is_closed(&client, 2000));
	raw_close(&client);
	raw_open(&client, http_server_port(echo.server));
	assert_true(raw_send_text(&client, PING));
	assert_true(raw_receive(&client, false, &response));
	assert_true(raw_is_closed(&client, 2000));
	stop();
}

static void a_client_that_does_not_read_its_answer_is_closed(void **state)
{
	(void)state;
	struct http_server_options options = http_server_defaults();
	options.idle_timeout_ms = 500;
	echo_server_start(&echo, options);
	raw_open(&client, http_server_port(echo.server));
	setsockopt(client.descriptor, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
	for (int i = 0; i < 8; i++)
		assert_true(raw_send_text(&client, "GET /megabytes HTTP/1.1\r\nHost: a\r\n\r\n"));
	uint64_t started = now_ms();
	while (http_server_connections(echo.server) > 0 && now_ms() - started < 5000)
		usleep(10000);
	assert_int_equal(http_server_connections(echo.server), 0);
	stop();
	assert_true(atomic_load(&echo.bodies_released) > 0);
	assert_true(atomic_load(&echo.delivered) < atomic_load(&echo.finished));
}

static void connections_beyond_the_maximum_wait(void **state)
{
	(void)state;
	struct http_server_options options = http_server_defaults();
	options.connections_max = 4;
	options.loops = 2;
	echo_server_start(&echo, options);
	static struct raw_client clients[6];
	for (size_t i = 0; i < ARRAY_LENGTH(clients); i++) {
		raw_open(&clients[i], http_server_port(echo.server));
		assert_true(raw_send_text(&clients[i], PING));
	}
	for (size_t i = 0; i < 4; i++)
		assert_true(raw_receive(&clients[i], false, &response));
	assert_int_equal(http_server_connections(echo.server), 4);
	raw_close(&clients[0]);
	raw_close(&clients[1]);
	raw_close(&clients[2]);
	raw_close(&clients[3]);
	for (size_t i = 4; i < 6; i++) {
		assert_true(raw_receive(&clients[i], false, &response));
		raw_close(&clients[i]);
	}
	echo_server_stop(&echo, 8000);
}

static void a_shortage_of_descriptors_passes(void **state)
{
	(void)state;
	struct rlimit before;
	getrlimit(RLIMIT_NOFILE, &before);
	start(http_server_defaults());
	assert_true(raw_send_text(&client, PING));
	assert_true(raw_receive(&client, false, &response));
	static struct raw_client other;
	int lowest = dup(client.descriptor); /* the only one left is for the client's side: the server finds none to accept it with */
	assert_true(lowest >= 0);
	close(lowest);
	const struct rlimit narrow = {.rlim_cur = (rlim_t)lowest + 1, .rlim_max = before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &narrow);
	raw_open(&other, http_server_port(echo.server));
	assert_true(raw_send_text(&other, PING));
	usleep(300000);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_true(raw_receive(&other, false, &response));
	assert_int_equal(response.status, 200);
	raw_close(&other);
	stop();
}

/* The server's memory in KiB. */
static unsigned long resident_kib(void)
{
	unsigned long pages = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &pages, &resident), 2);
	fclose(file);
	return resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

/* Clients in a process of their own, since descriptors are limited for each. Writes a byte when all are there and served, then waits. */
static pid_t start_crowd(uint16_t port, int ready)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	static struct raw_client one;
	for (int i = 0; i < CROWD; i++) {
		raw_open(&one, port);
		if (!raw_send_text(&one, PING) || !raw_receive(&one, false, &response))
			_exit(1);
	}
	if (write(ready, "r", 1) == 1)
		pause();
	_exit(0);
}

static void ten_thousand_idle_clients_cost_little(void **state)
{
	(void)state;
	struct rlimit descriptors;
	getrlimit(RLIMIT_NOFILE, &descriptors);
	descriptors.rlim_cur = descriptors.rlim_max;
	setrlimit(RLIMIT_NOFILE, &descriptors);
	if (descriptors.rlim_cur < CROWD + 100)
		skip();
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	echo_server_start(&echo, http_server_defaults());
	unsigned long before = resident_kib();
	pid_t crowd = start_crowd(http_server_port(echo.server), ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(http_server_connections(echo.server), CROWD);
	unsigned long cost = resident_kib() - before;
	print_message("%d idle connections: %lu KiB\n", CROWD, cost);
	if (!IS_SANITIZED)
		assert_true(cost < COST_MAX_KIB);
	raw_open(&client, http_server_port(echo.server));
	assert_true(raw_send_text(&client, PING));
	assert_true(raw_receive(&client, false, &response));
	raw_close(&client);
	kill(crowd, SIGKILL);
	waitpid(crowd, NULL, 0);
	close(ready[0]);
	echo_server_stop(&echo, 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_has_to_arrive_in_time),
		cmocka_unit_test(dribbling_does_not_help),
		cmocka_unit_test(time_limits_begin_anew_with_each_request),
		cmocka_unit_test(an_idle_connection_is_closed),
		cmocka_unit_test(a_client_that_does_not_read_its_answer_is_closed),
		cmocka_unit_test(connections_beyond_the_maximum_wait),
		cmocka_unit_test(a_shortage_of_descriptors_passes),
		cmocka_unit_test(ten_thousand_idle_clients_cost_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
