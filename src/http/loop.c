/* loop.c: see loop.h. */
#include "http/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cidr.h"
#include "http/connection.h"
#include "http/exchange.h"
#include "http/server.h"

#define DRAIN_TIMEOUT_MS 1000
#define LINGER_TIMEOUT_MS 2000
#define ACCEPT_PAUSE_MS 100
#define SPARE_EXCHANGES_MAX 128
#define EXCHANGE_BLOCK_SIZE 8192

static void on_acceptable(h2o_socket_t *listener, const char *failure);

uint64_t loop_monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t loop_random(struct loop *loop)
{
	if (loop->random_used == RANDOM_POOL_SIZE) {
		ssize_t length = getrandom(loop->random, sizeof loop->random, 0);
		assert(length == sizeof loop->random); /* up to 256 bytes are never cut short */
		loop->random_used = 0;
	}
	return loop->random[loop->random_used++];
}

struct uuid loop_uuid(struct loop *loop)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	uint64_t random = loop_random(loop);
	return uuid_v7(hlc_next(&loop->clock, now_ms), random, (uint8_t)random);
}

struct slice loop_date(struct loop *loop)
{
	time_t now = time(NULL);
	if (now != loop->date_second) {
		struct tm utc;
		gmtime_r(&now, &utc);
		strftime(loop->date, sizeof loop->date, "%a, %d %b %Y %H:%M:%S GMT", &utc); /* in the C locale, which is never left */
		loop->date_second = now;
	}
	return (struct slice){.data = loop->date, .length = DATE_LENGTH};
}

struct exchange *loop_exchange(struct loop *loop)
{
	struct list_node *node = list_pop(&loop->spare_exchanges);
	struct exchange *exchange = node == NULL ? calloc(1, sizeof *exchange) : container_of(node, struct exchange, node);
	if (exchange == NULL)
		return NULL;
	struct arena arena = exchange->request.arena;
	if (node == NULL)
		arena_init(&arena, EXCHANGE_BLOCK_SIZE, EXCHANGE_BLOCK_SIZE);
	else
		loop->spare_count--;
	*exchange = (struct exchange){.loop = loop, .request.arena = arena};
	list_push(&loop->exchanges, &exchange->node);
	return exchange;
}

void loop_exchange_free(struct exchange *exchange)
{
	struct loop *loop = exchange->loop;
	list_remove(&exchange->node);
	if (loop->spare_count == SPARE_EXCHANGES_MAX) {
		arena_release(&exchange->request.arena);
		free(exchange);
		return;
	}
	arena_clear(&exchange->request.arena);
	list_push(&loop->spare_exchanges, &exchange->node);
	loop->spare_count++;
}

/* Accepting. */

static void start_accepting(struct loop *loop)
{
	if (loop->listener != NULL && !h2o_socket_is_reading(loop->listener))
		h2o_socket_read_start(loop->listener, on_acceptable);
}

static void on_accept_pause_over(h2o_timeout_entry_t *entry)
{
	start_accepting(container_of(entry, struct loop, accept_pause));
}

/* Out of descriptors or memory: the client stays in the kernel's queue, and asking again at once would only burn the processor. */
static void pause_accepting(struct loop *loop)
{
	h2o_socket_read_stop(loop->listener);
	if (!h2o_timeout_is_linked(&loop->accept_pause))
		h2o_timeout_link(loop->evloop, &loop->timeouts[LOOP_TIMEOUT_ACCEPT], &loop->accept_pause);
}

