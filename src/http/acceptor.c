/* acceptor.c: see acceptor.h. */
#include "http/acceptor.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cidr.h"
#include "base/now.h"
#include "http/address_counts.h"
#include "http/connection.h"
#include "http/listening.h"
#include "http/loop.h"
#include "http/usage.h"

#define PAUSE_MS 100
#define ACCEPTED_AT_ONCE_MAX 32 /* before the connections of the accepting loop have their turn */

static void on_acceptable(void *context);

static uint32_t connection_count(const struct acceptor *acceptor)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < acceptor->loop_count; i++)
		count += loop_connection_count(&acceptor->loops[i]);
	return count;
}

static struct loop *least_loaded(struct acceptor *acceptor)
{
	struct loop *found = &acceptor->loops[0];
	for (uint32_t i = 1; i < acceptor->loop_count; i++)
		if (loop_connection_count(&acceptor->loops[i]) < loop_connection_count(found))
			found = &acceptor->loops[i];
	return found;
}

/* The loop with the connection that has had this time limit for longest; NULL: none has had it for long. */
static struct loop *find_longest_waiting(struct acceptor *acceptor, enum loop_timeout timeout)
{
	uint64_t earliest_ms = 0;
	struct loop *found = NULL;
	for (uint32_t i = 0; i < acceptor->loop_count; i++) {
		uint64_t due_ms = atomic_load_explicit(&acceptor->loops[i].first_due_ms[timeout], memory_order_relaxed);
		if (due_ms == 0 || (found != NULL && due_ms >= earliest_ms))
			continue;
		earliest_ms = due_ms;
		found = &acceptor->loops[i];
	}
	bool is_old = found != NULL && loop_is_evictable(found, timeout, earliest_ms, monotonic_now_ms());
	return is_old ? found : NULL;
}

/* Asks for connections to be closed, if there are any that may be. */
static void make_room(struct acceptor *acceptor, uint32_t wanted, bool is_full)
{
	struct loop *loop = find_longest_waiting(acceptor, LOOP_TIMEOUT_IDLE);
	if (loop == NULL && is_full)
		loop = find_longest_waiting(acceptor, LOOP_TIMEOUT_HEAD);
	if (loop != NULL)
		loop_request_eviction(loop, wanted);
}

static bool is_crowded(const struct acceptor *acceptor)
{
	return connection_count(acceptor) >= acceptor->connections_max - acceptor->connections_max / 4;
}

static void on_retry(struct timer *timer)
{
	struct acceptor *acceptor = container_of(timer, struct acceptor, retry);
	atomic_store(&acceptor->is_waiting, false);
	acceptor_resume(acceptor);
}

static void on_pause_over(struct timer *timer)
{
	acceptor_resume(container_of(timer, struct acceptor, pause));
}

static void stop_waiting(struct acceptor *acceptor)
{
	for (uint32_t i = 0; i < acceptor->socket_count; i++)
		stream_read_stop(acceptor->sockets[i].stream);
}

/* The client stays in the kernel's queue; asking for it again at once would only burn the processor. */
static void pause_accepting(struct acceptor *acceptor)
{
	stop_waiting(acceptor);
	if (!timer_is_started(&acceptor->pause))
		timer_start(&acceptor->pauses, &acceptor->pause);
}

/* Nobody was accepted, for that reason. True: to be tried again at once. The kernel wants a free descriptor before it looks whether anybody
 * is there, so one of the reserve may have been spent for nobody. */
static bool goes_on_without(struct acceptor *acceptor, int reason)
{
	bool has_no_descriptor = reason == EMFILE || reason == ENFILE;
	if (has_no_descriptor && descriptor_reserve_spend(&acceptor->reserve))
		return true;
	if (has_no_descriptor)
		make_room(acceptor, 1, true);
	if (has_no_descriptor || reason == ENOBUFS || reason == ENOMEM)
		pause_accepting(acceptor);
	else
		descriptor_reserve_refill(&acceptor->reserve);
	return reason == ECONNABORTED || reason == EINTR;
}

/* The peer of a unix socket is on this machine. */
static const struct ip_address local_peer = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};

