/* test_committer.c: the commit stage on a store in memory, of which single operations are made to fail, or to come just too late. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/memory/database.h"
#include "app/committer.h"
#include "app/job.h"
#include "tests/support/commands.h"
#include "tests/support/fake_time.h"

#define TRIES_MAX 5
#define JOBS_MAX 10
#define FOREVER 1000

enum operation { LOAD, COMMIT, RESOLVE, OPERATION_COUNT };

struct violation {
	enum store_result result; /* instead of the inner store's */
	uint32_t count;           /* for so many calls */
	bool is_done;             /* COMMIT: the inner store does it all the same */
};

/* A store that stands in front of another and has its own will for some operations. */
struct unsound_store {
	struct store base;
	struct store *inner;
	struct violation violations[OPERATION_COUNT];
	uint32_t calls[OPERATION_COUNT];
	uint32_t turns;
	bool refuses_seat;                                                           /* loads that need seat 3 find it unreadable */
	void (*before_call)(enum operation operation, uint32_t call, void *context); /* called in between; NULL: nothing is */
	void *context;
};

/* One process: its commit stage, its store, and the jobs of its last batch. */
struct process {
	struct unsound_store store;
	struct committer *committer;
	struct job jobs[JOBS_MAX];
	uint32_t pauses;
	uint32_t events; /* that `committed` was told of */
	uint32_t measured;
	struct inconsistency found;     /* the last */
	enum committer_finding finding; /* of the last batch */
	uint32_t joining;               /* of the jobs, those that come while the batch waits for a turn */
};

struct fixture {
	struct memory_database *database;
	struct fake_clock clock;
	struct fake_random random;
	struct process a, b;
	struct arena arena;
};

static struct fixture fixture;

/* NULL: the inner store serves this call. */
static const enum store_result *find_violation(struct unsound_store *store, enum operation operation)
{
	store->calls[operation]++;
	if (store->before_call != NULL)
		store->before_call(operation, store->calls[operation], store->context);
	if (store->violations[operation].count == 0)
		return NULL;
	store->violations[operation].count--;
	return &store->violations[operation].result;
}

static enum store_result unsound_load(struct store *store, const struct needs *needs, struct view *view)
{
	struct unsound_store *self = container_of(store, struct unsound_store, base);
	const enum store_result *result = find_violation(self, LOAD);
	for (uint32_t i = 0; self->refuses_seat && i < needs->seat_count; i++)
		if (slice_equal(seat_label_slice(&needs->seats[i].label), SLICE("A-1-3")))
			return STORE_CORRUPT;
	return result != NULL ? *result : store_load(self->inner, needs, view);
}

static enum store_result unsound_commit(struct store *store, const struct changes *changes)
{
	struct unsound_store *self = container_of(store, struct unsound_store, base);
	const enum store_result *result = find_violation(self, COMMIT);
	if (result == NULL)
		return store_commit(self->inner, changes);
	if (self->violations[COMMIT].is_done)
		assert_int_equal(store_commit(self->inner, changes), STORE_OK);
	return *result;
}

static enum store_result unsound_resolve(struct store *store, const struct changes *changes, bool *ret_committed)
{
	struct unsound_store *self = container_of(store, struct unsound_store, base);
	const enum store_result *result = find_violation(self, RESOLVE);
	return result != NULL ? *result : store_resolve(self->inner, changes, ret_committed);
}

static void unsound_begin(struct store *store)
{
	store_begin(container_of(store, struct unsound_store, base)->inner);
}

static void unsound_end(struct store *store)
{
	store_end(container_of(store, struct unsound_store, base)->inner);
}

static const struct store_operations unsound_operations = {
	.begin = unsound_begin, .end = unsound_end, .load = unsound_load, .commit = unsound_commit, .resolve = unsound_resolve};

static void unsound_take_turn(struct store *store, const struct shard_set *shards)
{
	assert_false(shard_set_is_empty(shards));
	container_of(store, struct unsound_store, base)->turns++;
}

static void unsound_end_turn(struct store *store)
{
	(void)store;
}

static const struct store_operations turned_operations = {
	.begin = unsound_begin,
	.end = unsound_end,
	.load = unsound_load,
	.commit = unsound_commit,
	.resolve = unsound_resolve,
	.take_turn = unsound_take_turn,
	.end_turn = unsound_end_turn,
};

static void pause_process(void *context, uint64_t ms)
{
	struct process *process = context;
	process->pauses++;
	fake_clock_advance(&fixture.clock, ms);
}

static void note_commit(void *context, const struct changes *changes)
{
	struct process *process = context;
	process->events += changes->event_count;
	for (uint32_t i = 0; i < changes->row_count; i++) /* still the batch's: afterwards the view may forget them */
		assert_true(changes->rows[i]->version > changes->rows[i]->stored_version);
}

