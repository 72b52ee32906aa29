/* client.c: a small state machine for each connection, driven by edge-triggered epoll and a tick for everything that waits for a time.
 *
 * DOWN ─due─▶ CONNECTING ─▶ IDLE ─start─▶ WAITING ─answer─▶ IDLE, or WAITING for the next one, or PAUSED ─due─▶ WAITING
 * Whatever fails leads to DOWN; a request that was not answered stays in its buffer and is sent first on the next connection. */
#include "bench/client.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/clock.h"

#define EVENTS_MAX 256
#define TICK_NS (10 * NS_PER_MS)
#define RECEIVE_MIN 4096
#define REQUEST_MAX (256 * 1024)
#define BACKOFF_MIN_NS (5 * NS_PER_MS)
#define BACKOFF_DOUBLINGS_MAX 6 /* 320 ms */
#define PAUSE_MIN_NS (20 * NS_PER_MS)

enum connection_state {
	CONNECTION_DOWN,
	CONNECTION_CONNECTING,
	CONNECTION_IDLE,
	CONNECTION_WAITING, /* for the answer; part of the request may still have to be sent */
	CONNECTION_PAUSED,  /* before the request is sent again */
};

struct connection {
	struct list_node node; /* on client->idle while IDLE */
	enum connection_state state;
	int descriptor;    /* −1 while DOWN */
	uint32_t endpoint; /* the server of the next connection */
	uint32_t failures; /* to connect, since it last succeeded */
	uint32_t attempts; /* to send the request */
	bool hangs_up;
	struct buffer request; /* empty when there is none */
	size_t sent;
	struct buffer received;
	struct response_parser parser;
	uint64_t due_ns;      /* when the state has lasted long enough; none for IDLE */
	uint64_t patience_ns; /* when to give up; UINT64_MAX while nothing is amiss */
};

enum error client_init(struct client *client, const struct client_options *options)
{
	assert(client != NULL && options != NULL);
	assert(options->connections >= 1 && options->connections <= CLIENT_CONNECTIONS_MAX);
	assert(options->endpoints.count >= 1 && options->endpoints.count <= ENDPOINTS_MAX);

	int epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return ERR_SYSTEM;
	*client = (struct client){.options = *options, .epoll = epoll};
	list_init(&client->idle);
	client->connections = calloc(options->connections, sizeof *client->connections);
	if (client->connections == NULL) {
		close(epoll);
		return ERR_NO_MEMORY;
	}
	for (uint32_t i = 0; i < options->connections; i++) {
		struct connection *connection = &client->connections[i];
		connection->descriptor = -1;
		connection->endpoint = i % options->endpoints.count;
		connection->patience_ns = UINT64_MAX;
		buffer_init(&connection->request, NULL, REQUEST_MAX);
		buffer_init(&connection->received, NULL, RESPONSE_HEAD_MAX + 2 * RESPONSE_BODY_MAX);
	}
	return OK;
}

void client_release(struct client *client)
{
	if (client == NULL || client->connections == NULL)
		return;
	for (uint32_t i = 0; i < client->options.connections; i++) {
		struct connection *connection = &client->connections[i];
		if (connection->descriptor >= 0)
			close(connection->descriptor);
		buffer_release(&connection->request);
		buffer_release(&connection->received);
	}
	free(client->connections);
	close(client->epoll);
	*client = (struct client){0};
}

void client_stop(struct client *client)
{
	assert(client != NULL);
	client->is_stopped = true;
}

void client_hang_up(struct client *client, uint32_t connection)
{
	assert(connection < client->options.connections);
	client->connections[connection].hangs_up = true;
}

static bool has_request(const struct connection *connection)
{
	return connection->request.length > 0;
}

/* Patience begins with the first thing that is waited for, and is not renewed by repeating it. */
static void begin_patience(const struct client *client, struct connection *connection, uint64_t now_ns)
{
	if (connection->patience_ns == UINT64_MAX)
		connection->patience_ns = now_ns + client->options.patience_ms * NS_PER_MS;
}

