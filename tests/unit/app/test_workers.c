/* test_workers.c: the service, the expirer and the publisher together, each on its threads: holds and orders that lapse are ended, and
 * everybody hears of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/local/admission.h"
#include "adapters/local/bus.h"
#include "app/dependencies.h"
#include "app/expirer.h"
#include "app/publisher.h"
#include "app/service.h"
#include "pipeline/worker.h"
#include "tests/support/fake_catalog.h"
#include "tests/unit/app/shop.h"

#define HOLDS 2000

struct world {
	struct fake_clock clock;
	struct fake_random random;
	struct memory_database *database;
	struct store *store;
	struct reader *readers[3]; /* a read lane's, the catalog lane's, the expirer's */
	struct outbox *outbox;
	struct bus *bus;
	struct local_subscriber subscriber;
	struct admission *admission;
	struct fake_catalog *catalog;
	struct dependencies dependencies;
	struct service *service;
	struct expirer *expirer;
	struct publisher *publisher;
	struct worker *expirer_worker;
	struct worker *publisher_worker;
	_Atomic uint32_t created;
	_Atomic uint32_t expired;
	sem_t all_expired;
};

static void receive(void *context, const struct event_record *record)
{
	struct world *world = context;
	if (record->type == EVENT_HOLD_CREATED)
		world->created++;
	if (record->type == EVENT_HOLD_EXPIRED && ++world->expired == HOLDS)
		sem_post(&world->all_expired);
}

static void wake_publisher(void *context, const struct changes *changes)
{
	(void)changes;
	struct world *world = context;
	if (world->publisher_worker != NULL)
		worker_wake(world->publisher_worker);
}

static void submit_expiry(void *context, struct job *job)
{
	service_submit(((struct world *)context)->service, job);
}

static void wake_expirer(void *context)
{
	worker_wake(((struct world *)context)->expirer_worker);
}

static void start_service(struct world *world)
{
	const struct local_admission_options limits = {.callers_max = 100, .keys_max = 100};
	assert_int_equal(local_admission_new(&limits, &world->admission), OK);
	struct store *stores[] = {world->store};
	struct reader *readers[] = {world->readers[0]};
	const struct service_options options = {
		.stores = stores,
		.store_count = 1,
		.readers = readers,
		.reader_count = 1,
		.catalog = &world->catalog->base,
		.catalog_reader = world->readers[1],
		.admission = world->admission,
		.clock = &world->clock.base,
		.dependencies = &world->dependencies,
		.random = &world->random.base,
		.queue_capacity = 1000,
		.batch_max = 256,
		.view_rows_max = 100000,
		.committed = wake_publisher,
		.context = world,
	};
	assert_int_equal(service_new(&options, &world->service), OK);
}

static void start_publisher(struct world *world)
{
	const struct publisher_options options = {
		.outbox = world->outbox,
		.bus = world->bus,
		.clock = &world->clock.base,
		.dependencies = &world->dependencies,
		.owner = {{1}},
	};
	assert_int_equal(publisher_new(&options, &world->publisher), OK);
	const struct worker_options worker = {
		.name = "publisher",
		.step = publisher_step,
		.context = world->publisher,
		.spacing_ms = PUBLISHER_SPACING_MS,
	};
	assert_int_equal(worker_new(&worker, &world->publisher_worker), OK);
}

