/* test_service.c: jobs through the real lanes to the memory store, with stages that are slow or down when the test says so. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/local/admission.h"
#include "app/dependencies.h"
#include "app/service.h"
#include "tests/support/fake_catalog.h"
#include "tests/unit/app/shop.h"

#define JOBS_MAX 64

struct gate;

struct gate_store {
	struct store port;
	struct gate *gate;
};

/* A store, or a reader, in front of another: fails or waits when it is told to. */
struct gate {
	struct gate_store stores[4]; /* one for each batch in flight */
	struct reader reader;
	struct store *inner_store;
	struct reader *inner_reader;
	_Atomic bool is_store_down;
	_Atomic bool is_reader_down;
	_Atomic uint32_t down_after_ms; /* how long a reader takes to be found down */
	struct fake_clock *clock;
	_Atomic bool is_closed;        /* to loads and finds */
	_Atomic bool is_commit_closed; /* to commits */
	sem_t entered;                 /* somebody waits at the closed gate */
	sem_t opened;
	_Atomic uint32_t loads;
	_Atomic uint32_t finds;
	_Atomic uint32_t snapshots;
};

static void pass(struct gate *gate, bool is_closed)
{
	if (!is_closed)
		return;
	sem_post(&gate->entered);
	sem_wait(&gate->opened);
}

static enum store_result gate_load(struct store *store, const struct needs *needs, struct view *view)
{
	struct gate *gate = container_of(store, struct gate_store, port)->gate;
	gate->loads++;
	pass(gate, gate->is_closed);
	return gate->is_store_down ? STORE_DOWN : store_load(gate->inner_store, needs, view);
}

static enum store_result gate_commit(struct store *store, const struct changes *changes)
{
	struct gate *gate = container_of(store, struct gate_store, port)->gate;
	pass(gate, gate->is_commit_closed);
	return gate->is_store_down ? STORE_DOWN : store_commit(gate->inner_store, changes);
}

static const struct store_operations store_operations = {.load = gate_load, .commit = gate_commit};

static enum store_result gate_find(struct reader *reader, enum row_kind kind, const struct uuid *id, struct arena *arena,
                                   const struct row **ret_row)
{
	struct gate *gate = container_of(reader, struct gate, reader);
	gate->finds++;
	pass(gate, gate->is_closed);
	if (gate->is_reader_down) {
		fake_clock_advance(gate->clock, gate->down_after_ms);
		return STORE_DOWN;
	}
	return gate->inner_reader->operations->find(gate->inner_reader, kind, id, arena, ret_row);
}

static enum store_result gate_snapshot_begin(struct reader *reader)
{
	struct gate *gate = container_of(reader, struct gate, reader);
	gate->snapshots++;
	return gate->inner_reader->operations->snapshot_begin(gate->inner_reader);
}

static void gate_snapshot_end(struct reader *reader)
{
	struct gate *gate = container_of(reader, struct gate, reader);
	gate->inner_reader->operations->snapshot_end(gate->inner_reader);
}

static const struct reader_operations reader_operations = {
	.find = gate_find,
	.snapshot_begin = gate_snapshot_begin,
	.snapshot_end = gate_snapshot_end,
};

struct task {
	struct job job;
	struct arena arena;
	sem_t done;
};

struct world {
	struct fake_clock clock;
	struct fake_random random;
	struct memory_database *database;
	struct store *store;
	struct reader *readers[2]; /* a read lane's, the catalog lane's */
	struct gate gate;
	struct admission *admission;
	struct fake_catalog *catalog;
	struct dependencies dependencies;
	struct service *service;
	bool awaits_store; /* of services that are made from now on */
	struct task tasks[JOBS_MAX];
	uint32_t task_count;
	_Atomic uint32_t answered;
};

static void note_way(void *context, const struct job *job)
{
	struct world *world = context;
	world->answered++;
	assert_true(job->way.entered > 0 && job->way.ended_ns >= job->way.entered_ns[job->way.entered - 1]);
}

static void make_service(struct world *world, uint32_t commits_in_flight)
{
	struct gate_store *gates = world->gate.stores;
	struct store *stores[] = {&gates[0].port, &gates[1].port, &gates[2].port, &gates[3].port};
	assert_true(commits_in_flight <= ARRAY_LENGTH(stores));
	struct reader *readers[] = {&world->gate.reader};
	const struct service_options options = {
		.stores = stores,
		.store_count = commits_in_flight,
		.readers = readers,
		.reader_count = 1,
		.catalog = &world->catalog->base,
		.catalog_reader = world->readers[1],
		.admission = world->admission,
		.clock = &world->clock.base,
		.dependencies = &world->dependencies,
		.random = &world->random.base,
		.awaits_store = world->awaits_store,
		.queue_capacity = 8,
		.batch_max = 4,
		.view_rows_max = 1000,
		.answered = note_way,
		.context = world,
	};
	dependencies_init(&world->dependencies, 1);
	assert_int_equal(service_new(&options, &world->service), OK);
}

