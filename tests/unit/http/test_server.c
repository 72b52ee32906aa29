/* test_server.c: the server seen by a client on a socket: requests of every shape, refusals, and connections kept and closed. */
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
#include <unistd.h>

#include "tests/support/echo_server.h"
#include "tests/support/raw_client.h"

#define CLOSE_WITHIN_MS 3000
#define PING "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST_HEAD "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"

static struct echo_server echo;
static struct raw_client client;
static struct raw_response response;

static int start_server(void **state)
{
	(void)state;
	echo_server_start(&echo, http_server_defaults());
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	return echo_server_stop(&echo, 8000) ? 0 : -1;
}

static int open_client(void **state)
{
	(void)state;
	raw_open(&client, http_server_port(echo.server));
	return 0;
}

static int close_client(void **state)
{
	(void)state;
	raw_close(&client);
	return 0;
}

static void receive(int status)
{
	if (!raw_receive(&client, false, &response))
		fail_msg("no answer%s, but %d expected", client.was_reset ? " and a reset" : "", status);
	if (response.status != status)
		fail_msg("%d expected: %s%s", status, response.head, response.body);
}

static void exchange(const char *request, int status)
{
	assert_true(raw_send_text(&client, request));
	receive(status);
}

/* A problem of the kind, with the headers of every answer. */
static void receive_problem(int status, const char *slug)
{
	receive(status);
	assert_string_equal(raw_header(&response, "Content-Type"), "application/problem+json");
	assert_string_equal(raw_header(&response, "X-Content-Type-Options"), "nosniff");
	assert_non_null(raw_header(&response, "X-Request-Id"));
	assert_non_null(raw_header(&response, "Date"));
	if (strstr(response.body, slug) == NULL)
		fail_msg("not %s: %s", slug, response.body);
}

static void receive_last_problem(int status, const char *slug)
{
	receive_problem(status, slug);
	assert_string_equal(raw_header(&response, "Connection"), "close");
	assert_true(raw_is_closed(&client, CLOSE_WITHIN_MS));
}

static void requests_are_answered_at_once_or_later(void **state)
{
	(void)state;
	exchange(PING, 200);
	assert_string_equal(response.body, "{\"ping\":true}");
	exchange("GET /echo/abc?q=x+y HTTP/1.1\r\nHost: a\r\n\r\n", 200);
	assert_string_equal(response.body, "abc|x y|127.0.0.1");
	exchange(POST_HEAD "Content-Length: 7\r\n\r\n{\"a\":1}", 200);
	assert_string_equal(response.body, "{\"a\":1}");
	exchange("DELETE /echo/abc HTTP/1.1\r\nHost: a\r\n\r\n", 204);
	exchange("OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n", 204);
	assert_string_equal(raw_header(&response, "Allow"), "POST, OPTIONS");
}