static void note_time(void *context, uint64_t commit_ns, const struct list *jobs, uint32_t job_count)
{
	(void)commit_ns;
	assert_true(job_count > 0);
	uint32_t listed = 0;
	for (const struct list_node *node = jobs->head.next; node != &jobs->head; node = node->next)
		listed++;
	assert_int_equal(listed, job_count);
	((struct process *)context)->measured++;
}

static void note_inconsistency(void *context, const struct inconsistency *found)
{
	((struct process *)context)->found = *found;
}

/* The last of the jobs. */
static uint32_t take_more(void *context, uint32_t count, struct list *jobs)
{
	struct process *process = context;
	uint32_t joining = process->joining;
	assert_true(count + joining <= JOBS_MAX);
	for (uint32_t i = 0; i < joining; i++)
		list_push(jobs, &process->jobs[count + i].node);
	process->joining = 0;
	return joining;
}

static void start(struct process *process)
{
	*process = (struct process){.store.base.operations = &unsound_operations};
	assert_int_equal(memory_store_new(fixture.database, &process->store.inner), OK);
	struct store *store = &process->store.base;
	const struct committer_options options = {
		.stores = &store,
		.store_count = 1,
		.clock = &fixture.clock.base,
		.random = &fixture.random.base,
		.view_rows_max = 100,
		.tries_max = TRIES_MAX,
		.pause = pause_process,
		.committed = note_commit,
		.measured = note_time,
		.take_more = take_more,
		.inconsistent = note_inconsistency,
		.context = process,
	};
	assert_int_equal(committer_new(&options, &process->committer), OK);
}

static void stop(struct process *process)
{
	committer_free(process->committer);
	store_free(process->store.inner);
}

static void step(struct process *process, uint32_t count, const struct command *commands)
{
	struct list batch;
	list_init(&batch);
	for (uint32_t i = 0; i < count + process->joining; i++)
		process->jobs[i] = (struct job){.kind = JOB_COMMAND, .command = commands[i], .arena = &fixture.arena};
	for (uint32_t i = 0; i < count; i++)
		list_push(&batch, &process->jobs[i].node);
	process->finding = committer_step(process->committer, &batch, count, NULL);
}

/* A batch of one; answers its error. */
static enum error run(struct process *process, struct command command)
{
	step(process, 1, &command);
	return process->jobs[0].outcome.error;
}

static int set_up(void **state)
{
	(void)state;
	fixture = (struct fixture){.database = memory_database_new()};
	fake_clock_init(&fixture.clock, TEST_NOW_MS);
	fake_random_init(&fixture.random, 1);
	arena_init(&fixture.arena, 65536, 16 * 1024 * 1024);
	start(&fixture.a);
	start(&fixture.b);
	return run(&fixture.a, sale_create_command(&fixture.arena)) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	stop(&fixture.a);
	stop(&fixture.b);
	memory_database_free(fixture.database);
	arena_release(&fixture.arena);
	return 0;
}

static struct command hold(uint32_t number, const char *user, const char *seats)
{
	return hold_command(&fixture.arena, number, user, seats);
}

static struct command release(uint32_t number, const char *user)
{
	return release_command(&fixture.arena, number, user);
}

static struct command order(uint32_t number, const char *user, uint32_t hold_number)
{
	return order_command(&fixture.arena, number, user, hold_number);
}

static struct command pay(uint32_t number, const char *transaction)
{
	return payment_command(&fixture.arena, number, transaction, PAYMENT_SUCCEEDED);
}

static bool body_has(const char *text)
{
	struct slice body = fixture.a.jobs[0].outcome.body;
	return body.length > 0 && memmem(body.data, body.length, text, strlen(text)) != NULL;
}

static void a_purchase_goes_through(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1 2")), OK);
	assert_true(body_has("\"status\":\"ACTIVE\""));
	assert_int_equal(run(&fixture.a, order(1, "ann", 1)), OK);
	assert_true(body_has("\"status\":\"PENDING\""));
	assert_int_equal(run(&fixture.a, pay(1, "t1")), OK);
	assert_true(body_has("\"status\":\"CONFIRMED\""));
	assert_false(body_has("transaction_id"));
	assert_int_equal(fixture.a.events, 4);
	assert_int_equal(fixture.a.measured, 4);
	const struct committer_counters *counters = committer_counters(fixture.a.committer);
	assert_int_equal(counters->batches, 4);
	assert_int_equal(counters->commands, 4);
	assert_int_equal(counters->events, 4);
	assert_int_equal(counters->stale + counters->retries + counters->failures, 0);
	assert_int_equal(fixture.a.store.calls[LOAD], 1 + 1 + 0 + 1); /* the event; its seats; nothing; the transaction */
}

static void a_new_event_is_answered_without_its_layout(void **state)
{
	(void)state;
	assert_true(body_has("\"name\":\"Opera\""));
	assert_true(body_has("\"seat_count\":9"));
	assert_false(body_has("sections"));
}

