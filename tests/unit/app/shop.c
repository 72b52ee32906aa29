/* shop.c: one committer over one memory store. */
#include "tests/unit/app/shop.h"

#include <assert.h>

static void pause_clock(void *context, uint64_t ms)
{
	fake_clock_advance(&((struct shop *)context)->clock, ms);
}

void shop_init(struct shop *shop)
{
	*shop = (struct shop){0};
	fake_clock_init(&shop->clock, TEST_NOW_MS);
	fake_random_init(&shop->random, 1);
	arena_init(&shop->arena, 65536, 64 * 1024 * 1024);
	shop->database = memory_database_new();
	assert(shop->database != NULL);
	enum error error = memory_store_new(shop->database, &shop->store);
	assert(error == OK);
	error = memory_reader_new(shop->database, &shop->reader);
	assert(error == OK);
	const struct committer_options options = {
		.stores = &shop->store,
		.store_count = 1,
		.clock = &shop->clock.base,
		.random = &shop->random.base,
		.view_rows_max = 10000,
		.tries_max = 5,
		.pause = pause_clock,
		.context = shop,
	};
	error = committer_new(&options, &shop->committer);
	assert(error == OK);
}

void shop_release(struct shop *shop)
{
	committer_free(shop->committer);
	reader_free(shop->reader);
	store_free(shop->store);
	memory_database_free(shop->database);
	arena_release(&shop->arena);
}

enum error shop_run(struct shop *shop, struct command command)
{
	struct job job = {.kind = JOB_COMMAND, .command = command, .arena = &shop->arena};
	struct list batch;
	list_init(&batch);
	list_push(&batch, &job.node);
	committer_step(shop->committer, &batch, 1, NULL);
	shop->outcome = job.outcome;
	return job.outcome.error;
}
