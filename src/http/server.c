/* server.c: the listening socket and the life of the loops. */
#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/now.h"
#include "http/acceptor.h"
#include "http/address_counts.h"
#include "http/usage.h"
#include "http/connection.h"
#include "http/exchange.h"
#include "http/loop.h"

#define BACKLOG 4096

static_assert(HTTP_DESCRIPTORS_RESERVED_MAX <= DESCRIPTOR_RESERVE_MAX, "a reserve has room for all of them");

struct http_server {
	struct http_server_options options;
	uint16_t port;
	int listening_descriptor; /* until the acceptor has it; then -1 */
	struct usage usage;
	struct acceptor acceptor;
	struct loop loops[]; /* options.loops of them */
};

struct http_server_options http_server_defaults(void)
{
	return (struct http_server_options){
		.name = "http",
		.host = "127.0.0.1",
		.loops = 2,
		.connections_max = 20000,
		.head_max = 16 * 1024,
		.target_max = 8 * 1024,
		.body_memory_max = UINT64_C(256) << 20,
		.head_timeout_ms = 10 * 1000,
		.body_timeout_ms = 10 * 1000,
		.idle_timeout_ms = 75 * 1000, /* longer than proxies keep theirs, which is often 60 s: they close first */
		.deadline_ms = 5 * 1000,
	};
}

/* The address as numbers; getaddrinfo reads them without asking anybody. */
static enum error resolve(const struct http_server_options *options, struct sockaddr_storage *ret_address, socklen_t *ret_length)
{
	bool is_any = options->host[0] == '\0' || (options->host[0] == '*' && options->host[1] == '\0');
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
	struct addrinfo *found = NULL;
	if (getaddrinfo(is_any ? "::" : options->host, NULL, &hints, &found) != 0) {
		errno = EADDRNOTAVAIL;
		return ERR_SYSTEM;
	}
	struct sockaddr_storage address = {0};
	memcpy(&address, found->ai_addr, found->ai_addrlen);
	if (found->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&address)->sin6_port = htons(options->port);
	else
		((struct sockaddr_in *)&address)->sin_port = htons(options->port);
	*ret_length = found->ai_addrlen;
	*ret_address = address;
	freeaddrinfo(found);
	return OK;
}

/* Accepted sockets inherit TCP_NODELAY. An IPv6 address of all zeros takes IPv4 clients too. */
static bool prepare(int descriptor, const struct sockaddr_storage *address, socklen_t length)
{
	int on = 1, off = 0;
	if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
		return false;
	if (setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
		return false;
	if (address->ss_family == AF_INET6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
		return false;
	return bind(descriptor, (const struct sockaddr *)address, length) == 0 && listen(descriptor, BACKLOG) == 0;
}

static uint16_t bound_port(int descriptor)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	if (getsockname(descriptor, (struct sockaddr *)&address, &length) != 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
	                                           : ((struct sockaddr_in *)&address)->sin_port);
}

static enum error listen_on(const struct http_server_options *options, int *ret_descriptor)
{
	struct sockaddr_storage address;
	socklen_t length;
	enum error error = resolve(options, &address, &length);
	if (error != OK)
		return error;
	int descriptor = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return ERR_SYSTEM;
	if (!prepare(descriptor, &address, length)) {
		int cause = errno;
		close(descriptor);
		errno = cause;
		return ERR_SYSTEM;
	}
	*ret_descriptor = descriptor;
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

/* The first loop, which accepts, is the last to start: those it gives connections to are there. Takes over the listening descriptor. */
static enum error start_loops(struct http_server *server, int listening_descriptor)
{
	const struct http_server_options *options = &server->options;
	enum error error = OK;
	for (uint32_t i = 0; i < options->loops && error == OK; i++)
		error = loop_init(&server->loops[i], options, &loop_events, i, &server->usage, &server->acceptor);
	if (error != OK) {
		close(listening_descriptor);
		return error;
	}
	if (options->connections_per_address > 0)
		error = address_counts_new(options->connections_per_address, options->connections_max, &server->usage.addresses);
	if (error == OK)
		error = descriptor_reserve_init(&server->acceptor.reserve, options->descriptors_reserved);
	if (error != OK) {
		close(listening_descriptor);
		return error;
	}
	error = acceptor_start(&server->acceptor, server->loops, options->loops, options->connections_max, listening_descriptor);
	for (uint32_t i = options->loops; i-- > 0 && error == OK;)
		error = loop_start(&server->loops[i]);
	return error;
}

enum error http_server_new(const struct http_server_options *options, struct http_server **ret_server)
{
	assert(options->loops > 0 && options->connections_max > 0);
	assert(options->router != NULL && options->host != NULL && options->name != NULL);
	assert(options->descriptors_reserved <= HTTP_DESCRIPTORS_RESERVED_MAX);
	assert(options->descriptors_reserved == 0 || options->loops == 1);

	int listening_descriptor;
	enum error error = listen_on(options, &listening_descriptor);
	if (error != OK)
		return error;
	struct http_server *server = calloc(1, sizeof *server + options->loops * sizeof server->loops[0]);
	if (server == NULL) {
		close(listening_descriptor);
		return ERR_NO_MEMORY;
	}
	server->options = *options;
	server->usage.bodies.maximum = options->body_memory_max;
	server->acceptor.usage = &server->usage;
	server->acceptor.trusted_proxies = options->trusted_proxies;
	server->port = bound_port(listening_descriptor);
	server->listening_descriptor = listening_descriptor;
	*ret_server = server;
	return OK;
}

enum error http_server_start(struct http_server *server)
{
	assert(server != NULL && server->listening_descriptor >= 0);

	int listening_descriptor = server->listening_descriptor;
	server->listening_descriptor = -1;
	return start_loops(server, listening_descriptor);
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
	if (server->listening_descriptor >= 0)
		close(server->listening_descriptor);
	free(server);
}

void http_request_complete(struct http_request *request)
{
	struct exchange *exchange = container_of(request, struct exchange, request);
	loop_post_completion(exchange->loop, &exchange->completion);
}
