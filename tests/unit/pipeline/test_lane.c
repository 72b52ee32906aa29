/* test_lane.c: hand-over, batches, refusal when full, and shutdown, with real threads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/outside.h"
#include "pipeline/lane.h"

struct job {
	struct list_node node;
	uint32_t producer;
	uint32_t number;
	uint64_t deadline_ns;
};

static uint64_t deadline_of(const struct list_node *node)
{
	return container_of(node, const struct job, node)->deadline_ns;
}

/* Counts what it serves; while the gate is closed the lane stays inside `serve`. */
struct server {
	sem_t entered;
	sem_t gate;
	bool has_gate;
	uint32_t batches;
	uint32_t served;
	uint32_t batch_largest;
	uint32_t next_number[8]; /* of each producer */
};

static void serve(void *context, struct list *batch, uint32_t count)
{
	struct server *server = context;
	if (server->has_gate) {
		sem_post(&server->entered);
		sem_wait(&server->gate);
	}
	uint32_t found = 0;
	for (struct list_node *node = list_pop(batch); node != NULL; node = list_pop(batch)) {
		struct job *job = container_of(node, struct job, node);
		assert_int_equal(job->number, server->next_number[job->producer]++);
		found++;
	}
	assert_int_equal(found, count);
	server->batches++;
	server->served += count;
	if (count > server->batch_largest)
		server->batch_largest = count;
}

static struct server server_with_gate(void)
{
	struct server server = {.has_gate = true};
	sem_init(&server.entered, 0, 0);
	sem_init(&server.gate, 0, 0);
	return server;
}

static struct lane *lane_for(struct server *server, uint32_t capacity, uint32_t batch_max)
{
	struct lane_options options = {
		.name = "lane-test",
		.capacity = capacity,
		.batch_max = batch_max,
		.thread_count = 1,
		.serve = serve,
		.deadline_ns = deadline_of,
		.context = server,
	};
	struct lane *lane;
	assert_int_equal(lane_new(&options, &lane), OK);
	return lane;
}

static void waiting_jobs_are_served_as_one_batch_up_to_its_maximum(void **state)
{
	(void)state;
	struct server server = server_with_gate();
	struct lane *lane = lane_for(&server, 100, 4);
	struct job jobs[8];
	for (uint32_t i = 0; i < ARRAY_LENGTH(jobs); i++)
		jobs[i] = (struct job){.number = i};

	assert_int_equal(lane_submit(lane, &jobs[0].node), OK);
	sem_wait(&server.entered);
	for (uint32_t i = 1; i < ARRAY_LENGTH(jobs); i++)
		assert_int_equal(lane_submit(lane, &jobs[i].node), OK);
	assert_int_equal(lane_depth(lane), 7);

	for (uint32_t i = 0; i < 3; i++)
		sem_post(&server.gate);
	lane_free(lane);
	assert_int_equal(server.batches, 3);
	assert_int_equal(server.batch_largest, 4);
	assert_int_equal(server.served, 8);
}

struct taking_server {
	struct lane *lane;
	sem_t entered, gate;
	uint32_t room, given, taken;
};

/* The waiting jobs join the batch that is being served. */
static void serve_with_more(void *context, struct list *batch, uint32_t count)
{
	struct taking_server *server = context;
	sem_post(&server->entered);
	sem_wait(&server->gate);
	lane_take_more(server->lane, server->room, batch);
	server->given = count;
	for (server->taken = 0; list_pop(batch) != NULL;)
		server->taken++;
}

static void jobs_that_come_while_a_batch_is_served_may_join_it(void **state)
{
	(void)state;
	struct taking_server server = {.room = 3};
	sem_init(&server.entered, 0, 0);
	sem_init(&server.gate, 0, 0);
	const struct lane_options options = {
		.name = "lane-test", .capacity = 10, .batch_max = 4, .thread_count = 1, .serve = serve_with_more, .context = &server};
	assert_int_equal(lane_new(&options, &server.lane), OK);
	struct job jobs[6] = {0};
	assert_int_equal(lane_submit(server.lane, &jobs[0].node), OK);
	sem_wait(&server.entered);
	for (uint32_t i = 1; i < ARRAY_LENGTH(jobs); i++)
		assert_int_equal(lane_submit(server.lane, &jobs[i].node), OK);
	sem_post(&server.gate);
	sem_wait(&server.entered); /* the next batch: of the two for which there was no room */
	assert_int_equal(server.given, 1);
	assert_int_equal(server.taken, 4);
	assert_int_equal(lane_depth(server.lane), 0);
	sem_post(&server.gate);
	lane_free(server.lane);
	assert_int_equal(server.given, 2);
	assert_int_equal(server.taken, 2);
}

