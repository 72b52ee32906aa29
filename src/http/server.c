/* server.c: the listening socket and the life of the loops. */
#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/now.h"
#include "http/acceptor.h"
#include "http/address_counts.h"
#include "http/usage.h"
#include "http/connection.h"
#include "http/exchange.h"
#include "http/listening.h"
#include "http/loop.h"

static_assert(HTTP_DESCRIPTORS_RESERVED_MAX <= DESCRIPTOR_RESERVE_MAX, "a reserve has room for all of them");

struct http_server {
	struct http_server_options options;
	uint16_t port;
	struct listening listening; /* until the acceptor has them; then empty */
	struct usage usage;
	struct acceptor acceptor;
	struct loop loops[]; /* options.loops of them */
};

struct http_server_options http_server_defaults(void)
{
	return (struct http_server_options){
		.name = "http",
		.addresses = {{.host = "127.0.0.1"}},
		.address_count = 1,
		.loops = 2,
		.connections_max = 20000,
		.client_ipv6_prefix = CLIENT_IPV6_PREFIX_DEFAULT,
		.head_max = 16 * 1024,
		.target_max = 8 * 1024,
		.body_memory_max = UINT64_C(256) << 20,
		.head_timeout_ms = 10 * 1000,
		.body_timeout_ms = 10 * 1000,
		.idle_timeout_ms = 75 * 1000, /* longer than proxies keep theirs, which is often 60 s: they close first */
		.deadline_ms = 5 * 1000,
	};
}

/* ERR_SYSTEM with errno: *ret_failed is the number of the address. */
static enum error listen_on(const struct http_server_options *options, struct listening *listening, uint32_t *ret_failed)
{
	for (uint32_t i = 0; i < options->address_count; i++) {
		enum error error = listening_add(listening, &options->addresses[i]);
		if (error == OK)
			continue;
		int cause = errno;
		*ret_failed = i;
		listening_close(listening);
		errno = cause;
		return error;
	}
	return OK;
}

static void start_connection(struct loop *loop, struct list_node *arrival)
{
	connection_start(container_of(arrival, struct connection, node), loop);
}

static void resume_exchange(struct loop *loop, struct list_node *completion)
{
	(void)loop;
	connection_resume(container_of(completion, struct exchange, completion));
}

static void on_loop_woken(struct loop *loop)
{
	connection_evict(loop, atomic_exchange(&loop->evictions_wanted, 0));
	if (loop->index == 0)
		acceptor_resume(loop->acceptor);
}

static void drain(struct loop *loop)
{
	if (loop->index == 0)
		acceptor_close(loop->acceptor);
	list_for_each(node, &loop->connections)
		connection_drain(container_of(node, struct connection, node));
}

static void cut_connections(struct loop *loop)
{
	while (!list_is_empty(&loop->connections))
		connection_close(container_of(loop->connections.head.next, struct connection, node));
}

static void tell_acceptor(struct loop *loop)
{
	acceptor_connection_closed(loop->acceptor);
}

static const struct loop_events loop_events = {
	.arrived = start_connection,
	.completed = resume_exchange,
	.woken = on_loop_woken,
	.draining = drain,
	.cutting = cut_connections,
	.connection_closed = tell_acceptor,
};

/* The first loop, which accepts, is the last to start: those it gives connections to are there. */
static enum error start_loops(struct http_server *server)
{
	const struct http_server_options *options = &server->options;
	enum error error = OK;
	for (uint32_t i = 0; i < options->loops && error == OK; i++)
		error = loop_init(&server->loops[i], options, &loop_events, i, &server->usage, &server->acceptor);
	if (error != OK)
		return error;
	if (options->connections_per_address > 0)
		error = address_counts_new(options->connections_per_address, options->connections_max, options->client_ipv6_prefix,
		                           &server->usage.addresses);
	if (error == OK)
		error = descriptor_reserve_init(&server->acceptor.reserve, options->descriptors_reserved);
	if (error == OK)
		error = acceptor_start(&server->acceptor, server->loops, options->loops, options->connections_max, &server->listening);
	for (uint32_t i = options->loops; i-- > 0 && error == OK;)
		error = loop_start(&server->loops[i]);
	return error;
}