static struct admission *new_admission(void)
{
	const struct local_admission_options limits = {
		.user_quota = 5,
		.user_window_ms = 60000,
		.service_quota = 2,
		.service_window_ms = 60000,
		.callers_max = 100,
		.keys_max = 100,
	};
	struct admission *admission;
	assert_int_equal(local_admission_new(&limits, &admission), OK);
	return admission;
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	fake_clock_init(&world->clock, TEST_NOW_MS);
	fake_random_init(&world->random, 1);
	world->database = memory_database_new();
	assert_non_null(world->database);
	assert_int_equal(memory_store_new(world->database, &world->store), OK);
	for (uint32_t i = 0; i < ARRAY_LENGTH(world->readers); i++)
		assert_int_equal(memory_reader_new(world->database, &world->readers[i]), OK);
	for (uint32_t i = 0; i < ARRAY_LENGTH(world->gate.stores); i++)
		world->gate.stores[i] = (struct gate_store){
			.port = {.operations = &store_operations, .has_local_reads = world->store->has_local_reads}, .gate = &world->gate};
	world->gate.reader.operations = &reader_operations;
	world->gate.inner_store = world->store;
	world->gate.inner_reader = world->readers[0];
	world->gate.clock = &world->clock;
	sem_init(&world->gate.entered, 0, 0);
	sem_init(&world->gate.opened, 0, 0);
	world->admission = new_admission();
	world->catalog = fake_catalog_new();
	assert_non_null(world->catalog);
	make_service(world, 1);
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	service_free(world->service);
	for (uint32_t i = 0; i < world->task_count; i++)
		arena_release(&world->tasks[i].arena);
	fake_catalog_free(world->catalog);
	admission_free(world->admission);
	for (uint32_t i = 0; i < ARRAY_LENGTH(world->readers); i++)
		reader_free(world->readers[i]);
	store_free(world->store);
	memory_database_free(world->database);
	free(world);
	return 0;
}

static void task_done(struct job *job)
{
	sem_post(&((struct task *)job->context)->done);
}

static struct task *task_of(struct world *world)
{
	assert_true(world->task_count < JOBS_MAX);
	struct task *task = &world->tasks[world->task_count++];
	arena_init(&task->arena, 4096, 1 << 20);
	sem_init(&task->done, 0, 0);
	task->job = (struct job){.arena = &task->arena, .deadline_ns = UINT64_MAX, .done = task_done, .context = task};
	return task;
}

static struct task *submit(struct world *world, struct task *task)
{
	service_submit(world->service, &task->job);
	return task;
}

static struct task *submit_command(struct world *world, struct command command)
{
	struct task *task = task_of(world);
	task->job.kind = JOB_COMMAND;
	task->job.command = command;
	task->job.command.arena = &task->arena;
	return submit(world, task);
}

static struct task *submit_query(struct world *world, struct query query)
{
	struct task *task = task_of(world);
	task->job.kind = JOB_QUERY;
	task->job.query = query;
	task->job.query.limit = QUERY_LIMIT_DEFAULT;
	return submit(world, task);
}

static enum error answer_of(struct task *task)
{
	sem_wait(&task->done);
	return task->job.outcome.error;
}

/* Commands are made in an arena that outlives the test's tasks. */
static struct arena *scratch(struct world *world)
{
	return &task_of(world)->arena;
}

static struct command take(struct world *world, uint32_t hold, const char *user, const char *seats)
{
	return hold_command(scratch(world), hold, user, seats);
}

static void put_on_sale(struct world *world)
{
	assert_int_equal(answer_of(submit_command(world, sale_create_command(scratch(world)))), OK);
}

static struct query hold_query(uint32_t hold)
{
	return (struct query){.kind = QUERY_HOLD, .id = test_hold_id(hold), .user = SLICE("ada")};
}

static void close_gate(struct world *world)
{
	world->gate.is_closed = true;
}

static void open_gate(struct world *world)
{
	world->gate.is_closed = false;
	sem_post(&world->gate.opened);
}

static void hold_is_made_and_read_back(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	struct task *made = submit_command(world, take(world, 1, "ada", "1 2"));
	assert_int_equal(answer_of(made), OK);
	struct task *read = submit_query(world, hold_query(1));
	assert_int_equal(answer_of(read), OK);
	assert_true(slice_equal(read->job.outcome.body, made->job.outcome.body));
	assert_int_equal(answer_of(submit_query(world, hold_query(2))), ERR_HOLD_UNKNOWN);
	struct task *late = submit_command(world, take(world, 2, "bob", "2 3"));
	assert_int_equal(answer_of(late), ERR_SEATS_TAKEN);
	assert_int_equal(late->job.outcome.conflict_count, 1);
}

