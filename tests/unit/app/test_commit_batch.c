/* test_commit_batch.c: several batches in flight from one commit stage, brought forward part by part in any order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "adapters/memory/database.h"
#include "app/commit_batch.h"
#include "app/committer.h"
#include "app/job.h"
#include "tests/support/commands.h"
#include "tests/support/fake_time.h"
#include "tests/support/faulty_store.h"

#define BATCHES 3
#define JOBS_MAX 4

/* A batch on its way, with a store of its own that fails as it is told. */
struct batch {
	struct faulty_store store;
	struct store *inner;
	enum fault fault; /* of the next commit … */
	enum store_result result;
	struct commit_batch *commit;
	struct list jobs;
	struct job job[JOBS_MAX];
};

struct fixture {
	struct memory_database *database;
	struct fake_clock clock;
	struct fake_random random;
	struct committer *committer;
	struct batch batches[BATCHES];
	struct list waiting;
	struct arena arena;
};

static struct fixture fixture;
static struct batch *const a = &fixture.batches[0], *const b = &fixture.batches[1], *const c = &fixture.batches[2];

static enum fault choose(void *context, enum store_call call, enum store_result *ret_result)
{
	struct batch *batch = context;
	if (call != STORE_CALL_COMMIT)
		return FAULT_NONE;
	enum fault fault = batch->fault;
	*ret_result = batch->result;
	batch->fault = FAULT_NONE;
	return fault;
}

static void pause_clock(void *context, uint64_t ms)
{
	(void)context;
	fake_clock_advance(&fixture.clock, ms);
}

static void begin(struct batch *batch, uint32_t count, const struct command *commands)
{
	assert_true(count <= JOBS_MAX);
	list_init(&batch->jobs);
	for (uint32_t i = 0; i < count; i++) {
		batch->job[i] = (struct job){.kind = JOB_COMMAND, .command = commands[i], .arena = &fixture.arena};
		list_push(&batch->jobs, &batch->job[i].node);
	}
	batch->commit = commit_batch_begin(fixture.committer, &batch->jobs, count, commit_batch_deadline_ns(fixture.committer));
	commit_batch_decide(batch->commit, &fixture.waiting);
}

/* The batch of these is decided, and in flight. */
static void dispatch(struct batch *batch, struct command command)
{
	begin(batch, 1, &command);
	assert_true(list_is_empty(&fixture.waiting));
}

/* To the end of its way, through as many tries as it takes; answers the error of the first job. */
static enum error finish(struct batch *batch)
{
	commit_batch_settle(batch->commit);
	while (!commit_batch_is_answered(batch->commit)) {
		commit_batch_pause(batch->commit);
		commit_batch_decide(batch->commit, &fixture.waiting);
		commit_batch_commit(batch->commit);
		commit_batch_settle(batch->commit);
	}
	commit_batch_end(batch->commit);
	return batch->job[0].outcome.error;
}

static enum error settle(struct batch *batch)
{
	commit_batch_commit(batch->commit);
	return finish(batch);
}

static enum error run(struct batch *batch, struct command command)
{
	dispatch(batch, command);
	return settle(batch);
}

/* While others are in flight the command has to wait; nothing of it is left. */
static void assert_waits(struct command command)
{
	begin(c, 1, &command);
	struct list_node *node = list_pop(&fixture.waiting);
	assert_ptr_equal(node, &c->job[0].node);
	assert_true(list_is_empty(&c->jobs));
	(void)settle(c);
}