static void start_expirer(struct world *world)
{
	const struct expirer_options options = {
		.reader = world->readers[2],
		.clock = &world->clock.base,
		.random = &world->random.base,
		.submit = submit_expiry,
		.wake = wake_expirer,
		.context = world,
	};
	assert_int_equal(expirer_new(&options, &world->expirer), OK);
	const struct worker_options worker = {
		.name = "expirer", .step = expirer_step, .context = world->expirer, .spacing_ms = EXPIRER_SPACING_MS};
	assert_int_equal(worker_new(&worker, &world->expirer_worker), OK);
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	fake_clock_init(&world->clock, TEST_NOW_MS);
	fake_random_init(&world->random, 1);
	sem_init(&world->all_expired, 0, 0);
	world->database = memory_database_new();
	assert_non_null(world->database);
	assert_int_equal(memory_store_new(world->database, &world->store), OK);
	for (uint32_t i = 0; i < ARRAY_LENGTH(world->readers); i++)
		assert_int_equal(memory_reader_new(world->database, &world->readers[i]), OK);
	assert_int_equal(memory_outbox_new(world->database, &world->clock.base, &world->outbox), OK);
	assert_int_equal(local_bus_new(&world->bus), OK);
	world->subscriber = (struct local_subscriber){.receive = receive, .context = world};
	local_bus_subscribe(world->bus, &world->subscriber);
	world->catalog = fake_catalog_new();
	assert_non_null(world->catalog);
	dependencies_init(&world->dependencies, 1);
	start_publisher(world);
	start_service(world);
	start_expirer(world);
	*state = world;
	return 0;
}

static int free_world(void **state)
{
	struct world *world = *state;
	worker_stop(world->expirer_worker);
	service_free(world->service); /* its last commands wake both workers */
	worker_free(world->expirer_worker);
	worker_free(world->publisher_worker);
	expirer_free(world->expirer);
	publisher_free(world->publisher);
	local_bus_unsubscribe(world->bus, &world->subscriber);
	bus_free(world->bus);
	outbox_free(world->outbox);
	admission_free(world->admission);
	fake_catalog_free(world->catalog);
	for (uint32_t i = 0; i < ARRAY_LENGTH(world->readers); i++)
		reader_free(world->readers[i]);
	store_free(world->store);
	memory_database_free(world->database);
	free(world);
	return 0;
}

static void job_done(struct job *job)
{
	sem_post(job->context);
}

static enum error run(struct world *world, struct command command, struct arena *arena)
{
	sem_t done;
	sem_init(&done, 0, 0);
	command.arena = arena;
	struct job job = {
		.kind = JOB_COMMAND,
		.command = command,
		.arena = arena,
		.deadline_ns = UINT64_MAX,
		.done = job_done,
		.context = &done,
	};
	service_submit(world->service, &job);
	sem_wait(&done);
	return job.outcome.error;
}

/* An event with a seat for each hold: R-1-1, R-1-2 … */
static void put_on_sale(struct world *world, struct arena *arena)
{
	static const struct layout_section section = {.name = {"R", 1}, .price = 1000, .rows = 1, .seats_per_row = HOLDS};
	struct command command = sale_create_command(arena);
	command.sale_create.layout = (struct layout){.sections = &section, .section_count = 1};
	assert_int_equal(run(world, command, arena), OK);
}

static void hold_seats(struct world *world, struct arena *arena)
{
	for (uint32_t i = 0; i < HOLDS; i++) {
		struct slice text = arena_format(arena, "R-1-%u", i + 1);
		struct seat_label label = seat_label_of(text);
		struct command command = hold_command(arena, i, "ada", "1");
		command.hold_create.seats = &label;
		assert_int_equal(run(world, command, arena), OK);
		arena_clear(arena);
	}
}

static double seconds_since(const struct timespec *begin)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

static void lapsed_holds_are_ended_and_published(void **state)
{
	struct world *world = *state;
	struct arena arena;
	arena_init(&arena, 65536, 1 << 24);
	put_on_sale(world, &arena);
	hold_seats(world, &arena);
	arena_release(&arena);
	fake_clock_advance(&world->clock, TEST_HOLD_TTL_MS);
	struct timespec begin;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 30;
	assert_int_equal(sem_timedwait(&world->all_expired, &until), 0);
	print_message("%u holds ended and published within %.3f s\n", HOLDS, seconds_since(&begin));
	assert_int_equal(world->created, HOLDS);
	assert_int_equal(world->expired, HOLDS);
	assert_int_equal(expirer_counters(world->expirer)->failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lapsed_holds_are_ended_and_published, make_world, free_world),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
