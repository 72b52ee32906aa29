/* desk.h: one command at a time on the store, through the same commit stage as the service: what `tro event …` works with.
 *
 * It may be open beside a running server: versions settle who was first. */
#pragma once

#include "app/store_clock.h"
#include "base/arena.h"
#include "config/config.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "runtime/adapters.h"
#include "runtime/commands.h"

struct desk {
	struct adapters adapters;
	struct store_clock clock;
	struct committer *committer;
	struct arena *arena; /* borrowed */
};

/* Answers an exit code, with the complaint made. The desk stays where it is. */
int desk_open(const struct config *config, struct arena *arena, struct desk *ret_desk);
void desk_close(struct desk *desk);
/* The command's user, actor, trace and arena are set here. */
void desk_do(struct desk *desk, struct command *command, struct outcome *ret_outcome);
/* A fresh id for a new event. */
struct uuid desk_draw_event_id(struct desk *desk);

/* A command of the command line about one thing: reads its id into `ret_id`, which is the command's, does the command, and prints the id.
 * required: the complaint when there is no id. Answers an exit code, with the complaint made. */
int desk_run(const struct invocation *invocation, const char *name, const char *required, struct command *command, struct uuid *ret_id);