static void event_is_in_the_catalog_when_its_maker_has_the_answer(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	assert_int_equal(world->catalog->count, 1);
	assert_int_equal(answer_of(submit_query(world, (struct query){.kind = QUERY_EVENT, .id = test_event_id()})), OK);
	assert_int_equal(answer_of(submit_command(world, sale_command(scratch(world), COMMAND_SALE_PAUSE))), OK);
	assert_int_equal(world->catalog->entries[0].status, SALE_PAUSED);
}

static void job_says_when_it_came_to_each_stage(void **state)
{
	struct world *world = *state;
	uint32_t answered = world->answered;
	struct task *task = submit_command(world, sale_create_command(scratch(world)));
	(void)answer_of(task);
	assert_int_equal(world->answered, answered + 1);
	const struct job_way *way = &task->job.way;
	assert_int_equal(way->stages[0], STAGE_ADMISSION);
	assert_int_equal(way->stages[1], STAGE_COMMIT);
	assert_int_equal(way->entered, task->job.outcome.error == OK ? 3 : 2); /* a refused job does not go to the catalog */
	for (uint32_t i = 1; i < way->entered; i++)
		assert_true(way->entered_ns[i] >= way->entered_ns[i - 1]);
	struct task *query = submit_query(world, (struct query){.kind = QUERY_EVENTS});
	assert_int_equal(answer_of(query), OK);
	assert_int_equal(query->job.way.stages[1], STAGE_CATALOG);
	assert_int_equal(query->job.way.entered, 2);
	assert_int_equal(world->answered, answered + 2);
}

static void event_is_made_though_the_catalog_is_down(void **state)
{
	struct world *world = *state;
	world->catalog->is_down = true;
	put_on_sale(world);
	assert_int_equal(world->catalog->count, 0);
	assert_int_equal(answer_of(submit_command(world, take(world, 1, "ada", "1"))), OK);
	assert_int_equal(answer_of(submit_query(world, (struct query){.kind = QUERY_EVENTS})), ERR_CATALOG_UNAVAILABLE);
}

/* It is done, but its answer comes from the catalog. */
static void a_change_that_the_catalog_does_not_get_to_in_time_is_asked_for_again(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	pthread_mutex_lock(&world->catalog->lock); /* it hangs */
	struct task *first = submit_command(world, sale_command(scratch(world), COMMAND_SALE_PAUSE));
	struct task *second = task_of(world);
	second->job.kind = JOB_COMMAND;
	second->job.command = sale_command(&second->arena, COMMAND_SALE_RESUME);
	second->job.command.arena = &second->arena;
	second->job.deadline_ns = clock_monotonic_ns(&world->clock.base) + 1000000;
	(void)submit(world, second);
	(void)answer_of(submit_command(world, take(world, 1, "ada", "1"))); /* then the other two are at the catalog */
	fake_clock_advance(&world->clock, 2);
	assert_int_equal(answer_of(second), ERR_OVERLOADED);
	pthread_mutex_unlock(&world->catalog->lock);
	assert_int_equal(answer_of(first), OK);
}

static struct task *submit_as(struct world *world, struct command command, const char *user)
{
	struct task *task = task_of(world);
	task->job.kind = JOB_COMMAND;
	task->job.command = command;
	task->job.command.arena = &task->arena;
	task->job.admission.user = slice_of(user);
	return submit(world, task);
}

static void user_over_the_limit_is_refused_and_refusals_count(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	assert_int_equal(answer_of(submit_as(world, take(world, 1, "ada", "1"), "ada")), OK);
	for (uint32_t i = 0; i < 4; i++) {
		struct task *task = task_of(world);
		task->job.kind = JOB_REFUSAL;
		task->job.outcome.error = ERR_VALIDATION;
		task->job.admission.user = SLICE("ada");
		assert_int_equal(answer_of(submit(world, task)), ERR_VALIDATION);
		assert_int_equal(task->job.admission.ret_user.remaining, 3 - i);
	}
	struct task *limited = submit_as(world, take(world, 2, "ada", "2"), "ada");
	assert_int_equal(answer_of(limited), ERR_RATE_LIMITED);
	assert_int_equal(limited->job.admission.ret_retry_after_ms, 60000);
	assert_int_equal(answer_of(submit_as(world, take(world, 3, "bob", "2"), "bob")), OK);
	fake_clock_advance(&world->clock, 60000);
	assert_int_equal(answer_of(submit_as(world, take(world, 4, "ada", "3"), "ada")), OK);
}

