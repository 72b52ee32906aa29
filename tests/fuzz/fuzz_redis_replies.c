/* fuzz_redis_replies.c: any bytes as the answers of Redis to three calls on one connection: each call has a judgement within its limits
 * or none. The same bytes are read as REDIS_ADDR, as the answers to a ping, and as those that say which nodes a cluster has. No node that they name
 * is connected to: calls never do, and a ping is not told of any. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapters/redis/address.h"
#include "adapters/redis/call.h"
#include "adapters/redis/nodes.h"
#include "base/now.h"

#define REPLIES_MAX ((size_t)32768) /* fit into the socket */
#define DEADLINE_NS 1000000         /* an answer that does not come whole is not waited for */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_address(const uint8_t *data, size_t size)
{
	char text[1024], message[REDIS_MESSAGE_MAX];
	struct redis_address address;
	if (size >= sizeof text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (redis_address_parse(text, &address, message))
		assert(address.endpoint_count >= 1 && address.endpoint_count <= REDIS_NODES_MAX);
}

/* A connection on which all of it has come; *ret_peer is its other end. */
static struct redis_connection *make_connection(const uint8_t *data, size_t size, int *ret_peer)
{
	int ends[2];
	struct redis_connection *connection = calloc(1, sizeof *connection);
	if (connection == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		abort();
	if (size > 0 && write(ends[1], data, size) != (ssize_t)size)
		abort();
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	connection->handle = redisConnectFd(ends[0]);
	if (connection->handle == NULL)
		abort();
	connection->handle->flags &= ~REDIS_BLOCK;
	*ret_peer = ends[1];
	return connection;
}

/* Each slot has an owner that is known, or none. */
static void check_owners(const struct nodes *nodes)
{
	assert(nodes->count >= 1 && nodes->count <= REDIS_NODES_MAX);
	for (uint32_t i = 0; i < REDIS_SLOTS; i++)
		assert(nodes->owners[i] == REDIS_NODE_NONE || (nodes->owners[i] >= 0 && nodes->owners[i] < (int)nodes->count));
}

static void ping_node(const struct redis_address *address, const uint8_t *data, size_t size)
{
	static struct nodes nodes;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct admission_ping ping;
	int peer;
	nodes_init(&nodes, address, 1, &lock);
	nodes.nodes[0].probe = make_connection(data, size, &peer);
	nodes_ping(&nodes, &ping);
	assert(ping.is_serving || ping.problem[0] != '\0');
	nodes_release(&nodes);
	(void)close(peer);
}

/* The replies one after the other: the first decides whether the bytes are those of a ping. */
static void read_replies(const struct redis_address *address, const uint8_t *data, size_t size)
{
	static struct nodes nodes;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	redisReader *reader = redisReaderCreate();
	if (reader == NULL)
		abort();
	nodes_init(&nodes, address, 1, &lock);
	void *reply = NULL;
	(void)redisReaderFeed(reader, (const char *)data, size);
	for (bool is_first = true; redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL; is_first = false) {
		const redisReply *read = reply;
		if (read->type == REDIS_REPLY_ARRAY)
			nodes_learn_slots(&nodes, read, &address->endpoints[0]);
		else if (read->type == REDIS_REPLY_ERROR)
			assert(nodes_of_redirection(&nodes, read->str) == REDIS_NODE_NONE); /* none is connected to */
		if (is_first && read->type != REDIS_REPLY_ARRAY)
			ping_node(address, data, size);
		check_owners(&nodes);
		freeReplyObject(reply);
	}
	redisReaderFree(reader);
	nodes_release(&nodes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nodes nodes;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct redis_address address;
	char message[REDIS_MESSAGE_MAX];
	struct call_number one = call_number_of(1);
	struct call_settings settings = {.user_quota = one,
	                                 .user_window_ms = one,
	                                 .address_quota = one,
	                                 .address_window_ms = one,
	                                 .lease_ms = one,
	                                 .remember_ms = one};
	struct call calls[3] = {{.kind = CALL_JUDGE, .parts = CALL_USER, .key_count = 1, .nonce = "1", .keys = {{.length = 1}}},
	                        {.kind = CALL_JUDGE, .parts = CALL_USER, .key_count = 1, .nonce = "1", .keys = {{.length = 1}}},
	                        {.kind = CALL_SET, .key_count = 1, .nonce = "1", .keys = {{.length = 1}}}};
	uint32_t failures = 0;
	read_address(data, size);
	if (size > REPLIES_MAX || !redis_address_parse("127.0.0.1:1", &address, message))
		return 0;
	read_replies(&address, data, size);
	nodes_init(&nodes, &address, 1, &lock);
	int peer;
	nodes_give_up_on(&nodes, 0); /* it waits for nothing */
	nodes.nodes[0].connection = make_connection(data, size, &peer);
	(void)shutdown(peer, SHUT_WR); /* nothing more will come */
	calls_run(&nodes, &settings, calls, 3, monotonic_now_ns() + DEADLINE_NS, &failures);
	for (uint32_t i = 0; i < 2; i++)
		assert(!calls[i].is_answered || calls[i].judgement.verdict <= 3);
	nodes_release(&nodes);
	(void)close(peer);
	return 0;
}
