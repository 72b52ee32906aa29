/* test_client.c: a request is sent until it is answered, and then no more, however the server treats its connections. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/client.h"
#include "bench/clock.h"

#define REQUESTS_MAX 32
#define REQUEST_LENGTH_MAX 256
#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* The server's treatment of a request. */
enum deed {
	ANSWERS,
	ANSWERS_BIT_BY_BIT,
	ANSWERS_AND_SAYS_CLOSE,
	ANSWERS_AND_CLOSES,
	CLOSES,
	STAYS_SILENT,
	IS_BUSY,
	TALKS_NONSENSE,
	TALKS_TOO_MUCH,
};

/* Serves one connection after the other, with one deed for each request; answers when it has no deed left. */
struct server {
	int listener;
	pthread_t thread;
	const enum deed *deeds;
	uint32_t deed_count;
	uint32_t request_count;
	char requests[REQUESTS_MAX][REQUEST_LENGTH_MAX];
};

/* Reads one request without a body. False: the connection ended. */
static bool read_request(int descriptor, char request[static REQUEST_LENGTH_MAX])
{
	size_t length = 0;
	memset(request, 0, REQUEST_LENGTH_MAX);
	while (strstr(request, "\r\n\r\n") == NULL) {
		ssize_t count = recv(descriptor, request + length, REQUEST_LENGTH_MAX - 1 - length, 0);
		if (count <= 0)
			return false;
		length += (size_t)count;
	}
	return true;
}

static void send_text(int descriptor, const char *text)
{
	(void)send(descriptor, text, strlen(text), MSG_NOSIGNAL);
}