/* False: there is none to be had now. */
static bool accept_one(struct acceptor *acceptor, const struct acceptor_socket *socket)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	int descriptor = accept4(stream_descriptor(socket->stream), (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (descriptor < 0)
		return goes_on_without(acceptor, errno);
	struct ip_address peer;
	if (!ip_address_of_socket((const struct sockaddr *)&address, &peer))
		peer = local_peer;
	bool is_trusted = acceptor->trusted_proxies != NULL && cidr_list_contains(acceptor->trusted_proxies, &peer);
	bool is_counted = acceptor->usage->addresses != NULL && !is_trusted;
	if (is_counted && address_counts_add(acceptor->usage->addresses, &peer) != OK) {
		atomic_fetch_add(&acceptor->usage->refused, 1);
		close(descriptor);
		return true;
	}
	struct connection *connection = connection_new(descriptor, &peer);
	if (connection == NULL) {
		if (is_counted)
			address_counts_remove(acceptor->usage->addresses, &peer);
		pause_accepting(acceptor);
		return false;
	}
	connection->is_counted = is_counted;
	connection->may_be_greeted = is_trusted;
	if (is_crowded(acceptor))
		make_room(acceptor, 1, false);
	loop_adopt(least_loaded(acceptor), &connection->node);
	return true;
}

/* True: no more connections for now. A connection that closes between the two looks at the count would wake nobody without the second. */
static bool wait_at_limit(struct acceptor *acceptor)
{
	if (connection_count(acceptor) < acceptor->connections_max)
		return false;
	atomic_store(&acceptor->is_waiting, true);
	if (connection_count(acceptor) < acceptor->connections_max && atomic_exchange(&acceptor->is_waiting, false))
		return false;
	stop_waiting(acceptor);
	make_room(acceptor, ACCEPTED_AT_ONCE_MAX, true);
	if (!timer_is_started(&acceptor->retry))
		timer_start(&acceptor->pauses, &acceptor->retry);
	return true;
}

static void on_acceptable(void *context)
{
	const struct acceptor_socket *socket = context;
	struct acceptor *acceptor = socket->acceptor;
	uint32_t count = 0;
	while (count < ACCEPTED_AT_ONCE_MAX && !wait_at_limit(acceptor) && accept_one(acceptor, socket))
		count++;
}

enum error acceptor_start(struct acceptor *acceptor, struct loop *loops, uint32_t loop_count, uint32_t connections_max,
                          struct listening *listening)
{
	assert(loop_count > 0 && connections_max > 0);
	assert(acceptor->socket_count == 0 && listening->count > 0);

	acceptor->loops = loops;
	acceptor->loop_count = loop_count;
	acceptor->connections_max = connections_max;
	acceptor->pause.expired = on_pause_over;
	acceptor->retry.expired = on_retry;
	while (listening->count > 0) {
		struct acceptor_socket *socket = &acceptor->sockets[acceptor->socket_count];
		int descriptor = listening->descriptors[listening->count - 1];
		socket->acceptor = acceptor;
		enum error error = stream_new(loops[0].reactor, descriptor, on_acceptable, socket, &socket->stream);
		if (error != OK)
			return error;
		acceptor->socket_count++;
		listening->count--;
	}
	timer_queue_init(&acceptor->pauses, loops[0].reactor, PAUSE_MS);
	return OK;
}

void acceptor_close(struct acceptor *acceptor)
{
	if (acceptor->socket_count == 0)
		return;
	for (uint32_t i = 0; i < acceptor->socket_count; i++)
		while (connection_count(acceptor) < acceptor->connections_max && accept_one(acceptor, &acceptor->sockets[i]))
			;
	timer_stop(&acceptor->pause);
	timer_stop(&acceptor->retry);
	while (acceptor->socket_count > 0)
		stream_close(acceptor->sockets[--acceptor->socket_count].stream);
}

void acceptor_resume(struct acceptor *acceptor)
{
	if (timer_is_started(&acceptor->pause) || atomic_load(&acceptor->is_waiting))
		return;
	for (uint32_t i = 0; i < acceptor->socket_count; i++)
		stream_read_start(acceptor->sockets[i].stream, on_acceptable);
}

void acceptor_connection_closed(struct acceptor *acceptor)
{
	descriptor_reserve_refill(&acceptor->reserve);
	if (atomic_load(&acceptor->is_waiting) && atomic_exchange(&acceptor->is_waiting, false))
		loop_wake(&acceptor->loops[0]);
}
