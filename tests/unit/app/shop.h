/* shop.h: a memory store on which commands are committed one after the other, by a clock that stands still: for tests of what reads it. */
#pragma once

#include "adapters/memory/database.h"
#include "app/committer.h"
#include "app/job.h"
#include "base/arena.h"
#include "tests/support/commands.h"
#include "tests/support/fake_time.h"

struct shop {
	struct fake_clock clock; /* at TEST_NOW_MS */
	struct fake_random random;
	struct memory_database *database;
	struct store *store;
	struct reader *reader;
	struct committer *committer;
	struct arena arena;     /* of commands and answers; freed at the end */
	struct outcome outcome; /* of the last command */
};

void shop_init(struct shop *shop);
void shop_release(struct shop *shop);

/* Commits the command alone. Answers the outcome's error. */
enum error shop_run(struct shop *shop, struct command command);