/* Closes the connection; it is made again at due_ns. */
static void connection_drop(struct client *client, struct connection *connection, uint64_t due_ns)
{
	assert(connection->descriptor >= 0);

	if (connection->state == CONNECTION_IDLE)
		list_remove(&connection->node);
	close(connection->descriptor); /* which takes it out of the epoll set */
	connection->descriptor = -1;
	connection->state = CONNECTION_DOWN;
	connection->due_ns = due_ns;
	buffer_clear(&connection->received);
	connection->parser = (struct response_parser){0};
	client->counts.reconnects++;
}

/* 5 ms for the first failure in a row, 320 ms from the seventh on. */
static uint64_t backoff_ns(uint32_t failures)
{
	assert(failures >= 1);
	uint32_t doublings = failures - 1;
	return BACKOFF_MIN_NS << (doublings < BACKOFF_DOUBLINGS_MAX ? doublings : BACKOFF_DOUBLINGS_MAX);
}

/* The server closed it, reset it, or did not answer in time. */
static void connection_lost(struct client *client, struct connection *connection, uint64_t now_ns)
{
	if (connection->state == CONNECTION_WAITING)
		client->counts.repeats++;
	begin_patience(client, connection, now_ns);
	bool is_again = connection->attempts > 1;
	connection_drop(client, connection, is_again ? now_ns + backoff_ns(connection->attempts - 1) : now_ns);
}

/* It could not be made. */
static void connection_failed(struct client *client, struct connection *connection, uint64_t now_ns)
{
	connection->failures++;
	begin_patience(client, connection, now_ns);
	if (connection->descriptor >= 0)
		close(connection->descriptor);
	connection->descriptor = -1;
	connection->state = CONNECTION_DOWN;
	connection->due_ns = now_ns + backoff_ns(connection->failures);
}

/* Sends what is left of the request. */
static void connection_send(struct client *client, struct connection *connection, uint64_t now_ns)
{
	assert(connection->state == CONNECTION_WAITING);

	while (connection->sent < connection->request.length) {
		ssize_t count = send(connection->descriptor, connection->request.data + connection->sent,
		                     connection->request.length - connection->sent, MSG_NOSIGNAL);
		if (count < 0 && errno == EAGAIN)
			return; /* the next edge goes on */
		if (count < 0) {
			connection_lost(client, connection, now_ns);
			return;
		}
		connection->sent += (size_t)count;
	}
	if (connection->hangs_up) {
		connection->hangs_up = false;
		connection_lost(client, connection, now_ns);
	}
}

/* Sends the request in the buffer from its first byte. */
static void connection_ask(struct client *client, struct connection *connection, uint64_t now_ns)
{
	assert(has_request(connection));
	assert(connection->descriptor >= 0);

	connection->state = CONNECTION_WAITING;
	connection->sent = 0;
	connection->attempts++;
	connection->due_ns = now_ns + client->options.timeout_ms * NS_PER_MS;
	begin_patience(client, connection, now_ns);
	connection_send(client, connection, now_ns);
}

static void connection_rest(struct client *client, struct connection *connection)
{
	connection->state = CONNECTION_IDLE;
	list_push(&client->idle, &connection->node);
}

static void connection_established(struct client *client, struct connection *connection, uint64_t now_ns)
{
	int problem = 0;
	socklen_t length = sizeof problem;
	if (getsockopt(connection->descriptor, SOL_SOCKET, SO_ERROR, &problem, &length) != 0 || problem != 0) {
		connection_failed(client, connection, now_ns);
		return;
	}
	connection->failures = 0;
	if (has_request(connection)) {
		connection_ask(client, connection, now_ns);
	} else {
		connection->patience_ns = UINT64_MAX;
		connection_rest(client, connection);
	}
}