static void a_service_that_acts_for_nobody_counts_too(void **state)
{
	struct world *world = *state;
	for (uint32_t i = 0; i < 3; i++) {
		struct task *task = task_of(world);
		task->job.kind = JOB_REFUSAL;
		task->job.outcome.error = ERR_VALIDATION;
		task->job.admission.service = SLICE("shop");
		assert_int_equal(answer_of(submit(world, task)), i < 2 ? ERR_VALIDATION : ERR_RATE_LIMITED);
	}
}

static void key_is_busy_then_replayed_then_bound_to_its_request(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	close_gate(world);
	struct task *first = submit_command(world, with_key(take(world, 1, "ada", "1"), 7, 1));
	sem_wait(&world->gate.entered);
	assert_int_equal(answer_of(submit_command(world, with_key(take(world, 2, "ada", "1"), 7, 1))), ERR_IDEMPOTENCY_BUSY);
	assert_int_equal(answer_of(submit_command(world, with_key(take(world, 2, "ada", "2"), 7, 2))), ERR_IDEMPOTENCY_MISMATCH);
	open_gate(world);
	assert_int_equal(answer_of(first), OK);

	struct task *repeat = submit_command(world, with_key(take(world, 3, "ada", "1"), 7, 1));
	assert_int_equal(answer_of(repeat), OK);
	assert_true(repeat->job.outcome.is_replayed);
	assert_true(slice_equal(repeat->job.outcome.body, first->job.outcome.body));
	assert_int_equal(answer_of(submit_command(world, with_key(take(world, 4, "ada", "2"), 7, 2))), ERR_IDEMPOTENCY_MISMATCH);
}

static void key_of_a_refusal_may_be_used_again_with_another_request(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	assert_int_equal(answer_of(submit_command(world, take(world, 1, "bob", "1"))), OK);
	assert_int_equal(answer_of(submit_command(world, with_key(take(world, 2, "ada", "1"), 7, 1))), ERR_SEATS_TAKEN);
	struct task *second = submit_command(world, with_key(take(world, 3, "ada", "2"), 7, 2));
	assert_int_equal(answer_of(second), OK);
	assert_false(second->job.outcome.is_replayed);
}

static void full_queue_is_refused_at_once(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	close_gate(world);
	struct task *tasks[10];
	tasks[0] = submit_command(world, take(world, 1, "ada", "1"));
	sem_wait(&world->gate.entered);
	for (uint32_t i = 1; i < 9; i++)
		tasks[i] = submit_command(world, take(world, 1 + i, "ada", "1"));
	struct service_status status;
	service_status(world->service, &status);
	assert_int_equal(status.commit.waiting, 8);
	tasks[9] = submit_command(world, with_key(take(world, 10, "ada", "2"), 7, 1));
	assert_int_equal(answer_of(tasks[9]), ERR_OVERLOADED);
	open_gate(world);
	assert_int_equal(answer_of(tasks[0]), OK);
	for (uint32_t i = 1; i < 9; i++)
		assert_int_equal(answer_of(tasks[i]), ERR_SEATS_TAKEN);
	assert_int_equal(answer_of(submit_command(world, with_key(take(world, 11, "ada", "2"), 7, 1))), OK); /* its key is free again */
}

static void job_that_is_too_late_is_not_begun(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	close_gate(world);
	struct task *first = submit_command(world, take(world, 1, "ada", "1"));
	sem_wait(&world->gate.entered);
	struct task *late = task_of(world);
	late->job.kind = JOB_COMMAND;
	late->job.command = take(world, 2, "ada", "2");
	late->job.command.arena = &late->arena;
	late->job.deadline_ns = clock_monotonic_ns(&world->clock.base) + 1000000;
	submit(world, late);
	fake_clock_advance(&world->clock, 2);
	open_gate(world);
	assert_int_equal(answer_of(first), OK);
	assert_int_equal(answer_of(late), ERR_OVERLOADED);
	assert_int_equal(answer_of(submit_query(world, hold_query(2))), ERR_HOLD_UNKNOWN);
}

static struct task *submit_until(struct world *world, struct command command, uint64_t within_ms)
{
	struct task *task = task_of(world);
	task->job.kind = JOB_COMMAND;
	task->job.command = command;
	task->job.command.arena = &task->arena;
	task->job.deadline_ns = clock_monotonic_ns(&world->clock.base) + within_ms * 1000000;
	return submit(world, task);
}