static void refusals_keep_the_connection(void **state)
{
	(void)state;
	assert_true(raw_send_text(&client, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"));
	receive_problem(404, "/problems/not-found");
	assert_true(raw_send_text(&client, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"));
	receive_problem(405, "/problems/method-not-allowed");
	assert_true(raw_send_text(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody"));
	receive_problem(415, "/problems/unsupported-media-type");
	assert_true(raw_send_text(&client, "GET /mine HTTP/1.1\r\nHost: a\r\n\r\n"));
	receive_problem(401, "/problems/unauthenticated");
	assert_non_null(raw_header(&response, "WWW-Authenticate"));
	exchange("GET /mine HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer let-me-in\r\n\r\n", 200);
}

static void head_is_get_without_the_body(void **state)
{
	(void)state;
	assert_true(raw_send_text(&client, "HEAD /ping HTTP/1.1\r\nHost: a\r\n\r\n" PING));
	assert_true(raw_receive(&client, true, &response));
	assert_int_equal(response.status, 200);
	assert_string_equal(raw_header(&response, "Content-Length"), "13");
	receive(200);
	assert_true(raw_send_text(&client, "HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n" PING));
	assert_true(raw_receive(&client, true, &response));
	assert_int_equal(response.status, 404);
	receive(200);
}

static void a_client_that_has_it_gets_304(void **state)
{
	(void)state;
	exchange("GET /tagged HTTP/1.1\r\nHost: a\r\n\r\n", 200);
	assert_string_equal(raw_header(&response, "ETag"), "\"seven\"");
	exchange("GET /tagged HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"six\"\r\nIf-None-Match: W/\"seven\"\r\n\r\n", 304);
	exchange(PING, 200);
}

static void ids_and_traces_are_taken_over_when_they_are_good(void **state)
{
	(void)state;
	exchange("GET /nothing HTTP/1.1\r\nHost: a\r\nX-Request-Id: my-id.1\r\n"
	         "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n",
	         404);
	assert_string_equal(raw_header(&response, "X-Request-Id"), "my-id.1");
	assert_non_null(strstr(response.body, "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\""));
	exchange("GET /ping HTTP/1.1\r\nHost: a\r\nX-Request-Id: <script>\r\n\r\n", 200);
	assert_int_equal(strlen(raw_header(&response, "X-Request-Id")), 36);
	assert_int_equal(raw_header(&response, "X-Request-Id")[14], '7');
}

static void a_trusted_proxy_names_the_client(void **state)
{
	(void)state;
	exchange("GET /echo/a?q HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.2.3\r\n\r\n", 200);
	assert_string_equal(response.body, "a||203.0.113.9");
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	(void)state;
	char text[32768] = "";
	for (int i = 0; i < 40; i++) {
		char *end = text + strlen(text);
		size_t room = sizeof text - (size_t)(end - text);
		snprintf(end, room, "GET /echo/%d HTTP/1.1\r\nHost: a\r\n\r\n" POST_HEAD "Content-Length: 4\r\n\r\n%04d\r\n" PING, i, i);
	}
	assert_true(raw_send_text(&client, text));
	raw_end_sending(&client);
	for (int i = 0; i < 40; i++) {
		char expected[32];
		receive(200);
		snprintf(expected, sizeof expected, "%d||127.0.0.1", i);
		assert_string_equal(response.body, expected);
		receive(200);
		snprintf(expected, sizeof expected, "%04d", i);
		assert_string_equal(response.body, expected);
		receive(200);
	}
	assert_true(raw_is_closed(&client, CLOSE_WITHIN_MS));
}

static void a_request_may_arrive_byte_by_byte(void **state)
{
	(void)state;
	static const char text[] = "\r\n" POST_HEAD "Content-Length: 3\r\n\r\nabc" POST_HEAD "Transfer-Encoding: chunked\r\n\r\n"
				   "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: u\r\n\r\n" PING;
	for (size_t i = 0; i < sizeof text - 1; i++) {
		assert_true(raw_send(&client, text + i, 1));
		if (i % 16 == 0)
			usleep(500);
	}
	receive(200);
	assert_string_equal(response.body, "abc");
	receive(200);
	assert_string_equal(response.body, "abc");
	receive(200);
}

/* `length` digits behind the head, with the framing it announces. */
static void send_body(const char *path, size_t length, bool is_chunked)
{
	char head[256];
	snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n", path);
	assert_true(raw_send_text(&client, head));
	snprintf(head, sizeof head, is_chunked ? "Transfer-Encoding: chunked\r\n\r\n%zx\r\n" : "Content-Length: %zu\r\n\r\n", length);
	assert_true(raw_send_text(&client, head));
	static char digits[4096];
	memset(digits, '7', sizeof digits);
	for (size_t sent = 0; sent < length; sent += sizeof digits)
		raw_send(&client, digits, length - sent < sizeof digits ? length - sent : sizeof digits);
	if (is_chunked)
		raw_send_text(&client, "\r\n0\r\n\r\n");
}

static void bodies_of_all_sizes_come_back(void **state)
{
	(void)state;
	static const size_t lengths[] = {1, 1800, 1950, 2048, 5000, 16384, 16385, 40000, 60000};
	for (size_t i = 0; i < 2 * ARRAY_LENGTH(lengths); i++) {
		send_body("/echo", lengths[i / 2], i % 2 == 1);
		receive(200);
		assert_int_equal(response.body_length, lengths[i / 2]);
		assert_int_equal(strspn(response.body, "7"), lengths[i / 2]);
	}
}

static void a_head_may_be_as_large_as_allowed(void **state)
{
	(void)state;
	static char text[20000];
	for (int length = 1500; length < 16000; length += 500) {
		snprintf(text, sizeof text, "GET /ping HTTP/1.1\r\nHost: a\r\nX: %0*d\r\n\r\n" PING, length, 0);
		exchange(text, 200);
		receive(200);
	}
	snprintf(text, sizeof text, "GET /ping HTTP/1.1\r\nHost: a\r\nX: %017000d\r\n\r\n", 0);
	assert_true(raw_send_text(&client, text));
	receive_last_problem(431, "/problems/headers-too-large");
}

static void a_request_too_large_is_refused_and_the_answer_arrives(void **state)
{
	(void)state;
	static const size_t lengths[] = {65537, 200000, 3000000};
	for (size_t i = 0; i < 2 * ARRAY_LENGTH(lengths); i++) {
		send_body("/echo", lengths[i / 2], i % 2 == 1);
		receive_last_problem(413, "/problems/body-too-large");
		close_client(NULL);
		open_client(NULL);
	}
	send_body("/nothing", 3000000, false);
	receive_last_problem(404, "/problems/not-found");
	close_client(NULL);
	open_client(NULL);
	static char target[20000];
	snprintf(target, sizeof target, "GET /%09000d HTTP/1.1\r\nHost: a\r\n\r\n", 0);
	assert_true(raw_send_text(&client, target));
	receive_last_problem(414, "/problems/uri-too-long");
}

static void large_bodies_are_for_routes_that_take_them(void **state)
{
	(void)state;
	for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
		send_body("/large", 4 << 20, is_chunked == 1);
		static char sink[65536];
		size_t received = 0;
		while (received < 4 << 20) {
			ssize_t length = recv(client.descriptor, sink, sizeof sink, 0);
			assert_true(length > 0);
			received += (size_t)length;
		}
		close_client(NULL);
		open_client(NULL);
	}
	send_body("/large", (8 << 20) + 1, false);
	receive_last_problem(413, "/problems/body-too-large");
}

static void no_length_is_too_large_to_be_refused(void **state)
{
	(void)state;
	static const char *const lengths[] = {"9223372036854775807", "9223372036854775808", "18446744073709551614", "18446744073709551615"};
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		char text[128];
		snprintf(text, sizeof text, POST_HEAD "Content-Length: %s\r\n\r\n", lengths[i]);
		assert_true(raw_send_text(&client, text));
		receive_last_problem(413, "/problems/body-too-large");
		close_client(NULL);
		open_client(NULL);
	}
}

static void a_head_without_end_is_cut_off(void **state)
{
	(void)state;
	assert_true(raw_send_text(&client, "GET /ping HTTP/1.1\r\nHost: a\r\n"));
	static char line[8192] = "X: ";
	memset(line + 3, 'y', sizeof line - 5);
	memcpy(line + sizeof line - 2, "\r\n", 2);
	size_t sent = 0;
	while (sent < 64 << 20 && raw_send(&client, line, sizeof line))
		sent += sizeof line;
	assert_true(sent < 64 << 20);
}

static void clients_may_wait_to_be_asked_for_the_body(void **state)
{
	(void)state;
	exchange(POST_HEAD "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", 100);
	assert_true(raw_send_text(&client, "abc"));
	receive(200);
	exchange(POST_HEAD "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc", 200);
	exchange(POST_HEAD "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n", 100);
	exchange("3\r\nabc\r\n0\r\n\r\n", 200);
	exchange("GET /ping HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", 200);
	assert_true(raw_send_text(&client, "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
	receive_last_problem(404, "/problems/not-found");
}

static void malformed_requests_are_refused_and_nothing_behind_them_is_served(void **state)
{
	(void)state;
	static const char *const requests[] = {
		POST_HEAD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
		POST_HEAD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		POST_HEAD "Content-Length: 3, 3\r\n\r\nabc",
		POST_HEAD "Content-Length : 3\r\n\r\nabc",
		POST_HEAD "Content-Length: +3\r\n\r\nabc",
		POST_HEAD "Content-Length: 99999999999999999999\r\n\r\nabc",
		POST_HEAD "X: a\r\n b\r\nContent-Length: 3\r\n\r\nabc",
		POST_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		POST_HEAD "Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n0\r\n\r\n",
		POST_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
		"GET /ping HTTP/1.1\r\n\r\n",
		"GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"GET /ping HTTP/1.9\r\nHost: a\r\n\r\n",
		"GET /ping HTTP/1.1\nHost: a\n\n",
		"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /../ping HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET ping HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
		"nonsense\r\n\r\n",
		"{\"json\":true}{\"json\":true}{\"json\":true}{\"json\":true}",
		"\x16\x03\x01\x02",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
		assert_true(raw_send_text(&client, requests[i]));
		raw_send_text(&client, PING);
		receive_last_problem(400, "/problems/bad-request");
		assert_int_equal(client.length, 0);
		close_client(NULL);
		open_client(NULL);
	}
}

static void a_request_that_ends_too_early_is_refused(void **state)
{
	(void)state;
	static const char *const requests[] = {"GET /ping HT", "GET /ping HTTP/1.1\r\nHost: a\r\n", POST_HEAD "Content-Length: 3\r\n\r\nab",
	                                       POST_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
		assert_true(raw_send_text(&client, requests[i]));
		raw_end_sending(&client);
		receive_last_problem(400, "/problems/bad-request");
		close_client(NULL);
		open_client(NULL);
	}
	raw_end_sending(&client);
	assert_true(raw_is_closed(&client, CLOSE_WITHIN_MS));
}

static void connections_are_closed_when_the_client_says_so(void **state)
{
	(void)state;
	exchange("GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" PING, 200);
	assert_string_equal(raw_header(&response, "Connection"), "close");
	assert_true(raw_is_closed(&client, CLOSE_WITHIN_MS));
	close_client(NULL);
	open_client(NULL);
	exchange("GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200);
	assert_string_equal(raw_header(&response, "Connection"), "keep-alive");
	exchange("GET /ping HTTP/1.0\r\n\r\n", 200);
	assert_true(raw_is_closed(&client, CLOSE_WITHIN_MS));
}

static void an_answer_larger_than_all_buffers_is_sent_and_its_memory_given_back(void **state)
{
	(void)state;
	uint32_t released = atomic_load(&echo.bodies_released);
	assert_true(raw_send_text(&client, "GET /megabytes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
	usleep(100000);
	static char sink[65536];
	size_t received = 0;
	ssize_t length;
	while ((length = recv(client.descriptor, sink, sizeof sink, 0)) > 0)
		received += (size_t)length;
	assert_int_equal(length, 0);
	assert_true(received > 4 << 20);
	assert_int_equal(atomic_load(&echo.bodies_released), released + 1);
}

static void clients_that_leave_harm_nobody(void **state)
{
	(void)state;
	static struct raw_client leaving;
	for (int i = 0; i < 200; i++) {
		raw_open(&leaving, http_server_port(echo.server));
		raw_send_text(&leaving,
		              i % 3 == 0 ? "GET /megabytes HTTP/1.1\r\nHost: a\r\n\r\n" : POST_HEAD "Content-Length: 3\r\n\r\nabc");
		if (i % 2 == 0) /* close with a reset */
			setsockopt(leaving.descriptor, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
		raw_close(&leaving);
	}
	exchange(PING, 200);
}

struct crowd_member {
	pthread_t thread;
	uint32_t answered;
};

static void *take_part(void *argument)
{
	struct crowd_member *member = argument;
	struct raw_client *own = malloc(sizeof *own);
	char expected[16], text[256];
	raw_open(own, http_server_port(echo.server));
	for (int i = 0; i < 200; i++) {
		snprintf(expected, sizeof expected, "%08d", i);
		snprintf(text, sizeof text, POST_HEAD "Content-Length: 8\r\n\r\n%s", expected);
		if (!raw_send_text(own, text))
			break;
		size_t received = 0;
		while (strstr(own->bytes, expected) == NULL) {
			ssize_t length = recv(own->descriptor, own->bytes + received, RAW_CLIENT_ROOM - received, 0);
			if (length <= 0)
				break;
			received += (size_t)length;
			own->bytes[received] = '\0';
		}
		member->answered += strstr(own->bytes, expected) != NULL;
		own->bytes[0] = '\0';
	}
	raw_close(own);
	free(own);
	return NULL;
}

static void many_clients_at_once_get_their_own_answers(void **state)
{
	(void)state;
	static struct crowd_member crowd[32];
	for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
		assert_int_equal(pthread_create(&crowd[i].thread, NULL, take_part, &crowd[i]), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++) {
		pthread_join(crowd[i].thread, NULL);
		assert_int_equal(crowd[i].answered, 200);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)
	const struct CMUnitTest tests[] = {
		T(requests_are_answered_at_once_or_later),
		T(refusals_keep_the_connection),
		T(head_is_get_without_the_body),
		T(a_client_that_has_it_gets_304),
		T(ids_and_traces_are_taken_over_when_they_are_good),
		T(a_trusted_proxy_names_the_client),
		T(pipelined_requests_are_answered_in_order),
		T(a_request_may_arrive_byte_by_byte),
		T(bodies_of_all_sizes_come_back),
		T(a_head_may_be_as_large_as_allowed),
		T(a_request_too_large_is_refused_and_the_answer_arrives),
		T(large_bodies_are_for_routes_that_take_them),
		T(no_length_is_too_large_to_be_refused),
		T(a_head_without_end_is_cut_off),
		T(clients_may_wait_to_be_asked_for_the_body),
		T(malformed_requests_are_refused_and_nothing_behind_them_is_served),
		T(a_request_that_ends_too_early_is_refused),
		T(connections_are_closed_when_the_client_says_so),
		T(an_answer_larger_than_all_buffers_is_sent_and_its_memory_given_back),
		T(clients_that_leave_harm_nobody),
		T(many_clients_at_once_get_their_own_answers),
	};
#undef T
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
