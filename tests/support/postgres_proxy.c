/* postgres_proxy.c: see postgres_proxy.h. Messages are PostgreSQL's protocol 3.0: a type, a big-endian length that counts itself, a body; the
 * first of a client has no type. */
#include "tests/support/postgres_proxy.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/list.h"

#define MESSAGES_MAX (1024 * 1024 * 1024) /* bytes of an exchange, or of its answer */
#define CHUNK 65536
#define NAME_MAX_BYTES 64
#define SSL_REQUEST 80877103
#define GSS_REQUEST 80877104

struct postgres_proxy {
	struct sockaddr_storage server;
	socklen_t server_length;
	int listener;
	uint16_t port;
	pthread_t thread; /* accepts */
	_Atomic uint32_t connections;
	_Atomic uint32_t exchanges;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct list relays;
	bool is_ending;
	enum proxy_fault fault;
	uint32_t every, commits, times, faults;
	uint32_t held;
	uint64_t let_go_count;
	char state[PROXY_STATE_MAX]; /* the server's answer to the last held COMMIT */
};

/* One connection. */
struct relay {
	struct list_node node;
	struct postgres_proxy *proxy;
	int client, server; /* changed under the lock, so that others may cut them */
	bool has_started;
	char commit_name[NAME_MAX_BYTES]; /* of the prepared statement that is a COMMIT */
	bool has_commit_name;
	struct buffer sent; /* by the client, not passed on yet */
	size_t scanned;     /* bytes of it that were looked at: whole messages */
	bool has_commit;
	size_t commit_at;           /* where in `sent` */
	uint32_t executions_before; /* statements before it */
	struct buffer answer;       /* of the server, while it is kept back */
};

static uint32_t read_length(const char *bytes)
{
	uint32_t length;
	memcpy(&length, bytes, sizeof length);
	return ntohl(length);
}

static void close_side(struct relay *relay, int *descriptor)
{
	pthread_mutex_lock(&relay->proxy->lock);
	if (*descriptor >= 0)
		(void)close(*descriptor);
	*descriptor = -1;
	pthread_mutex_unlock(&relay->proxy->lock);
}

static bool write_all(int descriptor, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t written = send(descriptor, data, length, MSG_NOSIGNAL);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		data += written;
		length -= (size_t)written;
	}
	return true;
}

/* Adds what there is to the buffer. False: the other side is gone. */
static bool read_some(int descriptor, struct buffer *buffer)
{
	char *room = buffer_reserve(buffer, CHUNK);
	assert(room != NULL);
	ssize_t count;
	do
		count = recv(descriptor, room, CHUNK, 0);
	while (count < 0 && errno == EINTR);
	if (count <= 0)
		return false;
	buffer->length += (size_t)count;
	return true;
}

static void forget_first(struct buffer *buffer, size_t length)
{
	memmove(buffer->data, buffer->data + length, buffer->length - length);
	buffer->length -= length;
}

/* The length of the whole typed message at `from`; 0: it is not all there. */
static size_t message_length(const struct buffer *buffer, size_t from)
{
	if (buffer->length - from < 5)
		return 0;
	size_t length = 1 + (size_t)read_length(buffer->data + from + 1);
	return buffer->length - from < length ? 0 : length;
}

/* Notes a statement's name when it is a COMMIT, and that the name now is of another statement when it is not. */
static void scan_parse(struct relay *relay, const char *body)
{
	const char *sql = body + strlen(body) + 1;
	bool is_commit = strcasecmp(sql, "COMMIT") == 0 && strlen(body) < sizeof relay->commit_name;
	if (is_commit) {
		(void)snprintf(relay->commit_name, sizeof relay->commit_name, "%s", body);
		relay->has_commit_name = true;
	} else if (relay->has_commit_name && strcmp(body, relay->commit_name) == 0) {
		relay->has_commit_name = false;
	}
}

