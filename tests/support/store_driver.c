/* store_driver.c: load, decide, apply, commit. */
#include "tests/support/store_driver.h"

#include <assert.h>

#include "domain/apply.h"
#include "domain/decide.h"
#include "state/needs.h"

void store_driver_init(struct store_driver *driver, struct store *store)
{
	*driver = (struct store_driver){.store = store, .view = view_new(1000, (struct hash_seed){1, 2})};
	assert(driver->view != NULL);
	arena_init(&driver->batch, 65536, 64 * 1024 * 1024);
	arena_init(&driver->request, 65536, 64 * 1024 * 1024);
}

void store_driver_release(struct store_driver *driver)
{
	view_free(driver->view);
	arena_release(&driver->batch);
	arena_release(&driver->request);
}

void store_driver_begin(struct store_driver *driver, uint64_t after_ms)
{
	uint64_t now_ms = TEST_NOW_MS + after_ms;
	arena_clear(&driver->batch);
	view_step_begin(driver->view, now_ms);
	changes_init(&driver->changes, &driver->batch, view_clock(driver->view), now_ms, now_ms);
}

static void load(struct store_driver *driver, const struct command *command)
{
	for (int round = 0; round < NEEDS_ROUNDS_MAX; round++) {
		struct needs needs;
		needs_init(&needs, &driver->batch);
		enum error error = command_needs(command, driver->view, true, &needs);
		assert(error == OK);
		if (needs_are_empty(&needs))
			return;
		needs_finish(&needs);
		enum store_result result = store_load(driver->store, &needs, driver->view);
		assert(result == STORE_OK);
	}
	assert(false && "the needs come to an end");
}

enum error store_driver_decide(struct store_driver *driver, struct command command)
{
	load(driver, &command);
	uint32_t first = driver->changes.event_count;
	enum error error = decide(&command, driver->view, &driver->changes, &driver->outcome);
	assert(error == OK);
	if (driver->outcome.is_replayed)
		return driver->outcome.error;
	command_rely(&command, driver->view, driver->changes.event_count == first);
	for (uint32_t i = first; i < driver->changes.event_count; i++) {
		struct event *event = &driver->changes.events[i];
		event->data = arena_format(&driver->batch, "{\"n\":%u}", event->sequence);
		error = apply(driver->view, event);
		assert(error == OK);
	}
	if (driver->changes.event_count == first && command.idempotency.is_present)
		error = changes_add_unused_key(&driver->changes, &command.idempotency);
	assert(error == OK);
	return driver->outcome.error;
}

enum store_result store_driver_commit(struct store_driver *driver)
{
	enum error error = changes_collect(&driver->changes, driver->view);
	const char *broken = changes_check(&driver->changes);
	assert(error == OK && broken == NULL);
	(void)error;
	(void)broken;
	enum store_result result = store_commit(driver->store, &driver->changes);
	if (result == STORE_OK)
		view_step_committed(driver->view);
	else
		view_step_failed(driver->view);
	return result;
}

enum error store_driver_run(struct store_driver *driver, uint64_t after_ms, struct command command)
{
	store_driver_begin(driver, after_ms);
	enum error error = store_driver_decide(driver, command);
	enum store_result result = store_driver_commit(driver);
	assert(result == STORE_OK);
	(void)result;
	return error;
}