static void full_lane_refuses_and_the_caller_keeps_the_job(void **state)
{
	(void)state;
	struct server server = server_with_gate();
	struct lane *lane = lane_for(&server, 2, 10);
	struct job jobs[4];
	for (uint32_t i = 0; i < ARRAY_LENGTH(jobs); i++)
		jobs[i] = (struct job){.number = i};

	assert_int_equal(lane_submit(lane, &jobs[0].node), OK);
	sem_wait(&server.entered);
	assert_int_equal(lane_submit(lane, &jobs[1].node), OK);
	assert_int_equal(lane_submit(lane, &jobs[2].node), OK);
	assert_int_equal(lane_submit(lane, &jobs[3].node), ERR_OVERLOADED);
	struct lane_use use = {.waiting = 5};
	lane_add_use(lane, &use);
	assert_int_equal(use.waiting, 5 + 2);
	assert_int_equal(use.capacity, 2);
	assert_int_equal(use.refused, 1);
	assert_int_equal(use.threads, 1);
	assert_int_equal(use.busy, 1);
	assert_int_equal(use.busy_ns, 0);

	sem_post(&server.gate);
	sem_wait(&server.entered);
	use = (struct lane_use){0};
	lane_add_use(lane, &use);
	assert_true(use.busy_ns > 0);
	assert_int_equal(lane_submit(lane, &jobs[3].node), OK);
	sem_post(&server.gate);
	sem_post(&server.gate);
	lane_free(lane);
	assert_int_equal(server.served, 4);
}

struct producer {
	struct lane *lane;
	uint32_t index;
	uint32_t count;
	struct job *jobs;
};

static void *produce(void *context)
{
	struct producer *producer = context;
	for (uint32_t i = 0; i < producer->count; i++) {
		producer->jobs[i] = (struct job){.producer = producer->index, .number = i};
		while (lane_submit(producer->lane, &producer->jobs[i].node) != OK)
			sched_yield();
	}
	return NULL;
}

static void many_producers_lose_nothing_and_each_keeps_its_order(void **state)
{
	(void)state;
	enum { PRODUCERS = 4, JOBS = 20000 };
	struct server server = {0};
	struct lane *lane = lane_for(&server, 64, 16);
	struct producer producers[PRODUCERS];
	pthread_t threads[PRODUCERS];
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){.lane = lane, .index = i, .count = JOBS, .jobs = calloc(JOBS, sizeof(struct job))};
		assert_non_null(producers[i].jobs);
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	}
	for (uint32_t i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	lane_free(lane);
	assert_int_equal(server.served, PRODUCERS * JOBS);
	assert_true(server.batch_largest <= 16);
	for (uint32_t i = 0; i < PRODUCERS; i++)
		free(producers[i].jobs);
}

static void *submit_until_refused(void *context)
{
	struct job job = {0};
	/* The lane is full until it stops, so that the job is never taken; the reason changes. */
	while (lane_submit(context, &job.node) != ERR_SHUTTING_DOWN)
		sched_yield();
	return NULL;
}

static void *free_lane(void *context)
{
	lane_free(context);
	return NULL;
}

static void stopping_lane_refuses_and_serves_what_waits(void **state)
{
	(void)state;
	struct server server = server_with_gate();
	struct lane *lane = lane_for(&server, 1, 1);
	struct job jobs[2] = {{.number = 0}, {.number = 1}};
	assert_int_equal(lane_submit(lane, &jobs[0].node), OK);
	sem_wait(&server.entered);
	assert_int_equal(lane_submit(lane, &jobs[1].node), OK);

	pthread_t submitting;
	pthread_t freeing;
	assert_int_equal(pthread_create(&submitting, NULL, submit_until_refused, lane), 0);
	assert_int_equal(pthread_create(&freeing, NULL, free_lane, lane), 0);
	pthread_join(submitting, NULL);
	sem_post(&server.gate);
	sem_post(&server.gate);
	pthread_join(freeing, NULL);
	assert_int_equal(server.served, 2);
}

/* Serves jobs of one producer one at a time: those that find another of it being served are left. */
struct choosy_server {
	pthread_mutex_t lock;
	bool is_at_work[4];
	sem_t entered; /* a job with number 0 is being served, until … */
	sem_t gate;
	_Atomic uint32_t served;
	_Atomic uint32_t calls;
	uint32_t order[16]; /* numbers, as they were served */
};

