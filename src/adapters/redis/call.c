/* call.c: pipelines to several nodes at once. */
#include "adapters/redis/call.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/now.h"

#define ROUNDS_MAX 2 /* the second for what was redirected */

#define SETTING_WORDS 5 /* of admit.lua, before its requests */
#define WORDS_MAX (SETTING_WORDS + CALLS_AT_ONCE * (CALL_KEYS_MAX + 3))
#define SCRIPT_WORDS 3
_Static_assert(WORDS_MAX + SCRIPT_WORDS <= REDIS_WORDS_MAX, "a run of the script fits a command");

struct call_number call_number_of(uint64_t number)
{
	struct call_number text;
	text.length = (uint32_t)snprintf(text.digits, sizeof text.digits, "%" PRIu64, number);
	return text;
}

static struct slice number_slice(const struct call_number *number)
{
	assert(number->length > 0 && number->length < sizeof number->digits);
	return (struct slice){.data = number->digits, .length = number->length};
}

static struct slice nonce_slice(const struct call *call)
{
	assert(call->nonce[0] != '\0');
	return (struct slice){.data = call->nonce, .length = CALL_NONCE_LENGTH};
}

/* One run of admit.lua for calls[0 .. joined). */
static bool queue_judging(struct redis_connection *connection, const struct call_settings *settings, const struct call *calls)
{
	assert(calls->joined > 0 && calls->joined <= CALLS_AT_ONCE);
	static const struct slice parts[] = {SLICE("0"), SLICE("1"), SLICE("2"), SLICE("3"),
	                                     SLICE("4"), SLICE("5"), SLICE("6"), SLICE("7")};
	struct slice words[WORDS_MAX];
	uint32_t count = 0;
	for (uint32_t i = 0; i < calls->joined; i++) {
		assert(calls[i].key_count <= CALL_KEYS_MAX);
		for (uint32_t k = 0; k < calls[i].key_count; k++)
			words[count++] = redis_name_slice(&calls[i].keys[k]);
	}
	uint32_t key_count = count;
	words[count++] = number_slice(&settings->user_quota);
	words[count++] = number_slice(&settings->user_window_ms);
	words[count++] = number_slice(&settings->address_quota);
	words[count++] = number_slice(&settings->address_window_ms);
	words[count++] = number_slice(&settings->lease_ms);
	for (uint32_t i = 0; i < calls->joined; i++) {
		words[count++] = nonce_slice(&calls[i]);
		words[count++] = parts[calls[i].parts];
		words[count++] = mark_slice(&calls[i].mark);
	}
	return redis_connection_queue_script(connection, REDIS_SCRIPT_ADMIT, calls->wants_text, key_count, count, words);
}

/* The end of one request. */
static bool queue_end(struct redis_connection *connection, const struct call_settings *settings, const struct call *call)
{
	assert(call->kind != CALL_JUDGE && call->key_count == 1);
	struct slice name = redis_name_slice(&call->keys[0]);
	const struct slice set[] = {SLICE("SET"), name, mark_slice(&call->mark), SLICE("PX"), number_slice(&settings->remember_ms)};
	if (call->kind == CALL_SET)
		return redis_connection_queue(connection, ARRAY_LENGTH(set), set);
	const struct slice forget[] = {name, mark_slice(&call->mark)};
	if (call->kind == CALL_FORGET)
		return redis_connection_queue_script(connection, REDIS_SCRIPT_FORGET, call->wants_text, 1, ARRAY_LENGTH(forget), forget);
	const struct slice remove[] = {SLICE("ZREM"), name, nonce_slice(call)};
	return redis_connection_queue(connection, ARRAY_LENGTH(remove), remove);
}

/* Queues the call, with those joined to it, on its node's connection. False: the node is to be given up on. */
static bool queue_call(struct node *node, const struct call_settings *settings, struct call *call)
{
	assert(node->connection != NULL);
	const struct slice asking[] = {SLICE("ASKING")};
	if (call->wants_asking && !redis_connection_queue(node->connection, 1, asking))
		return false;
	call->awaits_asking = call->wants_asking;
	bool is_queued =
		call->kind == CALL_JUDGE ? queue_judging(node->connection, settings, call) : queue_end(node->connection, settings, call);
	if (!is_queued)
		return false;
	call->next = NULL;
	*node->last_waiting = call;
	node->last_waiting = &call->next;
	return true;
}

