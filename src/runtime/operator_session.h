/* operator_session.h: runs one command at a time on the store for `tro event …`, through the same commit stage as the service.
 *
 * It may be open beside a running server: versions decide conflicts between the two. */
#pragma once

#include "app/job.h"
#include "app/store_clock.h"
#include "base/arena.h"
#include "config/config.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "runtime/adapters.h"
#include "runtime/commands.h"

struct operator_session {
	struct adapters adapters;
	struct store_clock clock;
	struct committer *committer;
	struct arena *arena; /* borrowed */
};

/* Answers an exit code, with the complaint made. The session stays where it is. */
int operator_session_open(const struct config *config, struct arena *arena, struct operator_session *ret_session);
void operator_session_close(struct operator_session *session);
/* The command's user, actor, trace and arena are set here. */
void operator_session_execute(struct operator_session *session, struct command *command, struct outcome *ret_outcome);
/* Several commands as one batch. The jobs are zeroed but for their commands, whose arena is set here like the rest; every outcome is
 * set. */
void operator_session_execute_all(struct operator_session *session, struct job *jobs, uint32_t count, struct arena *arena);
/* A fresh id for a new event. */
struct uuid operator_session_event_id(struct operator_session *session);

/* A command of the command line about one thing: reads its id into `ret_id`, which is the command's, does the command, and prints the id.
 * required: the complaint when there is no id. Answers an exit code, with the complaint made. */
int operator_session_run(const struct invocation *invocation, const char *name, const char *required, struct command *command,
                         struct uuid *ret_id);