static void within_a_batch_the_first_come_is_first_served(void **state)
{
	(void)state;
	const struct command commands[] = {hold(1, "ann", "1 2"), hold(2, "bob", "2 3"), hold(3, "cy", "3"), release(3, "cy")};
	step(&fixture.a, 4, commands);
	assert_int_equal(fixture.a.jobs[0].outcome.error, OK);
	assert_int_equal(fixture.a.jobs[1].outcome.error, ERR_SEATS_TAKEN);
	assert_int_equal(fixture.a.jobs[1].outcome.conflict_count, 1);
	assert_int_equal(fixture.a.jobs[2].outcome.error, OK);
	assert_int_equal(fixture.a.jobs[3].outcome.error, OK);
	assert_int_equal(fixture.a.store.calls[COMMIT], 2);
}

static void a_key_twice_in_one_batch_is_applied_once(void **state)
{
	(void)state;
	const struct command commands[] = {with_key(hold(1, "ann", "1"), 7, 1), with_key(hold(2, "ann", "1"), 7, 1),
	                                   with_key(hold(3, "ann", "2"), 7, 2)};
	step(&fixture.a, 3, commands);
	assert_int_equal(fixture.a.jobs[0].outcome.error, OK);
	assert_int_equal(fixture.a.jobs[1].outcome.error, OK);
	assert_true(fixture.a.jobs[1].outcome.is_replayed);
	assert_true(slice_equal(fixture.a.jobs[0].outcome.body, fixture.a.jobs[1].outcome.body));
	assert_true(uuid_equal(&fixture.a.jobs[1].outcome.resource_id, &commands[0].hold_create.hold_id));
	assert_int_equal(fixture.a.jobs[2].outcome.error, ERR_IDEMPOTENCY_MISMATCH);
	assert_int_equal(fixture.a.events, 2);
}

static void a_repeated_key_is_answered_as_the_first_time(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.a, with_key(hold(1, "ann", "1"), 7, 1)), OK);
	struct slice first = fixture.a.jobs[0].outcome.body;
	assert_int_equal(run(&fixture.a, release(1, "ann")), OK);
	assert_int_equal(run(&fixture.b, with_key(hold(2, "ann", "1"), 7, 1)), OK);
	assert_true(fixture.b.jobs[0].outcome.is_replayed);
	assert_true(slice_equal(fixture.b.jobs[0].outcome.body, first));
	assert_int_equal(committer_counters(fixture.b.committer)->stale, 1);
	assert_int_equal(run(&fixture.b, with_key(hold(3, "ann", "2"), 7, 2)), ERR_IDEMPOTENCY_MISMATCH);
}

static void a_repeat_never_makes_its_batch_stale_where_it_is_looked_up_first(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.a, with_key(hold(1, "ann", "1"), 7, 1)), OK);
	fixture.b.store.base.has_local_reads = true;
	assert_int_equal(run(&fixture.b, with_key(hold(2, "ann", "1"), 7, 1)), OK);
	assert_true(fixture.b.jobs[0].outcome.is_replayed);
	assert_int_equal(committer_counters(fixture.b.committer)->stale, 0);
	assert_int_equal(fixture.b.store.calls[COMMIT], 0);
}

static void a_refused_key_may_be_used_again(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.b, hold(1, "bob", "1")), OK);
	assert_int_equal(run(&fixture.a, with_key(hold(2, "ann", "1"), 7, 1)), ERR_SEATS_TAKEN);
	assert_int_equal(run(&fixture.a, with_key(hold(3, "ann", "2"), 7, 2)), OK);
	assert_false(fixture.a.jobs[0].outcome.is_replayed);
}

static void a_repeat_of_ones_own_success_is_not_told_that_the_seats_are_taken(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.b, with_key(hold(1, "ann", "1"), 7, 1)), OK);
	assert_int_equal(run(&fixture.a, with_key(hold(2, "ann", "1"), 7, 1)), OK);
	assert_true(fixture.a.jobs[0].outcome.is_replayed);
	/* The same from a view that knows the seats. */
	assert_int_equal(run(&fixture.a, with_key(hold(3, "ann", "1"), 7, 1)), OK);
	assert_true(fixture.a.jobs[0].outcome.is_replayed);
}

static void a_success_is_decided_again_when_another_process_was_faster(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
	assert_int_equal(run(&fixture.a, release(1, "ann")), OK);
	assert_int_equal(run(&fixture.b, hold(2, "bob", "1")), OK);
	assert_int_equal(run(&fixture.a, hold(3, "ann", "1")), ERR_SEATS_TAKEN);
	assert_int_equal(committer_counters(fixture.a.committer)->stale, 1);
}

static void a_refusal_is_decided_again_when_what_it_rests_on_has_moved(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
	assert_int_equal(run(&fixture.b, release(1, "ann")), OK);
	assert_int_equal(run(&fixture.a, hold(2, "bob", "1")), OK);
	assert_int_equal(committer_counters(fixture.a.committer)->stale, 1);
}

