/* operator_session.c: a committer without a lane. */
#include "runtime/operator_session.h"

#include <assert.h>
#include <stdio.h>

#include "app/committer.h"
#include "app/monitor.h"
#include "app/seating.h"
#include "base/hlc.h"
#include "base/now.h"
#include "runtime/audit_trail.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"

#define VIEW_ROWS_MAX 1024
#define TRIES_MAX 20

static void pause_for(void *context, uint64_t ms)
{
	(void)context;
	pause_ms(ms);
}

/* On a shared store everything goes by its time, a command of an operator too. False: it cannot be asked. */
static bool learn_time(struct operator_session *session)
{
	struct monitor monitor = {.reader = session->adapters.readers[0], .clock = session->adapters.clock, .store_clock = &session->clock};
	store_clock_init(&session->clock, session->adapters.clock);
	if (!session->adapters.is_store_shared)
		return true;
	(void)monitor_step(&monitor);
	return monitor.has_store_clock; /* also of a store that nobody writes to at present: a command that lists goes on */
}

int operator_session_open(const struct config *config, struct arena *arena, struct operator_session *ret_session)
{
	char message[ADAPTERS_MESSAGE_MAX];
	struct operator_session *session = ret_session;
	*session = (struct operator_session){.arena = arena};
	if (!adapters_open(config, ROLE_TOOL, &session->adapters, message))
		return complain("%s", message);
	if (!learn_time(session)) {
		int code = complain("%s", adapters_explain(&session->adapters, ERR_STORE_UNAVAILABLE, message));
		adapters_close(&session->adapters);
		return code;
	}
	const struct committer_options options = {
		.stores = session->adapters.stores,
		.store_count = 1,
		.clock = &session->clock.base,
		.random = session->adapters.random,
		.view_rows_max = VIEW_ROWS_MAX,
		.tries_max = TRIES_MAX,
		.pause = pause_for,
	};
	if (committer_new(&options, &session->committer) != OK) {
		adapters_close(&session->adapters);
		return complain("out of memory");
	}
	return EXIT_DONE;
}

void operator_session_close(struct operator_session *session)
{
	committer_free(session->committer);
	adapters_close(&session->adapters);
}

static void prepare(struct operator_session *session, struct job *job, struct arena *arena)
{
	struct random *random = session->adapters.random;
	const uint64_t bits[3] = {random_u64(random), random_u64(random), random_u64(random)};
	job->kind = JOB_COMMAND;
	job->arena = arena;
	job->command.actor = SLICE("operator");
	job->command.from = operator_place();
	job->command.trace = trace_context_root(bits, 0);
	job->command.arena = arena;
}

/* An event whose seats are written before it is committed has a batch of its own. */
static void execute_large(struct operator_session *session, struct job *job)
{
	const struct seating_options options = {
		.store = session->adapters.stores[0],
		.clock = &session->clock.base,
		.pause = pause_for,
	};
	struct list batch;
	list_init(&batch);
	job->outcome = (struct outcome){.error = seating_write(&options, &job->command)};
	if (job->outcome.error != OK)
		return;
	job->admission.ret_is_repeat = true; /* the key may stand for the event */
	list_push(&batch, &job->node);
	(void)committer_step(session->committer, &batch, 1, NULL);
	list_remove(&job->node);
	if (job->outcome.error != OK || job->outcome.is_replayed)
		seating_undo(&options, &job->command);
}

void operator_session_execute_all(struct operator_session *session, struct job *jobs, uint32_t count, struct arena *arena)
{
	assert(session != NULL && session->committer != NULL);
	assert(jobs != NULL && count > 0 && arena != NULL);
	struct list batch;
	list_init(&batch);
	uint32_t small = 0;
	for (uint32_t i = 0; i < count; i++) {
		prepare(session, &jobs[i], arena);
		if (seating_is_for(&jobs[i].command, session->adapters.stores[0])) {
			execute_large(session, &jobs[i]);
			continue;
		}
		list_push(&batch, &jobs[i].node);
		small++;
	}
	if (small > 0)
		committer_step(session->committer, &batch, small, NULL);
	while (!list_is_empty(&batch))
		(void)list_pop(&batch);
}

void operator_session_execute(struct operator_session *session, struct command *command, struct outcome *ret_outcome)
{
	assert(command != NULL && ret_outcome != NULL);
	struct job job = {.command = *command};
	operator_session_execute_all(session, &job, 1, session->arena);
	*command = job.command;
	*ret_outcome = job.outcome;
}

struct uuid operator_session_event_id(struct operator_session *session)
{
	struct random *random = session->adapters.random;
	/* The last byte of an event's id is its shard: any will do. */
	return uuid_v7(hlc_from_milliseconds(clock_now_ms(&session->clock.base)), random_u64(random), (uint8_t)random_u64(random));
}

int operator_session_run(const struct invocation *invocation, const char *name, const char *required, struct command *command,
                         struct uuid *ret_id)
{
	const char *id = NULL;
	int code = flags_read(name, invocation, NULL, 0, &id, 1);
	if (code != EXIT_DONE)
		return code;
	if (id == NULL || !uuid_parse(slice_of(id), ret_id))
		return complain_usage(name, "%s", required);
	struct operator_session session;
	code = operator_session_open(invocation->config, invocation->arena, &session);
	if (code != EXIT_DONE)
		return code;
	struct outcome outcome;
	char message[ADAPTERS_MESSAGE_MAX];
	operator_session_execute(&session, command, &outcome);
	if (outcome.error != OK)
		code = complain("%s: %s", id, adapters_explain(&session.adapters, outcome.error, message));
	else
		puts(id);
	operator_session_close(&session);
	return code;
}
