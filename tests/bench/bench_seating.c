/* bench_seating.c: for how long the making of an event of 1,000,000 seats holds up small commits of others.
 *
 * One thread commits a hold, or its release, every millisecond, for as long as another makes the event, and then for as long without it: the
 * first is compared with the second. Of each chunk the time is taken in which nobody else could write; of each commit, how much of such a time
 * it met, which is more than it waited for it.
 *
 *   bench_seating --path=FILE | --dsn=DSN [--seats=1000000]
 *   The store has been migrated, and has no events. */
#include <assert.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "adapters/postgres/postgres.h"
#include "adapters/sqlite/sqlite.h"
#include "adapters/system/system.h"
#include "app/seating.h"
#include "base/list.h"
#include "base/now.h"
#include "ports/seating.h"
#include "tests/support/measure.h"
#include "tests/support/store_driver.h"

#define COMMITS_MAX 1000000
#define CHUNKS_MAX 100000
#define SEATS_PER_ROW 1000
#define COMMIT_PAUSE_MS 1

struct span {
	uint64_t from_ns, until_ns;
};

struct bench {
	const char *path, *dsn;
	uint32_t seats;
	struct store *small, *large;
	_Atomic bool is_over;
	struct span *commits, *chunks, *work; /* chunks: while others could not write; work: the processor time of each */
	uint32_t commit_count, chunk_count;
	uint64_t sizes[3]; /* of chunks: the smallest, the largest, all together */
};

static struct bench bench = {.seats = 1000000};
static const struct seating_operations *operations;

static struct store *open_store(void)
{
	char message[512];
	struct store *store;
	enum error error = bench.dsn != NULL ? postgres_store_open(bench.dsn, false, &store, message)
	                                     : sqlite_store_open(bench.path, false, &store, message);
	must(error == OK, message);
	return store;
}

static void *commit_steadily(void *context)
{
	(void)context;
	struct store_driver driver;
	store_driver_init(&driver, bench.small);
	static uint64_t after_ms = 1;
	for (uint32_t i = 0; (!bench.is_over || i % 2 != 0) && i < COMMITS_MAX; i++) {
		bool is_hold = i % 2 == 0;
		driver.store->deadline_ns = monotonic_now_ns() + UINT64_C(4800000000);
		arena_clear(&driver.request);
		static uint32_t hold;
		hold += is_hold;
		struct command command =
			is_hold ? hold_command(&driver.request, hold, "ann", "1") : release_command(&driver.request, hold, "ann");
		store_driver_begin(&driver, after_ms++);
		must(store_driver_decide(&driver, command) == OK, "a hold is refused");
		uint64_t from_ns = monotonic_now_ns();
		must(store_driver_commit(&driver) == STORE_OK, "a commit failed");
		bench.commits[bench.commit_count++] = (struct span){from_ns, monotonic_now_ns()};
		pause_ms(COMMIT_PAUSE_MS);
	}
	store_driver_release(&driver);
	return NULL;
}

static uint64_t thread_cpu_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static enum store_result add(struct store *store, struct seating *seating, const struct layout_seat *seats, uint32_t count)
{
	uint64_t began_ns = thread_cpu_ns();
	enum store_result result = operations->add(store, seating, seats, count);
	uint64_t until_ns = monotonic_now_ns();
	must(bench.chunk_count < CHUNKS_MAX, "too many chunks");
	bench.work[bench.chunk_count] = (struct span){began_ns, thread_cpu_ns()};
	bench.chunks[bench.chunk_count++] = (struct span){until_ns - seating->held_ns, until_ns};
	bench.sizes[0] = bench.chunk_count == 1 || count < bench.sizes[0] ? count : bench.sizes[0];
	bench.sizes[1] = count > bench.sizes[1] ? count : bench.sizes[1];
	bench.sizes[2] += count;
	return result;
}

static void pause_for(void *context, uint64_t ms)
{
	(void)context;
	pause_ms(ms);
}