enum error http_server_new(const struct http_server_options *options, uint32_t *ret_failed, struct http_server **ret_server)
{
	assert(options->loops > 0 && options->connections_max > 0);
	assert(options->router != NULL && options->name != NULL && ret_failed != NULL);
	assert(options->address_count > 0 && options->address_count <= HTTP_ADDRESSES_MAX);
	assert(options->descriptors_reserved <= HTTP_DESCRIPTORS_RESERVED_MAX);
	assert(options->descriptors_reserved == 0 || options->loops == 1);

	struct listening listening = {.count = 0};
	enum error error = listen_on(options, &listening, ret_failed);
	if (error != OK)
		return error;
	struct http_server *server = calloc(1, sizeof *server + options->loops * sizeof server->loops[0]);
	if (server == NULL) {
		listening_close(&listening);
		return ERR_NO_MEMORY;
	}
	server->options = *options;
	server->usage.bodies.maximum = options->body_memory_max;
	server->acceptor.usage = &server->usage;
	server->acceptor.trusted_proxies = options->trusted_proxies;
	for (uint32_t i = 0; i < listening.count && server->port == 0; i++)
		server->port = listening_port(listening.descriptors[i]);
	server->listening = listening;
	*ret_server = server;
	return OK;
}

enum error http_server_start(struct http_server *server)
{
	assert(server != NULL && server->listening.count > 0);

	return start_loops(server);
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

uint32_t http_server_connections(const struct http_server *server)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < server->options.loops; i++)
		count += loop_connection_count(&server->loops[i]);
	return count;
}

uint32_t http_server_connections_max(const struct http_server *server)
{
	return server->options.connections_max;
}

uint32_t http_server_loops(const struct http_server *server)
{
	return server->options.loops;
}

uint64_t http_server_loop_ns(const struct http_server *server, uint32_t index)
{
	assert(index < server->options.loops);
	return loop_processor_ns(&server->loops[index]);
}

uint64_t http_server_refused_connections(const struct http_server *server)
{
	return atomic_load(&server->usage.refused);
}

uint64_t http_server_evicted_connections(const struct http_server *server)
{
	return atomic_load(&server->usage.evicted);
}

static void request_phase(struct http_server *server, enum loop_phase phase)
{
	for (uint32_t i = 0; i < server->options.loops; i++)
		loop_request_phase(&server->loops[i], phase);
}

bool http_server_stop(struct http_server *server, uint32_t timeout_ms)
{
	assert(server != NULL);

	uint64_t deadline_ns = monotonic_now_ns() + timeout_ms * UINT64_C(1000000);
	request_phase(server, LOOP_DRAINING);
	bool is_drained = true; /* the first loop is asked first: after it none gets new connections */
	for (uint32_t i = 0; i < server->options.loops; i++)
		is_drained &= loop_wait_drained(&server->loops[i], deadline_ns);
	request_phase(server, LOOP_CUTTING);
	for (uint32_t i = 0; i < server->options.loops; i++)
		(void)loop_wait_drained(&server->loops[i], UINT64_MAX);
	return is_drained;
}

void http_server_free(struct http_server *server)
{
	if (server == NULL)
		return;
	for (uint32_t i = 0; i < server->options.loops; i++)
		loop_end(&server->loops[i]);
	for (uint32_t i = 0; i < server->options.loops; i++) {
		exchanges_free(&server->loops[i]);
		loop_release(&server->loops[i]);
	}
	address_counts_free(server->usage.addresses);
	descriptor_reserve_release(&server->acceptor.reserve);
	listening_close(&server->listening);
	free(server);
}

void http_request_complete(struct http_request *request)
{
	struct exchange *exchange = container_of(request, struct exchange, request);
	loop_post_completion(exchange->loop, &exchange->completion);
}
