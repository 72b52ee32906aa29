/* main.c: run after run, each from a seed of its own, until the time is up or one goes wrong.
 *
 * SEED=n         that run alone, and exactly
 * SIM_SECONDS=n  how long new seeds are tried (20)
 * SIM_FIRST=n    the first of them (1) */
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/world.h"

#define SEEDS_FOR_COVERAGE 500 /* so many runs must have been everywhere */
#define REPEAT_EVERY 100       /* one run in so many is done twice, to see that it is the same */

static struct world world;
static struct coverage coverage;

static double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t number_of_variable(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text == NULL || *text == '\0' ? otherwise : strtoull(text, NULL, 10);
}

/* An assertion has failed: say where, as for any other finding. */
static void on_abort(int signal)
{
	(void)signal;
	printf("FAILED seed %" PRIu64 " after %" PRIu64 " operations, step %" PRIu32 ": an assertion\nSEED=%" PRIu64 " replays it\n",
	       world.seed, coverage.counts[SITUATION_OPERATION], world.step, world.seed);
	fflush(stdout);
	_exit(1);
}

static void print_trace(const struct trace *trace)
{
	uint32_t first = trace->count > TRACE_LINES ? trace->count - TRACE_LINES : 0;
	for (uint32_t i = first; i < trace->count; i++)
		printf("%s\n", trace->lines[i % TRACE_LINES]);
}

/* Reports the violation, and the way there: the run once more, with its trace. */
static void report(uint64_t seed)
{
	static struct trace trace;
	char failure[sizeof world.failure];
	uint64_t operations = coverage.counts[SITUATION_OPERATION];
	memcpy(failure, world.failure, sizeof failure);
	printf("FAILED seed %" PRIu64 " after %" PRIu64 " operations, step %" PRIu32 ": %s\n", seed, operations, world.step, failure);
	fflush(stdout);
	if (world_run(&world, seed, &coverage, &trace) || strcmp(failure, world.failure) != 0)
		printf("and it is not the same when it is run again: %s\n", world.failure);
	print_trace(&trace);
	printf("SEED=%" PRIu64 " replays it\n", seed);
}

static bool run(uint64_t seed)
{
	if (!world_run(&world, seed, &coverage, NULL)) {
		report(seed);
		return false;
	}
	uint64_t digest = world.digest;
	world_release(&world);
	if (seed % REPEAT_EVERY != 0)
		return true;
	bool is_same = world_run(&world, seed, &coverage, NULL) && world.digest == digest;
	world_release(&world);
	if (!is_same)
		printf("FAILED seed %" PRIu64 ": run twice, it went two ways\n", seed);
	return is_same;
}

int main(void)
{
	uint64_t one_seed = number_of_variable("SEED", 0);
	double limit_s = (double)number_of_variable("SIM_SECONDS", 20);
	uint64_t first = number_of_variable("SIM_FIRST", 1);
	signal(SIGABRT, on_abort);
	/* Every run takes and gives back the same large blocks: keep them, or the kernel clears their pages each time. */
	mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
	mallopt(M_TRIM_THRESHOLD, 512 * 1024 * 1024);
	if (one_seed != 0) {
		bool is_right = run(one_seed);
		printf("seed %" PRIu64 ": %s, digest %016" PRIx64 "\n", one_seed, is_right ? "ok" : "FAILED", world.digest);
		return is_right ? 0 : 1;
	}
	double began_s = seconds_now(), took_s = 0;
	uint64_t seed = first;
	for (; took_s < limit_s; seed++) {
		if (!run(seed))
			return 1;
		took_s = seconds_now() - began_s;
	}
	coverage_print(&coverage);
	uint64_t seeds = seed - first;
	printf("ok: %" PRIu64 " seeds from %" PRIu64 " in %.1f s, %.0f/s\n", seeds, first, took_s, (double)seeds / took_s);
	return seeds >= SEEDS_FOR_COVERAGE && coverage_check(&coverage) > 0 ? 1 : 0;
}
