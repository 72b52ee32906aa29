/* desk.c: a committer without a lane. */
#include "runtime/desk.h"

#include <stdio.h>
#include <time.h>

#include "app/committer.h"
#include "app/job.h"
#include "app/monitor.h"
#include "base/hlc.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"

#define VIEW_ROWS_MAX 1024
#define TRIES_MAX 20

static void pause_for(void *context, uint64_t ms)
{
	(void)context;
	struct timespec wait = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
	nanosleep(&wait, NULL);
}

/* On a shared store everything goes by its time, a command of an operator too. False: it cannot be asked. */
static bool learn_time(struct desk *desk)
{
	struct monitor monitor = {.reader = desk->adapters.readers[0], .clock = desk->adapters.clock, .store_clock = &desk->clock};
	store_clock_init(&desk->clock, desk->adapters.clock);
	if (!desk->adapters.is_store_shared)
		return true;
	(void)monitor_step(&monitor);
	return monitor.is_store_up;
}

int desk_open(const struct config *config, struct arena *arena, struct desk *ret_desk)
{
	char message[ADAPTERS_MESSAGE_MAX];
	struct desk *desk = ret_desk;
	*desk = (struct desk){.arena = arena};
	if (!adapters_open(config, ROLE_TOOL, &desk->adapters, message))
		return complain("%s", message);
	if (!learn_time(desk)) {
		int code = complain("%s", adapters_explain(&desk->adapters, ERR_STORE_UNAVAILABLE, message));
		adapters_close(&desk->adapters);
		return code;
	}
	const struct committer_options options = {
		.stores = desk->adapters.stores,
		.store_count = 1,
		.clock = &desk->clock.base,
		.random = desk->adapters.random,
		.view_rows_max = VIEW_ROWS_MAX,
		.tries_max = TRIES_MAX,
		.pause = pause_for,
	};
	if (committer_new(&options, &desk->committer) != OK) {
		adapters_close(&desk->adapters);
		return complain("out of memory");
	}
	return EXIT_DONE;
}

void desk_close(struct desk *desk)
{
	committer_free(desk->committer);
	adapters_close(&desk->adapters);
}

void desk_do(struct desk *desk, struct command *command, struct outcome *ret_outcome)
{
	const uint64_t random[3] = {random_u64(desk->adapters.random), random_u64(desk->adapters.random),
	                            random_u64(desk->adapters.random)};
	command->actor = SLICE("operator");
	command->trace = trace_context_root(random, 0);
	command->arena = desk->arena;
	struct job job = {.kind = JOB_COMMAND, .command = *command, .arena = desk->arena};
	struct list batch;
	list_init(&batch);
	list_push(&batch, &job.node);
	committer_step(desk->committer, &batch, 1, NULL);
	list_remove(&job.node);
	*ret_outcome = job.outcome;
}

struct uuid desk_draw_event_id(struct desk *desk)
{
	struct random *random = desk->adapters.random;
	/* The last byte of an event's id is its shard: any will do. */
	return uuid_v7(hlc_from_milliseconds(clock_now_ms(&desk->clock.base)), random_u64(random), (uint8_t)random_u64(random));
}

int desk_run(const struct invocation *invocation, const char *name, const char *required, struct command *command, struct uuid *ret_id)
{
	const char *id = NULL;
	int code = flags_read(name, invocation, NULL, 0, &id, 1);
	if (code != EXIT_DONE)
		return code;
	if (id == NULL || !uuid_parse(slice_of(id), ret_id))
		return complain_usage(name, "%s", required);
	struct desk desk;
	code = desk_open(invocation->config, invocation->arena, &desk);
	if (code != EXIT_DONE)
		return code;
	struct outcome outcome;
	char message[ADAPTERS_MESSAGE_MAX];
	desk_do(&desk, command, &outcome);
	if (outcome.error != OK)
		code = complain("%s: %s", id, adapters_explain(&desk.adapters, outcome.error, message));
	else
		puts(id);
	desk_close(&desk);
	return code;
}
