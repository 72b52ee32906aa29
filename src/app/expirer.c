/* expirer.c: a fixed set of jobs, filled with what is due and handed over round after round. */
#include "app/expirer.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "pipeline/worker.h"

#define ROUND_MAX 1024
#define PARTS 4 /* of a backlog, that is, more than one round */
#define LIST_MAX (PARTS * ROUND_MAX)
#define CANCELLED_MAX (ROUND_MAX / 4 * 3) /* of a round: due holds and orders are not kept waiting */
#define CANCELLED_EVENTS_MAX 64           /* that one step looks at */
#define DUE_BLOCK (64 * 1024)
#define DUE_MAX (1024 * 1024)
#define ANSWER_BLOCK 1024
#define ANSWER_MAX (64 * 1024) /* an order of the most seats */
#define WAIT_MAX_MS 500
#define TIME_WAIT_MS 50              /* between two looks whether the time is known */
#define LIST_NS UINT64_C(3000000000) /* the time limit of listing the due */
#define PAUSE_BASE_MS 50
#define PAUSE_MAX_MS 1000

#define ILL_MAX 64 /* holds and orders that are left alone for a while; of more the oldest are forgotten */
#define ILL_PAUSE_MIN_MS 1000
#define ILL_PAUSE_MAX_MS 300000

/* A hold or order whose rows contradict each other: asking again and again mends nothing. */
struct ill {
	struct uuid id;
	uint64_t pause_ms;
	uint64_t until_ns; /* by the monotonic clock */
};

struct expiry {
	struct job job;
	uint64_t deadline_ms; /* 0: it has none */
	struct arena arena;
};

struct expirer {
	struct expirer_options options;
	struct expirer_counters counters;
	struct backoff backoff;
	struct arena due, called_off; /* the lists of a step */
	bool knows_time;
	_Atomic uint32_t running; /* commands of the round that are not done, and the step itself while it hands them over */
	_Atomic uint32_t failed;  /* commands of the round that could not be served */
	/* An event of which something could not be served is passed over once, and one that waits to be settled each time, so that it holds
	 * up no other. */
	struct uuid cancelled; /* the event of the last round; nil: none */
	bool passes_over;
	pthread_mutex_t ill_mutex; /* guards what follows: commands are done on any thread */
	struct ill ill[ILL_MAX];
	uint32_t ill_next; /* the place of the next */
	struct expiry expiries[ROUND_MAX];
};

static uint64_t monotonic_ns(const struct expirer *expirer)
{
	return clock_monotonic_ns(expirer->options.clock);
}

static struct ill *find_ill(struct expirer *expirer, const struct uuid *id)
{
	assert(id != NULL);
	for (uint32_t i = 0; i < ILL_MAX; i++)
		if (expirer->ill[i].until_ns != 0 && uuid_equal(&expirer->ill[i].id, id))
			return &expirer->ill[i];
	return NULL;
}

/* Each time it is left alone for twice as long. */
static void leave_alone(struct expirer *expirer, const struct uuid *id)
{
	assert(id != NULL);
	pthread_mutex_lock(&expirer->ill_mutex);
	struct ill *ill = find_ill(expirer, id);
	if (ill == NULL) {
		ill = &expirer->ill[expirer->ill_next++ % ILL_MAX];
		*ill = (struct ill){.id = *id, .pause_ms = ILL_PAUSE_MIN_MS / 2};
	}
	ill->pause_ms = ill->pause_ms * 2 < ILL_PAUSE_MAX_MS ? ill->pause_ms * 2 : ILL_PAUSE_MAX_MS;
	ill->until_ns = monotonic_ns(expirer) + ill->pause_ms * 1000000;
	pthread_mutex_unlock(&expirer->ill_mutex);
}

static bool is_left_alone(struct expirer *expirer, const struct uuid *id)
{
	assert(id != NULL);
	pthread_mutex_lock(&expirer->ill_mutex);
	const struct ill *ill = find_ill(expirer, id);
	bool is_left = ill != NULL && monotonic_ns(expirer) < ill->until_ns;
	pthread_mutex_unlock(&expirer->ill_mutex);
	return is_left;
}

enum error expirer_new(const struct expirer_options *options, struct expirer **ret_expirer)
{
	assert(options != NULL && options->reader != NULL && options->clock != NULL && options->random != NULL);
	assert(options->submit != NULL && options->wake != NULL);

	struct expirer *expirer = calloc(1, sizeof *expirer);
	if (expirer == NULL)
		return ERR_NO_MEMORY;
	expirer->options = *options;
	expirer->backoff = (struct backoff){.base_ms = PAUSE_BASE_MS, .maximum_ms = PAUSE_MAX_MS};
	pthread_mutex_init(&expirer->ill_mutex, NULL);
	arena_init(&expirer->due, DUE_BLOCK, DUE_MAX);
	arena_init(&expirer->called_off, DUE_BLOCK, DUE_MAX);
	for (uint32_t i = 0; i < ROUND_MAX; i++)
		arena_init(&expirer->expiries[i].arena, ANSWER_BLOCK, ANSWER_MAX);
	*ret_expirer = expirer;
	return OK;
}