static int set_up(void **state)
{
	(void)state;
	fixture = (struct fixture){.database = memory_database_new()};
	fake_clock_init(&fixture.clock, TEST_NOW_MS);
	fake_random_init(&fixture.random, 1);
	arena_init(&fixture.arena, 65536, 16 * 1024 * 1024);
	list_init(&fixture.waiting);
	struct store *stores[BATCHES];
	for (uint32_t i = 0; i < BATCHES; i++) {
		struct batch *batch = &fixture.batches[i];
		assert_int_equal(memory_store_new(fixture.database, &batch->inner), OK);
		faulty_store_init(&batch->store, batch->inner, choose, batch);
		stores[i] = &batch->store.port;
	}
	const struct committer_options options = {
		.stores = stores,
		.store_count = BATCHES,
		.clock = &fixture.clock.base,
		.random = &fixture.random.base,
		.view_rows_max = 100,
		.tries_max = 5,
		.pause = pause_clock,
	};
	assert_int_equal(committer_new(&options, &fixture.committer), OK);
	return run(a, sale_create_command(&fixture.arena)) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	committer_free(fixture.committer);
	for (uint32_t i = 0; i < BATCHES; i++)
		store_free(fixture.batches[i].inner);
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

static struct command sale(enum command_kind kind)
{
	return sale_command(&fixture.arena, kind);
}

static const struct committer_counters *counters(void)
{
	return committer_counters(fixture.committer);
}

static void batches_without_a_row_in_common_are_in_flight_together_and_end_in_any_order(void **state)
{
	(void)state;
	dispatch(a, hold(1, "ann", "1"));
	dispatch(b, hold(2, "bob", "2"));
	dispatch(c, hold(3, "cy", "3"));
	assert_int_equal(settle(c), OK);
	assert_int_equal(settle(a), OK);
	assert_int_equal(settle(b), OK);
	assert_int_equal(run(a, release(2, "bob")), OK);
	assert_int_equal(run(a, release(3, "cy")), OK);
	assert_int_equal(counters()->stale + counters()->retries + counters()->failures, 0);
}

static void a_command_waits_for_what_a_batch_in_flight_writes(void **state)
{
	(void)state;
	const struct command commands[] = {hold(2, "bob", "1 2"), hold(3, "cy", "3"), release(1, "ann")};
	dispatch(a, hold(1, "ann", "1"));
	begin(b, 3, commands);
	assert_ptr_equal(list_pop(&fixture.waiting), &b->job[0].node);
	assert_ptr_equal(list_pop(&fixture.waiting), &b->job[2].node);
	assert_true(list_is_empty(&fixture.waiting));
	(void)settle(b);
	assert_int_equal(b->job[1].outcome.error, OK);
	assert_int_equal(counters()->commands, 2);
	assert_int_equal(settle(a), OK);
	assert_int_equal(run(b, commands[0]), ERR_SEATS_TAKEN);
	assert_int_equal(run(b, commands[2]), OK);
}

static void holds_orders_payments_and_keys_in_flight_are_waited_for(void **state)
{
	(void)state;
	dispatch(a, with_key(hold(1, "ann", "1"), 7, 1));
	assert_waits(with_key(hold(2, "ann", "2"), 7, 1));
	assert_waits(order(1, "ann", 1));
	assert_waits(release(1, "ann"));
	assert_int_equal(settle(a), OK);
	dispatch(a, order(1, "ann", 1));
	assert_waits(cancel_command(&fixture.arena, 1, "ann"));
	assert_waits(pay(1, "t1"));
	assert_waits(hold(2, "bob", "1"));
	assert_int_equal(settle(a), OK);
	dispatch(a, pay(1, "t1"));
	assert_waits(pay(2, "t1"));
	assert_int_equal(settle(a), OK);
	assert_int_equal(run(b, pay(1, "t1")), OK);
	assert_true(b->job[0].outcome.is_replayed);
	assert_int_equal(run(b, with_key(hold(2, "ann", "2"), 7, 1)), OK);
	assert_true(b->job[0].outcome.is_replayed);
}

static void a_batch_waits_for_dispatched_rows_found_only_by_loading(void **state)
{
	(void)state;
	assert_int_equal(run(a, hold(1, "ann", "1 2")), OK);
	view_clear(fixture.committer->view);
	fake_clock_advance(&fixture.clock, TEST_HOLD_TTL_MS);
	dispatch(a, hold_expire_command(&fixture.arena, 1)); /* writes seats 1 and 2 */
	dispatch(b, hold(2, "bob", "3"));
	assert_int_equal(settle(b), OK);
	assert_waits(hold(3, "cy", "2"));
	assert_int_equal(settle(a), OK);
	assert_int_equal(run(c, hold(3, "cy", "2")), OK);
}

static void a_sale_is_shared_by_those_who_only_read_it(void **state)
{
	(void)state;
	dispatch(a, sale(COMMAND_SALE_PAUSE));
	assert_waits(hold(1, "ann", "1"));
	assert_int_equal(settle(a), OK);
	assert_int_equal(run(a, sale(COMMAND_SALE_RESUME)), OK);
	/* A pause does not wait for holds, but none slips in behind it. */
	dispatch(a, hold(1, "ann", "1"));
	assert_int_equal(run(b, sale(COMMAND_SALE_PAUSE)), OK);
	assert_int_equal(settle(a), ERR_SALES_PAUSED);
	assert_int_equal(counters()->stale, 1);
}

static void a_batch_that_fails_takes_no_other_with_it(void **state)
{
	(void)state;
	a->fault = FAULT_REFUSED;
	a->result = STORE_DOWN;
	dispatch(a, hold(1, "ann", "1"));
	dispatch(b, hold(2, "bob", "2"));
	assert_waits(hold(3, "cy", "1"));
	assert_int_equal(settle(a), ERR_STORE_UNAVAILABLE);
	assert_int_equal(settle(b), OK);
	assert_int_equal(run(c, hold(3, "cy", "1")), OK);
	assert_int_equal(run(c, hold(4, "dee", "2")), ERR_SEATS_TAKEN);
}

static void nothing_is_decided_on_a_batch_of_which_nobody_knows(void **state)
{
	(void)state;
	static const enum fault faults[] = {FAULT_ANSWER_LOST, FAULT_REFUSED};
	for (uint32_t i = 0; i < ARRAY_LENGTH(faults); i++) {
		a->fault = faults[i];
		a->result = STORE_UNKNOWN;
		dispatch(a, hold(1 + i, "ann", i == 0 ? "1" : "2"));
		assert_int_equal(run(b, hold(5 + i, "bob", i == 0 ? "5" : "6")), OK);
		assert_waits(hold(3, "cy", i == 0 ? "1" : "2"));
		assert_int_equal(settle(a), OK);
		assert_int_equal(run(c, hold(3, "cy", i == 0 ? "1" : "2")), ERR_SEATS_TAKEN);
	}
	assert_int_equal(counters()->retries, 1);
}

static void a_refusal_is_decided_again_when_a_batch_beside_it_has_moved_what_it_rests_on(void **state)
{
	(void)state;
	assert_int_equal(run(a, hold(1, "ann", "1")), OK);
	dispatch(a, hold(2, "bob", "1"));
	assert_int_equal(a->job[0].outcome.error, ERR_SEATS_TAKEN);
	dispatch(b, release(1, "ann"));
	assert_int_equal(settle(b), OK);
	assert_int_equal(settle(a), OK);
	assert_int_equal(counters()->stale, 1);
	/* The other way round it was right. */
	dispatch(a, hold(3, "ann", "1"));
	dispatch(b, release(2, "bob"));
	commit_batch_commit(a->commit);
	assert_int_equal(settle(b), OK);
	assert_int_equal(finish(a), ERR_SEATS_TAKEN);
	assert_int_equal(counters()->stale, 1);
}

static void a_batch_that_is_decided_again_waits_for_others(void **state)
{
	(void)state;
	a->fault = FAULT_REFUSED;
	a->result = STORE_STALE;
	dispatch(a, hold(1, "ann", "1"));
	commit_batch_commit(a->commit);
	commit_batch_settle(a->commit);
	dispatch(b, hold(2, "bob", "1"));
	assert_false(commit_batch_is_answered(a->commit));
	commit_batch_pause(a->commit);
	commit_batch_decide(a->commit, &fixture.waiting);
	assert_ptr_equal(list_pop(&fixture.waiting), &a->job[0].node);
	(void)settle(a);
	assert_int_equal(settle(b), OK);
	assert_int_equal(run(a, hold(1, "ann", "1")), ERR_SEATS_TAKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(batches_without_a_row_in_common_are_in_flight_together_and_end_in_any_order),
		TEST(a_command_waits_for_what_a_batch_in_flight_writes),
		TEST(holds_orders_payments_and_keys_in_flight_are_waited_for),
		TEST(a_batch_waits_for_dispatched_rows_found_only_by_loading),
		TEST(a_sale_is_shared_by_those_who_only_read_it),
		TEST(a_batch_that_fails_takes_no_other_with_it),
		TEST(nothing_is_decided_on_a_batch_of_which_nobody_knows),
		TEST(a_refusal_is_decided_again_when_a_batch_beside_it_has_moved_what_it_rests_on),
		TEST(a_batch_that_is_decided_again_waits_for_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
