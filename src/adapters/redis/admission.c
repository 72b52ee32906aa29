/* admission.c: requests become runs of the script, and what they answer becomes verdicts. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/redis/call.h"
#include "adapters/redis/finishes.h"
#include "adapters/redis/names.h"
#include "adapters/redis/nodes.h"
#include "adapters/redis/redis.h"
#include "adapters/redis/tls.h"
#include "base/hex.h"
#include "base/list.h"
#include "base/now.h"

#define REQUESTS_MAX 512 /* judged in one round trip */
#define FINISHES_AT_ONCE 1024
#define CALLS_MAX (2 * REQUESTS_MAX + FINISHES_AT_ONCE)
#define BUSY_RETRY_MS 1000 /* how long the first request with a key is guessed to run on */
#define NONCE_DIGITS 24

struct redis_admission {
	struct admission base;
	struct redis_admission_options options;
	uint8_t owner[MARK_OWNER_LENGTH]; /* of this process: what it has put in use no other ends */
	struct finishes finishes;
	pthread_mutex_t lock; /* guards all below; held during a round trip */
	struct nodes nodes;
	struct call *calls;
	uint32_t call_count;
	uint64_t nonce; /* counts the requests */
};

/* The calls of one request: one, or in a cluster one for the user with the key and one for the address; NULL: none. */
struct judging {
	struct call *user;
	struct call *address;
};

static struct redis_admission *self_of(struct admission *admission)
{
	assert(admission != NULL);
	return container_of(admission, struct redis_admission, base);
}

static struct slice tag_owner(const struct admission_request *request)
{
	assert(request != NULL);
	if (!slice_is_empty(request->user) || !request->idempotency.is_present)
		return request->user;
	return (struct slice){.data = (const char *)request->idempotency.key, .length = KEY_HASH_LENGTH};
}

static struct call *add_call(struct redis_admission *self, enum redis_script script, const struct redis_tag *tag)
{
	assert(self->calls != NULL);
	assert(self->call_count < CALLS_MAX);
	struct call *call = &self->calls[self->call_count++];
	*call = (struct call){.script = script, .slot = redis_slot_of(tag)};
	return call;
}

static void add_window(struct call *call, bool is_limited, uint32_t quota, uint32_t window_ms, struct redis_name name)
{
	assert(call->key_count < CALL_KEYS_MAX);
	if (is_limited)
		call->keys[call->key_count++] = name;
	call_add_number(call, is_limited ? quota : 0);
	call_add_number(call, is_limited ? window_ms : 0);
}

/* One run of admit.lua over the parts asked for. */
static struct call *add_judge(struct redis_admission *self, const struct admission_request *request, const char *nonce, bool has_user,
                              bool has_address)
{
	assert(has_user || has_address);
	assert(nonce != NULL);
	const struct redis_admission_options *options = &self->options;
	struct redis_tag address_tag = redis_tag_of(request->address);
	struct redis_tag tag = has_user ? redis_tag_of(tag_owner(request)) : address_tag;
	struct call *call = add_call(self, REDIS_SCRIPT_ADMIT, &tag);
	bool has_key = has_user && request->idempotency.is_present;
	call_add_argument(call, (struct slice){.data = nonce, .length = NONCE_DIGITS});
	add_window(call, has_user && options->user_quota > 0 && !slice_is_empty(request->user), options->user_quota,
	           options->user_window_ms, redis_name_of_user(&tag));
	add_window(call, has_address, options->address_quota, options->address_window_ms, redis_name_of_address(&address_tag));
	struct mark mark = {0};
	if (has_key) {
		mark = mark_in_use(request->idempotency.fingerprint, self->owner);
		call->keys[call->key_count++] = redis_name_of_key(&tag, request->idempotency.key);
	}
	call_add_argument(call, mark_slice(&mark));
	call_add_number(call, ADMISSION_LEASE_MS);
	return call;
}

static void write_nonce(struct redis_admission *self, char nonce[static NONCE_DIGITS + 1])
{
	assert(self != NULL);
	uint8_t bytes[NONCE_DIGITS / 2];
	uint64_t number = self->nonce++;
	memcpy(bytes, self->owner, 4);
	memcpy(bytes + 4, &number, 8);
	*hex_encode(bytes, sizeof bytes, nonce) = '\0';
}

/* Nothing at all to judge: no call. */
static struct judging judge(struct redis_admission *self, const struct admission_request *request)
{
	assert(request != NULL);
	char nonce[NONCE_DIGITS + 1];
	write_nonce(self, nonce);
	bool has_user = request->idempotency.is_present || (self->options.user_quota > 0 && !slice_is_empty(request->user));
	bool has_address = self->options.address_quota > 0 && !slice_is_empty(request->address);
	bool is_split = self->nodes.is_cluster && has_user && has_address;
	struct judging judging = {0};
	if (has_user)
		judging.user = add_judge(self, request, nonce, true, has_address && !is_split);
	if (has_address && (is_split || !has_user))
		judging.address = add_judge(self, request, nonce, false, true);
	return judging;
}

