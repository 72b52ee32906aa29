/* connection.c: see connection.h. Callbacks of the loop come in at the bottom. */
#include "http/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/now.h"
#include "http/address_counts.h"
#include "http/exchange.h"
#include "http/response_head.h"
#include "http/router.h"
#include "http/server_options.h"
#include "http/usage.h"
#include "net/tls.h"

#define RESPONSE_HEAD_MAX 16384
#define DISCARD_SIZE 16384
#define DISCARD_MAX (10 << 20) /* bytes thrown away for the sake of an answer; somebody who sends on and on is not reading it */

static void on_readable(void *context);
static void on_timeout(struct timer *timer);
static void on_sent(void *context, bool is_whole);
static void on_continue_sent(void *context, bool is_whole);

/* For the acceptor, on another thread. */
static void note_first_due(struct loop *loop, enum loop_timeout timeout)
{
	const struct timer *first = timer_queue_first(&loop->timeouts[timeout]);
	atomic_store_explicit(&loop->first_due_ms[timeout], first == NULL ? 0 : first->due_ms, memory_order_relaxed);
}

static void stop_timer(struct connection *connection)
{
	if (!timer_is_started(&connection->timer))
		return;
	timer_stop(&connection->timer);
	note_first_due(connection->loop, connection->timeout);
}

/* Enters a state and starts its time limit. */
static void enter(struct connection *connection, enum connection_state state, enum loop_timeout timeout)
{
	connection->state = state;
	stop_timer(connection);
	connection->timeout = timeout;
	timer_start(&connection->loop->timeouts[timeout], &connection->timer);
	note_first_due(connection->loop, timeout);
}

static void start_reading(struct connection *connection)
{
	if (!connection->is_reading)
		stream_read_start(connection->stream, on_readable);
	connection->is_reading = true;
}

/* Input is only waited for, and left in the kernel, while there is nothing to do with it. Input that comes with nobody waiting for it is
 * rare, so reading goes on until there is some: that saves two system calls a request. */
static void stop_reading(struct connection *connection)
{
	if (connection->is_reading)
		stream_read_stop(connection->stream);
	connection->is_reading = false;
}

struct connection *connection_new(int descriptor, const struct ip_address *peer)
{
	assert(descriptor >= 0);

	struct connection *connection = calloc(1, sizeof *connection);
	if (connection == NULL) {
		close(descriptor);
		return NULL;
	}
	connection->descriptor = descriptor;
	connection->peer = *peer;
	connection->timer.expired = on_timeout;
	return connection;
}

/* Its descriptor is closed: nobody counts it any more. */
static void forget(struct connection *connection, struct loop *loop)
{
	if (connection->is_counted)
		address_counts_remove(loop->usage->addresses, &connection->peer);
	loop_connection_closed(loop);
	free(connection);
}

void connection_start(struct connection *connection, struct loop *loop)
{
	assert(connection->loop == NULL && connection->node.next == NULL);

	if (stream_new(loop->reactor, connection->descriptor, on_readable, connection, &connection->stream) != OK) {
		close(connection->descriptor);
		forget(connection, loop);
		return;
	}
	connection->loop = loop;
	connection->is_reading = true;
	list_push(&loop->connections, &connection->node);
	enum loop_timeout timeout = loop->phase == LOOP_SERVING ? LOOP_TIMEOUT_IDLE : LOOP_TIMEOUT_DRAIN;
	if (loop->options->tls == NULL) {
		enter(connection, CONNECTION_IDLE, timeout);
		return;
	}
	enter(connection, CONNECTION_GREETING, timeout == LOOP_TIMEOUT_IDLE ? LOOP_TIMEOUT_HEAD : timeout);
	struct tls_session *session = tls_session_new(loop->options->tls, connection->descriptor);
	if (session == NULL) {
		connection_close(connection);
		return;
	}
	stream_encrypt(connection->stream, session);
	connection->is_shaking_hands = true;
}

void connection_close(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	if (exchange != NULL && exchange->is_suspended)
		exchange->connection = NULL;
	else if (exchange != NULL && exchange->request.response.status != 0)
		exchange_finish(exchange, false);
	else
		exchange_free(exchange);
	stop_timer(connection);
	stream_close(connection->stream);
	list_remove(&connection->node);
	forget(connection, connection->loop);
}

