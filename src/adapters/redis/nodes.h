/* nodes.h: the servers behind REDIS_ADDR: one, or the nodes of a cluster with the slots that each serves. Private to the Redis adapter.
 *
 * Two threads use it: the one that judges (nodes_send and what follows, which never connects and ends at its deadline) and the one that
 * pings (nodes_ping, which connects). The lock of the owner is held around the first; nodes_ping takes it itself, never while it waits. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/redis/address.h"
#include "adapters/redis/connection.h"
#include "adapters/redis/names.h"
#include "base/attributes.h"
#include "ports/admission.h"

#define REDIS_NODE_NONE (-1)

struct call; /* call.h */

struct node {
	struct redis_endpoint endpoint;
	struct redis_connection *connection; /* for judging; NULL: the node is not to be asked */
	struct redis_connection *probe;      /* of the ping; NULL: not connected */
	bool has_slots;                      /* it serves some, or is the only server there is */
	/* The calls that were sent on the connection and are not answered, in order. */
	struct call *first_waiting;
	struct call **last_waiting;
};

struct nodes {
	pthread_mutex_t *lock; /* borrowed: guards all below but the probes */
	struct redis_address address;
	uint32_t deadline_ms; /* of an answer */
	struct node nodes[REDIS_NODES_MAX];
	uint32_t count;
	bool is_cluster;
	int8_t owners[REDIS_SLOTS]; /* of a cluster: index of the node, or REDIS_NODE_NONE */
};

void nodes_init(struct nodes *nodes, const struct redis_address *address, uint32_t deadline_ms, pthread_mutex_t *lock);
void nodes_release(struct nodes *nodes);

/* Whether any node can be asked. */
bool nodes_are_serving(const struct nodes *nodes);
/* The node that serves the slot; REDIS_NODE_NONE: none that can be asked. */
int nodes_of_slot(const struct nodes *nodes, uint16_t slot);
/* The node of an error such as "MOVED 3999 127.0.0.1:6381"; "MOVED" is remembered. REDIS_NODE_NONE: none that can be asked. */
int nodes_of_redirection(struct nodes *nodes, const char *error);
/* Stops asking the node until a ping finds it serving; calls under way to it are not answered any more. */
void nodes_give_up_on(struct nodes *nodes, int index);

/* Connects to the nodes that are not connected, learns the slots, and tries every node that has some. */
void nodes_ping(struct nodes *nodes, struct admission_ping *ret_ping);
/* Takes the slots from an answer to CLUSTER SLOTS, an array, of the node at `told_by`: new nodes are added, rows that make no sense passed
 * over. */
void nodes_learn_slots(struct nodes *nodes, const redisReply *reply, const struct redis_endpoint *told_by);