static void make_event(void)
{
	struct store_driver driver;
	store_driver_init(&driver, bench.large);
	const struct layout_section section = {
		.name = SLICE("S"), .price = 4500, .rows = bench.seats / SEATS_PER_ROW, .seats_per_row = SEATS_PER_ROW};
	struct command command = sale_create_command(&driver.request);
	command.sale_create.event_id.bytes[0] ^= 1;
	command.sale_create.layout = (struct layout){.sections = &section, .section_count = 1};
	operations = bench.large->seating;
	static struct seating_operations timed;
	timed = *operations;
	timed.add = add;
	bench.large->seating = &timed;
	const struct seating_options options = {.store = bench.large, .clock = system_clock(), .pause = pause_for};
	must(seating_write(&options, &command) == OK, "the seats are not written");
	store_driver_begin(&driver, 0);
	must(store_driver_decide(&driver, command) == OK && store_driver_commit(&driver) == STORE_OK, "the event is not made");
	bench.large->seating = operations;
	store_driver_release(&driver);
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

static void report(const char *what, const struct span *spans, uint32_t count)
{
	uint64_t *times = malloc((count + 1) * sizeof *times);
	must(times != NULL && count > 0, "nothing was measured");
	for (uint32_t i = 0; i < count; i++)
		times[i] = spans[i].until_ns - spans[i].from_ns;
	qsort(times, count, sizeof *times, compare);
	(void)printf("%-36s %6u: p50 %6.2f ms, p99 %6.2f ms, longest %6.2f ms\n", what, count, (double)times[count / 2] / 1e6,
	             (double)times[(uint64_t)count * 99 / 100] / 1e6, (double)times[count - 1] / 1e6);
	free(times);
}

static uint64_t met(const struct span *commit)
{
	uint64_t together = 0;
	for (uint32_t i = 0; i < bench.chunk_count; i++) {
		uint64_t from_ns = commit->from_ns > bench.chunks[i].from_ns ? commit->from_ns : bench.chunks[i].from_ns;
		uint64_t until_ns = commit->until_ns < bench.chunks[i].until_ns ? commit->until_ns : bench.chunks[i].until_ns;
		together += from_ns < until_ns ? until_ns - from_ns : 0;
	}
	return together;
}

static void report_met(void)
{
	uint64_t longest_ns = 0;
	uint32_t over = 0;
	for (uint32_t i = 0; i < bench.commit_count; i++) {
		uint64_t together = met(&bench.commits[i]);
		longest_ns = together > longest_ns ? together : longest_ns;
		over += together > UINT64_C(50000000);
	}
	(void)printf("the most that a commit met of chunks: %.2f ms; commits that met 50 ms of them or more: %u\n",
	             (double)longest_ns / 1e6, over);
}

/* Runs both for as long as `work` takes. */
static void run(const char *what, void (*work)(uint64_t ns), uint64_t ns)
{
	pthread_t thread;
	bench.is_over = false;
	bench.commit_count = 0;
	must(pthread_create(&thread, NULL, commit_steadily, NULL) == 0, "no thread");
	work(ns);
	bench.is_over = true;
	(void)pthread_join(thread, NULL);
	report(what, bench.commits, bench.commit_count);
}

static void make(uint64_t ns)
{
	(void)ns;
	make_event();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"path", required_argument, NULL, 'p'},
	                                        {"dsn", required_argument, NULL, 'd'},
	                                        {"seats", required_argument, NULL, 's'},
	                                        {0}};
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'p')
			bench.path = optarg;
		else if (option == 'd')
			bench.dsn = optarg;
		else if (option == 's')
			bench.seats = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	must(bench.path != NULL || bench.dsn != NULL, "--path or --dsn");
	must(bench.seats >= SEATING_SEATS_MIN && bench.seats % SEATS_PER_ROW == 0, "--seats: whole rows of 1,000");
	bench.commits = malloc(COMMITS_MAX * sizeof *bench.commits);
	bench.chunks = malloc(CHUNKS_MAX * sizeof *bench.chunks);
	bench.work = malloc(CHUNKS_MAX * sizeof *bench.work);
	must(bench.commits != NULL && bench.chunks != NULL && bench.work != NULL, "no memory");
	bench.small = open_store();
	bench.large = open_store();
	struct store_driver driver;
	store_driver_init(&driver, bench.small);
	bench.small->deadline_ns = monotonic_now_ns() + UINT64_C(4800000000);
	must(store_driver_run(&driver, 0, sale_create_command(&driver.request)) == OK, "the small event is not made");
	store_driver_release(&driver);
	uint64_t began_ns = monotonic_now_ns();
	run("commits beside the large event", make, 0);
	uint64_t took_ns = monotonic_now_ns() - began_ns;
	report_met();
	report("chunks, while nobody could write", bench.chunks, bench.chunk_count);
	report("chunks, processor time of this side", bench.work, bench.chunk_count);
	(void)printf("%u seats in %.2f s, in chunks of %llu to %llu\n", bench.seats, (double)took_ns / 1e9,
	             (unsigned long long)bench.sizes[0], (unsigned long long)bench.sizes[1]);
	run("commits alone", pause_ns, took_ns);
	store_free(bench.large);
	store_free(bench.small);
	free(bench.commits);
	free(bench.chunks);
	free(bench.work);
	return 0;
}