static void a_pause_shows_at_once_in_every_process(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.b, sale_command(&fixture.arena, COMMAND_SALE_PAUSE)), OK);
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), ERR_SALES_PAUSED);
	assert_int_equal(run(&fixture.b, sale_command(&fixture.arena, COMMAND_SALE_RESUME)), OK);
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
}

/* A knows the seat of the expired order as taken by bob, who has given it back in another process. */
static void a_late_payment_is_not_refunded_for_seats_that_only_seem_taken(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
	assert_int_equal(run(&fixture.a, order(1, "ann", 1)), OK);
	assert_int_equal(run(&fixture.a, cancel_command(&fixture.arena, 1, "ann")), OK);
	assert_int_equal(run(&fixture.a, hold(2, "bob", "1")), OK);
	assert_int_equal(run(&fixture.b, release(2, "bob")), OK);
	assert_int_equal(run(&fixture.a, pay(1, "t1")), OK);
	assert_true(body_has("\"status\":\"CONFIRMED\""));
}

static void order_by_seats_in_b(enum operation operation, uint32_t call, void *context)
{
	(void)context;
	if (operation == LOAD && call == 2)
		assert_int_equal(run(&fixture.b, with_key(order_seats_command(&fixture.arena, 2, "ann", "1"), 7, 1)), OK);
}

static void a_key_used_between_two_loads_is_seen_before_a_refusal(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.b, hold(1, "ann", "1")), OK);
	stop(&fixture.a);
	start(&fixture.a);
	fixture.a.store.base.has_local_reads = true;
	fixture.a.store.before_call = order_by_seats_in_b;
	assert_int_equal(run(&fixture.a, with_key(order_seats_command(&fixture.arena, 1, "ann", "1"), 7, 1)), OK);
	assert_true(fixture.a.jobs[0].outcome.is_replayed);
	struct uuid order_id = test_order_id(2);
	assert_true(uuid_equal(&fixture.a.jobs[0].outcome.resource_id, &order_id));
}

static void a_transaction_twice_is_applied_once(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
	assert_int_equal(run(&fixture.a, order(1, "ann", 1)), OK);
	const struct command commands[] = {pay(1, "t1"), pay(1, "t1")};
	step(&fixture.a, 2, commands);
	assert_true(fixture.a.jobs[1].outcome.is_replayed);
	struct slice first = arena_copy(&fixture.arena, fixture.a.jobs[0].outcome.body);
	assert_true(slice_equal(fixture.a.jobs[1].outcome.body, first));
	assert_int_equal(run(&fixture.b, pay(1, "t1")), OK);
	assert_true(fixture.b.jobs[0].outcome.is_replayed);
	assert_true(slice_equal(fixture.b.jobs[0].outcome.body, first));
	assert_int_equal(fixture.b.events, 0);
}

static void releasing_a_released_hold_succeeds_without_an_event(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
	assert_int_equal(run(&fixture.a, release(1, "ann")), OK);
	assert_int_equal(run(&fixture.a, release(1, "ann")), OK);
	assert_int_equal(fixture.a.jobs[0].outcome.body.length, 0);
	assert_false(fixture.a.jobs[0].outcome.is_replayed);
	assert_int_equal(fixture.a.events, 3);
}

static void a_busy_store_is_tried_again_after_a_pause(void **state)
{
	(void)state;
	fixture.a.store.violations[COMMIT] = (struct violation){.result = STORE_BUSY, .count = 2};
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
	assert_int_equal(fixture.a.pauses, 2);
	/* The same changes were written again: nothing was decided again. */
	assert_int_equal(committer_counters(fixture.a.committer)->conflicts, 2);
	assert_int_equal(committer_counters(fixture.a.committer)->retries + committer_counters(fixture.a.committer)->stale, 0);
	fixture.a.store.violations[LOAD] = (struct violation){.result = STORE_BUSY, .count = 1};
	assert_int_equal(run(&fixture.a, hold(2, "ann", "2")), OK);
	assert_int_equal(fixture.a.pauses, 3);
	assert_int_equal(committer_counters(fixture.a.committer)->retries, 1);
}

static void a_store_that_is_down_is_said_so_at_once(void **state)
{
	(void)state;
	fixture.a.store.violations[LOAD] = (struct violation){.result = STORE_DOWN, .count = 1};
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), ERR_STORE_UNAVAILABLE);
	fixture.a.store.violations[COMMIT] = (struct violation){.result = STORE_DOWN, .count = 1};
	const struct command commands[] = {hold(1, "ann", "1"), hold(2, "bob", "1")};
	step(&fixture.a, 2, commands);
	assert_int_equal(fixture.a.jobs[0].outcome.error, ERR_STORE_UNAVAILABLE);
	assert_int_equal(fixture.a.jobs[1].outcome.error, ERR_STORE_UNAVAILABLE);
	assert_int_equal(fixture.a.pauses, 0);
	assert_int_equal(committer_counters(fixture.a.committer)->failures, 2);
	assert_int_equal(run(&fixture.a, hold(3, "cy", "1")), OK);
}

