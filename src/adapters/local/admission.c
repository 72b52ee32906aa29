/* admission.c: windows and a key. Locks are taken in this order: the key's shard, the user's, the service's, the address's. */
#include "adapters/local/admission.h"

#include <assert.h>
#include <stdlib.h>

#include "adapters/local/keys.h"
#include "adapters/local/windows.h"
#include "base/list.h"

/* A guess at how long the first request with a key still runs. */
#define BUSY_RETRY_MS 1000

struct local_admission {
	struct admission base;
	struct keys *keys;
	struct windows *users;     /* NULL: not limited */
	struct windows *services;  /* NULL: not limited */
	struct windows *addresses; /* NULL: not limited */
};

static struct local_admission *self_of(struct admission *admission)
{
	assert(admission != NULL);
	return container_of(admission, struct local_admission, base);
}

static enum admission_verdict verdict_of(enum key_state state)
{
	switch (state) {
	case KEY_UNKNOWN:
	case KEY_FINISHED:
		break;
	case KEY_IN_USE:
		return ADMISSION_BUSY;
	case KEY_MISMATCH:
		return ADMISSION_MISMATCH;
	}
	return ADMISSION_GO;
}

static uint64_t longest(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t longer = a > b ? a : b;
	return longer > c ? longer : c;
}

static void refuse(struct admission_request *request, uint64_t wait_ms)
{
	assert(request != NULL);
	request->ret_verdict = ADMISSION_LIMITED;
	request->ret_retry_after_ms = wait_ms;
	request->ret_is_repeat = false;
	request->ret_is_shared = false;
}

/* The windows in which a request counts; the locks of all three are held. */
struct counted {
	struct window user, service, address;
};

static struct counted open_windows(struct local_admission *self, const struct admission_request *request)
{
	assert(request != NULL);
	struct counted windows; /* always in this order, as each has a lock */
	windows.user = window_open(self->users, request->user, request->now_ms);
	windows.service = window_open(self->services, request->service, request->now_ms);
	windows.address = window_open(self->addresses, request->address, request->now_ms);
	return windows;
}

static void close_windows(struct counted *windows)
{
	assert(windows != NULL);
	window_close(&windows->address);
	window_close(&windows->service);
	window_close(&windows->user);
}

/* Counts the request in all of its windows, or, when one is full, in none, and refuses it. */
static bool count_or_refuse(struct counted *windows, struct admission_request *request)
{
	assert(windows != NULL);
	if (window_is_full(&windows->user) || window_is_full(&windows->service) || window_is_full(&windows->address)) {
		refuse(request,
		       longest(window_wait_ms(&windows->user), window_wait_ms(&windows->service), window_wait_ms(&windows->address)));
		return false;
	}
	window_count(&windows->user);
	window_count(&windows->service);
	window_count(&windows->address);
	return true;
}

/* Judges the request by its windows and its key's state; counts it unless a window is full. */
static void judge_windows(struct local_admission *self, struct admission_request *request, enum key_state state)
{
	assert(request != NULL);
	struct counted windows = open_windows(self, request);
	if (count_or_refuse(&windows, request)) {
		request->ret_verdict = verdict_of(state);
		request->ret_retry_after_ms = state == KEY_IN_USE ? BUSY_RETRY_MS : 0;
	}
	request->ret_user = window_quota(&windows.user);
	request->ret_service = window_quota(&windows.service);
	request->ret_address = window_quota(&windows.address);
	close_windows(&windows);
}

static void judge(struct local_admission *self, struct admission_request *request)
{
	assert(self != NULL && request != NULL);
	const struct idempotency *idempotency = &request->idempotency;
	request->ret_retry_after_ms = 0;
	request->ret_is_repeat = false;
	request->ret_is_shared = false;
	if (!idempotency->is_present) {
		judge_windows(self, request, KEY_UNKNOWN);
		return;
	}
	struct key_slot slot = key_open(self->keys, idempotency, request->now_ms);
	judge_windows(self, request, slot.state);
	request->ret_is_repeat = slot.state == KEY_FINISHED;
	if (request->ret_verdict == ADMISSION_GO && slot.state == KEY_UNKNOWN)
		key_use(&slot, request->now_ms);
	key_close(&slot);
}

static void local_admit(struct admission *admission, struct admission_request *requests, uint32_t count)
{
	assert(requests != NULL || count == 0);

	for (uint32_t i = 0; i < count; i++)
		judge(self_of(admission), &requests[i]);
}

/* *quota has what is left by another admission. */
static void lower(struct admission_quota *quota, const struct window *window)
{
	assert(quota != NULL);
	struct admission_quota own = window_quota(window);
	if (own.is_limited && (!quota->is_limited || own.remaining < quota->remaining))
		*quota = own;
}

static void local_count(struct admission *admission, struct admission_request *request)
{
	assert(request->ret_verdict != ADMISSION_LIMITED);
	struct counted windows = open_windows(self_of(admission), request);
	(void)count_or_refuse(&windows, request);
	lower(&request->ret_user, &windows.user);
	lower(&request->ret_service, &windows.service);
	lower(&request->ret_address, &windows.address);
	close_windows(&windows);
}

static bool local_is_service_full(struct admission *admission, struct admission_request *request)
{
	assert(request != NULL);
	struct window service = window_open(self_of(admission)->services, request->service, request->now_ms);
	bool is_full = window_is_full(&service);
	request->ret_service = window_quota(&service);
	if (is_full)
		refuse(request, window_wait_ms(&service));
	window_close(&service);
	return is_full;
}

static void local_finish(struct admission *admission, const struct admission_request *request, enum admission_end end, uint64_t now_ms)
{
	assert(request->idempotency.is_present);
	struct key_slot slot = key_open(self_of(admission)->keys, &request->idempotency, now_ms);
	key_finish(&slot, end, now_ms);
	key_close(&slot);
}

static void local_free(struct admission *admission)
{
	assert(admission != NULL);
	struct local_admission *self = self_of(admission);
	keys_free(self->keys);
	windows_free(self->users);
	windows_free(self->services);
	windows_free(self->addresses);
	free(self);
}

static const struct admission_operations local_operations = {
	.admit = local_admit,
	.count = local_count,
	.is_service_full = local_is_service_full,
	.finish = local_finish,
	.free = local_free,
};

/* *ret_windows stays NULL when the quota is 0. */
static enum error windows_for(const struct local_admission_options *options, uint32_t quota, uint32_t window_ms,
                              struct windows **ret_windows)
{
	assert(options != NULL && *ret_windows == NULL);
	if (quota == 0)
		return OK;
	const struct windows_options windows = {
		.quota = quota,
		.window_ms = window_ms,
		.callers_max = options->callers_max,
		.seed = options->seed,
	};
	return windows_new(&windows, ret_windows);
}

enum error local_admission_new(const struct local_admission_options *options, struct admission **ret_admission)
{
	assert(options != NULL);
	assert(ret_admission != NULL);

	struct local_admission *self = calloc(1, sizeof *self);
	if (self == NULL)
		return ERR_NO_MEMORY;
	self->base.operations = &local_operations;
	enum error error = keys_new(options->keys_max, options->seed, &self->keys);
	if (error == OK)
		error = windows_for(options, options->user_quota, options->user_window_ms, &self->users);
	if (error == OK)
		error = windows_for(options, options->service_quota, options->service_window_ms, &self->services);
	if (error == OK)
		error = windows_for(options, options->address_quota, options->address_window_ms, &self->addresses);
	if (error != OK) {
		local_free(&self->base);
		return error;
	}
	*ret_admission = &self->base;
	return OK;
}
