/* nodes.c: the nodes of a cluster, their slots, and whether they serve. */
#include "adapters/redis/nodes.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/now.h"

#define TAGS_TRIED_MAX 1000
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
	const char *words = problem[0] == '\0' ? "an error without words" : problem;
	if (ping->problem[0] == '\0')
		(void)snprintf(ping->problem, sizeof ping->problem, "%.*s", ADMISSION_PROBLEM_MAX - 1, words);
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

void nodes_learn_slots(struct nodes *nodes, const redisReply *reply, const struct redis_endpoint *told_by)
{
	assert(nodes != NULL && told_by != NULL);
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

/* The number of nodes now. A counted node keeps its place and its endpoint. */
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
			nodes_learn_slots(nodes, reply, &node->endpoint);
		else if (!is_alone)
			note(ping, reply->type == REDIS_REPLY_ERROR ? reply->str : "the cluster serves no slots");
		redis_reply_clear(&reply);
		if (has_slots || (is_alone && !nodes->address.is_cluster))
			return;
	}
}

/* A tag whose slot the node serves, so that the node answers for itself. A node with few slots may get one of another's. */
static struct redis_tag tag_for(struct nodes *nodes, uint32_t index)
{
	assert(index < REDIS_NODES_MAX);
	struct redis_tag tag;
	char digits[REDIS_TAG_DIGITS + 1];
	pthread_mutex_lock(nodes->lock);
	for (uint32_t i = 0; i < TAGS_TRIED_MAX; i++) {
		(void)snprintf(digits, sizeof digits, "ping%028" PRIu32, i);
		memcpy(tag.digits, digits, sizeof tag.digits);
		if (!nodes->is_cluster || nodes->owners[redis_slot_of(&tag)] == (int)index)
			break;
	}
	pthread_mutex_unlock(nodes->lock);
	return tag;
}

/* Runs the script that judges, for a user and a key that there are not. Both expire after a millisecond, so that each ping makes them anew:
 * a script that removes something first may write without memory, and so would say that it serves where other requests find no room.
 * NULL: no answer in time. */
static redisReply *ask_as_request(const struct nodes *nodes, struct node *node, const struct redis_tag *tag)
{
	assert(node->probe != NULL);
	char window[64], key[64];
	int window_length = snprintf(window, sizeof window, "tro:{%.*s}:w", REDIS_TAG_DIGITS, tag->digits);
	int key_length = snprintf(key, sizeof key, "tro:{%.*s}:k", REDIS_TAG_DIGITS, tag->digits);
	const struct slice words[] = {{.data = window, .length = (size_t)window_length},
	                              {.data = key, .length = (size_t)key_length},
	                              SLICE("1000"), /* requests of the user in … */
	                              SLICE("1"),    /* … ms */
	                              SLICE("0"),
	                              SLICE("0"),
	                              SLICE("1"), /* ms that the key is in use */
	                              SLICE("ping"),
	                              SLICE("5"), /* user and key */
	                              SLICE("")};
	if (!redis_connection_queue_script(node->probe, REDIS_SCRIPT_ADMIT, false, 2, ARRAY_LENGTH(words), words))
		return NULL;
	return redis_connection_ask(node->probe, deadline_in(nodes->deadline_ms));
}

/* One that loads its data, lacks memory, only reads or forbids the script says so, as to a request: it is asked nothing more until it
 * serves. A cluster's node may say that another serves the name: then it has understood the question. */
static bool try_node(struct nodes *nodes, struct node *node, uint32_t index, struct admission_ping *ping)
{
	assert(node->probe != NULL && ping != NULL);
	struct redis_tag tag = tag_for(nodes, index);
	redisReply *reply = ask_as_request(nodes, node, &tag);
	bool is_serving = reply != NULL &&
	                  (reply->type == REDIS_REPLY_STRING || redis_reply_is_error(reply, "MOVED") || redis_reply_is_error(reply, "ASK"));
	if (!is_serving) {
		note(ping, reply == NULL ? "no answer in time" : reply->str != NULL ? reply->str : "it answers what Redis does not");
		lose_probe(node);
	}
	/* Requests bring the script along where it is not known. */
	if (!is_serving && reply != NULL && !redis_reply_is_error(reply, "NOSCRIPT")) {
		pthread_mutex_lock(nodes->lock);
		nodes_give_up_on(nodes, (int)index);
		pthread_mutex_unlock(nodes->lock);
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