/* The calls of `operation` from the second on hang until the batch gives them up. */
static enum operation hanging_operation;

static void hang_from_the_second_call_on(enum operation operation, uint32_t call, void *context)
{
	struct unsound_store *store = context;
	if (operation != hanging_operation)
		return;
	store->violations[operation] = (struct violation){.result = call == 1 ? STORE_BUSY : STORE_DOWN, .count = 1};
	uint64_t now_ns = fixture.clock.monotonic_ms * 1000000;
	if (call > 1 && store->base.deadline_ns > now_ns)
		fake_clock_advance(&fixture.clock, (store->base.deadline_ns - now_ns) / 1000000 + 1);
}

static void a_call_that_the_batchs_own_time_ended_says_nothing_of_the_store(void **state)
{
	(void)state;
	for (hanging_operation = LOAD; hanging_operation <= COMMIT; hanging_operation++) {
		struct unsound_store *store = &fixture.a.store;
		store->calls[hanging_operation] = 0;
		store->before_call = hang_from_the_second_call_on;
		store->context = store;
		assert_int_equal(run(&fixture.a, hold(1, "ann", hanging_operation == LOAD ? "1" : "2")), ERR_OVERLOADED);
		assert_int_equal(fixture.a.finding, COMMITTER_LATE);
		store->before_call = NULL;
		store->violations[hanging_operation].count = 0;
	}
	assert_int_equal(run(&fixture.a, hold(2, "bob", "1 2")), OK);
	assert_int_equal(fixture.a.finding, COMMITTER_SERVED);
}

static void hang(enum operation operation, uint32_t call, void *context)
{
	struct unsound_store *store = context;
	(void)call;
	store->violations[operation] = (struct violation){.result = STORE_DOWN, .count = 1};
	fake_clock_advance(&fixture.clock, 60000);
}

static void a_first_call_that_hangs_has_found_the_store_down(void **state)
{
	(void)state;
	fixture.a.store.before_call = hang;
	fixture.a.store.context = &fixture.a.store;
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), ERR_STORE_UNAVAILABLE);
	assert_int_equal(fixture.a.finding, COMMITTER_DOWN);
}

/* Each load takes two seconds, so that the time is over before all parts of a batch are served. */
static void be_slow(enum operation operation, uint32_t call, void *context)
{
	(void)operation, (void)call, (void)context;
	fake_clock_advance(&fixture.clock, 2000);
}

static void a_part_that_comes_too_late_is_not_begun(void **state)
{
	(void)state;
	fixture.a.store.refuses_seat = true;
	fixture.a.store.before_call = be_slow;
	const struct command commands[] = {hold(1, "ann", "1"), hold(2, "bob", "2"), hold(3, "cy", "3"), hold(4, "dan", "4")};
	uint32_t loads = fixture.a.store.calls[LOAD];
	step(&fixture.a, 4, commands);
	assert_int_equal(fixture.a.finding, COMMITTER_LATE);
	assert_int_equal(fixture.a.jobs[3].outcome.error, ERR_OVERLOADED);
	assert_true(fixture.a.store.calls[LOAD] - loads <= 3);
}

static void a_commit_whose_answer_was_lost_is_looked_up(void **state)
{
	(void)state;
	fixture.a.store.violations[COMMIT] = (struct violation){.result = STORE_UNKNOWN, .count = 1, .is_done = true};
	fixture.a.store.violations[RESOLVE] = (struct violation){.result = STORE_BUSY, .count = 2};
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
	assert_false(fixture.a.jobs[0].outcome.is_replayed);
	assert_int_equal(fixture.a.pauses, 2);
	assert_int_equal(fixture.a.events, 2);
	/* The view is as the store is. */
	assert_int_equal(run(&fixture.a, release(1, "ann")), OK);
	assert_int_equal(committer_counters(fixture.a.committer)->stale, 0);
}

static void a_commit_that_did_not_happen_is_done_again(void **state)
{
	(void)state;
	fixture.a.store.violations[COMMIT] = (struct violation){.result = STORE_UNKNOWN, .count = 1};
	assert_int_equal(run(&fixture.a, with_key(hold(1, "ann", "1"), 7, 1)), OK);
	assert_false(fixture.a.jobs[0].outcome.is_replayed);
	assert_int_equal(fixture.a.store.calls[RESOLVE], 1);
	assert_int_equal(run(&fixture.b, hold(2, "bob", "1")), ERR_SEATS_TAKEN);
}

