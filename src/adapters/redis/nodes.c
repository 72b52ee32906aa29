/* nodes.c: who serves which slot, and whether it serves. */
#include "adapters/redis/nodes.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/now.h"

#define CONNECT_MS 500 /* a node that takes longer to be connected to would not keep the deadline of an admission either */

static uint64_t deadline_in(uint64_t ms)
{
	return monotonic_now_ns() + ms * 1000000;
}

void nodes_init(struct nodes *nodes, const struct redis_address *address, uint32_t deadline_ms, pthread_mutex_t *lock)
{
	assert(nodes != NULL && address->endpoint_count > 0 && deadline_ms > 0 && lock != NULL);

	*nodes = (struct nodes){.lock = lock, .address = *address, .deadline_ms = deadline_ms, .count = address->endpoint_count};
	for (uint32_t i = 0; i < nodes->count; i++)
		nodes->nodes[i].endpoint = address->endpoints[i];
	nodes->nodes[0].has_slots = !address->is_cluster;
	nodes->is_cluster = address->is_cluster;
	memset(nodes->owners, REDIS_NODE_NONE, sizeof nodes->owners);
}

void nodes_release(struct nodes *nodes)
{
	assert(nodes != NULL);
	for (uint32_t i = 0; i < nodes->count; i++) {
		redis_connection_close(nodes->nodes[i].connection);
		redis_connection_close(nodes->nodes[i].probe);
	}
	nodes->count = 0;
}

bool nodes_are_serving(const struct nodes *nodes)
{
	assert(nodes->count <= REDIS_NODES_MAX);
	for (uint32_t i = 0; i < nodes->count; i++) {
		if (nodes->nodes[i].connection != NULL)
			return true;
	}
	return false;
}

int nodes_of_slot(const struct nodes *nodes, uint16_t slot)
{
	assert(slot < REDIS_SLOTS);
	int index = nodes->is_cluster ? nodes->owners[slot] : 0;
	return index != REDIS_NODE_NONE && nodes->nodes[index].connection != NULL ? index : REDIS_NODE_NONE;
}

/* The node at this endpoint, added when it is new. REDIS_NODE_NONE: there is no room. */
static int find_or_add(struct nodes *nodes, const char *host, size_t host_length, uint32_t port)
{
	assert(host != NULL);
	for (uint32_t i = 0; i < nodes->count; i++) {
		const struct redis_endpoint *known = &nodes->nodes[i].endpoint;
		if (known->port == port && strlen(known->host) == host_length && memcmp(known->host, host, host_length) == 0)
			return (int)i;
	}
	if (nodes->count == REDIS_NODES_MAX || host_length == 0 || host_length >= REDIS_HOST_MAX || port == 0 || port > UINT16_MAX)
		return REDIS_NODE_NONE;
	struct redis_endpoint *endpoint = &nodes->nodes[nodes->count].endpoint;
	memcpy(endpoint->host, host, host_length);
	endpoint->host[host_length] = '\0';
	endpoint->port = (uint16_t)port;
	return (int)nodes->count++;
}

int nodes_of_redirection(struct nodes *nodes, const char *error)
{
	assert(error != NULL);
	unsigned slot;
	char place[REDIS_HOST_MAX + 8];
	bool is_moved = strncmp(error, "MOVED ", 6) == 0;
	if (sscanf(error, "%*5s %5u %263s", &slot, place) != 2 || slot >= REDIS_SLOTS)
		return REDIS_NODE_NONE;
	char *colon = strrchr(place, ':');
	uint32_t port = colon == NULL ? 0 : (uint32_t)strtoul(colon + 1, NULL, 10);
	int index = colon == NULL ? REDIS_NODE_NONE : find_or_add(nodes, place, (size_t)(colon - place), port);
	if (index == REDIS_NODE_NONE)
		return REDIS_NODE_NONE;
	if (is_moved) {
		nodes->owners[slot] = (int8_t)index;
		nodes->nodes[index].has_slots = true;
	}
	return nodes->nodes[index].connection != NULL ? index : REDIS_NODE_NONE;
}