static void a_waiting_command_is_answered_at_its_deadline_though_the_lane_is_stuck(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	close_gate(world);
	struct task *stuck = submit_until(world, take(world, 1, "ada", "1"), 1000);
	sem_wait(&world->gate.entered);
	struct task *late = submit_until(world, take(world, 2, "bob", "2"), 1000);
	struct task *patient = submit_until(world, take(world, 3, "eve", "3"), 3000);
	fake_clock_advance(&world->clock, 2000);
	assert_int_equal(answer_of(late), ERR_OVERLOADED);
	assert_int_not_equal(sem_trywait(&stuck->done), 0);
	assert_int_not_equal(sem_trywait(&patient->done), 0);
	open_gate(world);
	assert_int_equal(answer_of(stuck), OK);
	assert_int_equal(answer_of(patient), OK);
}

static void a_store_that_is_found_silent_keeps_nobody_waiting(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	close_gate(world);
	service_store_asked(world->service);
	struct task *stuck = submit_command(world, take(world, 1, "ada", "1"));
	sem_wait(&world->gate.entered);
	struct task *waiting = submit_command(world, take(world, 2, "bob", "2"));
	service_store_found(world->service, false, true);
	assert_int_equal(answer_of(waiting), ERR_STORE_UNAVAILABLE);
	assert_int_equal(answer_of(submit_command(world, take(world, 3, "eve", "3"))), ERR_STORE_UNAVAILABLE); /* nor who comes later */
	assert_int_equal(answer_of(submit_query(world, hold_query(1))), ERR_STORE_UNAVAILABLE);
	assert_int_not_equal(sem_trywait(&stuck->done), 0);
	open_gate(world);
	assert_int_equal(answer_of(stuck), OK);
	assert_int_equal(answer_of(submit_command(world, take(world, 2, "bob", "2"))), ERR_STORE_UNAVAILABLE);
	service_store_found(world->service, true, false);
	assert_int_equal(answer_of(submit_command(world, take(world, 2, "bob", "2"))), OK);
	assert_int_equal(answer_of(submit_query(world, hold_query(1))), OK);
}

static void a_store_that_only_refuses_to_write_is_read(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	assert_int_equal(answer_of(submit_command(world, take(world, 1, "ada", "1"))), OK);
	service_store_asked(world->service);
	service_store_found(world->service, false, false);
	assert_int_equal(answer_of(submit_command(world, take(world, 2, "bob", "2"))), ERR_STORE_UNAVAILABLE);
	assert_int_equal(answer_of(submit_query(world, hold_query(1))), OK);
}

static void a_store_that_has_served_meanwhile_serves(void **state)
{
	struct world *world = *state;
	service_store_asked(world->service);
	put_on_sale(world);
	service_store_found(world->service, false, true);
	assert_int_equal(answer_of(submit_command(world, take(world, 1, "ada", "1"))), OK);
}

static void nothing_is_decided_before_there_is_word_of_a_shared_store(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	service_free(world->service);
	world->awaits_store = true;
	make_service(world, 1);
	uint32_t loads = world->gate.loads;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(answer_of(submit_command(world, take(world, 1, "ada", "1"))), ERR_STORE_UNAVAILABLE);
		assert_int_equal(answer_of(submit_query(world, hold_query(1))), ERR_STORE_UNAVAILABLE);
		service_store_asked(world->service);
		service_store_found(world->service, false, false);
	}
	assert_int_equal(world->gate.loads, loads);
	service_store_found(world->service, true, false);
	assert_int_equal(answer_of(submit_command(world, take(world, 1, "ada", "1"))), OK);
	assert_int_equal(answer_of(submit_query(world, hold_query(1))), OK);
}

static void store_that_is_down_is_not_asked_every_time(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	assert_int_equal(answer_of(submit_command(world, take(world, 1, "ada", "1"))), OK);
	world->gate.is_store_down = true;
	uint32_t loads = world->gate.loads;
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(answer_of(submit_command(world, take(world, 2, "ada", "2"))), ERR_STORE_UNAVAILABLE);
	assert_int_equal(world->gate.loads, loads + 3);
	struct service_status status;
	service_status(world->service, &status);
	assert_true(status.refuses_commits);
	assert_false(status.refuses_reads);
	assert_int_equal(answer_of(submit_query(world, hold_query(1))), OK); /* reading goes on */

	world->gate.is_store_down = false;
	assert_int_equal(answer_of(submit_command(world, take(world, 2, "ada", "2"))), ERR_STORE_UNAVAILABLE);
	fake_clock_advance(&world->clock, 500);
	assert_int_equal(answer_of(submit_command(world, take(world, 2, "ada", "2"))), OK);
	service_status(world->service, &status);
	assert_false(status.refuses_commits);
}