static void an_outcome_that_stays_unknown_is_found_by_the_clients_retry(void **state)
{
	(void)state;
	fixture.a.store.violations[COMMIT] = (struct violation){.result = STORE_UNKNOWN, .count = 1, .is_done = true};
	fixture.a.store.violations[RESOLVE] = (struct violation){.result = STORE_DOWN, .count = FOREVER};
	assert_int_equal(run(&fixture.a, with_key(hold(1, "ann", "1"), 7, 1)), ERR_STORE_UNAVAILABLE);
	assert_int_equal(fixture.a.store.calls[RESOLVE], TRIES_MAX);
	fixture.a.store.violations[RESOLVE].count = 0;
	assert_int_equal(run(&fixture.a, with_key(hold(2, "ann", "1"), 7, 1)), OK);
	assert_true(fixture.a.jobs[0].outcome.is_replayed);
}

static void a_check_whose_answer_was_lost_is_made_again(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
	fixture.a.store.violations[COMMIT] = (struct violation){.result = STORE_UNKNOWN, .count = 1};
	assert_int_equal(run(&fixture.a, hold(2, "bob", "1")), ERR_SEATS_TAKEN);
	assert_int_equal(fixture.a.store.calls[RESOLVE], 0);
	assert_int_equal(fixture.a.pauses, 1);
}

static void patience_ends(void **state)
{
	(void)state;
	uint32_t commits = fixture.a.store.calls[COMMIT];
	fixture.a.store.violations[COMMIT] = (struct violation){.result = STORE_STALE, .count = FOREVER};
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), ERR_OVERLOADED);
	assert_int_equal(fixture.a.store.calls[COMMIT] - commits, TRIES_MAX);
	/* Others in the way for as long as the batch may take. */
	uint64_t began_ns = clock_monotonic_ns(&fixture.clock.base);
	fixture.a.store.violations[COMMIT] = (struct violation){.result = STORE_BUSY, .count = FOREVER};
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), ERR_OVERLOADED);
	uint64_t took_ms = (clock_monotonic_ns(&fixture.clock.base) - began_ns) / 1000000;
	assert_in_range(took_ms, 1000, 5500);
	fixture.a.store.violations[COMMIT].count = 0;
	/* Loads that bring nothing. */
	fixture.a.store.violations[LOAD] = (struct violation){.result = STORE_OK, .count = FOREVER};
	assert_int_equal(run(&fixture.a, hold(1, "ann", "2")), ERR_OVERLOADED);
	fixture.a.store.violations[LOAD].count = 0;
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
}

static void a_damaged_store_is_an_operators_matter(void **state)
{
	(void)state;
	fixture.a.store.violations[COMMIT] = (struct violation){.result = STORE_CORRUPT, .count = 1};
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), ERR_CORRUPT);
	fixture.a.store.violations[LOAD] = (struct violation){.result = STORE_CORRUPT, .count = 1};
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), ERR_CORRUPT);
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
}

static void move_the_hold_between_loads(enum operation operation, uint32_t call, void *context)
{
	/* Before the second load of each of two tries: the rows of the first have changed. */
	uint32_t *next = context;
	if (operation != LOAD || call % 2 != 0 || *next > 3)
		return;
	assert_int_equal(run(&fixture.b, release(*next, "ann")), OK);
	assert_int_equal(run(&fixture.b, hold(++*next, "ann", "1")), OK);
}

static void rows_that_move_between_loads_are_loaded_until_they_agree(void **state)
{
	(void)state;
	uint32_t next = 2;
	assert_int_equal(run(&fixture.b, hold(2, "ann", "1")), OK);
	fixture.a.store.calls[LOAD] = 0;
	fixture.a.store.before_call = move_the_hold_between_loads;
	fixture.a.store.context = &next;
	assert_int_equal(run(&fixture.a, hold(9, "bob", "1")), ERR_SEATS_TAKEN);
	assert_int_equal(next, 4);
	/* The first try met rows that had moved; those after it saw one moment, or were told that they did not. */
	assert_int_equal(committer_counters(fixture.a.committer)->stale, 1);
	assert_int_equal(committer_counters(fixture.a.committer)->inconsistent, 0);
}

static void a_request_without_room_for_its_answer_fails_alone(void **state)
{
	(void)state;
	struct arena small;
	arena_init(&small, 16, 16);
	struct command commands[] = {hold(1, "ann", "1 2"), hold(2, "bob", "2 3"), hold(3, "cy", "4")};
	commands[0].arena = &small;
	step(&fixture.a, 3, commands);
	assert_int_equal(fixture.a.jobs[0].outcome.error, ERR_NO_MEMORY);
	assert_int_equal(fixture.a.jobs[1].outcome.error, OK);
	assert_int_equal(fixture.a.jobs[2].outcome.error, OK);
	assert_int_equal(run(&fixture.b, hold(4, "ann", "1")), OK);
	arena_release(&small);
}

static void let_two_seconds_pass(enum operation operation, uint32_t call, void *context)
{
	(void)call;
	(void)context;
	if (operation == COMMIT)
		fake_clock_advance(&fixture.clock, 2000);
}