static bool take_producer(struct choosy_server *server, uint32_t producer, bool is_at_work)
{
	pthread_mutex_lock(&server->lock);
	bool is_taken = server->is_at_work[producer] != is_at_work;
	if (is_taken)
		server->is_at_work[producer] = is_at_work;
	pthread_mutex_unlock(&server->lock);
	return is_taken;
}

static void serve_choosily(void *context, struct list *batch, uint32_t count)
{
	struct choosy_server *server = context;
	server->calls++;
	for (uint32_t i = 0; i < count; i++) {
		struct list_node *node = list_pop(batch);
		struct job *job = container_of(node, struct job, node);
		if (!take_producer(server, job->producer, true)) {
			list_push(batch, node);
			continue;
		}
		if (job->number == 0) {
			sem_post(&server->entered);
			sem_wait(&server->gate);
		}
		server->order[server->served++] = job->number;
		take_producer(server, job->producer, false);
	}
}

static struct lane *choosy_lane(struct choosy_server *server, uint32_t thread_count)
{
	*server = (struct choosy_server){.lock = PTHREAD_MUTEX_INITIALIZER};
	sem_init(&server->entered, 0, 0);
	sem_init(&server->gate, 0, 0);
	const struct lane_options options = {
		.name = "lane-test",
		.capacity = 100,
		.batch_max = 10,
		.thread_count = thread_count,
		.serve = serve_choosily,
		.deadline_ns = deadline_of,
		.context = server,
	};
	struct lane *lane;
	assert_int_equal(lane_new(&options, &lane), OK);
	return lane;
}

static void wait_until(_Atomic uint32_t *value, uint32_t wanted)
{
	while (*value < wanted)
		sched_yield();
}

static void threads_of_a_lane_serve_side_by_side(void **state)
{
	(void)state;
	struct choosy_server server;
	struct lane *lane = choosy_lane(&server, 3);
	struct job jobs[3] = {{.producer = 0}, {.producer = 1}, {.producer = 2}};
	for (uint32_t i = 0; i < ARRAY_LENGTH(jobs); i++) {
		assert_int_equal(lane_submit(lane, &jobs[i].node), OK);
		sem_wait(&server.entered); /* all three are in there at once */
	}
	for (uint32_t i = 0; i < ARRAY_LENGTH(jobs); i++)
		sem_post(&server.gate);
	lane_free(lane);
	assert_int_equal(server.served, 3);
}

/* Notes the size of each batch, and holds it until its own gate opens. */
struct sized_server {
	sem_t entered;
	sem_t gates[8];
	pthread_mutex_t lock;
	uint32_t count;
	uint32_t sizes[8];
};

static void serve_sized(void *context, struct list *batch, uint32_t count)
{
	struct sized_server *server = context;
	pthread_mutex_lock(&server->lock);
	uint32_t index = server->count++;
	assert_true(index < ARRAY_LENGTH(server->sizes));
	server->sizes[index] = count;
	pthread_mutex_unlock(&server->lock);
	sem_post(&server->entered);
	sem_wait(&server->gates[index]);
	while (list_pop(batch) != NULL)
		;
}

static void submit_some(struct lane *lane, struct job *jobs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(lane_submit(lane, &jobs[i].node), OK);
}

/* One of two threads has a batch of eight, the usual size since then, and the other has nothing. */
static struct lane *lane_with_eight(struct sized_server *server, struct job *jobs, uint64_t patience_ms)
{
	*server = (struct sized_server){.lock = PTHREAD_MUTEX_INITIALIZER};
	sem_init(&server->entered, 0, 0);
	for (uint32_t i = 0; i < ARRAY_LENGTH(server->gates); i++)
		sem_init(&server->gates[i], 0, 0);
	const struct lane_options options = {.name = "lane-test",
	                                     .capacity = 100,
	                                     .batch_max = 10,
	                                     .thread_count = 2,
	                                     .serve = serve_sized,
	                                     .patience_ms = patience_ms,
	                                     .context = server};
	struct lane *lane;
	assert_int_equal(lane_new(&options, &lane), OK);
	for (uint32_t i = 0; i < 2; i++) {
		submit_some(lane, &jobs[i], 1);
		sem_wait(&server->entered);
	}
	submit_some(lane, &jobs[2], 8);
	sem_post(&server->gates[0]);
	sem_wait(&server->entered);
	assert_int_equal(server->sizes[2], 8);
	sem_post(&server->gates[1]);
	return lane;
}