static void reader_that_hangs_is_not_asked_every_time(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	assert_int_equal(answer_of(submit_command(world, take(world, 1, "ada", "1"))), OK);
	world->gate.is_reader_down = true;
	world->gate.down_after_ms = 2000;
	for (uint32_t i = 0; i < 10; i++) {
		fake_clock_advance(&world->clock, 1);
		assert_int_equal(answer_of(submit_query(world, hold_query(1))), ERR_STORE_UNAVAILABLE);
	}
	assert_int_equal(world->gate.finds, 3);
	assert_int_equal(answer_of(submit_command(world, take(world, 2, "ada", "2"))), OK);
	world->gate.is_reader_down = false;
	fake_clock_advance(&world->clock, 500);
	assert_int_equal(answer_of(submit_query(world, hold_query(1))), OK);
}

static void reader_that_refuses_is_asked_for_each_query_and_found_when_it_is_back(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	assert_int_equal(answer_of(submit_command(world, take(world, 1, "ada", "1"))), OK);
	world->gate.is_reader_down = true;
	for (uint32_t i = 0; i < 10; i++) {
		fake_clock_advance(&world->clock, 1);
		assert_int_equal(answer_of(submit_query(world, hold_query(1))), ERR_STORE_UNAVAILABLE);
	}
	assert_int_equal(world->gate.finds, 10);
	world->gate.is_reader_down = false;
	fake_clock_advance(&world->clock, 1);
	assert_int_equal(answer_of(submit_query(world, hold_query(1))), OK);
}

/* Or a queue of them would wait, each for a try of its own. */
static void a_try_that_fails_stands_for_all_who_came_before_its_end(void **state)
{
	struct world *world = *state;
	struct task *tasks[5];
	world->gate.is_reader_down = true;
	close_gate(world);
	fake_clock_advance(&world->clock, 1);
	tasks[0] = submit_query(world, hold_query(1));
	sem_wait(&world->gate.entered);
	for (uint32_t i = 1; i < ARRAY_LENGTH(tasks); i++)
		tasks[i] = submit_query(world, hold_query(1));
	fake_clock_advance(&world->clock, 1);
	open_gate(world);
	for (uint32_t i = 0; i < ARRAY_LENGTH(tasks); i++)
		assert_int_equal(answer_of(tasks[i]), ERR_STORE_UNAVAILABLE);
	assert_int_equal(world->gate.finds, 1);
}

static void queries_that_wait_share_a_snapshot(void **state)
{
	struct world *world = *state;
	close_gate(world);
	struct task *tasks[5];
	tasks[0] = submit_query(world, hold_query(1));
	sem_wait(&world->gate.entered);
	for (uint32_t i = 1; i < ARRAY_LENGTH(tasks); i++)
		tasks[i] = submit_query(world, hold_query(1));
	open_gate(world);
	for (uint32_t i = 0; i < ARRAY_LENGTH(tasks); i++)
		assert_int_equal(answer_of(tasks[i]), ERR_HOLD_UNKNOWN);
	assert_int_equal(world->gate.snapshots, 1);
	assert_int_equal(world->gate.finds, 5);
}

/* An admission outside this process: it asks one that stands for it, whose limits are the same, on the thread of its lane. */
struct far_admission {
	struct admission base;
	struct admission *asked;
	_Atomic uint32_t batches;
	_Atomic uint32_t judged;
};

static void far_admit(struct admission *admission, struct admission_request *requests, uint32_t count)
{
	struct far_admission *far = container_of(admission, struct far_admission, base);
	far->batches++;
	far->judged += count;
	far->asked->operations->admit(far->asked, requests, count);
}

static void far_finish(struct admission *admission, const struct admission_request *request, enum admission_end end, uint64_t now_ms)
{
	struct far_admission *far = container_of(admission, struct far_admission, base);
	far->asked->operations->finish(far->asked, request, end, now_ms);
	far->base.local->operations->finish(far->base.local, request, end, now_ms);
}

static const struct admission_operations far_operations = {.admit = far_admit, .finish = far_finish};

/* The service with a far admission in front; the world's becomes its local one. */
static void move_admission_away(struct world *world, struct far_admission *far)
{
	*far = (struct far_admission){.base = {.operations = &far_operations, .local = world->admission, .is_serving = true}};
	far->asked = new_admission();
	service_free(world->service);
	world->admission = &far->base;
	make_service(world, 1);
}

static void bring_admission_back(struct world *world, struct far_admission *far)
{
	service_free(world->service);
	world->service = NULL;
	world->admission = far->base.local;
	admission_free(far->asked);
}

