/* clerk.c: load, decide, apply, commit. */
#include "tests/support/clerk.h"

#include <assert.h>

#include "domain/apply.h"
#include "domain/decide.h"
#include "domain/needs.h"

void clerk_init(struct clerk *clerk, struct store *store)
{
	*clerk = (struct clerk){.store = store, .view = view_new(1000, (struct hash_seed){1, 2})};
	assert(clerk->view != NULL);
	arena_init(&clerk->batch, 65536, 64 * 1024 * 1024);
	arena_init(&clerk->request, 65536, 64 * 1024 * 1024);
}

void clerk_release(struct clerk *clerk)
{
	view_free(clerk->view);
	arena_release(&clerk->batch);
	arena_release(&clerk->request);
}

void clerk_begin(struct clerk *clerk, uint64_t after_ms)
{
	uint64_t now_ms = TEST_NOW_MS + after_ms;
	arena_clear(&clerk->batch);
	view_step_begin(clerk->view, now_ms);
	changes_init(&clerk->changes, &clerk->batch, view_clock(clerk->view), now_ms, now_ms);
}

static void load(struct clerk *clerk, const struct command *command)
{
	for (int round = 0; round < NEEDS_ROUNDS_MAX; round++) {
		struct needs needs;
		needs_init(&needs, &clerk->batch);
		enum error error = command_needs(command, clerk->view, true, &needs);
		assert(error == OK);
		if (needs_are_empty(&needs))
			return;
		needs_finish(&needs);
		enum store_result result = store_load(clerk->store, &needs, clerk->view);
		assert(result == STORE_OK);
	}
	assert(false && "the needs come to an end");
}

enum error clerk_decide(struct clerk *clerk, struct command command)
{
	load(clerk, &command);
	uint32_t first = clerk->changes.event_count;
	enum error error = decide(&command, clerk->view, &clerk->changes, &clerk->outcome);
	assert(error == OK);
	if (clerk->outcome.is_replayed)
		return clerk->outcome.error;
	command_rely(&command, clerk->view, clerk->changes.event_count == first);
	for (uint32_t i = first; i < clerk->changes.event_count; i++) {
		struct event *event = &clerk->changes.events[i];
		event->data = arena_format(&clerk->batch, "{\"n\":%u}", event->sequence);
		error = apply(clerk->view, event);
		assert(error == OK);
	}
	if (clerk->changes.event_count == first && command.idempotency.is_present)
		error = changes_add_unused_key(&clerk->changes, &command.idempotency);
	assert(error == OK);
	return clerk->outcome.error;
}

enum store_result clerk_commit(struct clerk *clerk)
{
	enum error error = changes_collect(&clerk->changes, clerk->view);
	const char *broken = changes_check(&clerk->changes);
	assert(error == OK && broken == NULL);
	(void)error;
	(void)broken;
	enum store_result result = store_commit(clerk->store, &clerk->changes);
	if (result == STORE_OK)
		view_step_committed(clerk->view);
	else
		view_step_failed(clerk->view);
	return result;
}

enum error clerk_run(struct clerk *clerk, uint64_t after_ms, struct command command)
{
	clerk_begin(clerk, after_ms);
	enum error error = clerk_decide(clerk, command);
	enum store_result result = clerk_commit(clerk);
	assert(result == STORE_OK);
	(void)result;
	return error;
}