static void connection_open(struct client *client, struct connection *connection, uint64_t now_ns)
{
	assert(connection->state == CONNECTION_DOWN);

	const struct endpoint_list *endpoints = &client->options.endpoints;
	const struct endpoint *endpoint = &endpoints->items[connection->endpoint];
	connection->endpoint = (connection->endpoint + 1) % endpoints->count;
	const struct sockaddr *address = (const struct sockaddr *)&endpoint->address;
	connection->descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (connection->descriptor < 0) {
		connection_failed(client, connection, now_ns);
		return;
	}
	int on = 1;
	(void)setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = connection,
	};
	bool is_begun = connect(connection->descriptor, address, endpoint->length) == 0 || errno == EINPROGRESS;
	if (!is_begun || epoll_ctl(client->epoll, EPOLL_CTL_ADD, connection->descriptor, &event) != 0) {
		connection_failed(client, connection, now_ns);
		return;
	}
	connection->state = CONNECTION_CONNECTING;
	connection->due_ns = now_ns + client->options.timeout_ms * NS_PER_MS;
}

static void connection_broken(struct client *client, struct connection *connection, uint64_t now_ns)
{
	client->counts.broken++;
	connection_lost(client, connection, now_ns);
}

static void connection_answered(struct client *client, const struct client_handler *handler, struct connection *connection,
                                const struct response *response, uint64_t now_ns)
{
	const struct client_answer answer = {
		.connection = (uint32_t)(connection - client->connections),
		.attempts = connection->attempts,
		.now_ns = now_ns,
		.response = *response,
	};
	enum client_next next = handler->answered(handler->context, &answer, &connection->request);
	assert(next == CLIENT_IDLE || has_request(connection));
	buffer_clear(&connection->received);
	uint64_t due_ns = now_ns;
	if (next == CLIENT_LATER) {
		uint64_t pause_ns = response->retry_after_s * NS_PER_S;
		due_ns += pause_ns > PAUSE_MIN_NS ? pause_ns : PAUSE_MIN_NS;
	} else {
		connection->attempts = 0;
		connection->patience_ns = UINT64_MAX;
	}
	if (next == CLIENT_IDLE) {
		buffer_clear(&connection->request);
		client->busy--;
	}
	if (response->closes) {
		connection_drop(client, connection, due_ns);
	} else if (next == CLIENT_IDLE) {
		connection_rest(client, connection);
	} else if (next == CLIENT_SEND) {
		connection_ask(client, connection, now_ns);
	} else {
		connection->state = CONNECTION_PAUSED;
		connection->due_ns = due_ns;
	}
}

/* Reads what has come. A short read means that nothing is left, which saves asking again. */
static void connection_receive(struct client *client, const struct client_handler *handler, struct connection *connection, uint64_t now_ns)
{
	struct buffer *received = &connection->received;
	size_t room;
	ssize_t count;
	do {
		char *end = buffer_reserve(received, RECEIVE_MIN);
		if (end == NULL) {
			connection_broken(client, connection, now_ns);
			return;
		}
		room = received->capacity - received->length;
		count = recv(connection->descriptor, end, room, 0);
		if (count < 0 && errno == EAGAIN)
			return;
		if (count <= 0) {
			connection_lost(client, connection, now_ns);
			return;
		}
		received->length += (size_t)count;
		struct response response;
		enum response_state state = response_parse(&connection->parser, received->data, received->length, &response);
		bool is_asked_for = connection->state == CONNECTION_WAITING && connection->sent == connection->request.length;
		if (state == RESPONSE_BROKEN || !is_asked_for || (state == RESPONSE_COMPLETE && response.length != received->length)) {
			connection_broken(client, connection, now_ns);
			return;
		}
		if (state == RESPONSE_COMPLETE) {
			connection_answered(client, handler, connection, &response, now_ns);
			return;
		}
	} while ((size_t)count == room);
}

