/* call.c: pipelines to several nodes at once. */
#include "adapters/redis/call.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/now.h"

#define ROUNDS_MAX 2 /* the second for what was redirected */

void call_add_argument(struct call *call, struct slice argument)
{
	assert(argument.data != NULL || argument.length == 0);
	assert(call->argument_count < CALL_ARGUMENTS_MAX && argument.length <= CALL_ARGUMENT_MAX);
	memcpy(call->arguments[call->argument_count].text, argument.data, argument.length);
	call->arguments[call->argument_count++].length = (uint32_t)argument.length;
}

void call_add_number(struct call *call, uint64_t number)
{
	assert(call != NULL);
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
	call_add_argument(call, (struct slice){.data = digits, .length = (size_t)length});
}

/* Queues the call on its node's connection. False: the node is to be given up on. */
static bool queue_call(struct node *node, struct call *call)
{
	assert(node->connection != NULL);
	assert(call->key_count <= CALL_KEYS_MAX && call->argument_count <= CALL_ARGUMENTS_MAX);
	struct slice words[CALL_KEYS_MAX + CALL_ARGUMENTS_MAX];
	uint32_t count = 0;
	for (uint32_t i = 0; i < call->key_count; i++)
		words[count++] = redis_name_slice(&call->keys[i]);
	for (uint32_t i = 0; i < call->argument_count; i++)
		words[count++] = (struct slice){.data = call->arguments[i].text, .length = call->arguments[i].length};
	const struct slice asking[] = {SLICE("ASKING")};
	if (call->wants_asking && !redis_connection_queue(node->connection, 1, asking))
		return false;
	if (!redis_connection_queue_script(node->connection, call->script, call->wants_text, call->key_count, count, words))
		return false;
	call->next = NULL;
	*node->last_waiting = call;
	node->last_waiting = &call->next;
	return true;
}

static bool read_judgement(const redisReply *reply, struct judgement *ret_judgement)
{
	assert(ret_judgement != NULL);
	int64_t *const fields[] = {&ret_judgement->verdict,       &ret_judgement->is_repeat,         &ret_judgement->user_remaining,
	                           &ret_judgement->user_reset_ms, &ret_judgement->address_remaining, &ret_judgement->address_reset_ms,
	                           &ret_judgement->wait_ms};
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != ARRAY_LENGTH(fields))
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		const redisReply *element = reply->element[i];
		if (element->type != REDIS_REPLY_INTEGER || element->integer < 0 || element->integer > UINT32_MAX)
			return false;
		*fields[i] = element->integer;
	}
	return ret_judgement->verdict <= 3;
}

/* What the node says makes it useless to all calls for now. */
static bool is_node_error(const redisReply *reply)
{
	assert(reply->type == REDIS_REPLY_ERROR);
	static const char *const words[] = {"LOADING", "READONLY",   "OOM",  "MISCONF",    "NOAUTH",
	                                    "NOPERM",  "MASTERDOWN", "BUSY", "CLUSTERDOWN"};
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (redis_reply_is_error(reply, words[i]))
			return true;
	}
	/* A script that fails half-way wraps the error of its command. */
	return strstr(reply->str, "OOM command not allowed") != NULL || strstr(reply->str, "READONLY You can't write") != NULL;
}

/* False: the node is to be given up on. */
static bool take_reply(struct nodes *nodes, int index, const redisReply *reply, struct call *call)
{
	assert(index >= 0 && (uint32_t)index < nodes->count);
	assert(reply != NULL && call != NULL);
	if (reply->type != REDIS_REPLY_ERROR) {
		call->is_answered = call->script != REDIS_SCRIPT_ADMIT || read_judgement(reply, &call->judgement);
		return true;
	}
	call->target = REDIS_NODE_NONE;
	if (redis_reply_is_error(reply, "NOSCRIPT")) {
		call->target = index;
		call->wants_text = true;
	} else if (redis_reply_is_error(reply, "MOVED") || redis_reply_is_error(reply, "ASK")) {
		call->target = nodes_of_redirection(nodes, reply->str);
		call->wants_asking = redis_reply_is_error(reply, "ASK");
	} else if (is_node_error(reply)) {
		return false;
	}
	return true; /* else the error is of this call alone: who asked for it does without */
}