void nodes_give_up_on(struct nodes *nodes, int index)
{
	assert(index >= 0 && (uint32_t)index < nodes->count);
	struct node *node = &nodes->nodes[index];
	redis_connection_close(node->connection);
	node->connection = NULL;
	node->first_waiting = NULL;
	node->last_waiting = &node->first_waiting;
}

static void note(struct admission_ping *ping, const char *problem)
{
	assert(ping != NULL && problem != NULL);
	if (ping->problem[0] == '\0')
		(void)snprintf(ping->problem, sizeof ping->problem, "%.*s", ADMISSION_PROBLEM_MAX - 1, problem);
}

/* Connects the probe if it is not. */
static bool connect_probe(struct nodes *nodes, struct node *node, struct admission_ping *ping)
{
	assert(node != NULL && ping != NULL);
	char problem[REDIS_MESSAGE_MAX] = "";
	if (node->probe == NULL)
		node->probe = redis_connection_open(&nodes->address, &node->endpoint, deadline_in(CONNECT_MS), problem);
	if (node->probe == NULL)
		note(ping, problem);
	return node->probe != NULL;
}

static void lose_probe(struct node *node)
{
	assert(node->probe != NULL);
	redis_connection_close(node->probe);
	node->probe = NULL;
}

/* One row of CLUSTER SLOTS: first slot, last slot, then the nodes, [host, port, …], the one that writes first. */
static void learn_row(struct nodes *nodes, const redisReply *row, const struct redis_endpoint *told_by, int8_t *owners)
{
	assert(row != NULL && owners != NULL);
	if (row->type != REDIS_REPLY_ARRAY || row->elements < 3 || row->element[2]->type != REDIS_REPLY_ARRAY ||
	    row->element[2]->elements < 2)
		return;
	const redisReply *host = row->element[2]->element[0];
	bool has_host = host->type == REDIS_REPLY_STRING && host->len > 0; /* none: the node that was asked */
	const char *name = has_host ? host->str : told_by->host;
	long long port = row->element[2]->element[1]->integer;
	long long first = row->element[0]->integer;
	long long last = row->element[1]->integer;
	if (port <= 0 || port > UINT16_MAX || first < 0 || last >= REDIS_SLOTS)
		return;
	int index = find_or_add(nodes, name, strlen(name), (uint32_t)port);
	if (index == REDIS_NODE_NONE)
		return;
	nodes->nodes[index].has_slots = true;
	for (long long slot = first; slot <= last; slot++)
		owners[slot] = (int8_t)index;
}

static void learn_slots(struct nodes *nodes, const redisReply *reply, const struct redis_endpoint *told_by)
{
	assert(reply->type == REDIS_REPLY_ARRAY);
	int8_t owners[REDIS_SLOTS];
	memset(owners, REDIS_NODE_NONE, sizeof owners);
	pthread_mutex_lock(nodes->lock);
	for (uint32_t i = 0; i < nodes->count; i++)
		nodes->nodes[i].has_slots = false;
	for (size_t i = 0; i < reply->elements; i++)
		learn_row(nodes, reply->element[i], told_by, owners);
	memcpy(nodes->owners, owners, sizeof owners);
	nodes->is_cluster = true;
	pthread_mutex_unlock(nodes->lock);
}

/* How many nodes there are now. One that is counted keeps its place and its endpoint. */
static uint32_t count_nodes(struct nodes *nodes)
{
	assert(nodes->lock != NULL);
	pthread_mutex_lock(nodes->lock);
	uint32_t count = nodes->count;
	pthread_mutex_unlock(nodes->lock);
	return count;
}

static bool node_has_slots(struct nodes *nodes, uint32_t index)
{
	assert(index < REDIS_NODES_MAX);
	pthread_mutex_lock(nodes->lock);
	bool has_slots = nodes->nodes[index].has_slots;
	pthread_mutex_unlock(nodes->lock);
	return has_slots;
}

