/* bench_store.c: the limit of the service: how many holds a second one thread can commit to SQLite, without HTTP.
 *
 * Batches of new holds of one seat each, with a key; every commit is synced. The rows are those that the service writes. The shops: many events
 * of 1,000 seats, and one of 1,000,000, whose seats are taken in the order of the layout, and in random order, which is the worst that can be.
 * `load` looks the seats and keys up before each commit, as the service does for what its view has not.
 *
 *   bench_store [--batches=3000] [--batch=64] [--directory=.] */
#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "adapters/sqlite/sqlite.h"
#include "base/list.h"
#include "ports/seating.h"
#include "state/changes.h"
#include "state/needs.h"
#include "state/view.h"
#include "tests/support/measure.h"

#define START_MS UINT64_C(1800000000000)
#define BATCH_MAX 1024
#define ROWS_PER_SECTION 400
#define SEATS_PER_ROW 100
#define CHUNK 2000

struct bench {
	const char *directory;
	uint32_t batches;
	uint32_t batch;
	bool loads;
	bool is_random;
	char path[4096];
	struct store *store;
	struct view *view;
	struct arena arena;
	struct hlc clock;
	uint64_t random;
	uint64_t sale_version; /* of every seat before its hold */
	uint32_t seat_count;   /* of one event */
	uint32_t *order;       /* in which its seats are taken */
	struct uuid event_id;  /* of the event at hand */
	uint64_t *times_ns;    /* of each batch */
};

static uint64_t now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t next_random(struct bench *bench)
{
	bench->random ^= bench->random << 13;
	bench->random ^= bench->random >> 7;
	bench->random ^= bench->random << 17;
	return bench->random;
}

static struct seat_label label_of(uint32_t seat)
{
	char text[SEAT_LABEL_LENGTH_MAX];
	uint32_t section = seat / (ROWS_PER_SECTION * SEATS_PER_ROW), row = seat / SEATS_PER_ROW % ROWS_PER_SECTION;
	int length = snprintf(text, sizeof text, "S%u-%u-%u", section + 1, row + 1, seat % SEATS_PER_ROW + 1);
	return seat_label_of((struct slice){.data = text, .length = (size_t)length});
}

static void begin(struct bench *bench, struct changes *changes)
{
	uint64_t now_ms = START_MS + (now_ns() / 1000000) % 1000000000;
	arena_clear(&bench->arena);
	changes_init(changes, &bench->arena, &bench->clock, next_random(bench), now_ms);
}

struct chunk {
	struct bench *bench;
	struct seating seating;
	struct layout_seat seats[CHUNK];
	char texts[CHUNK][2][SEAT_LABEL_LENGTH_MAX];
	uint32_t count;
};

static void write_chunk(struct chunk *chunk)
{
	struct store *store = chunk->bench->store;
	if (chunk->count > 0)
		must(store->seating->add(store, &chunk->seating, chunk->seats, chunk->count) == STORE_OK, "seats are not written");
	chunk->count = 0;
}

static enum error add_seat(void *context, const struct layout_seat *seat)
{
	struct chunk *chunk = context;
	char(*texts)[SEAT_LABEL_LENGTH_MAX] = chunk->texts[chunk->count];
	memcpy(texts[0], seat->seat.data, seat->seat.length);
	memcpy(texts[1], seat->row.data, seat->row.length);
	struct layout_seat *kept = &chunk->seats[chunk->count++];
	*kept = *seat;
	kept->seat.data = texts[0];
	kept->row.data = texts[1];
	if (chunk->count == CHUNK)
		write_chunk(chunk);
	return OK;
}

/* As the service does it: in one transaction they make a log whose checkpoint every commit behind it waits for. Answers their version. */
static uint64_t write_seats(struct bench *bench, const struct layout *layout, uint64_t now_ms)
{
	static struct chunk chunk;
	enum seating_state state;
	chunk = (struct chunk){.bench = bench};
	chunk.seating =
		(struct seating){.event_id = bench->event_id, .version = hlc_next(&bench->clock, now_ms), .seat_count = bench->seat_count};
	must(bench->store->seating->begin(bench->store, &chunk.seating, NULL, &state) == STORE_OK && state == SEATING_BEGUN, "no seating");
	(void)layout_each_seat(layout, add_seat, &chunk);
	write_chunk(&chunk);
	return chunk.seating.version;
}