static struct admission_quota quota_of(bool is_limited, uint32_t quota, uint32_t window_ms, int64_t remaining, int64_t reset_ms)
{
	assert(!is_limited || quota > 0);
	if (!is_limited)
		return (struct admission_quota){0};
	return (struct admission_quota){
		.is_limited = true,
		.quota = quota,
		.window_s = (window_ms + 999) / 1000,
		.remaining = remaining > quota ? quota : (uint32_t)remaining,
		.reset_s = (uint32_t)((reset_ms + 999) / 1000),
	};
}

/* Another server refused what this one has let go on: the window forgets the request, and the key is free. */
static void take_back(struct redis_admission *self, const struct admission_request *request, const struct call *call)
{
	assert(call->key_count <= CALL_KEYS_MAX);
	const struct judgement *judgement = &call->judgement;
	if (judgement->verdict == 1)
		return;
	for (uint32_t i = 0; i < call->key_count; i++) {
		struct finish undo = {.name = call->keys[i], .slot = call->slot};
		bool is_key = request->idempotency.is_present && i + 1 == call->key_count && call->arguments[5].length > 0;
		if (is_key && (judgement->verdict != 0 || judgement->is_repeat != 0))
			continue;
		if (is_key)
			undo.mark = mark_in_use(request->idempotency.fingerprint, self->owner);
		else
			memcpy(undo.nonce, call->arguments[0].text, call->arguments[0].length);
		finishes_push(&self->finishes, &undo);
	}
}

static void read_verdict(struct redis_admission *self, const struct judging *judging, struct admission_request *request)
{
	assert(judging != NULL && request != NULL);
	static const enum admission_verdict verdicts[] = {ADMISSION_GO, ADMISSION_LIMITED, ADMISSION_BUSY, ADMISSION_MISMATCH};
	const struct redis_admission_options *options = &self->options;
	const struct judgement none = {0};
	const struct judgement *user = judging->user == NULL ? &none : &judging->user->judgement;
	const struct judgement *address = judging->address == NULL ? user : &judging->address->judgement;
	bool is_limited = user->verdict == 1 || address->verdict == 1;
	if (is_limited && judging->user != NULL && judging->address != NULL) {
		take_back(self, request, judging->user);
		take_back(self, request, judging->address);
	}
	request->ret_verdict = is_limited ? ADMISSION_LIMITED : verdicts[user->verdict];
	request->ret_is_repeat = !is_limited && user->verdict == 0 && user->is_repeat != 0;
	request->ret_is_shared = true;
	request->ret_retry_after_ms = 0;
	if (is_limited)
		request->ret_retry_after_ms = (uint64_t)(user->wait_ms > address->wait_ms ? user->wait_ms : address->wait_ms);
	else if (request->ret_verdict == ADMISSION_BUSY)
		request->ret_retry_after_ms = BUSY_RETRY_MS;
	request->ret_user = quota_of(options->user_quota > 0 && !slice_is_empty(request->user), options->user_quota,
	                             options->user_window_ms, user->user_remaining, user->user_reset_ms);
	request->ret_address = quota_of(options->address_quota > 0 && !slice_is_empty(request->address), options->address_quota,
	                                options->address_window_ms, address->address_remaining, address->address_reset_ms);
}

static bool is_answered(const struct judging *judging)
{
	assert(judging != NULL);
	return (judging->user == NULL || judging->user->is_answered) && (judging->address == NULL || judging->address->is_answered);
}

/* What finish has queued goes first, so that a client that repeats what was just answered does not find its key in use. */
static void add_finishes(struct redis_admission *self)
{
	assert(self->call_count == 0);
	struct finish finish;
	for (uint32_t i = 0; i < FINISHES_AT_ONCE && finishes_pop(&self->finishes, monotonic_now_ns() / 1000000, &finish); i++) {
		assert(self->call_count < CALLS_MAX);
		struct call *call = &self->calls[self->call_count++];
		*call = (struct call){.script = REDIS_SCRIPT_FINISH, .slot = finish.slot, .key_count = 1, .keys = {finish.name}};
		call_add_argument(call, mark_slice(&finish.mark));
		if (finish.mark.length == 0) {
			call_add_argument(call, (struct slice){.data = finish.nonce, .length = NONCE_DIGITS});
		} else {
			call_add_argument(call, mark_slice(&finish.next));
			call_add_number(call, ADMISSION_REMEMBER_MS);
		}
	}
}

/* A service is counted by each process apart: its window would be in another slot than the user's. True: it is over its limit. */
static bool service_is_limited(struct redis_admission *self, struct admission_request *request)
{
	assert(self->base.local != NULL);
	struct admission_request service = {.service = request->service, .now_ms = request->now_ms};
	if (slice_is_empty(request->service))
		return false;
	self->base.local->operations->admit(self->base.local, &service, 1);
	request->ret_service = service.ret_service;
	if (service.ret_verdict != ADMISSION_LIMITED)
		return false;
	request->ret_verdict = ADMISSION_LIMITED;
	request->ret_retry_after_ms = service.ret_retry_after_ms;
	request->ret_is_repeat = false;
	request->ret_user = (struct admission_quota){0};
	request->ret_address = (struct admission_quota){0};
	return true;
}