static void a_slow_store_is_not_tried_for_ever(void **state)
{
	(void)state;
	fixture.a.store.calls[COMMIT] = 0;
	fixture.a.store.before_call = let_two_seconds_pass;
	fixture.a.store.violations[COMMIT] = (struct violation){.result = STORE_BUSY, .count = FOREVER};
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), ERR_OVERLOADED);
	assert_int_equal(fixture.a.store.calls[COMMIT], 2); /* no try begins after 3.5 s */
}

/* Seat 1 now says that it is held by a hold that never was. */
static void damage_seat_1(void)
{
	struct arena arena;
	arena_init(&arena, 4096, 65536);
	struct view *view = view_new(10, (struct hash_seed){0});
	struct needs needs;
	needs_init(&needs, &arena);
	struct command command = hold(99, "eve", "1");
	view_step_begin(view, TEST_NOW_MS);
	assert_int_equal(command_needs(&command, view, false, &needs), OK);
	assert_int_equal(store_load(fixture.b.store.inner, &needs, view), STORE_OK);
	struct seat seat = *view_seat(view, &command.hold_create.event_id, &command.hold_create.seats[0]);
	seat.status = SEAT_HELD;
	seat.holder_id = command.hold_create.hold_id;
	seat.row.stored_version = seat.row.version;
	seat.row.version++;
	const struct row *rows[] = {&seat.row};
	struct changes changes = {.rows = rows, .row_count = 1, .arena = &arena, .is_replay = true};
	assert_int_equal(store_commit(fixture.b.store.inner, &changes), STORE_OK);
	view_free(view);
	arena_release(&arena);
}

static void one_inconsistent_row_fails_its_command_alone(void **state)
{
	(void)state;
	damage_seat_1();
	fixture.a.store.calls[LOAD] = 0;
	const struct command commands[] = {hold(1, "ann", "1"), hold(2, "bob", "2"), hold(3, "cy", "3")};
	step(&fixture.a, 3, commands);
	assert_int_equal(fixture.a.jobs[0].outcome.error, ERR_CORRUPT);
	assert_int_equal(fixture.a.jobs[1].outcome.error, OK);
	assert_int_equal(fixture.a.jobs[2].outcome.error, OK);
	/* Its rows were read again once: seats, then holds, two times. */
	assert_in_range(fixture.a.store.calls[LOAD], 2, 4);
	assert_int_equal(committer_counters(fixture.a.committer)->inconsistent, 1);
	assert_int_equal(committer_counters(fixture.a.committer)->failures, 0);
	assert_int_equal(fixture.a.pauses, 0);
	assert_non_null(strstr(fixture.a.found.row, "seat A-1-1 is held"));
}

static void a_row_that_cannot_be_read_fails_its_command_alone(void **state)
{
	(void)state;
	fixture.a.store.refuses_seat = true; /* seat 3 */
	const struct command commands[] = {hold(1, "ann", "1"), hold(2, "bob", "2"), hold(3, "cy", "3"), hold(4, "dan", "4")};
	step(&fixture.a, 4, commands);
	assert_int_equal(fixture.a.jobs[0].outcome.error, OK);
	assert_int_equal(fixture.a.jobs[1].outcome.error, OK);
	assert_int_equal(fixture.a.jobs[2].outcome.error, ERR_CORRUPT);
	assert_int_equal(fixture.a.jobs[3].outcome.error, OK);
	assert_int_equal(committer_counters(fixture.a.committer)->inconsistent, 1);
}

/* A crowd at A wants a seat of the event that B has given to somebody else: from now on A takes turns. */
static void meet_another_process(void)
{
	fixture.a.store.base.operations = &turned_operations;
	assert_int_equal(run(&fixture.a, hold(1, "ann", "1")), OK);
	assert_int_equal(run(&fixture.b, release(1, "ann")), OK);
	assert_int_equal(run(&fixture.b, hold(2, "bob", "1")), OK);
	struct command crowd[8];
	for (uint32_t i = 0; i < ARRAY_LENGTH(crowd); i++)
		crowd[i] = hold(100 + i, "cy", "1");
	uint64_t stale = committer_counters(fixture.a.committer)->stale;
	step(&fixture.a, ARRAY_LENGTH(crowd), crowd);
	assert_int_equal(committer_counters(fixture.a.committer)->stale, stale + 1);
	fixture.a.store.turns = 0;
}

static void commands_that_arrive_while_a_batch_waits_for_its_turn_join_it(void **state)
{
	(void)state;
	meet_another_process();
	fake_clock_advance(&fixture.clock, 20); /* the turn of the last try is over */
	const struct committer_counters *counters = committer_counters(fixture.a.committer);
	uint64_t batches = counters->batches, commands = counters->commands;
	fixture.a.joining = 2;
	const struct command two_more[] = {hold(4, "dan", "2"), hold(5, "eve", "3"), hold(6, "fay", "3")};
	step(&fixture.a, 1, two_more);
	assert_int_equal(fixture.a.store.turns, 1);
	assert_int_equal(fixture.a.jobs[0].outcome.error, OK);
	assert_int_equal(fixture.a.jobs[1].outcome.error, OK);
	assert_int_equal(fixture.a.jobs[2].outcome.error, ERR_SEATS_TAKEN);
	assert_int_equal(counters->batches - batches, 1);
	assert_int_equal(counters->commands - commands, 3);
}