/* The strings in a message end with NUL, as the server would insist on. True: the exchange ends with this message. */
static bool scan_message(struct relay *relay, size_t at)
{
	const char *message = relay->sent.data + at, *body = message + 5;
	bool is_commit = false;
	if (message[0] == 'P')
		scan_parse(relay, body);
	else if (message[0] == 'B')
		is_commit = relay->has_commit_name && strcmp(body + strlen(body) + 1, relay->commit_name) == 0;
	else if (message[0] == 'Q')
		is_commit = strcasecmp(body, "COMMIT") == 0;
	else if (message[0] == 'E' && !relay->has_commit)
		relay->executions_before++;
	if (is_commit && !relay->has_commit) {
		relay->has_commit = true;
		relay->commit_at = at;
	}
	return strchr("PBDEC", message[0]) == NULL;
}

/* Reads the server's messages into `answer` until it is ready for the next exchange, or has completed so many statements, or failed at one. */
static bool collect(struct relay *relay, uint32_t completions_max)
{
	size_t at = 0;
	uint32_t completions = 0;
	buffer_clear(&relay->answer);
	for (;;) {
		size_t length;
		while ((length = message_length(&relay->answer, at)) > 0) {
			char type = relay->answer.data[at];
			at += length;
			completions += type == 'C' || type == 'E' || type == 's' || type == 'I';
			if (type == 'Z' || (type == 'E' && completions_max != UINT32_MAX) || completions == completions_max)
				return true;
		}
		if (!read_some(relay->server, &relay->answer))
			return false;
	}
}

/* The SQLSTATE in an ErrorResponse. */
static void read_state(const char *message, char ret_state[static PROXY_STATE_MAX])
{
	for (const char *field = message + 5; *field != '\0'; field += strlen(field) + 1)
		if (*field == 'C')
			(void)snprintf(ret_state, PROXY_STATE_MAX, "%s", field + 1);
}

/* Of the first error in the answer. */
static void state_of_answer(const struct relay *relay, char ret_state[static PROXY_STATE_MAX])
{
	size_t length;
	(void)snprintf(ret_state, PROXY_STATE_MAX, "00000");
	for (size_t at = 0; (length = message_length(&relay->answer, at)) > 0; at += length) {
		if (relay->answer.data[at] != 'E')
			continue;
		read_state(relay->answer.data + at, ret_state);
		return;
	}
}

/* Sends the exchange's messages from one offset to another to the server. */
static bool pass(struct relay *relay, size_t from, size_t to)
{
	return write_all(relay->server, relay->sent.data + from, to - from);
}

static bool cut_before_commit(struct relay *relay)
{
	(void)pass(relay, 0, relay->commit_at);
	return false;
}

/* quarters: how much of the answer the client gets. */
static bool cut_answer(struct relay *relay, size_t quarters)
{
	if (pass(relay, 0, relay->scanned) && collect(relay, UINT32_MAX))
		(void)write_all(relay->client, relay->answer.data, relay->answer.length * quarters / 4);
	return false;
}

/* Waits to be let go, or for the end; false at the end. */
static bool wait_held(struct postgres_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	uint64_t let_go_count = proxy->let_go_count;
	proxy->held++;
	pthread_cond_broadcast(&proxy->changed);
	while (!proxy->is_ending && proxy->let_go_count == let_go_count)
		pthread_cond_wait(&proxy->changed, &proxy->lock);
	bool is_ending = proxy->is_ending;
	pthread_mutex_unlock(&proxy->lock);
	return !is_ending;
}

static void end_held(struct relay *relay, bool is_answered)
{
	struct postgres_proxy *proxy = relay->proxy;
	char state[PROXY_STATE_MAX] = "08006";
	if (is_answered)
		state_of_answer(relay, state);
	pthread_mutex_lock(&proxy->lock);
	memcpy(proxy->state, state, sizeof state);
	proxy->held--;
	pthread_cond_broadcast(&proxy->changed);
	pthread_mutex_unlock(&proxy->lock);
}