/* False: there is none to be had now. */
static bool accept_one(struct loop *loop)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	int descriptor = accept4(h2o_socket_get_fd(loop->listener), (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (descriptor < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(loop);
		return errno == ECONNABORTED || errno == EINTR;
	}
	struct ip_address peer;
	if (!ip_address_of_socket((const struct sockaddr *)&address, &peer)) {
		close(descriptor);
		return true;
	}
	if (connection_start(loop, descriptor, &peer) != OK) {
		pause_accepting(loop);
		return false;
	}
	atomic_fetch_add_explicit(&loop->connection_count, 1, memory_order_relaxed);
	return true;
}

static uint32_t connection_count(const struct loop *loop)
{
	return atomic_load_explicit(&loop->connection_count, memory_order_relaxed);
}

/* One at a time: while this loop is busy with its first clients, the others take theirs. */
static void on_acceptable(h2o_socket_t *listener, const char *failure)
{
	struct loop *loop = listener->data;
	assert(failure == NULL);

	if (connection_count(loop) < loop->connections_max)
		(void)accept_one(loop);
	else
		h2o_socket_read_stop(loop->listener); /* loop_connection_closed goes on */
}

static void note_if_drained(struct loop *loop)
{
	if (loop->phase < LOOP_DRAINING || connection_count(loop) > 0)
		return;
	pthread_mutex_lock(&loop->lock);
	loop->is_drained = true;
	pthread_cond_signal(&loop->drained);
	pthread_mutex_unlock(&loop->lock);
}

void loop_connection_closed(struct loop *loop)
{
	assert(connection_count(loop) > 0);
	atomic_fetch_sub_explicit(&loop->connection_count, 1, memory_order_relaxed);
	if (!h2o_timeout_is_linked(&loop->accept_pause))
		start_accepting(loop);
	note_if_drained(loop);
}

/* Phases. */

/* Clients that the kernel has connected already are taken, or closing the listener would reset them. */
static void begin_draining(struct loop *loop)
{
	while (connection_count(loop) < loop->connections_max && accept_one(loop))
		;
	h2o_timeout_unlink(&loop->accept_pause);
	h2o_socket_close(loop->listener);
	loop->listener = NULL;
	list_for_each(node, &loop->connections)
		connection_drain(container_of(node, struct connection, node));
}

static void cut_connections(struct loop *loop)
{
	while (!list_is_empty(&loop->connections))
		connection_close(container_of(loop->connections.head.next, struct connection, node));
}

static void enter_phase(struct loop *loop, enum loop_phase wanted)
{
	while (loop->phase < wanted) {
		loop->phase++;
		if (loop->phase == LOOP_DRAINING)
			begin_draining(loop);
		else if (loop->phase == LOOP_CUTTING)
			cut_connections(loop);
		note_if_drained(loop);
	}
}

/* Other threads. */

static void wake(struct loop *loop)
{
	ssize_t length = write(loop->waker_descriptor, &(uint64_t){1}, sizeof(uint64_t));
	assert(length == sizeof(uint64_t));
}

void loop_post_completion(struct loop *loop, struct exchange *exchange)
{
	pthread_mutex_lock(&loop->lock);
	bool was_empty = list_is_empty(&loop->completions);
	list_push(&loop->completions, &exchange->completion);
	pthread_mutex_unlock(&loop->lock);
	if (was_empty)
		wake(loop);
}

void loop_request_phase(struct loop *loop, enum loop_phase phase)
{
	pthread_mutex_lock(&loop->lock);
	if (phase > loop->wanted_phase)
		loop->wanted_phase = phase;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
}

bool loop_wait_drained(struct loop *loop, uint64_t deadline_ns)
{
	const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000), .tv_nsec = (long)(deadline_ns % 1000000000)};
	pthread_mutex_lock(&loop->lock);
	int result = 0;
	while (!loop->is_drained && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&loop->drained, &loop->lock, &deadline);
	bool is_drained = loop->is_drained;
	pthread_mutex_unlock(&loop->lock);
	return is_drained;
}

static void on_woken(h2o_socket_t *waker, const char *failure)
{
	struct loop *loop = waker->data;
	assert(failure == NULL);

	uint64_t count;
	if (read(loop->waker_descriptor, &count, sizeof count) < 0)
		return;
	struct list completions;
	list_init(&completions);
	pthread_mutex_lock(&loop->lock);
	list_splice(&completions, &loop->completions);
	enum loop_phase wanted = loop->wanted_phase;
	pthread_mutex_unlock(&loop->lock);
	struct list_node *node;
	while ((node = list_pop(&completions)) != NULL)
		connection_resume(container_of(node, struct exchange, completion));
	enter_phase(loop, wanted);
}

/* Life. */