static void connection_event(struct client *client, const struct client_handler *handler, struct connection *connection, uint32_t events,
                             uint64_t now_ns)
{
	if (connection->state == CONNECTION_CONNECTING) {
		if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			connection_established(client, connection, now_ns);
		return;
	}
	int descriptor = connection->descriptor;
	if (events & EPOLLOUT && connection->state == CONNECTION_WAITING && connection->sent < connection->request.length)
		connection_send(client, connection, now_ns);
	if (events & EPOLLIN && connection->descriptor >= 0)
		connection_receive(client, handler, connection, now_ns);
	/* The answer came together with the end: without this the end would only be noticed by the next request. */
	bool is_over = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	if (is_over && connection->descriptor == descriptor && descriptor >= 0)
		connection_lost(client, connection, now_ns);
}

static void connection_tick(struct client *client, struct connection *connection, uint64_t now_ns)
{
	if (now_ns >= connection->patience_ns) {
		client->is_out_of_patience = true;
		return;
	}
	if (connection->state == CONNECTION_IDLE || now_ns < connection->due_ns)
		return;
	switch (connection->state) {
	case CONNECTION_DOWN:
		connection_open(client, connection, now_ns);
		break;
	case CONNECTION_CONNECTING:
		connection_failed(client, connection, now_ns);
		break;
	case CONNECTION_WAITING:
		client->counts.timeouts++;
		connection_lost(client, connection, now_ns);
		break;
	case CONNECTION_PAUSED:
		connection_ask(client, connection, now_ns);
		break;
	case CONNECTION_IDLE:
		break;
	}
}

/* Gives the connections that are free something to do, while there is something. */
static void start_idle(struct client *client, const struct client_handler *handler, uint64_t now_ns)
{
	while (!list_is_empty(&client->idle) && !client->is_stopped) {
		struct connection *connection = container_of(client->idle.head.next, struct connection, node);
		assert(connection->state == CONNECTION_IDLE && !has_request(connection));
		if (!handler->start(handler->context, (uint32_t)(connection - client->connections), now_ns, &connection->request))
			return;
		assert(has_request(connection));
		list_remove(&connection->node);
		client->busy++;
		connection_ask(client, connection, now_ns);
	}
}

/* Waits for something to happen, at most until `until_ns`, and sees to it. */
static void serve_events(struct client *client, const struct client_handler *handler, uint64_t now_ns, uint64_t until_ns)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	const struct timespec wait = {.tv_sec = (time_t)(wait_ns / NS_PER_S), .tv_nsec = (long)(wait_ns % NS_PER_S)};
	int count = epoll_pwait2(client->epoll, events, EVENTS_MAX, &wait, NULL);
	for (int i = 0; i < count && !client->is_stopped; i++) {
		uint64_t event_ns = monotonic_ns(); /* a time for each event: one that waits behind others of the batch does wait */
		connection_event(client, handler, events[i].data.ptr, events[i].events, event_ns);
		start_idle(client, handler, event_ns);
	}
}

enum client_end client_run(struct client *client, const struct client_handler *handler)
{
	assert(client != NULL && handler != NULL);

	uint64_t tick_ns = 0;
	while (!client->is_stopped && !client->is_out_of_patience) {
		uint64_t now_ns = monotonic_ns();
		if (now_ns >= tick_ns) {
			for (uint32_t i = 0; i < client->options.connections; i++)
				connection_tick(client, &client->connections[i], now_ns);
			handler->tick(handler->context, now_ns);
			tick_ns = now_ns + TICK_NS;
		}
		start_idle(client, handler, now_ns);
		uint64_t due_ns = handler->due_ns(handler->context, now_ns);
		if (due_ns == UINT64_MAX && client->busy == 0)
			return CLIENT_FINISHED;
		bool may_start = !list_is_empty(&client->idle) && due_ns < tick_ns;
		serve_events(client, handler, now_ns, may_start ? due_ns : tick_ns);
	}
	return client->is_out_of_patience ? CLIENT_OUT_OF_PATIENCE : CLIENT_STOPPED;
}