static void let_all_go(struct sized_server *server, struct lane *lane)
{
	for (uint32_t i = 0; i < ARRAY_LENGTH(server->gates); i++)
		sem_post(&server->gates[i]);
	lane_free(lane);
}

static void a_second_batch_begins_when_nearly_as_many_wait_as_usual(void **state)
{
	(void)state;
	struct sized_server server;
	struct job jobs[16] = {0};
	struct lane *lane = lane_with_eight(&server, jobs, 3600000);
	submit_some(lane, &jobs[10], 5);
	submit_some(lane, &jobs[15], 1);
	sem_wait(&server.entered);
	assert_int_equal(server.sizes[3], 6);
	let_all_go(&server, lane);
}

static void a_few_jobs_that_waited_long_behind_another_batch_are_served(void **state)
{
	(void)state;
	struct sized_server server;
	struct job jobs[11] = {0};
	struct lane *lane = lane_with_eight(&server, jobs, 5);
	submit_some(lane, &jobs[10], 1);
	sem_wait(&server.entered); /* the eight are still there */
	assert_int_equal(server.sizes[3], 1);
	let_all_go(&server, lane);
}

static void jobs_behind_another_batch_are_served_when_it_ends_or_the_lane_stops(void **state)
{
	(void)state;
	struct sized_server server;
	struct job jobs[16] = {0};
	struct lane *lane = lane_with_eight(&server, jobs, 3600000);
	submit_some(lane, &jobs[10], 3);
	sem_post(&server.gates[2]);
	sem_wait(&server.entered);
	assert_int_equal(server.sizes[3], 3);
	submit_some(lane, &jobs[13], 1);
	let_all_go(&server, lane);
	assert_int_equal(server.sizes[4], 1);
}

static void jobs_left_come_again_first_when_another_was_served(void **state)
{
	(void)state;
	struct choosy_server server;
	struct lane *lane = choosy_lane(&server, 2);
	struct job jobs[] = {{.number = 0}, {.number = 1}, {.number = 2}};
	assert_int_equal(lane_submit(lane, &jobs[0].node), OK);
	sem_wait(&server.entered);
	assert_int_equal(lane_submit(lane, &jobs[1].node), OK);
	wait_until(&server.calls, 2);
	while (lane_depth(lane) == 0)
		sched_yield();
	/* The job that is left is not tried again and again. */
	for (int i = 0; i < 1000; i++)
		sched_yield();
	assert_int_equal(server.calls, 2);
	assert_int_equal(lane_submit(lane, &jobs[2].node), OK);
	wait_until(&server.calls, 3);
	assert_int_equal(server.served, 0);
	sem_post(&server.gate);
	wait_until(&server.served, 3);
	lane_free(lane);
	assert_int_equal(server.order[0], 0);
	assert_int_equal(server.order[1], 1);
	assert_int_equal(server.order[2], 2);
}

static void a_lane_that_stops_serves_what_is_left_too(void **state)
{
	(void)state;
	struct choosy_server server;
	struct lane *lane = choosy_lane(&server, 3);
	struct job jobs[6];
	for (uint32_t i = 0; i < ARRAY_LENGTH(jobs); i++) {
		jobs[i] = (struct job){.number = i};
		assert_int_equal(lane_submit(lane, &jobs[i].node), OK);
		if (i == 0)
			sem_wait(&server.entered);
	}
	pthread_t freeing;
	assert_int_equal(pthread_create(&freeing, NULL, free_lane, lane), 0);
	wait_until(&server.calls, 2);
	sem_post(&server.gate);
	pthread_join(freeing, NULL);
	assert_int_equal(server.served, ARRAY_LENGTH(jobs));
}

static uint32_t count_of(const struct list *list)
{
	uint32_t count = 0;
	list_for_each(node, list)
		count++;
	return count;
}