static bool hold(struct relay *relay, size_t from, bool is_client_cut)
{
	static const char flush[] = {'H', 0, 0, 0, 4};
	if (from > 0 &&
	    (!pass(relay, 0, from) || !write_all(relay->server, flush, sizeof flush) || !collect(relay, relay->executions_before)))
		return false;
	struct buffer answer_before = relay->answer; /* the server's answer so far */
	buffer_init(&relay->answer, NULL, MESSAGES_MAX);
	if (is_client_cut)
		close_side(relay, &relay->client);
	bool is_answered = wait_held(relay->proxy) && pass(relay, from, relay->scanned) && collect(relay, UINT32_MAX);
	end_held(relay, is_answered);
	bool is_passed = is_answered && !is_client_cut && write_all(relay->client, answer_before.data, answer_before.length) &&
	                 write_all(relay->client, relay->answer.data, relay->answer.length);
	buffer_release(&answer_before);
	return is_passed;
}

/* The last completion or error of the answer is that of the COMMIT. */
static bool say_unknown(struct relay *relay)
{
	static const char unknown[] = "E\0\0\0\x2aSERROR\0VERROR\0C40003\0Mstatement lost\0";
	_Static_assert(sizeof unknown == 1 + 0x2a, "its length is in it; the last NUL is the string's");
	if (!pass(relay, 0, relay->scanned) || !collect(relay, UINT32_MAX))
		return false;
	size_t length, last_at = 0, last_length = 0;
	for (size_t at = 0; (length = message_length(&relay->answer, at)) > 0; at += length) {
		if (relay->answer.data[at] != 'C' && relay->answer.data[at] != 'E')
			continue;
		last_at = at;
		last_length = length;
	}
	size_t rest_at = last_at + last_length;
	return write_all(relay->client, relay->answer.data, last_at) && write_all(relay->client, unknown, sizeof unknown) &&
	       write_all(relay->client, relay->answer.data + rest_at, relay->answer.length - rest_at);
}

/* Whether this COMMIT meets the fault, and which. */
static bool take_fault(struct postgres_proxy *proxy, enum proxy_fault *ret_fault)
{
	pthread_mutex_lock(&proxy->lock);
	bool is_due = proxy->times > 0 && ++proxy->commits % proxy->every == 0;
	if (is_due) {
		*ret_fault = proxy->fault == PROXY_CUTS_ANYHOW ? (enum proxy_fault)(proxy->faults % 3) : proxy->fault;
		proxy->times--;
		proxy->faults++;
	}
	pthread_mutex_unlock(&proxy->lock);
	return is_due;
}

/* The exchange is whole. False: the connection ends. */
static bool serve_exchange(struct relay *relay)
{
	enum proxy_fault fault;
	relay->proxy->exchanges++;
	if (!relay->has_commit || !take_fault(relay->proxy, &fault))
		return pass(relay, 0, relay->scanned);
	switch (fault) {
	case PROXY_CUTS_BEFORE_COMMIT:
		return cut_before_commit(relay);
	case PROXY_CUTS_BEFORE_ANSWER:
		return cut_answer(relay, 0);
	case PROXY_CUTS_IN_ANSWER:
		return cut_answer(relay, 2);
	case PROXY_HOLDS_TRANSACTION:
		return hold(relay, 0, true);
	case PROXY_HOLDS_COMMIT:
		return hold(relay, relay->commit_at, true);
	case PROXY_DELAYS_COMMIT:
		return hold(relay, relay->commit_at, false);
	case PROXY_SAYS_UNKNOWN:
		return say_unknown(relay);
	case PROXY_CUTS_ANYHOW:
		break;
	}
	assert(false && "it was one of the three");
	return false;
}

/* The first messages of a client. False: the connection ends. */
static bool serve_start(struct relay *relay)
{
	while (!relay->has_started && relay->sent.length >= 8 && relay->sent.length >= read_length(relay->sent.data)) {
		uint32_t length = read_length(relay->sent.data), code = read_length(relay->sent.data + 4);
		bool wants_tls = code == SSL_REQUEST || code == GSS_REQUEST;
		bool is_served = wants_tls ? write_all(relay->client, "N", 1) : pass(relay, 0, length);
		if (!is_served)
			return false;
		relay->has_started = !wants_tls;
		forget_first(&relay->sent, length);
	}
	return true;
}