void expirer_free(struct expirer *expirer)
{
	if (expirer == NULL)
		return;
	assert(expirer->running == 0);
	for (uint32_t i = 0; i < ROUND_MAX; i++)
		arena_release(&expirer->expiries[i].arena);
	arena_release(&expirer->called_off);
	arena_release(&expirer->due);
	pthread_mutex_destroy(&expirer->ill_mutex);
	free(expirer);
}

const struct expirer_counters *expirer_counters(const struct expirer *expirer)
{
	assert(expirer != NULL);
	return &expirer->counters;
}

static const struct uuid *id_of(const struct command *command)
{
	assert(command->kind < COMMAND_KIND_COUNT);
	switch (command->kind) {
	case COMMAND_HOLD_EXPIRE:
	case COMMAND_HOLD_CALL_OFF:
		return &command->hold_id;
	case COMMAND_SALE_SETTLE:
		return &command->event_id;
	default:
		return &command->order_id;
	}
}

static void note_end(struct expirer *expirer, const struct expiry *expiry)
{
	const struct expirer_options *options = &expirer->options;
	if (expiry->deadline_ms == 0) /* of a cancelled event: it has not lapsed, and may be neither hold nor order */
		return;
	expirer->counters.ended++;
	if (options->ended == NULL)
		return;
	uint64_t now_ms = clock_now_ms(options->clock);
	options->ended(options->context, now_ms > expiry->deadline_ms ? now_ms - expiry->deadline_ms : 0);
}

static void expiry_done(struct job *job)
{
	assert(job->kind == JOB_COMMAND && job->context != NULL);
	assert(((struct expirer *)job->context)->running > 0);
	struct expirer *expirer = job->context;
	if (job->outcome.error == OK) {
		if (slice_is_empty(job->outcome.body))
			expirer->counters.lost_race++;
		else
			note_end(expirer, container_of(job, struct expiry, job));
	} else if (job->outcome.error == ERR_CORRUPT) {
		expirer->counters.failures++;
		leave_alone(expirer, id_of(&job->command));
	} else {
		expirer->counters.failures++;
		expirer->failed++;
	}
	/* The expirer may be gone as soon as the last command is counted. */
	const struct expirer_options options = expirer->options;
	if (atomic_fetch_sub(&expirer->running, 1) == 1)
		options.wake(options.context);
}

static enum command_kind kind_of(const struct due_item *item, bool is_cancelled)
{
	switch (item->kind) {
	case ROW_HOLD:
		return is_cancelled ? COMMAND_HOLD_CALL_OFF : COMMAND_HOLD_EXPIRE;
	case ROW_ORDER:
		return is_cancelled ? COMMAND_ORDER_CALL_OFF : COMMAND_ORDER_EXPIRE;
	default:
		assert(item->kind == ROW_SALE && is_cancelled);
		return COMMAND_SALE_SETTLE;
	}
}

static struct trace_context begin_trace(const struct expirer *expirer)
{
	uint64_t random[3];
	random_fill(expirer->options.random, random, sizeof random);
	struct trace_context trace = trace_context_root(random, TRACE_RANDOM_ID);
	if (expirer->options.sampler != NULL)
		trace.flags = trace_sampler_flags(expirer->options.sampler, NULL, &trace);
	return trace;
}

static void begin_expiry(struct expirer *expirer, struct expiry *expiry, const struct due_item *item, bool is_cancelled)
{
	assert(item != NULL);
	arena_clear(&expiry->arena);
	expiry->deadline_ms = is_cancelled ? 0 : item->deadline_ms;
	expiry->job = (struct job){
		.kind = JOB_COMMAND,
		.command =
			{
				.kind = kind_of(item, is_cancelled),
				.actor = SLICE("expiry-worker"),
				.arena = &expiry->arena,
			},
		.trace = begin_trace(expirer),
		.begins_trace = true,
		.arena = &expiry->arena,
		.deadline_ns = UINT64_MAX, /* commands that the queue refuses are submitted again */
		.done = expiry_done,
		.context = expirer,
	};
	if (item->kind == ROW_HOLD)
		expiry->job.command.hold_id = item->id;
	else if (item->kind == ROW_ORDER)
		expiry->job.command.order_id = item->id;
	else
		expiry->job.command.event_id = item->id;
	expirer->options.submit(expirer->options.context, &expiry->job);
}

static uint64_t pause_after_failure(struct expirer *expirer)
{
	return backoff_next(&expirer->backoff, random_u64(expirer->options.random));
}