/* Says that nothing more will be said and waits for the client to close. */
static void linger(struct connection *connection)
{
	assert(connection->exchange == NULL);

	if (!stream_end(connection->stream)) {
		connection_close(connection);
		return;
	}
	enter(connection, CONNECTION_LINGERING, LOOP_TIMEOUT_LINGER);
	start_reading(connection);
}

static void send_answer(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct http_request *request = &exchange->request;
	if (connection->loop->phase != LOOP_SERVING || request->response.more != NULL)
		exchange->head.is_persistent = false;
	const struct http_delivery delivery = {
		.is_persistent = exchange->head.is_persistent,
		.is_version_1_0 = exchange->head.is_version_1_0,
		.is_encrypted = connection->loop->options->tls != NULL,
		.date = loop_date(connection->loop),
	};
	struct buffer head;
	request->arena.maximum += 2 * RESPONSE_HEAD_MAX; /* a request that has used up its memory is told so */
	buffer_init(&head, &request->arena, RESPONSE_HEAD_MAX);
	http_response_write_head(request, &delivery, &head);
	if (head.failed) {
		connection_close(connection);
		return;
	}
	struct slice content = http_response_content(request);
	const struct slice pieces[2] = {buffer_slice(&head), content};
	exchange->bytes_sent = head.length + content.length;
	enter(connection, CONNECTION_SENDING, LOOP_TIMEOUT_SEND);
	stream_write(connection->stream, pieces, content.length > 0 ? 2 : 1, on_sent);
}

static void act_on(struct exchange *exchange, enum http_progress progress)
{
	exchange->is_suspended = progress == HTTP_SUSPENDED;
	if (exchange->is_suspended) {
		assert(exchange->request.resume != NULL);
		return;
	}
	assert(exchange->request.response.status != 0);
	if (exchange->connection != NULL)
		send_answer(exchange->connection);
	else
		exchange_finish(exchange, false);
}

static void handle(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	connection->state = CONNECTION_HANDLING;
	stop_timer(connection);
	exchange->request.arrived_ns = monotonic_now_ns();
	act_on(exchange, http_router_dispatch(connection->loop->options->router, &exchange->request, exchange->refusal));
}

void connection_resume(struct exchange *exchange)
{
	assert(exchange->is_suspended);
	act_on(exchange, exchange->request.resume(&exchange->request));
}

/* There is new input in the exchange, or there may be. */
static void advance(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	if (exchange_take(exchange)) {
		handle(connection);
		return;
	}
	enum loop_timeout timeout = exchange->has_head ? LOOP_TIMEOUT_BODY : LOOP_TIMEOUT_HEAD;
	if (connection->state != CONNECTION_RECEIVING || connection->timeout != timeout) {
		enter(connection, CONNECTION_RECEIVING, timeout);
		connection->received_before = exchange->bytes_received;
	}
	if (exchange->wants_continue) {
		const struct slice text = SLICE("HTTP/1.1 100 Continue\r\n\r\n");
		exchange->wants_continue = false;
		connection->state = CONNECTION_CONTINUING;
		stop_reading(connection);
		stream_write(connection->stream, &text, 1, on_continue_sent);
	} else {
		start_reading(connection);
	}
}

static void refuse(struct connection *connection, enum error error, const char *detail)
{
	exchange_refuse(connection->exchange, http_refuse(error, detail));
	handle(connection);
}

static void become_idle(struct connection *connection)
{
	enter(connection, CONNECTION_IDLE, connection->loop->phase == LOOP_SERVING ? LOOP_TIMEOUT_IDLE : LOOP_TIMEOUT_DRAIN);
	start_reading(connection);
}

/* True: the next bytes to read are a request's. */
static bool is_past_greeting(struct connection *connection)
{
	if (!connection->may_be_greeted)
		return true;
	switch (greeting_take(&connection->greeting, stream_descriptor(connection->stream), &connection->peer)) {
	case GREETING_NONE:
		connection->may_be_greeted = false;
		return true;
	case GREETING_TAKEN:
		connection->may_be_greeted = false;
		if (!connection->is_shaking_hands)
			become_idle(connection);
		return false;
	case GREETING_WAITING:
		if (connection->state != CONNECTION_GREETING)
			enter(connection, CONNECTION_GREETING, LOOP_TIMEOUT_HEAD);
		return false;
	case GREETING_BAD:
		connection_close(connection);
		return false;
	}
	return true;
}

