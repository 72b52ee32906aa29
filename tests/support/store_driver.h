/* store_driver.h: works on a store as a commit lane does, one batch at a time, without the lane: for tests of stores.
 *
 * The data of an event is {"n":SEQUENCE}. A step that fails in another way than the test expects ends the test. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "ports/store.h"
#include "state/changes.h"
#include "state/view.h"
#include "tests/support/commands.h"

struct store_driver {
	struct store *store; /* borrowed */
	struct view *view;
	struct arena batch;   /* of the changes; cleared by store_driver_begin */
	struct arena request; /* of commands; freed at the end */
	struct changes changes;
	struct outcome outcome; /* of the last command */
};

void store_driver_init(struct store_driver *driver, struct store *store);
void store_driver_release(struct store_driver *driver);

/* A batch begins at TEST_NOW_MS + after_ms. */
void store_driver_begin(struct store_driver *driver, uint64_t after_ms);
/* Loads what the command needs (its key too), decides and applies it. Answers the outcome's error. */
enum error store_driver_decide(struct store_driver *driver, struct command command);
/* Gathers the changes and commits them; the view follows. */
enum store_result store_driver_commit(struct store_driver *driver);

/* All three for one command, whose commit must go well. */
enum error store_driver_run(struct store_driver *driver, uint64_t after_ms, struct command command);
