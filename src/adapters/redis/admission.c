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
#define BUSY_RETRY_MS 1000 /* a guess at how long the first request with a key still runs */

struct redis_admission {
	struct admission base;
	struct redis_admission_options options;
	struct call_settings settings;
	uint8_t owner[MARK_OWNER_LENGTH]; /* of this process: no other ends the use of its keys */
	struct finishes finishes;
	pthread_mutex_t lock; /* guards all below; held during a round trip */
	struct nodes nodes;
	struct call *calls;
	uint32_t call_count;
	struct finish sent[FINISHES_AT_ONCE]; /* of the first calls */
	uint64_t nonce;                       /* counts the requests */
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

static struct call *add_call(struct redis_admission *self, enum call_kind kind, uint16_t slot)
{
	assert(self->calls != NULL);
	assert(self->call_count < CALLS_MAX);
	struct call *call = &self->calls[self->call_count++];
	call->kind = kind;
	call->slot = slot;
	call->parts = 0;
	call->key_count = 0;
	call->mark.length = 0;
	call->is_answered = false;
	call->wants_asking = false;
	call->wants_text = false;
	return call;
}

static void add_part(struct call *call, enum call_part part, struct redis_name name)
{
	assert(call->key_count < CALL_KEYS_MAX && (call->parts & part) == 0);
	call->keys[call->key_count++] = name;
	call->parts |= (uint8_t)part;
}

/* Judges the parts asked for. */
static struct call *add_judge(struct redis_admission *self, const struct admission_request *request,
                              const char nonce[static CALL_NONCE_LENGTH], bool has_user, bool has_address)
{
	assert(has_user || has_address);
	struct redis_tag address_tag = has_address ? redis_tag_of(request->address) : (struct redis_tag){0};
	struct redis_tag tag = has_user ? redis_tag_of(tag_owner(request)) : address_tag;
	struct call *call = add_call(self, CALL_JUDGE, redis_slot_of(&tag));
	memcpy(call->nonce, nonce, CALL_NONCE_LENGTH);
	if (has_user && self->options.user_quota > 0 && !slice_is_empty(request->user))
		add_part(call, CALL_USER, redis_name_of_user(&tag));
	if (has_address)
		add_part(call, CALL_ADDRESS, redis_name_of_address(&address_tag));
	if (has_user && request->idempotency.is_present) {
		add_part(call, CALL_KEY, redis_name_of_key(&tag, request->idempotency.key));
		call->mark = mark_in_use(request->idempotency.fingerprint, self->owner);
	}
	return call;
}

static void write_nonce(struct redis_admission *self, char nonce[static CALL_NONCE_LENGTH])
{
	assert(self != NULL);
	uint8_t bytes[CALL_NONCE_LENGTH / 2];
	uint64_t number = self->nonce++;
	memcpy(bytes, self->owner, 4);
	memcpy(bytes + 4, &number, 8);
	hex_encode(bytes, sizeof bytes, nonce);
}

/* Nothing at all to judge: no call. */
static struct judging judge(struct redis_admission *self, const struct admission_request *request)
{
	assert(request != NULL);
	char nonce[CALL_NONCE_LENGTH];
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

static struct admission_quota quota_of(bool is_limited, uint32_t quota, uint32_t window_ms, uint64_t remaining, uint64_t reset_ms)
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

static uint64_t lease_end_ms(void)
{
	return monotonic_now_ns() / 1000000 + ADMISSION_LEASE_MS;
}

/* The server has let go on what was refused elsewhere: the window forgets the request, and the key is free. */
static void take_back(struct redis_admission *self, const struct call *call)
{
	assert(call->key_count <= CALL_KEYS_MAX);
	const struct judgement *judgement = &call->judgement;
	if (judgement->verdict == 1)
		return;
	for (uint32_t i = 0; i < call->key_count; i++) {
		struct finish undo = {.kind = FINISH_TAKE_BACK, .name = call->keys[i], .slot = call->slot, .until_ms = lease_end_ms()};
		bool is_key = (call->parts & CALL_KEY) != 0 && i + 1 == call->key_count;
		if (is_key && (judgement->verdict != 0 || judgement->is_repeat != 0))
			continue;
		if (is_key)
			undo.kind = FINISH_FORGET;
		undo.mark = call->mark;
		memcpy(undo.nonce, call->nonce, CALL_NONCE_LENGTH);
		finishes_push(&self->finishes, &undo);
	}
}

static void take_all_back(struct redis_admission *self, const struct judging *judging)
{
	assert(judging != NULL);
	if (judging->user != NULL)
		take_back(self, judging->user);
	if (judging->address != NULL)
		take_back(self, judging->address);
}

/* This process has windows of its own for the time when Redis is late or gone. They count what Redis lets go on, too, and they may know of
 * requests that Redis does not: the process lets no more than the limit pass, by whichever of the two. */
static void count_here(struct redis_admission *self, const struct judging *judging, struct admission_request *request)
{
	assert(self->base.local != NULL);
	self->base.local->operations->count(self->base.local, request);
	if (request->ret_verdict == ADMISSION_LIMITED)
		take_all_back(self, judging);
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
	if (is_limited)
		take_all_back(self, judging);
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
	if (!is_limited)
		count_here(self, judging, request);
}

static bool is_answered(const struct judging *judging)
{
	assert(judging != NULL);
	return (judging->user == NULL || judging->user->is_answered) && (judging->address == NULL || judging->address->is_answered);
}

/* Adds the queued finishes first, so that a client that repeats a request just answered does not find its key in use. The finish of call
 * i is self->sent[i]. */
static void add_finishes(struct redis_admission *self)
{
	assert(self->call_count == 0);
	static const enum call_kind kinds[] = {[FINISH_DONE] = CALL_SET, [FINISH_FORGET] = CALL_FORGET, [FINISH_TAKE_BACK] = CALL_REMOVE};
	for (uint32_t i = 0; i < FINISHES_AT_ONCE && finishes_pop(&self->finishes, monotonic_now_ns() / 1000000, &self->sent[i]); i++) {
		const struct finish *finish = &self->sent[i];
		struct call *call = add_call(self, kinds[finish->kind], finish->slot);
		call->keys[call->key_count++] = finish->name;
		call->mark = finish->mark;
		memcpy(call->nonce, finish->nonce, CALL_NONCE_LENGTH);
	}
}

/* Finishes that the servers did not answer go out again, or their keys would stay in use for the rest of the lease. Each may have been
 * done: doing it twice changes nothing. */
static void keep_unanswered_finishes(struct redis_admission *self)
{
	assert(self->call_count <= CALLS_MAX);
	for (uint32_t i = 0; i < self->call_count && self->calls[i].kind != CALL_JUDGE; i++) {
		if (!self->calls[i].is_answered)
			finishes_push(&self->finishes, &self->sent[i]);
	}
}

/* A service is counted by each process apart, in count_here: its window would be in another slot than the user's. One that is over its
 * limit makes no round trip, in which its users would be counted. */
static bool service_is_full(struct redis_admission *self, struct admission_request *request)
{
	assert(self->base.local != NULL);
	request->ret_user = (struct admission_quota){0};
	request->ret_address = (struct admission_quota){0};
	return self->base.local->operations->is_service_full(self->base.local, request);
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
			is_refused[i] = service_is_full(self, &requests[i]);
			if (!is_refused[i])
				judgings[i] = judge(self, &requests[i]);
		}
		calls_run(&self->nodes, &self->settings, self->calls, self->call_count,
		          monotonic_now_ns() + self->nodes.deadline_ms * UINT64_C(1000000), &failures);
		keep_unanswered_finishes(self);
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
	uint32_t done = 0;
	do {
		uint32_t some = count - done < REQUESTS_MAX ? count - done : REQUESTS_MAX;
		admit_some(self, some == 0 ? NULL : &requests[done], some); /* finishes go out without requests, too */
		done += some;
	} while (done < count);
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
		.kind = end == ADMISSION_DONE ? FINISH_DONE : FINISH_FORGET,
		.mark = end == ADMISSION_DONE ? mark_done(request->idempotency.fingerprint)
	                                      : mark_in_use(request->idempotency.fingerprint, self->owner),
		.until_ms = lease_end_ms(),
	};
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
	admit_some(self, NULL, 0); /* finishes that waited for the servers wait for no request */
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
	address.tls = options->tls;
	if (!address.is_tls && (address.tls.authorities != NULL || address.tls.certificate != NULL || address.tls.key != NULL)) {
		(void)snprintf(message, REDIS_MESSAGE_MAX,
		               "REDIS_CA_FILE, REDIS_CERT_FILE and REDIS_KEY_FILE are for TLS: REDIS_ADDR must begin with rediss://");
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
	self->settings = (struct call_settings){
		.user_quota = call_number_of(options->user_quota),
		.user_window_ms = call_number_of(options->user_window_ms),
		.address_quota = call_number_of(options->address_quota),
		.address_window_ms = call_number_of(options->address_window_ms),
		.lease_ms = call_number_of(ADMISSION_LEASE_MS),
		.remember_ms = call_number_of(ADMISSION_REMEMBER_MS),
	};
	random_fill(options->random, self->owner, sizeof self->owner);
	pthread_mutex_init(&self->lock, NULL);
	nodes_init(&self->nodes, &address, options->deadline_ms == 0 ? REDIS_DEADLINE_MS : options->deadline_ms, &self->lock);
	*ret_admission = &self->base;
	return OK;
}
