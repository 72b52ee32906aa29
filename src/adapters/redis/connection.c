/* connection.c: hiredis without its waiting. */
#include "adapters/redis/connection.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapters/redis/tls.h"
#include "adapters/redis/wait.h"
#include "base/embedded.h"
#include "base/now.h"

static const char *const script_names[REDIS_SCRIPT_COUNT] = {
	[REDIS_SCRIPT_ADMIT] = "admit.lua",
	[REDIS_SCRIPT_FORGET] = "forget.lua",
};

static struct slice script_text(enum redis_script script)
{
	assert(script < REDIS_SCRIPT_COUNT);
	const struct embedded_file *file = embedded_redis_scripts;
	while (file->name != NULL && strcmp(file->name, script_names[script]) != 0)
		file++;
	assert(file->name != NULL);
	return (struct slice){.data = file->data, .length = file->length};
}

static void complain(char problem[static REDIS_MESSAGE_MAX], const struct redis_endpoint *endpoint, const char *what, const char *why)
{
	assert(endpoint != NULL && what != NULL);
	int length = snprintf(problem, REDIS_MESSAGE_MAX, "%s:%u: %s%s%s", endpoint->host, (unsigned)endpoint->port, what,
	                      why == NULL ? "" : ": ", why == NULL ? "" : why);
	(void)length;
	for (char *c = problem; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ')
			*c = ' ';
	}
}

/* Connects to one of the addresses of the name. -1: errno says why. */
static int connect_to(const struct addrinfo *place, uint64_t deadline_ns)
{
	assert(place != NULL);
	int descriptor = socket(place->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -1;
	int problem = 0;
	socklen_t length = sizeof problem;
	int on = 1;
	(void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(descriptor, place->ai_addr, place->ai_addrlen) != 0)
		problem = errno;
	if (problem == EINPROGRESS) {
		if (!redis_wait_for(descriptor, POLLOUT, deadline_ns))
			problem = ETIMEDOUT;
		else if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &length) != 0)
			problem = errno;
	}
	if (problem == 0)
		return descriptor;
	close(descriptor);
	errno = problem;
	return -1;
}

static int connect_endpoint(const struct redis_endpoint *endpoint, uint64_t deadline_ns, char problem[static REDIS_MESSAGE_MAX])
{
	assert(endpoint->port > 0);
	char port[8];
	(void)snprintf(port, sizeof port, "%u", (unsigned)endpoint->port);
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *places;
	int error = getaddrinfo(endpoint->host, port, &hints, &places);
	if (error != 0) {
		complain(problem, endpoint, "cannot resolve the name", gai_strerror(error));
		return -1;
	}
	int descriptor = -1;
	for (const struct addrinfo *place = places; place != NULL && descriptor < 0; place = place->ai_next)
		descriptor = connect_to(place, deadline_ns);
	if (descriptor < 0)
		complain(problem, endpoint, "cannot connect", strerror(errno));
	freeaddrinfo(places);
	return descriptor;
}

/* Asks one question of the set-up; *ret_reply is the answer when it is no error. */
static bool ask(struct redis_connection *connection, const struct redis_endpoint *endpoint, uint32_t count, const struct slice *words,
                uint64_t deadline_ns, redisReply **ret_reply, char problem[static REDIS_MESSAGE_MAX])
{
	assert(ret_reply != NULL);
	redisReply *reply = redis_connection_queue(connection, count, words) ? redis_connection_ask(connection, deadline_ns) : NULL;
	if (reply != NULL && reply->type != REDIS_REPLY_ERROR) {
		*ret_reply = reply;
		return true;
	}
	const char *lost = connection->tls == NULL ? NULL : redis_tls_problem(connection->tls);
	complain(problem, endpoint, "refused or unanswered", reply != NULL ? reply->str : lost != NULL ? lost : "no answer in time");
	redis_reply_clear(&reply);
	return false;
}

static bool set_up(struct redis_connection *connection, const struct redis_address *address, const struct redis_endpoint *endpoint,
                   uint64_t deadline_ns, char problem[static REDIS_MESSAGE_MAX])
{
	assert(connection->handle != NULL);
	redisReply *reply = NULL;
	if (address->password[0] != '\0') {
		bool has_user = address->user[0] != '\0';
		const struct slice words[] = {SLICE("AUTH"), slice_of(has_user ? address->user : address->password),
		                              slice_of(address->password)};
		if (!ask(connection, endpoint, has_user ? 3 : 2, words, deadline_ns, &reply, problem))
			return false;
		redis_reply_clear(&reply);
	}
	if (address->database != 0) {
		char number[16];
		(void)snprintf(number, sizeof number, "%u", (unsigned)address->database);
		const struct slice words[] = {SLICE("SELECT"), slice_of(number)};
		if (!ask(connection, endpoint, 2, words, deadline_ns, &reply, problem))
			return false;
		redis_reply_clear(&reply);
	}
	for (uint32_t i = 0; i < REDIS_SCRIPT_COUNT; i++) {
		const struct slice words[] = {SLICE("SCRIPT"), SLICE("LOAD"), script_text((enum redis_script)i)};
		if (!ask(connection, endpoint, 3, words, deadline_ns, &reply, problem))
			return false;
		bool is_digest = reply->type == REDIS_REPLY_STRING && reply->len == REDIS_SHA_LENGTH;
		if (is_digest)
			memcpy(connection->shas[i], reply->str, REDIS_SHA_LENGTH + 1);
		else
			complain(problem, endpoint, "its answer to SCRIPT LOAD cannot be read", NULL);
		redis_reply_clear(&reply);
		if (!is_digest)
			return false;
	}
	return true;
}