static uint64_t wait_for(uint64_t deadline_ms, uint64_t now_ms)
{
	uint64_t wait_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
	return wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS;
}

/* Of the list, what this round is to end, `limit` at most: everything, or of a backlog the part whose ids have these random bits. */
static uint32_t choose(struct expirer *expirer, struct due_list *list, uint32_t limit, uint64_t random)
{
	assert(limit > 0 && limit <= ROUND_MAX);
	const size_t random_byte = sizeof(struct uuid) - 2; /* before the shard: base/uuid.h */
	bool has_backlog = list->count > limit;
	uint32_t count = 0;
	for (uint32_t i = 0; i < list->count && count < limit; i++)
		if (!has_backlog || list->items[i].id.bytes[random_byte] % PARTS == random % PARTS)
			if (!is_left_alone(expirer, &list->items[i].id))
				list->items[count++] = list->items[i];
	return count;
}

static bool waits_to_be_settled(const struct due_list *list, uint64_t now_ms)
{
	assert(list->items != NULL || list->count == 0);
	return list->count == 1 && list->items[0].kind == ROW_SALE && list->items[0].deadline_ms > now_ms;
}

/* Lists the work for the first cancelled event that has some which can be done now. */
static enum store_result list_cancelled(struct expirer *expirer, uint64_t now_ms, struct due_list *ret_list)
{
	assert(ret_list != NULL);
	struct reader *reader = expirer->options.reader;
	struct uuid event_id = expirer->cancelled;
	const struct uuid *after = expirer->passes_over ? &event_id : NULL;
	struct due_list list;
	bool waits = true;
	for (uint32_t i = 0; waits && i < CANCELLED_EVENTS_MAX; i++) {
		struct uuid found = {0};
		list = (struct due_list){.count = 0};
		arena_clear(&expirer->called_off);
		enum store_result result =
			reader->operations->list_cancelled(reader, after, PARTS * CANCELLED_MAX, &expirer->called_off, &found, &list);
		if (result != STORE_OK)
			return result;
		event_id = found;
		after = &event_id;
		waits = waits_to_be_settled(&list, now_ms);
	}
	expirer->passes_over = waits; /* the next step looks at those behind */
	expirer->cancelled = event_id;
	*ret_list = waits ? (struct due_list){.count = 0} : list;
	return STORE_OK;
}

/* Hands over a command for each of both lists; the milliseconds to the next step, or WORKER_UNTIL_WOKEN. */
static uint64_t begin_round(struct expirer *expirer, struct due_list *cancelled, struct due_list *due)
{
	assert(cancelled != due);
	uint64_t random = random_u64(expirer->options.random);
	uint32_t first = choose(expirer, cancelled, CANCELLED_MAX, random);
	uint32_t second = choose(expirer, due, ROUND_MAX - first, random);
	if (first == 0 && cancelled->count > 0) /* skip the rest of that event, which must not hold up others */
		expirer->passes_over = true;
	if (first + second == 0)
		return WAIT_MAX_MS;
	expirer->running = first + second + 1;
	for (uint32_t i = 0; i < first; i++)
		begin_expiry(expirer, &expirer->expiries[i], &cancelled->items[i], true);
	for (uint32_t i = 0; i < second; i++)
		begin_expiry(expirer, &expirer->expiries[first + i], &due->items[i], false);
	return atomic_fetch_sub(&expirer->running, 1) == 1 ? 0 : WORKER_UNTIL_WOKEN;
}

uint64_t expirer_step(void *context)
{
	struct expirer *expirer = context;
	assert(expirer != NULL);

	expirer->knows_time |= expirer->options.is_time_known == NULL || *expirer->options.is_time_known;
	if (!expirer->knows_time)
		return TIME_WAIT_MS;
	if (expirer->running > 0)
		return WORKER_UNTIL_WOKEN;
	if (atomic_exchange(&expirer->failed, 0) > 0) {
		expirer->passes_over = !uuid_is_nil(&expirer->cancelled);
		return pause_after_failure(expirer);
	}

	struct reader *reader = expirer->options.reader;
	uint64_t now_ms = clock_now_ms(expirer->options.clock);
	struct due_list due, cancelled;
	arena_clear(&expirer->due);
	reader->deadline_ns = clock_monotonic_ns(expirer->options.clock) + LIST_NS;
	if (reader->operations->list_due(reader, now_ms, LIST_MAX, &expirer->due, &due) != STORE_OK ||
	    list_cancelled(expirer, now_ms, &cancelled) != STORE_OK) {
		expirer->counters.failures++;
		return pause_after_failure(expirer);
	}
	backoff_reset(&expirer->backoff);
	assert(due.count <= LIST_MAX && cancelled.count <= PARTS * CANCELLED_MAX);
	return due.count + cancelled.count == 0 ? wait_for(due.next_deadline_ms, now_ms) : begin_round(expirer, &cancelled, &due);
}