static void overdue_jobs_are_taken_from_a_stuck_lane(void **state)
{
	(void)state;
	struct server server = server_with_gate();
	struct lane *lane = lane_for(&server, 100, 10);
	struct job jobs[] = {{.deadline_ns = 10},
	                     {.number = 9, .deadline_ns = 30},
	                     {.number = 1, .deadline_ns = UINT64_MAX},
	                     {.number = 9, .deadline_ns = 20},
	                     {.number = 2, .deadline_ns = 40}};
	struct list overdue;
	list_init(&overdue);
	assert_int_equal(lane_take_overdue(lane, UINT64_MAX, &overdue), 0);
	assert_int_equal(lane_submit(lane, &jobs[0].node), OK);
	sem_wait(&server.entered);
	for (uint32_t i = 1; i < ARRAY_LENGTH(jobs); i++)
		assert_int_equal(lane_submit(lane, &jobs[i].node), OK);
	/* The lane keeps a job that is being served, however late it is. */
	assert_int_equal(lane_take_overdue(lane, 19, &overdue), 0);
	assert_int_equal(lane_take_overdue(lane, 20, &overdue), 1);
	assert_ptr_equal(overdue.head.next, &jobs[3].node);
	assert_int_equal(lane_take_overdue(lane, 39, &overdue), 1);
	assert_int_equal(lane_depth(lane), 2);
	sem_post(&server.gate);
	sem_post(&server.gate);
	lane_free(lane);
	assert_int_equal(server.served, 3);
	assert_int_equal(count_of(&overdue), 2);
}

static void all_that_waits_may_be_taken_what_was_left_too(void **state)
{
	(void)state;
	struct choosy_server server;
	struct lane *lane = choosy_lane(&server, 2);
	struct job jobs[] = {{.number = 0, .deadline_ns = 10}, {.number = 1, .deadline_ns = 20}, {.number = 2, .deadline_ns = UINT64_MAX}};
	struct list overdue;
	list_init(&overdue);
	assert_int_equal(lane_submit(lane, &jobs[0].node), OK);
	sem_wait(&server.entered);
	assert_int_equal(lane_submit(lane, &jobs[1].node), OK);
	wait_until(&server.calls, 2);
	while (lane_depth(lane) == 0)
		sched_yield();
	assert_int_equal(lane_take_overdue(lane, 20, &overdue), 1);
	assert_int_equal(lane_depth(lane), 0);
	assert_int_equal(lane_submit(lane, &jobs[2].node), OK);
	wait_until(&server.calls, 3);
	while (lane_take_overdue(lane, UINT64_MAX, &overdue) == 0)
		sched_yield();
	sem_post(&server.gate);
	lane_free(lane);
	assert_int_equal(server.served, 1);
	assert_int_equal(count_of(&overdue), 2);
}

struct taker {
	struct lane *lane;
	_Atomic bool is_over;
	struct list taken;
};

static void *take_overdue(void *context)
{
	struct taker *taker = context;
	while (!taker->is_over)
		lane_take_overdue(taker->lane, UINT64_MAX, &taker->taken);
	return NULL;
}

static void count_batch(void *context, struct list *batch, uint32_t count)
{
	uint32_t *served = context;
	while (list_pop(batch) != NULL)
		(*served)++;
	assert_true(count > 0);
}

static void each_job_comes_back_once_whoever_is_faster(void **state)
{
	(void)state;
	enum { JOBS = 100000 };
	uint32_t served = 0;
	const struct lane_options options = {.name = "lane-test",
	                                     .capacity = 64,
	                                     .batch_max = 4,
	                                     .thread_count = 1,
	                                     .serve = count_batch,
	                                     .deadline_ns = deadline_of,
	                                     .context = &served};
	struct taker taker = {0};
	pthread_t thread;
	struct job *jobs = calloc(JOBS, sizeof *jobs);
	assert_non_null(jobs);
	list_init(&taker.taken);
	assert_int_equal(lane_new(&options, &taker.lane), OK);
	assert_int_equal(pthread_create(&thread, NULL, take_overdue, &taker), 0);
	for (uint32_t i = 0; i < JOBS; i++)
		while (lane_submit(taker.lane, &jobs[i].node) != OK)
			sched_yield();
	taker.is_over = true;
	pthread_join(thread, NULL);
	lane_free(taker.lane);
	assert_int_equal(served + count_of(&taker.taken), JOBS);
	free(jobs);
}

#define SECOND UINT64_C(1000000000)