/* The client has sent more. False: the connection ends. */
static bool serve_client(struct relay *relay)
{
	size_t length;
	if (!read_some(relay->client, &relay->sent) || !serve_start(relay))
		return false;
	while (relay->has_started && (length = message_length(&relay->sent, relay->scanned)) > 0) {
		bool is_end = scan_message(relay, relay->scanned);
		relay->scanned += length;
		if (!is_end)
			continue;
		if (!serve_exchange(relay))
			return false;
		forget_first(&relay->sent, relay->scanned);
		relay->scanned = 0;
		relay->has_commit = false;
		relay->executions_before = 0;
	}
	return true;
}

static bool serve_server(struct relay *relay)
{
	buffer_clear(&relay->answer);
	return read_some(relay->server, &relay->answer) && write_all(relay->client, relay->answer.data, relay->answer.length);
}

static bool relay_serve(struct relay *relay)
{
	struct pollfd sides[] = {{.fd = relay->client, .events = POLLIN}, {.fd = relay->server, .events = POLLIN}};
	if (poll(sides, 2, -1) < 0)
		return errno == EINTR;
	/* The server's bytes go first: they may be the answer that the client's next exchange waits for. */
	return (sides[1].revents == 0 || serve_server(relay)) && (sides[0].revents == 0 || serve_client(relay));
}

static void *relay_run(void *argument)
{
	struct relay *relay = argument;
	struct postgres_proxy *proxy = relay->proxy;
	while (relay_serve(relay)) {
	}
	close_side(relay, &relay->client);
	close_side(relay, &relay->server);
	buffer_release(&relay->sent);
	buffer_release(&relay->answer);
	pthread_mutex_lock(&proxy->lock);
	list_remove(&relay->node);
	free(relay);
	pthread_cond_broadcast(&proxy->changed);
	pthread_mutex_unlock(&proxy->lock); /* the last of it that the proxy knows */
	return NULL;
}

