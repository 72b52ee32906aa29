/* bench_publisher.c: how many events a second one publisher takes from PostgreSQL to a bus in its own process, acknowledges and all.
 *
 * Fills the outbox with commits of `batch` holds over 16 events, and drains it. Then the same with a commit for each hold, whose entries are the
 * smallest; and at last it asks an outbox from which all of it has been taken.
 *
 *   tests/peers/postgres.py [--durable] bench_publisher [--events=200000] [--batch=64] */
#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/local/bus.h"
#include "adapters/postgres/postgres.h"
#include "adapters/system/system.h"
#include "app/dependencies.h"
#include "app/publisher.h"
#include "domain/hold.h"
#include "state/changes.h"
#include "tests/support/measure.h"

#define SALES 16
#define SMALL_SHARE 10 /* of the events, one in so many is committed alone */
#define POLLS 1000

struct bench {
	const char *dsn;
	uint32_t events, batch;
	struct arena arena;
	struct hlc clock;
	struct store *store;
	struct outbox *outbox;
	struct bus *bus;
	uint64_t received;
};

static void add_hold(struct bench *bench, struct changes *changes, uint32_t number)
{
	static const char data[] =
		"{\"hold_id\":\"01a3185c-5000-7000-8000-00000000002a\",\"event_id\":\"01a3185c-5000-7000-8000-00000000002a\","
		"\"user_id\":\"user-000000001234\",\"seats\":[{\"seat\":\"S1-100-100\",\"price\":4500}],\"currency\":\"EUR\","
		"\"status\":\"ACTIVE\",\"expires_at\":\"2027-01-15T08:05:00.000Z\",\"created_at\":\"2027-01-15T08:00:00.000Z\"}";
	uint64_t stamp = hlc_next(&bench->clock, changes->now_ms);
	uint8_t shard = (uint8_t)(number % SALES);
	struct event event = {
		.type = EVENT_HOLD_CREATED,
		.stream_id = uuid_v7(stamp, random_u64(system_random()), shard),
		.event_id = uuid_v7(1, 1, shard),
		.sequence = 1,
		.actor = SLICE("user-000000001234"),
		.data = SLICE(data),
	};
	struct hold *hold = arena_allocate(&bench->arena, sizeof *hold);
	const struct event *appended = changes_append(changes, &event);
	must(appended != NULL && hold != NULL, "out of memory");
	*hold = (struct hold){
		.row = {.kind = ROW_HOLD, .version = uuid_stamp(&appended->id)},
		.hold_id = event.stream_id,
		.event_id = event.event_id,
		.user = short_text_of(event.actor),
		.sequence = 1,
		.status = HOLD_ACTIVE,
		.created_at_ms = changes->now_ms,
		.expires_at_ms = changes->now_ms + 300000,
	};
	changes->rows[changes->row_count++] = &hold->row;
}

static void fill(struct bench *bench, uint32_t count, uint32_t batch)
{
	for (uint32_t done = 0; done < count; done += batch) {
		struct changes changes;
		arena_clear(&bench->arena);
		changes_init(&changes, &bench->arena, &bench->clock, random_u64(system_random()), clock_now_ms(system_clock()));
		changes.rows = arena_allocate_array(&bench->arena, batch, sizeof *changes.rows);
		must(changes.rows != NULL, "out of memory");
		for (uint32_t i = 0; i < batch; i++)
			add_hold(bench, &changes, done + i);
		must(store_commit(bench->store, &changes) == STORE_OK, "a batch is not committed");
	}
}

static void receive(void *context, const struct event_record *record)
{
	(void)record;
	((struct bench *)context)->received++;
}

static void drain(struct bench *bench, struct publisher *publisher, uint32_t count, uint32_t batch)
{
	bench->received = 0;
	uint64_t acknowledges = publisher_counters(publisher)->acknowledges;
	double began_s = seconds_now(), cpu_s = cpu_seconds();
	while (bench->received < count)
		(void)publisher_step(publisher);
	(void)publisher_step(publisher); /* acknowledges the last */
	double took_s = seconds_now() - began_s;
	must(publisher_counters(publisher)->failures == 0, "not everything was published");
	(void)printf("commits of %3u: %7u events in %5.2f s: %6.0f events/s; %4.1f us of CPU in this process for each, %llu acknowledges\n",
	             batch, count, took_s, count / took_s, (cpu_seconds() - cpu_s) * 1e6 / count,
	             (unsigned long long)(publisher_counters(publisher)->acknowledges - acknowledges));
}

static void poll_idle(struct publisher *publisher)
{
	double began_s = seconds_now(), cpu_s = cpu_seconds();
	for (uint32_t i = 0; i < POLLS; i++)
		(void)publisher_step(publisher);
	double polls = POLLS;
	(void)printf("idle: %.3f ms for each question, %.1f us of CPU in this process\n", (seconds_now() - began_s) * 1e3 / polls,
	             (cpu_seconds() - cpu_s) * 1e6 / polls);
}

static void run(struct bench *bench)
{
	char message[POSTGRES_MESSAGE_MAX];
	struct local_subscriber subscriber = {.receive = receive, .context = bench};
	struct publisher *publisher;
	must(postgres_migrate(bench->dsn, NULL, NULL, message) == OK &&
	             postgres_store_open(bench->dsn, false, &bench->store, message) == OK &&
	             postgres_outbox_open(bench->dsn, &bench->outbox, message) == OK,
	     message);
	must(local_bus_new(&bench->bus) == OK, "out of memory");
	local_bus_subscribe(bench->bus, &subscriber);
	struct dependencies dependencies;
	dependencies_init(&dependencies, random_u64(system_random()));
	const struct publisher_options options = {
		.outbox = bench->outbox,
		.bus = bench->bus,
		.clock = system_clock(),
		.dependencies = &dependencies,
		.owner = uuid_v7(2, random_u64(system_random()), 0),
	};
	must(publisher_new(&options, &publisher) == OK, "out of memory");
	fill(bench, bench->events, bench->batch);
	drain(bench, publisher, bench->events, bench->batch);
	fill(bench, bench->events / SMALL_SHARE, 1);
	drain(bench, publisher, bench->events / SMALL_SHARE, 1);
	poll_idle(publisher);
	publisher_finish(publisher);
	publisher_free(publisher);
	local_bus_unsubscribe(bench->bus, &subscriber);
	bus_free(bench->bus);
	outbox_free(bench->outbox);
	store_free(bench->store);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"events", required_argument, NULL, 'n'}, {"batch", required_argument, NULL, 'b'}, {0}};
	struct bench bench = {.dsn = getenv("TRO_TEST_POSTGRES"), .events = 200000, .batch = 64};
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'n')
			bench.events = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'b')
			bench.batch = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	must(bench.dsn != NULL, "run it with tests/peers/postgres.py");
	must(bench.batch >= 1 && bench.batch <= 1000 && bench.events >= bench.batch, "a batch has 1 to 1000 holds");
	bench.events -= bench.events % bench.batch;
	arena_init(&bench.arena, 1 << 20, 64 << 20);
	run(&bench);
	arena_release(&bench.arena);
	return 0;
}