/* True: the connection goes on. */
static bool serve_request(int descriptor, enum deed deed)
{
	char byte;
	switch (deed) {
	case ANSWERS:
		send_text(descriptor, OK_ANSWER);
		return true;
	case ANSWERS_BIT_BY_BIT:
		for (const char *rest = OK_ANSWER; *rest != '\0'; rest++) {
			(void)send(descriptor, rest, 1, MSG_NOSIGNAL);
			usleep(200);
		}
		return true;
	case ANSWERS_AND_SAYS_CLOSE:
		send_text(descriptor, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
		return false;
	case ANSWERS_AND_CLOSES:
		send_text(descriptor, OK_ANSWER);
		return false;
	case CLOSES:
		return false;
	case STAYS_SILENT:
		(void)recv(descriptor, &byte, 1, 0); /* until the client goes */
		return false;
	case IS_BUSY:
		send_text(descriptor, "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
		return true;
	case TALKS_NONSENSE:
		send_text(descriptor, "nonsense\r\n\r\n");
		return true;
	case TALKS_TOO_MUCH:
		send_text(descriptor, OK_ANSWER "and more");
		return true;
	}
	return false;
}

static void *serve(void *argument)
{
	struct server *server = argument;
	for (;;) {
		int descriptor = accept(server->listener, NULL, NULL);
		if (descriptor < 0)
			return NULL;
		bool goes_on = true;
		while (goes_on && server->request_count < REQUESTS_MAX &&
		       read_request(descriptor, server->requests[server->request_count])) {
			uint32_t number = server->request_count++;
			goes_on = serve_request(descriptor, number < server->deed_count ? server->deeds[number] : ANSWERS);
		}
		close(descriptor);
	}
}

static struct sockaddr_in bind_listener(struct server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(server->listener >= 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
	return address;
}

static void serve_at_once(struct server *server)
{
	assert_int_equal(listen(server->listener, 8), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop_serving(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
}

static void add_endpoint(struct endpoint_list *endpoints, struct server *server)
{
	struct sockaddr_in address = bind_listener(server);
	struct endpoint *endpoint = &endpoints->items[endpoints->count++];
	endpoint->length = sizeof address;
	memcpy(&endpoint->address, &address, sizeof address);
}

/* The load: `wanted` requests, numbered in their path. */
struct load {
	struct client client;
	uint32_t wanted, started, answered;
	uint32_t attempts;     /* of the last answer */
	bool hangs_up;         /* on the first request, once */
	uint64_t listen_at_ns; /* when the server begins to listen; 0: it does already */
	struct server *server;
	struct server *other; /* listens from the start; NULL: there is one server */
};

static bool start(void *context, uint32_t connection, uint64_t now_ns, struct buffer *request)
{
	(void)now_ns;
	struct load *load = context;
	if (load->started == load->wanted)
		return false;
	assert_int_equal(request->length, 0);
	buffer_append_format(request, "GET /%u HTTP/1.1\r\n\r\n", load->started++);
	if (load->hangs_up)
		client_hang_up(&load->client, connection);
	load->hangs_up = false;
	return true;
}

static enum client_next answered(void *context, const struct client_answer *answer, struct buffer *request)
{
	struct load *load = context;
	assert_true(request->length > 0);
	load->attempts = answer->attempts;
	if (answer->response.status == 503)
		return CLIENT_LATER;
	assert_int_equal(answer->response.status, 200);
	assert_memory_equal(answer->response.body.data, "ok", 2);
	load->answered++;
	return CLIENT_IDLE;
}

static uint64_t due_ns(void *context, uint64_t now_ns)
{
	const struct load *load = context;
	return load->started < load->wanted ? now_ns : UINT64_MAX;
}

static void tick(void *context, uint64_t now_ns)
{
	struct load *load = context;
	if (load->listen_at_ns == 0 || now_ns < load->listen_at_ns)
		return;
	load->listen_at_ns = 0;
	serve_at_once(load->server);
}

/* Runs the load against a server with these deeds. listens_after_ms: 0: from the start; UINT64_MAX: never. */
static enum client_end run(struct load *load, struct server *server, uint64_t listens_after_ms)
{
	struct client_options options = {.connections = 1, .timeout_ms = 400, .patience_ms = 2500};
	add_endpoint(&options.endpoints, server);
	if (load->other != NULL) {
		add_endpoint(&options.endpoints, load->other);
		serve_at_once(load->other);
	}
	assert_int_equal(client_init(&load->client, &options), OK);
	load->server = server;
	load->listen_at_ns = listens_after_ms == UINT64_MAX ? 0 : monotonic_ns() + listens_after_ms * NS_PER_MS;
	if (listens_after_ms == 0)
		tick(load, load->listen_at_ns);
	const struct client_handler handler = {.context = load, .start = start, .answered = answered, .due_ns = due_ns, .tick = tick};
	enum client_end end = client_run(&load->client, &handler);
	client_release(&load->client);
	if (listens_after_ms == UINT64_MAX)
		close(server->listener);
	else
		stop_serving(server);
	if (load->other != NULL)
		stop_serving(load->other);
	return end;
}

static void assert_requests(const struct server *server, const char *const *paths, uint32_t count)
{
	assert_int_equal(server->request_count, count);
	for (uint32_t i = 0; i < count; i++) {
		char expected[REQUEST_LENGTH_MAX];
		snprintf(expected, sizeof expected, "GET %s HTTP/1.1\r\n\r\n", paths[i]);
		assert_string_equal(server->requests[i], expected);
	}
}

static void requests_are_answered_in_turn(void **state)
{
	(void)state;
	static const enum deed deeds[] = {ANSWERS, ANSWERS_BIT_BY_BIT, ANSWERS};
	struct server server = {.deeds = deeds, .deed_count = 3};
	struct load load = {.wanted = 3};
	assert_int_equal(run(&load, &server, 0), CLIENT_FINISHED);
	assert_requests(&server, (const char *const[]){"/0", "/1", "/2"}, 3);
	assert_int_equal(load.answered, 3);
}

/* The first request meets the deed, and is sent again. */
static void assert_repeated(enum deed deed)
{
	struct server server = {.deeds = &deed, .deed_count = 1};
	struct load load = {.wanted = 2};
	assert_int_equal(run(&load, &server, 0), CLIENT_FINISHED);
	assert_requests(&server, (const char *const[]){"/0", "/0", "/1"}, 3);
	assert_int_equal(load.answered, 2);
}

static void a_request_without_an_answer_is_sent_again_unchanged(void **state)
{
	(void)state;
	assert_repeated(CLOSES);
	assert_repeated(STAYS_SILENT);
	assert_repeated(IS_BUSY);
	assert_repeated(TALKS_NONSENSE);
	assert_repeated(TALKS_TOO_MUCH);
}

static void a_request_with_an_answer_is_not_sent_again(void **state)
{
	(void)state;
	static const enum deed deeds[] = {ANSWERS_AND_SAYS_CLOSE, ANSWERS_AND_CLOSES};
	for (size_t i = 0; i < 2; i++) {
		struct server server = {.deeds = &deeds[i], .deed_count = 1};
		struct load load = {.wanted = 1};
		assert_int_equal(run(&load, &server, 0), CLIENT_FINISHED);
		assert_requests(&server, (const char *const[]){"/0"}, 1);
	}
}

static void a_closed_connection_is_made_again_for_the_next_request(void **state)
{
	(void)state;
	static const enum deed deeds[] = {ANSWERS_AND_SAYS_CLOSE, ANSWERS};
	struct server server = {.deeds = deeds, .deed_count = 2};
	struct load load = {.wanted = 2};
	assert_int_equal(run(&load, &server, 0), CLIENT_FINISHED);
	assert_requests(&server, (const char *const[]){"/0", "/1"}, 2);
}

static void a_client_that_hangs_up_asks_again(void **state)
{
	(void)state;
	struct server server = {0};
	struct load load = {.wanted = 1, .hangs_up = true};
	assert_int_equal(run(&load, &server, 0), CLIENT_FINISHED);
	assert_requests(&server, (const char *const[]){"/0", "/0"}, 2);
	assert_int_equal(load.answered, 1);
	assert_int_equal(load.attempts, 2);
}

static void of_several_servers_the_next_is_asked_again(void **state)
{
	(void)state;
	static const enum deed deeds[] = {ANSWERS, CLOSES};
	struct server server = {.deeds = deeds, .deed_count = 2}, other = {.deeds = deeds, .deed_count = 2};
	struct load load = {.wanted = 3, .other = &other};
	assert_int_equal(run(&load, &server, 0), CLIENT_FINISHED);
	assert_int_equal(load.answered, 3);
	assert_requests(&server, (const char *const[]){"/0", "/1", "/2"}, 3);
	assert_requests(&other, (const char *const[]){"/1", "/2"}, 2);
}

static void of_several_servers_one_may_be_away(void **state)
{
	(void)state;
	struct server server = {0}, other = {0};
	struct load load = {.wanted = 2, .other = &other};
	assert_int_equal(run(&load, &server, UINT64_MAX), CLIENT_FINISHED);
	assert_requests(&other, (const char *const[]){"/0", "/1"}, 2);
}

static void a_server_that_comes_late_is_waited_for(void **state)
{
	(void)state;
	struct server server = {0};
	struct load load = {.wanted = 2};
	assert_int_equal(run(&load, &server, 300), CLIENT_FINISHED);
	assert_int_equal(load.answered, 2);
}

static void patience_has_an_end(void **state)
{
	(void)state;
	struct server server = {0};
	struct load load = {.wanted = 1};
	uint64_t began_ns = monotonic_ns();
	assert_int_equal(run(&load, &server, UINT64_MAX), CLIENT_OUT_OF_PATIENCE);
	assert_true(monotonic_ns() - began_ns >= 1400 * NS_PER_MS);

	enum deed deeds[REQUESTS_MAX];
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		deeds[i] = STAYS_SILENT;
	struct server silent = {.deeds = deeds, .deed_count = REQUESTS_MAX};
	struct load other = {.wanted = 1};
	assert_int_equal(run(&other, &silent, 0), CLIENT_OUT_OF_PATIENCE);
	assert_int_equal(other.answered, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_answered_in_turn),
		cmocka_unit_test(a_request_without_an_answer_is_sent_again_unchanged),
		cmocka_unit_test(a_request_with_an_answer_is_not_sent_again),
		cmocka_unit_test(a_closed_connection_is_made_again_for_the_next_request),
		cmocka_unit_test(a_client_that_hangs_up_asks_again),
		cmocka_unit_test(of_several_servers_the_next_is_asked_again),
		cmocka_unit_test(of_several_servers_one_may_be_away),
		cmocka_unit_test(a_server_that_comes_late_is_waited_for),
		cmocka_unit_test(patience_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