/* Sends and reads what is there now. False: the node is to be given up on. */
static bool serve_node(struct nodes *nodes, int index)
{
	assert(index >= 0 && (uint32_t)index < nodes->count);
	assert(nodes->nodes[index].connection != NULL);
	struct node *node = &nodes->nodes[index];
	if (!redis_connection_exchange(node->connection))
		return false;
	while (node->first_waiting != NULL) {
		redisReply *reply = NULL;
		if (!redis_connection_reply(node->connection, &reply))
			return false;
		if (reply == NULL)
			return true;
		bool is_of_asking = node->first_waiting->wants_asking && reply->type == REDIS_REPLY_STATUS;
		bool is_sound = true;
		if (!is_of_asking) {
			struct call *call = node->first_waiting;
			node->first_waiting = call->next;
			if (node->first_waiting == NULL)
				node->last_waiting = &node->first_waiting;
			is_sound = take_reply(nodes, index, reply, call);
		}
		redis_reply_clear(&reply);
		if (!is_sound)
			return false;
	}
	return true;
}

/* Waits until a node that has calls under way can be read, or written. False: none has any, or the deadline has come. */
static bool wait_for_nodes(const struct nodes *nodes, uint64_t deadline_ns)
{
	assert(nodes->count <= REDIS_NODES_MAX);
	struct pollfd pollers[REDIS_NODES_MAX];
	nfds_t count = 0;
	for (uint32_t i = 0; i < nodes->count; i++) {
		const struct node *node = &nodes->nodes[i];
		if (node->connection == NULL || node->first_waiting == NULL)
			continue;
		pollers[count++] = (struct pollfd){.fd = node->connection->handle->fd,
		                                   .events = node->connection->is_written ? POLLIN : POLLIN | POLLOUT};
	}
	uint64_t now_ns = monotonic_now_ns();
	if (count == 0 || now_ns >= deadline_ns)
		return false;
	return poll(pollers, count, (int)((deadline_ns - now_ns + 999999) / 1000000)) >= 0 || errno == EINTR;
}

static void give_up_on(struct nodes *nodes, int index, uint32_t *failures)
{
	assert(failures != NULL);
	nodes_give_up_on(nodes, index);
	++*failures;
}

/* Queues the calls that have a target. */
static uint32_t queue_calls(struct nodes *nodes, struct call *calls, uint32_t count, uint32_t *failures)
{
	assert(calls != NULL || count == 0);
	uint32_t queued = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct call *call = &calls[i];
		int target = call->target;
		call->target = REDIS_NODE_NONE;
		if (target == REDIS_NODE_NONE || nodes->nodes[target].connection == NULL)
			continue;
		if (queue_call(&nodes->nodes[target], call))
			queued++;
		else
			give_up_on(nodes, target, failures);
	}
	return queued;
}

void calls_run(struct nodes *nodes, struct call *calls, uint32_t count, uint64_t deadline_ns, uint32_t *ret_failures)
{
	assert(nodes != NULL && (calls != NULL || count == 0) && ret_failures != NULL);

	*ret_failures = 0;
	for (uint32_t i = 0; i < count; i++)
		calls[i].target = nodes_of_slot(nodes, calls[i].slot);
	for (uint32_t round = 0; round < ROUNDS_MAX && queue_calls(nodes, calls, count, ret_failures) > 0; round++) {
		do {
			for (uint32_t i = 0; i < nodes->count; i++) {
				const struct node *node = &nodes->nodes[i];
				if (node->connection != NULL && node->first_waiting != NULL && !serve_node(nodes, (int)i))
					give_up_on(nodes, (int)i, ret_failures);
			}
		} while (wait_for_nodes(nodes, deadline_ns));
	}
	for (uint32_t i = 0; i < nodes->count; i++) {
		if (nodes->nodes[i].connection != NULL && nodes->nodes[i].first_waiting != NULL)
			give_up_on(nodes, (int)i, ret_failures);
	}
}