static void a_thread_that_does_not_come_back_though_jobs_came_is_silent(void **state)
{
	(void)state;
	struct server server = server_with_gate();
	struct lane *lane = lane_for(&server, 10, 4);
	struct job jobs[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
	uint64_t now_ns = SECOND;
	assert_int_equal(lane_silent_ns(lane, now_ns), 0);
	assert_int_equal(lane_submit(lane, &jobs[0].node), OK);
	sem_wait(&server.entered);
	for (uint32_t i = 0; i < 20; i++) /* nobody waits for it */
		assert_int_equal(lane_silent_ns(lane, now_ns += SECOND), 0);
	assert_int_equal(lane_submit(lane, &jobs[1].node), OK);
	for (uint32_t i = 1; i <= 12; i++)
		assert_int_equal(lane_silent_ns(lane, now_ns += SECOND), i * SECOND);
	assert_int_equal(lane_silent_ns(lane, now_ns += 100 * SECOND), 13 * SECOND); /* this process was stopped, too */

	struct list overdue;
	list_init(&overdue);
	assert_int_equal(lane_take_overdue(lane, UINT64_MAX, &overdue), 1); /* which makes the thread come no sooner */
	assert_int_equal(lane_silent_ns(lane, now_ns += SECOND), 14 * SECOND);

	sem_post(&server.gate);
	while (lane_silent_ns(lane, now_ns) != 0)
		sched_yield();
	assert_int_equal(lane_silent_ns(lane, now_ns += SECOND), 0);
	lane_free(lane);
}

/* A batch that calls the store again and again, and then waits for it. */
struct caller {
	sem_t gate;
	sem_t step;
	sem_t stepped;
	_Atomic bool is_over;
};

static void call_store(void *context, struct list *batch, uint32_t count)
{
	struct caller *caller = context;
	(void)count;
	while (list_pop(batch) != NULL)
		continue;
	for (sem_wait(&caller->step); !caller->is_over; sem_wait(&caller->step)) {
		outside_begin();
		sem_post(&caller->stepped);
		sem_wait(&caller->gate);
		outside_end();
		sem_post(&caller->stepped);
	}
}

static void a_lane_that_waits_for_a_call_outside_is_not_silent(void **state)
{
	(void)state;
	struct caller caller = {0};
	sem_init(&caller.gate, 0, 0);
	sem_init(&caller.step, 0, 0);
	sem_init(&caller.stepped, 0, 0);
	const struct lane_options options = {
		.name = "lane-test", .capacity = 10, .batch_max = 4, .thread_count = 1, .serve = call_store, .context = &caller};
	struct lane *lane;
	struct job jobs[2] = {{.number = 0}, {.number = 1}};
	uint64_t now_ns = SECOND;
	assert_int_equal(lane_new(&options, &lane), OK);
	assert_int_equal(lane_submit(lane, &jobs[0].node), OK);
	while (lane_depth(lane) > 0)
		sched_yield();
	assert_int_equal(lane_submit(lane, &jobs[1].node), OK);
	(void)lane_silent_ns(lane, now_ns);
	for (uint32_t i = 0; i < 3; i++) {
		sem_post(&caller.step);
		sem_wait(&caller.stepped);
		for (uint32_t second = 0; second < 30; second++)
			assert_int_equal(lane_silent_ns(lane, now_ns += SECOND), 0);
		sem_post(&caller.gate);
		sem_wait(&caller.stepped);
		(void)lane_silent_ns(lane, now_ns += SECOND);
		assert_true(lane_silent_ns(lane, now_ns += SECOND) > 0); /* it is back from there, and does nothing */
	}
	caller.is_over = true;
	sem_post(&caller.step);
	sem_post(&caller.step);
	lane_free(lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_that_does_not_come_back_though_jobs_came_is_silent),
		cmocka_unit_test(a_lane_that_waits_for_a_call_outside_is_not_silent),
		cmocka_unit_test(waiting_jobs_are_served_as_one_batch_up_to_its_maximum),
		cmocka_unit_test(jobs_that_come_while_a_batch_is_served_may_join_it),
		cmocka_unit_test(full_lane_refuses_and_the_caller_keeps_the_job),
		cmocka_unit_test(many_producers_lose_nothing_and_each_keeps_its_order),
		cmocka_unit_test(stopping_lane_refuses_and_serves_what_waits),
		cmocka_unit_test(threads_of_a_lane_serve_side_by_side),
		cmocka_unit_test(a_second_batch_begins_when_nearly_as_many_wait_as_usual),
		cmocka_unit_test(a_few_jobs_that_waited_long_behind_another_batch_are_served),
		cmocka_unit_test(jobs_behind_another_batch_are_served_when_it_ends_or_the_lane_stops),
		cmocka_unit_test(jobs_left_come_again_first_when_another_was_served),
		cmocka_unit_test(a_lane_that_stops_serves_what_is_left_too),
		cmocka_unit_test(overdue_jobs_are_taken_from_a_stuck_lane),
		cmocka_unit_test(all_that_waits_may_be_taken_what_was_left_too),
		cmocka_unit_test(each_job_comes_back_once_whoever_is_faster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