/* Asks the first node that answers who serves what. One that is no cluster says so with an error: then it serves all. */
static void ask_slots(struct nodes *nodes, struct admission_ping *ping)
{
	assert(ping != NULL);
	const struct slice words[] = {SLICE("CLUSTER"), SLICE("SLOTS")};
	uint32_t count = count_nodes(nodes);
	for (uint32_t i = 0; i < count; i++) {
		struct node *node = &nodes->nodes[i];
		if (!connect_probe(nodes, node, ping))
			continue;
		redisReply *reply = redis_connection_queue(node->probe, 2, words)
		                            ? redis_connection_ask(node->probe, deadline_in(nodes->deadline_ms))
		                            : NULL;
		if (reply == NULL) {
			note(ping, "no answer in time");
			lose_probe(node);
			continue;
		}
		bool has_slots = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0;
		bool is_alone = reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "cluster support disabled") != NULL;
		if (has_slots)
			learn_slots(nodes, reply, &node->endpoint);
		else if (!is_alone)
			note(ping, reply->type == REDIS_REPLY_ERROR ? reply->str : "the cluster serves no slots");
		redis_reply_clear(&reply);
		if (has_slots || (is_alone && !nodes->address.is_cluster))
			return;
	}
}

/* Runs the script that judges on a name of this node's own: one that loads its data, lacks memory or only reads says so, as to a request.
 * A cluster's node may say that another serves the name: then it has understood the question. */
static bool try_node(const struct nodes *nodes, struct node *node, uint32_t index, struct admission_ping *ping)
{
	assert(node->probe != NULL);
	char name[32];
	int length = snprintf(name, sizeof name, "tro:{ping-%" PRIu32 "}:a", index);
	const struct slice words[] = {{.data = name, .length = (size_t)length},
	                              SLICE("ping"),
	                              SLICE("0"),
	                              SLICE("0"),
	                              SLICE("1"),
	                              SLICE("1000"),
	                              SLICE(""),
	                              SLICE("0")};
	redisReply *reply = redis_connection_queue_script(node->probe, REDIS_SCRIPT_ADMIT, false, 1, ARRAY_LENGTH(words), words)
	                            ? redis_connection_ask(node->probe, deadline_in(nodes->deadline_ms))
	                            : NULL;
	bool is_serving = reply != NULL &&
	                  (reply->type == REDIS_REPLY_ARRAY || redis_reply_is_error(reply, "MOVED") || redis_reply_is_error(reply, "ASK"));
	if (!is_serving) {
		note(ping, reply == NULL ? "no answer in time" : reply->str);
		lose_probe(node);
	}
	redis_reply_clear(&reply);
	return is_serving;
}

/* The probe of a node that serves becomes the connection for judging when there is none; the next ping connects another. */
static void give_connection(struct nodes *nodes, struct node *node)
{
	assert(node->probe != NULL);
	pthread_mutex_lock(nodes->lock);
	if (node->connection == NULL) {
		node->connection = node->probe;
		node->first_waiting = NULL;
		node->last_waiting = &node->first_waiting;
		node->probe = NULL;
	}
	pthread_mutex_unlock(nodes->lock);
}

void nodes_ping(struct nodes *nodes, struct admission_ping *ret_ping)
{
	assert(ret_ping != NULL);
	*ret_ping = (struct admission_ping){0};
	ask_slots(nodes, ret_ping);
	bool is_all = true;
	uint32_t count = count_nodes(nodes);
	for (uint32_t i = 0; i < count; i++) {
		struct node *node = &nodes->nodes[i];
		if (!node_has_slots(nodes, i))
			continue;
		if (!connect_probe(nodes, node, ret_ping) || !try_node(nodes, node, i, ret_ping)) {
			is_all = false;
			continue;
		}
		give_connection(nodes, node);
		ret_ping->is_serving = true;
	}
	if (ret_ping->is_serving && is_all)
		ret_ping->problem[0] = '\0';
}
