/* test_acceptor.c: the loop that gets a new connection, the threads woken by it, and the limit of connections. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "http/server.h"
#include "tests/support/raw_client.h"

#define LOOPS 3
#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define WAIT_MS_MAX 5000

static struct http_server *server;
static struct raw_response response;

/* Answers with the number of its loop. */
static enum http_progress say_loop(struct http_request *request)
{
	static const char *const names[] = {"0", "1", "2"};
	http_respond(request, 200, "text/plain", slice_of(names[request->loop_index]));
	return HTTP_ANSWERED;
}

static const struct http_route routes[] = {{.method = HTTP_GET, .path = "/", .handle = say_loop}};
static const struct cors_origins nobody;
static const struct cidr_list untrusted;
static const struct http_router router = {.routes = routes, .route_count = ARRAY_LENGTH(routes), .cors = &nobody};

static void start(uint32_t connections_max)
{
	struct http_server_options options = http_server_defaults();
	options.loops = LOOPS;
	options.connections_max = connections_max;
	options.router = &router;
	options.trusted_proxies = &untrusted;
	uint32_t failed;
	assert_int_equal(http_server_new(&options, &failed, &server), OK);
	assert_int_equal(http_server_start(server), OK);
}

static void stop(void)
{
	(void)http_server_stop(server, 5000);
	http_server_free(server);
}

/* The loop that serves it. */
static uint32_t ask(struct raw_client *client)
{
	assert_true(raw_send_text(client, GET));
	assert_true(raw_receive(client, false, &response));
	assert_int_equal(response.status, 200);
	return (uint32_t)(response.body[0] - '0');
}

static void wait_for_connections(uint32_t count)
{
	for (uint32_t i = 0; http_server_connections(server) != count; i++) {
		assert_true(i < WAIT_MS_MAX);
		usleep(1000);
	}
}

static void the_loop_with_the_fewest_connections_gets_the_next(void **state)
{
	(void)state;
	static struct raw_client clients[4 * LOOPS];
	uint32_t counts[LOOPS] = {0};
	start(1000);
	for (uint32_t i = 0; i < 4 * LOOPS; i++) {
		raw_open(&clients[i], http_server_port(server));
		counts[ask(&clients[i])]++;
	}
	for (uint32_t i = 0; i < LOOPS; i++)
		assert_int_equal(counts[i], 4);
	uint32_t loop = ask(&clients[7]);
	raw_close(&clients[7]);
	wait_for_connections(4 * LOOPS - 1);
	raw_open(&clients[7], http_server_port(server));
	assert_int_equal(ask(&clients[7]), loop);
	for (uint32_t i = 0; i < 4 * LOOPS; i++)
		raw_close(&clients[i]);
	stop();
}

static bool read_line_of(const char *thread, const char *file, const char *format, void *ret_value)
{
	char path[300], line[256];
	snprintf(path, sizeof path, "/proc/self/task/%s/%s", thread, file);
	FILE *stream = fopen(path, "r");
	bool is_found = false;
	while (stream != NULL && !is_found && fgets(line, sizeof line, stream) != NULL)
		is_found = sscanf(line, format, ret_value) == 1;
	if (stream != NULL)
		fclose(stream);
	return is_found;
}

/* The number of waits of the thread of this name; 0 also while it has not begun. */
static uint32_t waits_of(const char *wanted)
{
	DIR *threads = opendir("/proc/self/task");
	assert_non_null(threads);
	uint32_t waits = 0;
	bool is_found = false;
	for (struct dirent *entry; !is_found && (entry = readdir(threads)) != NULL;) {
		char name[32];
		if (read_line_of(entry->d_name, "comm", "%31s", name) && strcmp(name, wanted) == 0)
			is_found = read_line_of(entry->d_name, "status", "voluntary_ctxt_switches: %u", &waits);
	}
	closedir(threads);
	return waits;
}

static void await_waiting(const char *thread)
{
	for (uint32_t i = 0; waits_of(thread) == 0; i++) {
		assert_true(i < 1000);
		usleep(10000);
	}
}

static void a_new_connection_wakes_the_accepting_thread_and_no_other(void **state)
{
	(void)state;
	static struct raw_client client;
	start(1000);
	await_waiting("http-0");
	await_waiting("http-1");
	await_waiting("http-2");
	usleep(50000); /* until they wait for connections, and for nothing before */
	uint32_t first = waits_of("http-0"), second = waits_of("http-1"), third = waits_of("http-2");
	for (uint32_t i = 0; i < 50; i++) {
		raw_open(&client, http_server_port(server));
		assert_int_equal(ask(&client), 0);
		raw_close(&client);
		wait_for_connections(0);
	}
	assert_true(waits_of("http-0") >= first + 50);
	assert_int_equal(waits_of("http-1"), second);
	assert_int_equal(waits_of("http-2"), third);
	stop();
}

static void the_limit_is_of_all_loops_together(void **state)
{
	(void)state;
	static struct raw_client clients[5];
	start(4);
	for (uint32_t i = 0; i < 4; i++) {
		raw_open(&clients[i], http_server_port(server));
		(void)ask(&clients[i]);
	}
	uint32_t loop = ask(&clients[2]);
	raw_open(&clients[4], http_server_port(server));
	assert_true(raw_send_text(&clients[4], GET));
	usleep(200000);
	assert_int_equal(http_server_connections(server), 4);
	assert_true(loop != 0); /* so that one that does not accept has to tell the one that does */
	raw_close(&clients[2]);
	assert_true(raw_receive(&clients[4], false, &response));
	assert_int_equal(response.status, 200);
	for (uint32_t i = 0; i < 5; i++)
		raw_close(&clients[i]);
	stop();
}

static void closing_at_the_limit_wakes_whoever_waits_every_time(void **state)
{
	(void)state;
	static struct raw_client clients[2 * LOOPS];
	start(LOOPS);
	for (uint32_t i = 0; i < LOOPS; i++)
		raw_open(&clients[i], http_server_port(server));
	for (uint32_t i = LOOPS; i < 600; i++) {
		struct raw_client *next = &clients[i % (2 * LOOPS)];
		raw_open(next, http_server_port(server));
		raw_close(&clients[(i - LOOPS) % (2 * LOOPS)]);
		assert_true(ask(next) < LOOPS);
		assert_true(http_server_connections(server) <= LOOPS);
	}
	for (uint32_t i = 600; i < 600 + LOOPS; i++)
		raw_close(&clients[(i - LOOPS) % (2 * LOOPS)]);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_loop_with_the_fewest_connections_gets_the_next),
		cmocka_unit_test(a_new_connection_wakes_the_accepting_thread_and_no_other),
		cmocka_unit_test(the_limit_is_of_all_loops_together),
		cmocka_unit_test(closing_at_the_limit_wakes_whoever_waits_every_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