static void nothing_joins_a_batch_that_waits_for_nobody(void **state)
{
	(void)state;
	fixture.a.store.base.operations = &turned_operations;
	fixture.a.joining = 1;
	const struct command commands[] = {hold(1, "ann", "1"), hold(2, "bob", "2")};
	step(&fixture.a, 1, commands);
	assert_int_equal(fixture.a.joining, 1);
	assert_int_equal(fixture.a.store.turns, 0);
}

static struct command of_other_event(struct command command)
{
	struct uuid *event_id = command.kind == COMMAND_SALE_CREATE ? &command.sale_create.event_id : &command.hold_create.event_id;
	event_id->bytes[15] ^= 1; /* the shard */
	if (command.kind == COMMAND_HOLD_CREATE)
		command.hold_create.hold_id.bytes[15] ^= 1;
	return command;
}

/* How many turns A takes for `count` commands that all want the other event. */
static uint32_t turns_of_crowd(uint32_t first, uint32_t count)
{
	static const char *const seats[] = {"1", "2", "3", "4", "1", "2", "3", "4"};
	struct command commands[8];
	for (uint32_t i = 0; i < count; i++)
		commands[i] = of_other_event(hold(first + i, "gus", seats[i]));
	fixture.a.store.turns = 0;
	step(&fixture.a, count, commands);
	return fixture.a.store.turns;
}

static void a_crowd_at_another_event_takes_turns_only_after_others_were_met(void **state)
{
	(void)state;
	assert_int_equal(run(&fixture.a, of_other_event(sale_create_command(&fixture.arena))), OK);
	fixture.a.store.base.operations = &turned_operations;
	assert_int_equal(turns_of_crowd(20, 8), 0);
	meet_another_process();
	assert_int_equal(turns_of_crowd(30, 3), 0); /* a few are no crowd */
	assert_int_equal(turns_of_crowd(40, 8), 1);
	fake_clock_advance(&fixture.clock, 600);
	assert_int_equal(turns_of_crowd(50, 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_purchase_goes_through),
		TEST(a_new_event_is_answered_without_its_layout),
		TEST(within_a_batch_the_first_come_is_first_served),
		TEST(a_key_twice_in_one_batch_is_applied_once),
		TEST(a_repeated_key_is_answered_as_the_first_time),
		TEST(a_repeat_never_makes_its_batch_stale_where_it_is_looked_up_first),
		TEST(a_refused_key_may_be_used_again),
		TEST(a_repeat_of_ones_own_success_is_not_told_that_the_seats_are_taken),
		TEST(a_success_is_decided_again_when_another_process_was_faster),
		TEST(a_refusal_is_decided_again_when_what_it_rests_on_has_moved),
		TEST(a_pause_shows_at_once_in_every_process),
		TEST(a_late_payment_is_not_refunded_for_seats_that_only_seem_taken),
		TEST(a_key_used_between_two_loads_is_seen_before_a_refusal),
		TEST(a_transaction_twice_is_applied_once),
		TEST(releasing_a_released_hold_succeeds_without_an_event),
		TEST(a_busy_store_is_tried_again_after_a_pause),
		TEST(a_store_that_is_down_is_said_so_at_once),
		TEST(a_call_that_the_batchs_own_time_ended_says_nothing_of_the_store),
		TEST(a_first_call_that_hangs_has_found_the_store_down),
		TEST(a_part_that_comes_too_late_is_not_begun),
		TEST(a_commit_whose_answer_was_lost_is_looked_up),
		TEST(a_commit_that_did_not_happen_is_done_again),
		TEST(an_outcome_that_stays_unknown_is_found_by_the_clients_retry),
		TEST(a_check_whose_answer_was_lost_is_made_again),
		TEST(patience_ends),
		TEST(a_damaged_store_is_an_operators_matter),
		TEST(rows_that_move_between_loads_are_loaded_until_they_agree),
		TEST(a_request_without_room_for_its_answer_fails_alone),
		TEST(one_inconsistent_row_fails_its_command_alone),
		TEST(a_row_that_cannot_be_read_fails_its_command_alone),
		TEST(a_slow_store_is_not_tried_for_ever),
		TEST(commands_that_arrive_while_a_batch_waits_for_its_turn_join_it),
		TEST(nothing_joins_a_batch_that_waits_for_nobody),
		TEST(a_crowd_at_another_event_takes_turns_only_after_others_were_met),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
