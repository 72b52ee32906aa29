/* bench_expirer.c: how fast expiry workers end a backlog of lapsed holds in PostgreSQL, and how many of their commands come too late.
 *
 * Every worker is built as the service of that name: an expirer with a commit lane of its own. Each hold has one seat.
 *
 *   tests/peers/postgres.py [--durable] bench_expirer [--holds=50000] [--workers=2] */
#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/postgres/postgres.h"
#include "adapters/system/system.h"
#include "app/dependencies.h"
#include "app/expirer.h"
#include "app/service.h"
#include "domain/hold.h"
#include "domain/sale.h"
#include "domain/seat.h"
#include "pipeline/worker.h"
#include "state/changes.h"
#include "tests/support/measure.h"

#define WORKERS_MAX 4
#define SALES 16
#define BATCH 500
#define TTL_MS 1000
#define LOOK_MS 5
#define QUEUE_CAPACITY 8192
#define BATCH_MAX 512
#define VIEW_ROWS_MAX 32768

struct staff {
	struct dependencies dependencies;
	struct store *store;
	struct reader *reader;
	struct service *service;
	struct expirer *expirer;
	struct worker *worker;
};

struct bench {
	const char *dsn;
	uint32_t holds, workers;
	struct arena arena;
	struct hlc clock;
	struct store *store;
	struct uuid sales[SALES];
	uint64_t sale_versions[SALES];
	struct staff staff[WORKERS_MAX];
};

static void begin(struct bench *bench, struct changes *changes)
{
	arena_clear(&bench->arena);
	changes_init(changes, &bench->arena, &bench->clock, random_u64(system_random()), clock_now_ms(system_clock()));
}

static void create_sale(struct bench *bench, uint32_t number, uint32_t seats)
{
	struct changes changes;
	begin(bench, &changes);
	struct layout_section section = {.name = SLICE("S"), .price = 4500, .rows = 1, .seats_per_row = seats};
	struct uuid event_id = uuid_v7(hlc_next(&bench->clock, changes.now_ms), random_u64(system_random()), (uint8_t)number);
	struct event event = {
		.type = EVENT_SALE_CREATED,
		.stream_id = event_id,
		.event_id = event_id,
		.sequence = 1,
		.actor = SLICE("bench"),
		.layout = {.sections = &section, .section_count = 1},
		.data = SLICE("{}"),
	};
	must(changes_append(&changes, &event) != NULL, "out of memory");
	struct sale sale = {
		.row = {.kind = ROW_SALE, .version = uuid_stamp(&changes.events[0].id)},
		.event_id = event_id,
		.sequence = 1,
		.status = SALE_ON_SALE,
		.currency = {"EUR"},
		.seat_count = seats,
	};
	const struct row *rows[] = {&sale.row};
	changes.rows = rows;
	changes.row_count = 1;
	must(store_commit(bench->store, &changes) == STORE_OK, "a sale is not committed");
	bench->sales[number] = event_id;
	bench->sale_versions[number] = sale.row.version;
}

static void add_hold(struct bench *bench, struct changes *changes, uint32_t sale, uint32_t seat_number)
{
	struct hold *hold = arena_allocate(&bench->arena, sizeof *hold);
	struct seat *seat = arena_allocate(&bench->arena, sizeof *seat);
	struct slice label = arena_format(&bench->arena, "S-1-%u", seat_number + 1);
	must(hold != NULL && seat != NULL && label.data != NULL, "out of memory");
	uint64_t stamp = hlc_next(&bench->clock, changes->now_ms);
	struct event event = {
		.type = EVENT_HOLD_CREATED,
		.stream_id = uuid_v7(stamp, random_u64(system_random()), (uint8_t)sale),
		.event_id = bench->sales[sale],
		.sequence = 1,
		.actor = SLICE("user-000000001234"),
		.data = SLICE("{}"),
	};
	const struct event *appended = changes_append(changes, &event);
	must(appended != NULL, "out of memory");
	*seat = (struct seat){
		.row = {.kind = ROW_SEAT, .version = uuid_stamp(&appended->id), .stored_version = bench->sale_versions[sale]},
		.event_id = event.event_id,
		.label = seat_label_of(label),
		.status = SEAT_HELD,
		.holder_id = event.stream_id,
		.price = 4500,
	};
	*hold = (struct hold){
		.row = {.kind = ROW_HOLD, .version = seat->row.version},
		.hold_id = event.stream_id,
		.event_id = event.event_id,
		.user = short_text_of(event.actor),
		.sequence = 1,
		.status = HOLD_ACTIVE,
		.created_at_ms = changes->now_ms - TTL_MS,
		.expires_at_ms = changes->now_ms,
		.seat_count = 1,
		.seats = &seat->label,
	};
	changes->rows[changes->row_count++] = &hold->row;
	changes->rows[changes->row_count++] = &seat->row;
}