static void far_admission_has_a_lane_of_its_own(void **state)
{
	struct world *world = *state;
	struct far_admission far;
	move_admission_away(world, &far);
	put_on_sale(world);
	assert_int_equal(answer_of(submit_as(world, with_key(take(world, 1, "ada", "1"), 7, 1), "ada")), OK);
	struct task *repeat = submit_as(world, with_key(take(world, 2, "ada", "1"), 7, 1), "ada");
	assert_int_equal(answer_of(repeat), OK);
	assert_true(repeat->job.outcome.is_replayed);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(answer_of(submit_as(world, take(world, 3 + i, "ada", "1"), "ada")), ERR_SEATS_TAKEN);
	assert_int_equal(answer_of(submit_as(world, take(world, 6, "ada", "2"), "ada")), ERR_RATE_LIMITED);
	assert_int_equal(far.judged, 6);
	bring_admission_back(world, &far);
	assert_true(far.batches > 6); /* the end of the key went out though no request came with it */
}

static void local_admission_judges_while_the_far_one_does_not_serve(void **state)
{
	struct world *world = *state;
	struct far_admission far;
	move_admission_away(world, &far);
	put_on_sale(world);
	far.base.is_serving = false;
	assert_int_equal(answer_of(submit_as(world, with_key(take(world, 1, "ada", "1"), 7, 1), "ada")), OK);
	struct task *repeat = submit_as(world, with_key(take(world, 2, "ada", "1"), 7, 1), "ada");
	assert_int_equal(answer_of(repeat), OK);
	assert_true(repeat->job.outcome.is_replayed);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(answer_of(submit_as(world, take(world, 3 + i, "ada", "1"), "ada")), ERR_SEATS_TAKEN);
	assert_int_equal(answer_of(submit_as(world, take(world, 6, "ada", "2"), "ada")), ERR_RATE_LIMITED);
	assert_int_equal(far.judged, 0);
	far.base.is_serving = true; /* it has counted nothing meanwhile */
	assert_int_equal(answer_of(submit_as(world, take(world, 7, "ada", "2"), "ada")), OK);
	bring_admission_back(world, &far);
}

static void stopping_service_answers_what_waits(void **state)
{
	struct world *world = *state;
	put_on_sale(world);
	close_gate(world);
	struct task *tasks[6];
	for (uint32_t i = 0; i < ARRAY_LENGTH(tasks); i++)
		tasks[i] = submit_command(world, take(world, 1 + i, "ada", "1"));
	sem_wait(&world->gate.entered);
	open_gate(world);
	service_free(world->service);
	world->service = NULL;
	uint32_t made = 0;
	for (uint32_t i = 0; i < ARRAY_LENGTH(tasks); i++)
		made += answer_of(tasks[i]) == OK;
	assert_int_equal(made, 1);
}

struct crowd {
	struct world *world;
	uint32_t number;
	uint32_t made;
	uint32_t refused;
};

static void *rush(void *context)
{
	struct crowd *crowd = context;
	struct task task = {.job.arena = &task.arena};
	arena_init(&task.arena, 4096, 1 << 20);
	sem_init(&task.done, 0, 0);
	for (uint32_t i = 0; i < 300; i++) {
		char seats[] = {(char)('1' + i / 3 % TEST_SEAT_COUNT), '\0'};
		bool is_query = i % 3 == 2;
		arena_clear(&task.arena);
		task.job = (struct job){
			.kind = is_query ? JOB_QUERY : JOB_COMMAND,
			.arena = &task.arena,
			.deadline_ns = UINT64_MAX,
			.done = task_done,
			.context = &task,
		};
		if (is_query)
			task.job.query = (struct query){.kind = QUERY_HOLD, .id = test_hold_id(i), .user = SLICE("ada"), .limit = 1};
		else
			task.job.command = hold_command(&task.arena, crowd->number * 1000 + i, "ada", seats);
		service_submit(crowd->world->service, &task.job);
		enum error error = answer_of(&task);
		crowd->made += error == OK && !is_query;
		crowd->refused += error == ERR_SEATS_TAKEN;
	}
	arena_release(&task.arena);
	return NULL;
}

static void let_a_crowd_rush(struct world *world)
{
	put_on_sale(world);
	struct crowd crowds[4];
	pthread_t threads[4];
	uint32_t made = 0;
	uint32_t refused = 0;
	for (uint32_t i = 0; i < ARRAY_LENGTH(crowds); i++) {
		crowds[i] = (struct crowd){.world = world, .number = i + 1};
		assert_int_equal(pthread_create(&threads[i], NULL, rush, &crowds[i]), 0);
	}
	for (uint32_t i = 0; i < ARRAY_LENGTH(crowds); i++) {
		pthread_join(threads[i], NULL);
		made += crowds[i].made;
		refused += crowds[i].refused;
	}
	assert_int_equal(made, TEST_SEAT_COUNT);
	assert_int_equal(made + refused, 800);
	struct service_status status;
	service_status(world->service, &status);
	assert_int_equal(status.events, TEST_SEAT_COUNT + 1);
	assert_int_equal(status.commands, 801);
}