static void create_sale(struct bench *bench)
{
	struct changes changes;
	begin(bench, &changes);
	uint32_t per_section = ROWS_PER_SECTION * SEATS_PER_ROW, section_count = (bench->seat_count + per_section - 1) / per_section;
	struct layout_section *sections = arena_allocate_array(&bench->arena, section_count, sizeof *sections);
	for (uint32_t i = 0; i < section_count; i++)
		sections[i] = (struct layout_section){
			.name = arena_format(&bench->arena, "S%u", i + 1),
			.price = 4500,
			.rows = (bench->seat_count < per_section ? bench->seat_count : per_section) / SEATS_PER_ROW,
			.seats_per_row = SEATS_PER_ROW,
		};
	bench->event_id = uuid_v7(hlc_next(&bench->clock, changes.now_ms), next_random(bench), 7);
	struct event event = {
		.type = EVENT_SALE_CREATED,
		.stream_id = bench->event_id,
		.event_id = bench->event_id,
		.sequence = 1,
		.actor = SLICE("bench"),
		.layout = {.sections = sections, .section_count = section_count},
		.data = SLICE("{}"),
		.seat_count = bench->seat_count,
	};
	if (bench->seat_count > CHUNK)
		event.seats_version = write_seats(bench, &event.layout, changes.now_ms);
	must(changes_append(&changes, &event) != NULL, "out of memory");
	bench->sale_version = uuid_stamp(&changes.events[0].id);
	struct sale sale = {
		.row = {.kind = ROW_SALE, .version = bench->sale_version},
		.event_id = bench->event_id,
		.sequence = 1,
		.status = SALE_ON_SALE,
		.currency = {"EUR"},
		.seat_count = bench->seat_count,
	};
	const struct row *rows[] = {&sale.row};
	changes.rows = rows;
	changes.row_count = 1;
	must(store_commit(bench->store, &changes) == STORE_OK, "the sale is not committed");
}

static void add_hold(struct bench *bench, struct changes *changes, uint32_t seat_index)
{
	static const char data[] =
		"{\"hold_id\":\"01a3185c-5000-7000-8000-00000000002a\",\"event_id\":\"01a3185c-5000-7000-8000-00000000002a\","
		"\"user_id\":\"user-000000001234\",\"seats\":[\"S1-100-100\"],\"status\":\"ACTIVE\","
		"\"expires_at\":\"2027-01-15T08:05:00.000Z\",\"created_at\":\"2027-01-15T08:00:00.000Z\","
		"\"padding\":\"that makes it as long as an answer with a little more in it is: three hundred and fifty\"}";
	struct seat_label *label = arena_allocate(&bench->arena, sizeof *label);
	struct hold *hold = arena_allocate(&bench->arena, sizeof *hold);
	struct seat *seat = arena_allocate(&bench->arena, sizeof *seat);
	*label = label_of(seat_index);
	struct event event = {
		.type = EVENT_HOLD_CREATED,
		.stream_id = uuid_v7(hlc_next(&bench->clock, changes->now_ms), next_random(bench), 7),
		.event_id = bench->event_id,
		.sequence = 1,
		.actor = SLICE("user-000000001234"),
		.idempotency = {.is_present = true},
		.data = SLICE(data),
	};
	uint64_t bits[4] = {next_random(bench), next_random(bench), next_random(bench), next_random(bench)};
	memcpy(event.idempotency.key, &bits[0], KEY_HASH_LENGTH);
	memcpy(event.idempotency.fingerprint, &bits[2], KEY_HASH_LENGTH);
	const struct event *appended = changes_append(changes, &event);
	must(appended != NULL, "out of memory");
	uint64_t version = uuid_stamp(&appended->id);
	*hold = (struct hold){
		.row = {.kind = ROW_HOLD, .version = version},
		.hold_id = event.stream_id,
		.event_id = bench->event_id,
		.user = short_text_of(event.actor),
		.sequence = 1,
		.status = HOLD_ACTIVE,
		.created_at_ms = changes->now_ms,
		.expires_at_ms = changes->now_ms + 300000,
		.seat_count = 1,
		.seats = label,
	};
	*seat = (struct seat){
		.row = {.kind = ROW_SEAT, .version = version, .stored_version = bench->sale_version},
		.event_id = bench->event_id,
		.label = *label,
		.status = SEAT_HELD,
		.holder_id = hold->hold_id,
		.price = 4500,
	};
	changes->rows[changes->row_count++] = &hold->row;
	changes->rows[changes->row_count++] = &seat->row;
}

static void load_batch(struct bench *bench, const struct changes *changes)
{
	struct needs needs = {
		.seats = arena_allocate_array(&bench->arena, bench->batch, sizeof *needs.seats),
		.keys = arena_allocate_array(&bench->arena, bench->batch, sizeof *needs.keys),
	};
	for (uint32_t i = 0; i < changes->event_count; i++)
		needs.keys[needs.key_count++] = changes->events[i].idempotency;
	for (uint32_t i = 0; i < changes->row_count; i++) {
		const struct seat *seat = (const struct seat *)(const void *)changes->rows[i];
		if (seat->row.kind == ROW_SEAT)
			needs.seats[needs.seat_count++] = (struct seat_name){.event_id = seat->event_id, .label = seat->label};
	}
	view_step_begin(bench->view, changes->now_ms);
	must(store_load(bench->store, &needs, bench->view) == STORE_OK, "the load fails");
	view_clear(bench->view);
}