/* Holds that have lapsed when they are made. */
static void fill(struct bench *bench)
{
	uint32_t seats = bench->holds / SALES;
	for (uint32_t sale = 0; sale < SALES; sale++) {
		create_sale(bench, sale, seats);
		for (uint32_t seat = 0; seat < seats;) {
			struct changes changes;
			begin(bench, &changes);
			changes.rows = arena_allocate_array(&bench->arena, 2 * BATCH, sizeof *changes.rows);
			must(changes.rows != NULL, "out of memory");
			for (uint32_t i = 0; i < BATCH && seat < seats; i++)
				add_hold(bench, &changes, sale, seat++);
			must(store_commit(bench->store, &changes) == STORE_OK, "a batch is not committed");
		}
	}
}

static void submit(void *context, struct job *job)
{
	service_submit(((struct staff *)context)->service, job);
}

static void wake(void *context)
{
	worker_wake(((struct staff *)context)->worker);
}

static void hire(struct bench *bench, struct staff *staff)
{
	char message[POSTGRES_MESSAGE_MAX];
	must(postgres_store_open(bench->dsn, false, &staff->store, message) == OK &&
	             postgres_reader_open(bench->dsn, &staff->reader, message) == OK,
	     message);
	const struct service_options service = {
		.stores = &staff->store,
		.store_count = 1,
		.dependencies = &staff->dependencies,
		.clock = system_clock(),
		.random = system_random(),
		.queue_capacity = QUEUE_CAPACITY,
		.batch_max = BATCH_MAX,
		.view_rows_max = VIEW_ROWS_MAX,
	};
	dependencies_init(&staff->dependencies, random_u64(system_random()));
	const struct expirer_options options = {
		.reader = staff->reader,
		.clock = system_clock(),
		.random = system_random(),
		.submit = submit,
		.wake = wake,
		.context = staff,
	};
	must(service_new(&service, &staff->service) == OK && expirer_new(&options, &staff->expirer) == OK, "out of memory");
	const struct worker_options worker = {
		.name = "expirer", .step = expirer_step, .context = staff->expirer, .spacing_ms = EXPIRER_SPACING_MS};
	must(worker_new(&worker, &staff->worker) == OK, "no thread");
}

static void dismiss(struct staff *staff)
{
	worker_stop(staff->worker);
	service_free(staff->service);
	worker_free(staff->worker);
	expirer_free(staff->expirer);
	reader_free(staff->reader);
	store_free(staff->store);
}

static void run(struct bench *bench)
{
	uint32_t ended = 0, holds = bench->holds / SALES * SALES;
	double began_s = seconds_now();
	for (uint32_t i = 0; i < bench->workers; i++)
		hire(bench, &bench->staff[i]);
	while (ended < holds) {
		(void)usleep(LOOK_MS * 1000);
		ended = 0;
		for (uint32_t i = 0; i < bench->workers; i++)
			ended += (uint32_t)expirer_counters(bench->staff[i].expirer)->ended;
	}
	double took_s = seconds_now() - began_s;
	(void)printf("%u workers: %u holds in %.2f s: %.0f/s\n", bench->workers, holds, took_s, holds / took_s);
	must(ended == holds, "a hold was ended twice");
	for (uint32_t i = 0; i < bench->workers; i++) {
		const struct expirer_counters *counters = expirer_counters(bench->staff[i].expirer);
		struct service_status status;
		service_status(bench->staff[i].service, &status);
		(void)printf("  worker %u: %llu ended, %llu lost the race, %llu not served; %llu batches, %llu decided again\n", i + 1,
		             (unsigned long long)counters->ended, (unsigned long long)counters->lost_race,
		             (unsigned long long)counters->failures, (unsigned long long)status.batches, (unsigned long long)status.stale);
	}
	for (uint32_t i = 0; i < bench->workers; i++)
		dismiss(&bench->staff[i]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"holds", required_argument, NULL, 'n'}, {"workers", required_argument, NULL, 'w'}, {0}};
	char message[POSTGRES_MESSAGE_MAX];
	struct bench bench = {.dsn = getenv("TRO_TEST_POSTGRES"), .holds = 50000, .workers = 2};
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'n')
			bench.holds = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'w')
			bench.workers = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	must(bench.dsn != NULL, "run it with tests/peers/postgres.py");
	must(bench.holds >= SALES && bench.workers >= 1 && bench.workers <= WORKERS_MAX, "at least 16 holds, 1 to 4 workers");
	arena_init(&bench.arena, 1 << 20, 64 << 20);
	must(postgres_migrate(bench.dsn, NULL, NULL, message) == OK && postgres_store_open(bench.dsn, false, &bench.store, message) == OK,
	     message);
	fill(&bench);
	run(&bench);
	store_free(bench.store);
	arena_release(&bench.arena);
	return 0;
}