static void each_seat_goes_to_one_of_a_crowd(void **state)
{
	let_a_crowd_rush(*state);
}

static void each_seat_goes_to_one_of_a_crowd_with_several_batches_in_flight(void **state)
{
	struct world *world = *state;
	service_free(world->service);
	make_service(world, 4);
	let_a_crowd_rush(world);
}

static uint32_t commits_waiting(struct world *world)
{
	struct service_status status;
	service_status(world->service, &status);
	return status.commit.waiting;
}

static void commands_overtake_a_commit_that_they_have_nothing_to_do_with(void **state)
{
	struct world *world = *state;
	service_free(world->service);
	make_service(world, 2);
	put_on_sale(world);
	world->gate.is_commit_closed = true;
	struct task *slow = submit_command(world, take(world, 1, "ada", "1"));
	sem_wait(&world->gate.entered);
	world->gate.is_commit_closed = false;
	assert_int_equal(answer_of(submit_command(world, take(world, 2, "bob", "2"))), OK);
	struct task *waiting = submit_command(world, take(world, 3, "cy", "1"));
	assert_int_equal(answer_of(submit_command(world, take(world, 4, "dee", "3"))), OK);
	while (commits_waiting(world) != 1)
		sched_yield();
	assert_int_equal(sem_trywait(&waiting->done), -1);
	assert_int_equal(sem_trywait(&slow->done), -1);
	sem_post(&world->gate.opened);
	assert_int_equal(answer_of(slow), OK);
	assert_int_equal(answer_of(waiting), ERR_SEATS_TAKEN);
}

static void stopping_service_answers_what_waits_for_a_batch_in_flight(void **state)
{
	struct world *world = *state;
	service_free(world->service);
	make_service(world, 2);
	put_on_sale(world);
	world->gate.is_commit_closed = true;
	struct task *tasks[6];
	for (uint32_t i = 0; i < ARRAY_LENGTH(tasks); i++) {
		tasks[i] = submit_command(world, take(world, 1 + i, "ada", "1"));
		if (i == 0)
			sem_wait(&world->gate.entered);
		world->gate.is_commit_closed = false;
	}
	sem_post(&world->gate.opened);
	service_free(world->service);
	world->service = NULL;
	for (uint32_t i = 0; i < ARRAY_LENGTH(tasks); i++)
		assert_int_equal(answer_of(tasks[i]), i == 0 ? OK : ERR_SEATS_TAKEN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)
	const struct CMUnitTest tests[] = {
		TEST(hold_is_made_and_read_back),
		TEST(event_is_in_the_catalog_when_its_maker_has_the_answer),
		TEST(job_says_when_it_came_to_each_stage),
		TEST(event_is_made_though_the_catalog_is_down),
		TEST(a_change_that_the_catalog_does_not_get_to_in_time_is_asked_for_again),
		TEST(user_over_the_limit_is_refused_and_refusals_count),
		TEST(a_service_that_acts_for_nobody_counts_too),
		TEST(key_is_busy_then_replayed_then_bound_to_its_request),
		TEST(key_of_a_refusal_may_be_used_again_with_another_request),
		TEST(full_queue_is_refused_at_once),
		TEST(job_that_is_too_late_is_not_begun),
		TEST(store_that_is_down_is_not_asked_every_time),
		TEST(reader_that_hangs_is_not_asked_every_time),
		TEST(reader_that_refuses_is_asked_for_each_query_and_found_when_it_is_back),
		TEST(a_try_that_fails_stands_for_all_who_came_before_its_end),
		TEST(queries_that_wait_share_a_snapshot),
		TEST(far_admission_has_a_lane_of_its_own),
		TEST(local_admission_judges_while_the_far_one_does_not_serve),
		TEST(a_waiting_command_is_answered_at_its_deadline_though_the_lane_is_stuck),
		TEST(a_store_that_is_found_silent_keeps_nobody_waiting),
		TEST(a_store_that_only_refuses_to_write_is_read),
		TEST(a_store_that_has_served_meanwhile_serves),
		TEST(nothing_is_decided_before_there_is_word_of_a_shared_store),
		TEST(stopping_service_answers_what_waits),
		TEST(each_seat_goes_to_one_of_a_crowd),
		TEST(each_seat_goes_to_one_of_a_crowd_with_several_batches_in_flight),
		TEST(commands_overtake_a_commit_that_they_have_nothing_to_do_with),
		TEST(stopping_service_answers_what_waits_for_a_batch_in_flight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