/* Reads "0 0 99 60000 0 0 0" and what follows, and moves *text behind it. */
static bool read_judgement(struct slice *text, struct judgement *ret_judgement)
{
	assert(ret_judgement != NULL);
	uint64_t *const fields[] = {&ret_judgement->verdict,       &ret_judgement->is_repeat,         &ret_judgement->user_remaining,
	                            &ret_judgement->user_reset_ms, &ret_judgement->address_remaining, &ret_judgement->address_reset_ms,
	                            &ret_judgement->wait_ms};
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		const char *blank = text->length == 0 ? NULL : memchr(text->data, ' ', text->length);
		struct slice number = {.data = text->data, .length = blank == NULL ? text->length : (size_t)(blank - text->data)};
		if (!decimal_parse(number, UINT32_MAX, fields[i]))
			return false;
		size_t used = number.length + (blank == NULL ? 0 : 1);
		*text = (struct slice){.data = text->data + used, .length = text->length - used};
	}
	return ret_judgement->verdict <= 3;
}

static void read_judgements(const redisReply *reply, struct call *calls)
{
	assert(calls->kind == CALL_JUDGE && calls->joined > 0);
	if (reply->type != REDIS_REPLY_STRING)
		return;
	struct slice text = {.data = reply->str, .length = reply->len};
	for (uint32_t i = 0; i < calls->joined; i++) {
		calls[i].is_answered = read_judgement(&text, &calls[i].judgement);
		if (!calls[i].is_answered)
			return;
	}
}

/* True: the node's error makes it useless to all calls for now. */
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
		if (call->kind == CALL_JUDGE)
			read_judgements(reply, call);
		else
			call->is_answered = true;
		return true;
	}
	if (redis_reply_is_error(reply, "NOSCRIPT")) {
		for (uint32_t i = 0; i < call->joined; i++) {
			call[i].target = index;
			call[i].wants_text = true;
		}
	} else if (redis_reply_is_error(reply, "MOVED") || redis_reply_is_error(reply, "ASK")) {
		assert(call->joined == 1 || !nodes->is_cluster);
		call->target = nodes_of_redirection(nodes, reply->str);
		call->wants_asking = redis_reply_is_error(reply, "ASK");
	} else if (is_node_error(reply)) {
		return false;
	} else {
		call->is_answered = call->kind != CALL_JUDGE; /* the error is of this call alone, and would come again */
	}
	return true;
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
		struct call *call = node->first_waiting;
		bool is_of_asking = call->awaits_asking, is_sound = true;
		call->awaits_asking = false;
		if (!is_of_asking) {
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

/* Counts the calls, the first included, that one run of the script serves. */
static uint32_t count_joined(const struct nodes *nodes, const struct call *calls, uint32_t count)
{
	assert(count > 0);
	uint32_t joined = 1;
	if (nodes->is_cluster || calls->kind != CALL_JUDGE)
		return joined;
	while (joined < count && joined < CALLS_AT_ONCE && calls[joined].kind == CALL_JUDGE && calls[joined].target == calls->target &&
	       calls[joined].wants_text == calls->wants_text)
		joined++;
	return joined;
}

/* Queues the calls that have a target. */
static uint32_t queue_calls(struct nodes *nodes, const struct call_settings *settings, struct call *calls, uint32_t count,
                            uint32_t *failures)
{
	assert(calls != NULL || count == 0);
	uint32_t queued = 0;
	for (uint32_t i = 0; i < count; i += calls[i].joined) {
		struct call *call = &calls[i];
		int target = call->target;
		call->joined = count_joined(nodes, call, count - i);
		for (uint32_t k = 0; k < call->joined; k++)
			call[k].target = REDIS_NODE_NONE;
		if (target == REDIS_NODE_NONE || nodes->nodes[target].connection == NULL)
			continue;
		if (queue_call(&nodes->nodes[target], settings, call))
			queued++;
		else
			give_up_on(nodes, target, failures);
	}
	return queued;
}

void calls_run(struct nodes *nodes, const struct call_settings *settings, struct call *calls, uint32_t count, uint64_t deadline_ns,
               uint32_t *ret_failures)
{
	assert(nodes != NULL && settings != NULL && (calls != NULL || count == 0) && ret_failures != NULL);

	*ret_failures = 0;
	for (uint32_t i = 0; i < count; i++)
		calls[i].target = nodes_of_slot(nodes, calls[i].slot);
	for (uint32_t round = 0; round < ROUNDS_MAX && queue_calls(nodes, settings, calls, count, ret_failures) > 0; round++) {
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