static void admit_some(struct redis_admission *self, struct admission_request *requests, uint32_t count)
{
	assert(count <= REQUESTS_MAX);
	struct judging judgings[REQUESTS_MAX];
	bool is_refused[REQUESTS_MAX] = {false};
	uint32_t failures = 0;
	pthread_mutex_lock(&self->lock);
	self->call_count = 0;
	bool is_serving = nodes_are_serving(&self->nodes);
	if (is_serving) {
		add_finishes(self);
		for (uint32_t i = 0; i < count; i++) {
			is_refused[i] = service_is_limited(self, &requests[i]);
			if (!is_refused[i])
				judgings[i] = judge(self, &requests[i]);
		}
		calls_run(&self->nodes, self->calls, self->call_count, monotonic_now_ns() + self->nodes.deadline_ms * UINT64_C(1000000),
		          &failures);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (is_refused[i])
			continue;
		if (is_serving && is_answered(&judgings[i]))
			read_verdict(self, &judgings[i], &requests[i]);
		else
			self->base.local->operations->admit(self->base.local, &requests[i], 1);
	}
	if (failures > 0)
		self->base.is_serving = nodes_are_serving(&self->nodes);
	pthread_mutex_unlock(&self->lock);
}

static void redis_admit(struct admission *admission, struct admission_request *requests, uint32_t count)
{
	assert(requests != NULL || count == 0);

	struct redis_admission *self = self_of(admission);
	do {
		uint32_t some = count < REQUESTS_MAX ? count : REQUESTS_MAX;
		admit_some(self, requests, some);
		requests += some;
		count -= some;
	} while (count > 0);
}

static void redis_finish(struct admission *admission, const struct admission_request *request, enum admission_end end, uint64_t now_ms)
{
	assert(self_of(admission)->base.local != NULL);
	assert(request->idempotency.is_present);

	struct redis_admission *self = self_of(admission);
	self->base.local->operations->finish(self->base.local, request, end, now_ms);
	struct redis_tag tag = redis_tag_of(tag_owner(request));
	struct finish finish = {
		.name = redis_name_of_key(&tag, request->idempotency.key),
		.slot = redis_slot_of(&tag),
		.mark = mark_in_use(request->idempotency.fingerprint, self->owner),
		.until_ms = monotonic_now_ns() / 1000000 + ADMISSION_LEASE_MS,
	};
	if (end == ADMISSION_DONE)
		finish.next = mark_done(request->idempotency.fingerprint);
	finishes_push(&self->finishes, &finish);
}

static void redis_ping(struct admission *admission, struct admission_ping *ret_ping)
{
	assert(ret_ping != NULL);
	struct redis_admission *self = self_of(admission);
	nodes_ping(&self->nodes, ret_ping);
	pthread_mutex_lock(&self->lock);
	self->base.is_serving = nodes_are_serving(&self->nodes);
	pthread_mutex_unlock(&self->lock);
}

static void redis_free(struct admission *admission)
{
	assert(admission != NULL);
	struct redis_admission *self = self_of(admission);
	nodes_release(&self->nodes);
	finishes_release(&self->finishes);
	pthread_mutex_destroy(&self->lock);
	admission_free(self->base.local);
	free(self->calls);
	free(self);
}

static const struct admission_operations redis_operations = {
	.admit = redis_admit,
	.finish = redis_finish,
	.ping = redis_ping,
	.free = redis_free,
};

enum error redis_admission_new(const struct redis_admission_options *options, struct admission **ret_admission,
                               char message[static REDIS_MESSAGE_MAX])
{
	assert(ret_admission != NULL);
	assert(options != NULL && options->address != NULL && options->local != NULL && options->random != NULL);

	struct redis_address address;
	if (!redis_address_parse(options->address, &address, message))
		return ERR_VALIDATION;
	if (address.is_tls && !redis_has_tls) {
		(void)snprintf(message, REDIS_MESSAGE_MAX,
		               "REDIS_ADDR asks for TLS, which this build's hiredis does not have (Debian 13's has): use redis://");
		return ERR_VALIDATION;
	}
	struct redis_admission *self = calloc(1, sizeof *self);
	struct call *calls = self == NULL ? NULL : calloc(CALLS_MAX, sizeof *calls);
	if (calls == NULL || finishes_init(&self->finishes, REDIS_FINISHES_MAX) != OK) {
		(void)snprintf(message, REDIS_MESSAGE_MAX, "out of memory");
		free(calls);
		free(self);
		return ERR_NO_MEMORY;
	}
	self->calls = calls;
	self->base = (struct admission){.operations = &redis_operations, .local = options->local};
	self->options = *options;
	self->options.address = NULL;
	random_fill(options->random, self->owner, sizeof self->owner);
	pthread_mutex_init(&self->lock, NULL);
	nodes_init(&self->nodes, &address, options->deadline_ms == 0 ? REDIS_DEADLINE_MS : options->deadline_ms, &self->lock);
	*ret_admission = &self->base;
	return OK;
}