static void *run(void *argument)
{
	struct loop *loop = argument;
	while (loop->phase != LOOP_ENDING)
		(void)h2o_evloop_run(loop->evloop, INT32_MAX); /* an interrupted wait is no failure, and for others there is no remedy */
	return NULL;
}

/* Signals are for the threads of the program; a loop has none of them, nor the SIGPIPE of a client that has gone. */
static enum error start_thread(struct loop *loop)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int result = pthread_create(&loop->thread, NULL, run, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result != 0) {
		errno = result;
		return ERR_SYSTEM;
	}
	loop->has_thread = true;
	char name[16];
	snprintf(name, sizeof name, "http-%u", loop->index);
	pthread_setname_np(loop->thread, name);
	return OK;
}

static void init_timeouts(struct loop *loop)
{
	const uint64_t durations_ms[LOOP_TIMEOUT_COUNT] = {
		[LOOP_TIMEOUT_IDLE] = loop->options->idle_timeout_ms,
		[LOOP_TIMEOUT_RECEIVE] = loop->options->receive_timeout_ms,
		[LOOP_TIMEOUT_DRAIN] = DRAIN_TIMEOUT_MS,
		[LOOP_TIMEOUT_LINGER] = LINGER_TIMEOUT_MS,
		[LOOP_TIMEOUT_ACCEPT] = ACCEPT_PAUSE_MS,
	};
	for (size_t i = 0; i < LOOP_TIMEOUT_COUNT; i++)
		h2o_timeout_init(loop->evloop, &loop->timeouts[i], durations_ms[i]);
	loop->accept_pause.cb = on_accept_pause_over;
}

static h2o_socket_t *watch(struct loop *loop, int descriptor, h2o_socket_cb callback)
{
	h2o_socket_t *socket = h2o_evloop_socket_create(loop->evloop, descriptor, H2O_SOCKET_FLAG_DONT_READ);
	socket->data = loop;
	h2o_socket_read_start(socket, callback);
	return socket;
}

static void init_lock(struct loop *loop)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&loop->drained, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&loop->lock, NULL);
}

enum error loop_start(struct loop *loop, const struct http_server_options *options, uint32_t index, int listening_descriptor)
{
	assert(loop->evloop == NULL);
	assert(listening_descriptor >= 0 && options->loops > 0);

	int waker_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (waker_descriptor < 0) {
		close(listening_descriptor);
		return ERR_SYSTEM;
	}
	loop->options = options;
	loop->index = index;
	loop->connections_max = (options->connections_max + options->loops - 1) / options->loops;
	loop->random_used = RANDOM_POOL_SIZE;
	list_init(&loop->connections);
	list_init(&loop->exchanges);
	list_init(&loop->spare_exchanges);
	list_init(&loop->completions);
	init_lock(loop);
	loop->evloop = h2o_evloop_create();
	init_timeouts(loop);
	loop->waker_descriptor = waker_descriptor;
	loop->waker = watch(loop, waker_descriptor, on_woken);
	loop->listener = watch(loop, listening_descriptor, on_acceptable);
	return start_thread(loop);
}

static void free_exchanges(struct loop *loop)
{
	while (!list_is_empty(&loop->exchanges))
		exchange_free(container_of(loop->exchanges.head.next, struct exchange, node));
	struct list_node *node;
	while ((node = list_pop(&loop->spare_exchanges)) != NULL) {
		struct exchange *exchange = container_of(node, struct exchange, node);
		arena_release(&exchange->request.arena);
		free(exchange);
	}
}

void loop_release(struct loop *loop)
{
	if (loop->evloop == NULL)
		return;
	if (loop->has_thread) {
		loop_request_phase(loop, LOOP_ENDING);
		pthread_join(loop->thread, NULL);
	} else {
		enter_phase(loop, LOOP_ENDING);
	}
	free_exchanges(loop);
	h2o_socket_close(loop->waker);
	for (size_t i = 0; i < LOOP_TIMEOUT_COUNT; i++)
		h2o_timeout_dispose(loop->evloop, &loop->timeouts[i]);
	h2o_evloop_destroy(loop->evloop);
	pthread_cond_destroy(&loop->drained);
	pthread_mutex_destroy(&loop->lock);
	*loop = (struct loop){0};
}