struct redis_connection *redis_connection_open(const struct redis_address *address, const struct redis_endpoint *endpoint,
                                               uint64_t deadline_ns, char problem[static REDIS_MESSAGE_MAX])
{
	assert(address != NULL && endpoint != NULL && endpoint->port > 0);

	int descriptor = connect_endpoint(endpoint, deadline_ns, problem);
	if (descriptor < 0)
		return NULL;
	struct redis_connection *connection = calloc(1, sizeof *connection);
	redisContext *handle = connection == NULL ? NULL : redisConnectFd(descriptor);
	if (handle == NULL) {
		complain(problem, endpoint, "out of memory", NULL);
		close(descriptor);
		free(connection);
		return NULL;
	}
	handle->flags &= ~REDIS_BLOCK;
	connection->handle = handle;
	char why[TLS_CLIENT_PROBLEM_MAX];
	if (address->is_tls && !redis_tls_begin(handle->fd, &address->tls, endpoint->host, deadline_ns, &connection->tls, why)) {
		complain(problem, endpoint, "no TLS", why);
		redis_connection_close(connection);
		return NULL;
	}
	if (!set_up(connection, address, endpoint, deadline_ns, problem)) {
		redis_connection_close(connection);
		return NULL;
	}
	return connection;
}

void redis_connection_close(struct redis_connection *connection)
{
	if (connection == NULL)
		return;
	redis_tls_free(connection->tls);
	redisFree(connection->handle);
	free(connection);
}

bool redis_connection_queue(struct redis_connection *connection, uint32_t count, const struct slice *words)
{
	assert(connection->handle != NULL && words != NULL);
	assert(count > 0 && count <= REDIS_WORDS_MAX);

	const char *data[REDIS_WORDS_MAX];
	size_t lengths[REDIS_WORDS_MAX];
	for (uint32_t i = 0; i < count; i++) {
		data[i] = words[i].data == NULL ? "" : words[i].data;
		lengths[i] = words[i].length;
	}
	connection->is_written = false;
	if (connection->tls != NULL)
		return redis_tls_queue(connection->tls, (int)count, data, lengths);
	return redisAppendCommandArgv(connection->handle, (int)count, data, lengths) == REDIS_OK;
}

bool redis_connection_queue_script(struct redis_connection *connection, enum redis_script script, bool with_text, uint32_t key_count,
                                   uint32_t word_count, const struct slice *words)
{
	assert(script < REDIS_SCRIPT_COUNT);
	assert(word_count + 3 <= REDIS_WORDS_MAX && key_count <= word_count);

	char digits[16];
	int length = snprintf(digits, sizeof digits, "%" PRIu32, key_count);
	struct slice all[REDIS_WORDS_MAX];
	all[0] = with_text ? SLICE("EVAL") : SLICE("EVALSHA");
	all[1] = with_text ? script_text(script) : (struct slice){.data = connection->shas[script], .length = REDIS_SHA_LENGTH};
	all[2] = (struct slice){.data = digits, .length = (size_t)length};
	memcpy(&all[3], words, word_count * sizeof *words);
	return redis_connection_queue(connection, word_count + 3, all);
}

bool redis_connection_exchange(struct redis_connection *connection)
{
	assert(connection->handle != NULL);
	if (connection->tls != NULL)
		return redis_tls_exchange(connection->tls, connection->handle->reader, &connection->is_written);
	if (!connection->is_written) {
		int done = 0;
		if (redisBufferWrite(connection->handle, &done) != REDIS_OK)
			return false;
		connection->is_written = done != 0;
	}
	return redisBufferRead(connection->handle) == REDIS_OK;
}

bool redis_connection_reply(struct redis_connection *connection, redisReply **ret_reply)
{
	assert(ret_reply != NULL);
	void *reply = NULL;
	if (redisGetReplyFromReader(connection->handle, &reply) != REDIS_OK)
		return false;
	*ret_reply = reply;
	return true;
}

redisReply *redis_connection_ask(struct redis_connection *connection, uint64_t deadline_ns)
{
	assert(connection->handle != NULL);
	redisReply *reply = NULL;
	for (;;) {
		if (!redis_connection_exchange(connection) || !redis_connection_reply(connection, &reply))
			return NULL;
		if (reply != NULL)
			return reply;
		short events = connection->is_written ? POLLIN : POLLIN | POLLOUT;
		if (!redis_wait_for(connection->handle->fd, events, deadline_ns))
			return NULL;
	}
}

bool redis_reply_is_error(const redisReply *reply, const char *word)
{
	assert(reply != NULL && word != NULL);
	size_t length = strlen(word);
	return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, word, length) == 0 &&
	       (reply->str[length] == ' ' || reply->str[length] == '\0');
}

void redis_reply_clear(redisReply **reply)
{
	assert(reply != NULL);
	if (*reply != NULL)
		freeReplyObject(*reply);
	*reply = NULL;
}