/* The same. Bytes that came with the end of the handshake are read in the next round. */
static bool is_past_handshake(struct connection *connection)
{
	if (!connection->is_shaking_hands)
		return true;
	switch (stream_handshake(connection->stream)) {
	case OK:
		connection->is_shaking_hands = false;
		become_idle(connection);
		break;
	case ERR_OVERLOADED:
		break;
	default:
		connection_close(connection);
		break;
	}
	return false;
}

static void receive(struct connection *connection)
{
	if (!is_past_greeting(connection) || !is_past_handshake(connection))
		return;
	if (connection->exchange == NULL)
		connection->exchange = exchange_new(connection->loop, connection, &connection->peer, (struct slice){0});
	struct exchange *exchange = connection->exchange;
	if (exchange == NULL || !exchange_make_room(exchange)) {
		connection_close(connection);
		return;
	}
	struct exchange_input *input = &exchange->input;
	ssize_t length = stream_read(connection->stream, input->data + input->end, input->capacity - input->end);
	if (length > 0) {
		input->end += (size_t)length;
		exchange->bytes_received += (size_t)length;
		advance(connection);
	} else if (length == 0 && exchange_has_begun(exchange)) {
		refuse(connection, ERR_BAD_REQUEST, "The request ends before it is complete.");
	} else if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
		connection_close(connection);
	}
}

/* Until the client closes or time is up. */
static void discard(struct connection *connection)
{
	char bytes[DISCARD_SIZE];
	ssize_t length = stream_read(connection->stream, bytes, sizeof bytes);
	bool has_failed = length < 0 && errno != EAGAIN && errno != EINTR;
	connection->discarded += length > 0 ? (uint32_t)length : 0;
	if (length == 0 || has_failed || connection->discarded > DISCARD_MAX)
		connection_close(connection);
}

/* Reads on until the refused body is over, and not a byte of what follows it. */
static void skip(struct connection *connection)
{
	char bytes[DISCARD_SIZE];
	size_t wanted = connection->to_be_skipped < sizeof bytes ? (size_t)connection->to_be_skipped : sizeof bytes;
	ssize_t length = stream_read(connection->stream, bytes, wanted);
	if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR)) {
		connection_close(connection);
		return;
	}
	connection->to_be_skipped -= length > 0 ? (uint64_t)length : 0;
	if (connection->to_be_skipped == 0)
		become_idle(connection);
}

static void on_readable(void *context)
{
	struct connection *connection = context;
	switch (connection->state) {
	case CONNECTION_GREETING:
	case CONNECTION_IDLE:
	case CONNECTION_RECEIVING:
		receive(connection);
		break;
	case CONNECTION_CONTINUING:
	case CONNECTION_HANDLING:
	case CONNECTION_SENDING:
		stop_reading(connection);
		break;
	case CONNECTION_SKIPPING:
		skip(connection);
		break;
	case CONNECTION_PAUSING:
	case CONNECTION_LINGERING:
		discard(connection);
		break;
	}
}

static void on_continue_sent(void *context, bool is_whole)
{
	struct connection *connection = context;
	assert(connection->state == CONNECTION_CONTINUING);

	if (!is_whole) {
		connection_close(connection);
		return;
	}
	connection->state = CONNECTION_RECEIVING;
	start_reading(connection);
}

/* Bytes that came behind a request begin the next one. */
static void begin_next(struct connection *connection, struct exchange *next)
{
	connection->exchange = next;
	if (next != NULL) {
		advance(connection);
		return;
	}
	if (connection->to_be_skipped == 0) {
		become_idle(connection);
		return;
	}
	enter(connection, CONNECTION_SKIPPING, LOOP_TIMEOUT_BODY);
	start_reading(connection);
}

static bool goes_on(const struct exchange *exchange)
{
	const struct http_request *request = &exchange->request;
	return request->response.more != NULL && request->method == HTTP_GET;
}

/* Until it is asked for more; a client that has gone meanwhile is noticed. */
static void pause_answer(struct connection *connection)
{
	enter(connection, CONNECTION_PAUSING, LOOP_TIMEOUT_MORE);
	start_reading(connection);
}