static void take_seats(struct bench *bench, uint32_t first, uint64_t *ret_time_ns)
{
	struct changes changes;
	begin(bench, &changes);
	changes.rows = arena_allocate_array(&bench->arena, 2 * (size_t)bench->batch, sizeof *changes.rows);
	for (uint32_t i = 0; i < bench->batch; i++)
		add_hold(bench, &changes, bench->order[first + i]);
	uint64_t began_ns = now_ns();
	if (bench->loads)
		load_batch(bench, &changes);
	must(store_commit(bench->store, &changes) == STORE_OK, "a batch is not committed");
	*ret_time_ns = now_ns() - began_ns;
}

static void choose_order(struct bench *bench)
{
	for (uint32_t i = 0; i < bench->seat_count; i++)
		bench->order[i] = i;
	for (uint32_t i = bench->seat_count - 1; bench->is_random && i > 0; i--) {
		uint32_t other = (uint32_t)(next_random(bench) % (i + 1)), kept = bench->order[i];
		bench->order[i] = bench->order[other];
		bench->order[other] = kept;
	}
}

static int compare_times(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

static void report(struct bench *bench, double created_s, double cpu_s)
{
	uint64_t total_ns = 0;
	for (uint32_t i = 0; i < bench->batches; i++)
		total_ns += bench->times_ns[i];
	qsort(bench->times_ns, bench->batches, sizeof *bench->times_ns, compare_times);
	double holds = (double)bench->batches * bench->batch;
	(void)printf(
		"%-12s of %7u seats in %-6s order: %6.0f holds/s, CPU %4.1f us a hold; batch of %u: p50 %.2f ms, p99 %.2f ms, max %.0f ms;"
		" the event made in %.2f s\n",
		bench->loads ? "load, commit" : "commit", bench->seat_count, bench->is_random ? "random" : "layout",
		holds / ((double)total_ns / 1e9), cpu_s * 1e6 / holds, bench->batch, (double)bench->times_ns[bench->batches / 2] / 1e6,
		(double)bench->times_ns[bench->batches * 99 / 100] / 1e6, (double)bench->times_ns[bench->batches - 1] / 1e6, created_s);
}

static void remove_files(const struct bench *bench)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char path[4096 + 8];
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		(void)snprintf(path, sizeof path, "%s%s", bench->path, suffixes[i]);
		(void)unlink(path);
	}
}

static void run(struct bench *bench, uint32_t seat_count, bool is_random, bool loads)
{
	char message[SQLITE_MESSAGE_MAX];
	remove_files(bench);
	must(sqlite_migrate(bench->path, NULL, message) == OK && sqlite_store_open(bench->path, false, &bench->store, message) == OK,
	     message);
	bench->seat_count = seat_count;
	bench->is_random = is_random;
	bench->loads = loads;
	bench->order = malloc(seat_count * sizeof *bench->order);
	must(bench->order != NULL, "out of memory");
	choose_order(bench);
	uint64_t began_ns = now_ns();
	create_sale(bench);
	double created_s = (double)(now_ns() - began_ns) / 1e9;
	double cpu_s = 0;
	for (uint32_t i = 0, taken = 0; i < bench->batches; i++, taken += bench->batch) {
		if (taken + bench->batch > seat_count) {
			create_sale(bench);
			taken = 0;
		}
		cpu_s -= cpu_seconds();
		take_seats(bench, taken, &bench->times_ns[i]);
		cpu_s += cpu_seconds();
	}
	report(bench, created_s, cpu_s);
	store_free(bench->store);
	free(bench->order);
	remove_files(bench);
}

static void read_options(struct bench *bench, int argc, char **argv)
{
	static const struct option options[] = {{"batches", required_argument, NULL, 'n'},
	                                        {"batch", required_argument, NULL, 'b'},
	                                        {"directory", required_argument, NULL, 'd'},
	                                        {0}};
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'n')
			bench->batches = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'b')
			bench->batch = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'd')
			bench->directory = optarg;
		else
			exit(2);
	}
	must(bench->batch >= 1 && bench->batch <= 1000 && bench->batches >= 1, "a batch has 1 to 1000 holds");
	must((uint64_t)bench->batch * bench->batches <= 1000000, "there are 1,000,000 seats");
}

int main(int argc, char **argv)
{
	struct bench bench = {.directory = ".", .batches = 3000, .batch = 64, .random = 88172645463325252};
	read_options(&bench, argc, argv);
	(void)snprintf(bench.path, sizeof bench.path, "%s/bench-store-%d.db", bench.directory, (int)getpid());
	bench.times_ns = malloc(bench.batches * sizeof *bench.times_ns);
	bench.view = view_new(1000, (struct hash_seed){1, 2});
	must(bench.times_ns != NULL && bench.view != NULL, "out of memory");
	arena_init(&bench.arena, 1 << 20, 64 << 20);
	run(&bench, 1000, false, false);
	run(&bench, 1000000, false, false);
	run(&bench, 1000000, true, false);
	run(&bench, 1000, false, true);
	run(&bench, 1000000, false, true);
	arena_release(&bench.arena);
	view_free(bench.view);
	free(bench.times_ns);
	return 0;
}
