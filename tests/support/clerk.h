/* clerk.h: works on a store as a commit lane does, one batch at a time, without the lane: for tests of stores.
 *
 * The data of an event is {"n":SEQUENCE}. A step that fails in another way than the test expects ends the test. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "domain/changes.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "domain/view.h"
#include "ports/store.h"
#include "tests/support/commands.h"

struct clerk {
	struct store *store; /* borrowed */
	struct view *view;
	struct arena batch;   /* of the changes; cleared by clerk_begin */
	struct arena request; /* of commands; freed at the end */
	struct changes changes;
	struct outcome outcome; /* of the last command */
};

void clerk_init(struct clerk *clerk, struct store *store);
void clerk_release(struct clerk *clerk);

/* A batch begins at TEST_NOW_MS + after_ms. */
void clerk_begin(struct clerk *clerk, uint64_t after_ms);
/* Loads what the command needs (its key too), decides and applies it. Answers the outcome's error. */
enum error clerk_decide(struct clerk *clerk, struct command command);
/* Gathers the changes and commits them; the view follows. */
enum store_result clerk_commit(struct clerk *clerk);

/* All three for one command, whose commit must go well. */
enum error clerk_run(struct clerk *clerk, uint64_t after_ms, struct command command);