static void go_on(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct http_response *response = &exchange->request.response;
	struct slice piece = {0};
	if (connection->loop->phase != LOOP_SERVING || !response->more(response->release_context, &piece)) {
		exchange_finish(exchange, true);
		connection->exchange = NULL;
		linger(connection);
		return;
	}
	if (slice_is_empty(piece)) {
		pause_answer(connection);
		return;
	}
	exchange->bytes_sent += piece.length;
	enter(connection, CONNECTION_SENDING, LOOP_TIMEOUT_SEND);
	stream_write(connection->stream, &piece, 1, on_sent);
}

static void on_sent(void *context, bool is_whole)
{
	struct connection *connection = context;
	struct exchange *exchange = connection->exchange;
	assert(connection->state == CONNECTION_SENDING);

	if (is_whole && goes_on(exchange)) {
		if (exchange->begun_ns == 0)
			exchange->begun_ns = monotonic_now_ns();
		pause_answer(connection);
		return;
	}
	struct slice rest = exchange_rest(exchange);
	bool is_persistent = exchange->head.is_persistent;
	struct exchange *next =
		is_persistent && rest.length > 0 ? exchange_new(connection->loop, connection, &connection->peer, rest) : NULL;
	if (!is_whole || (is_persistent && rest.length > 0 && next == NULL)) {
		exchange_free(next);
		connection_close(connection);
		return;
	}
	connection->to_be_skipped = exchange->body_left;
	exchange_finish(exchange, true);
	connection->exchange = NULL;
	if (is_persistent)
		begin_next(connection, next);
	else
		linger(connection);
}

/* A body whose time is up goes on when enough of it came within that time. */
static bool keeps_up(struct connection *connection)
{
	const struct exchange *exchange = connection->exchange;
	if (!exchange->has_head)
		return false;
	uint64_t received = exchange->bytes_received - connection->received_before;
	if (received * 1000 < (uint64_t)HTTP_BODY_RATE_MIN * connection->loop->options->body_timeout_ms)
		return false;
	enter(connection, CONNECTION_RECEIVING, LOOP_TIMEOUT_BODY);
	connection->received_before = exchange->bytes_received;
	return true;
}

/* The bytes so far may also begin a request. */
static void give_up_greeting(struct connection *connection)
{
	if (connection->is_shaking_hands) {
		connection_close(connection);
		return;
	}
	connection->may_be_greeted = false;
	connection->exchange = exchange_new(connection->loop, connection, &connection->peer, (struct slice){0});
	if (connection->exchange == NULL)
		connection_close(connection);
	else
		refuse(connection, ERR_REQUEST_TIMEOUT, NULL);
}

static void on_timeout(struct timer *timer)
{
	struct connection *connection = container_of(timer, struct connection, timer);
	note_first_due(connection->loop, connection->timeout);
	switch (connection->state) {
	case CONNECTION_IDLE:
		exchange_free(connection->exchange);
		connection->exchange = NULL;
		linger(connection);
		break;
	case CONNECTION_RECEIVING:
		if (!keeps_up(connection))
			refuse(connection, ERR_REQUEST_TIMEOUT, NULL);
		break;
	case CONNECTION_PAUSING:
		go_on(connection);
		break;
	case CONNECTION_GREETING:
		give_up_greeting(connection);
		break;
	case CONNECTION_CONTINUING:
	case CONNECTION_HANDLING: /* has no time limit */
	case CONNECTION_SENDING:
	case CONNECTION_SKIPPING:
	case CONNECTION_LINGERING:
		connection_close(connection);
		break;
	}
}

void connection_drain(struct connection *connection)
{
	if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_GREETING)
		enter(connection, connection->state, LOOP_TIMEOUT_DRAIN);
}

/* The connection that has had this time limit for longest, and long enough that its client had a chance; NULL: there is none. */
static struct connection *longest_waiting(const struct loop *loop, enum loop_timeout timeout)
{
	struct timer *first = timer_queue_first(&loop->timeouts[timeout]);
	bool is_old = first != NULL && loop_is_evictable(loop, timeout, first->due_ms, monotonic_now_ms());
	return is_old ? container_of(first, struct connection, timer) : NULL;
}

void connection_evict(struct loop *loop, uint32_t count)
{
	for (; count > 0; count--) {
		struct connection *connection = longest_waiting(loop, LOOP_TIMEOUT_IDLE);
		if (connection == NULL)
			connection = longest_waiting(loop, LOOP_TIMEOUT_HEAD);
		if (connection == NULL)
			return;
		atomic_fetch_add(&loop->usage->evicted, 1);
		connection_close(connection);
	}
}