/* A socket to the server; -1 when it does not take it. */
static int connect_to_server(const struct postgres_proxy *proxy)
{
	int descriptor = socket(proxy->server.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (descriptor >= 0 && connect(descriptor, (const struct sockaddr *)&proxy->server, proxy->server_length) != 0) {
		(void)close(descriptor);
		return -1;
	}
	return descriptor;
}

static void relay_start(struct postgres_proxy *proxy, int client, int server)
{
	static const int on = 1;
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	struct relay *relay = calloc(1, sizeof *relay);
	assert(relay != NULL);
	*relay = (struct relay){.proxy = proxy, .client = client, .server = server};
	buffer_init(&relay->sent, NULL, MESSAGES_MAX);
	buffer_init(&relay->answer, NULL, MESSAGES_MAX);
	pthread_mutex_lock(&proxy->lock);
	list_push(&proxy->relays, &relay->node);
	pthread_mutex_unlock(&proxy->lock);
	pthread_t thread;
	int failed = pthread_create(&thread, NULL, relay_run, relay);
	assert(failed == 0);
	(void)failed;
	(void)pthread_detach(thread);
}

static void *accept_all(void *argument)
{
	struct postgres_proxy *proxy = argument;
	for (;;) {
		int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
		if (client < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (client < 0) /* the listener was shut down */
			return NULL;
		proxy->connections++;
		int server = connect_to_server(proxy);
		if (server >= 0)
			relay_start(proxy, client, server);
		else
			(void)close(client);
	}
}

static bool find_server(struct postgres_proxy *proxy, const char *host, uint16_t port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found;
	char service[8];
	(void)snprintf(service, sizeof service, "%u", port);
	if (getaddrinfo(host, service, &hints, &found) != 0) {
		errno = EHOSTUNREACH;
		return false;
	}
	memcpy(&proxy->server, found->ai_addr, found->ai_addrlen);
	proxy->server_length = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static bool start_to_listen(struct postgres_proxy *proxy, uint16_t port)
{
	static const int on = 1;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (proxy->listener < 0)
		return false;
	(void)setsockopt(proxy->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(proxy->listener, (const struct sockaddr *)&address, sizeof address) != 0 || listen(proxy->listener, 128) != 0 ||
	    getsockname(proxy->listener, (struct sockaddr *)&address, &length) != 0) {
		(void)close(proxy->listener);
		return false;
	}
	proxy->port = ntohs(address.sin_port);
	return true;
}

struct postgres_proxy *postgres_proxy_new(const char *server_host, uint16_t server_port, uint16_t listen_port)
{
	struct postgres_proxy *proxy = calloc(1, sizeof *proxy);
	if (proxy == NULL)
		return NULL;
	(void)pthread_mutex_init(&proxy->lock, NULL);
	(void)pthread_cond_init(&proxy->changed, NULL);
	list_init(&proxy->relays);
	if (!find_server(proxy, server_host, server_port) || !start_to_listen(proxy, listen_port)) {
		free(proxy);
		return NULL;
	}
	errno = pthread_create(&proxy->thread, NULL, accept_all, proxy);
	assert(errno == 0);
	return proxy;
}

static void cut_all(struct postgres_proxy *proxy)
{
	list_for_each(node, &proxy->relays) {
		struct relay *relay = container_of(node, struct relay, node);
		if (relay->client >= 0)
			(void)shutdown(relay->client, SHUT_RDWR);
		if (relay->server >= 0)
			(void)shutdown(relay->server, SHUT_RDWR);
	}
}

void postgres_proxy_free(struct postgres_proxy *proxy)
{
	if (proxy == NULL)
		return;
	(void)shutdown(proxy->listener, SHUT_RDWR);
	(void)pthread_join(proxy->thread, NULL);
	(void)close(proxy->listener);
	pthread_mutex_lock(&proxy->lock);
	proxy->is_ending = true;
	pthread_cond_broadcast(&proxy->changed);
	cut_all(proxy);
	while (!list_is_empty(&proxy->relays))
		pthread_cond_wait(&proxy->changed, &proxy->lock);
	pthread_mutex_unlock(&proxy->lock);
	(void)pthread_cond_destroy(&proxy->changed);
	(void)pthread_mutex_destroy(&proxy->lock);
	free(proxy);
}

uint16_t postgres_proxy_port(const struct postgres_proxy *proxy)
{
	return proxy->port;
}

uint32_t postgres_proxy_connections(const struct postgres_proxy *proxy)
{
	return proxy->connections;
}

uint32_t postgres_proxy_exchanges(const struct postgres_proxy *proxy)
{
	return proxy->exchanges;
}

void postgres_proxy_arm(struct postgres_proxy *proxy, enum proxy_fault fault, uint32_t every, uint32_t times)
{
	assert(every > 0);
	pthread_mutex_lock(&proxy->lock);
	proxy->fault = fault;
	proxy->every = every;
	proxy->commits = 0;
	proxy->times = times;
	pthread_mutex_unlock(&proxy->lock);
}

uint32_t postgres_proxy_faults(struct postgres_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	uint32_t faults = proxy->faults;
	pthread_mutex_unlock(&proxy->lock);
	return faults;
}

void postgres_proxy_wait_held(struct postgres_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	while (proxy->held == 0)
		pthread_cond_wait(&proxy->changed, &proxy->lock);
	pthread_mutex_unlock(&proxy->lock);
}

void postgres_proxy_let_go(struct postgres_proxy *proxy, char ret_state[static PROXY_STATE_MAX])
{
	pthread_mutex_lock(&proxy->lock);
	assert(proxy->held > 0);
	proxy->let_go_count++;
	pthread_cond_broadcast(&proxy->changed);
	while (proxy->held > 0)
		pthread_cond_wait(&proxy->changed, &proxy->lock);
	memcpy(ret_state, proxy->state, PROXY_STATE_MAX);
	pthread_mutex_unlock(&proxy->lock);
}

void postgres_proxy_cut_all(struct postgres_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	cut_all(proxy);
	pthread_mutex_unlock(&proxy->lock);
}
