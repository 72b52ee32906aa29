/* faulty_store.c: asks before each call what is to become of it. */
#include "tests/support/faulty_store.h"

#include <assert.h>

#include "base/list.h"

static struct faulty_store *faulty(struct store *port)
{
	return container_of(port, struct faulty_store, port);
}

/* Whether the inner operation is done; *ret_result is the answer of one that fails. */
static enum fault choose(struct store *port, enum store_call call, enum store_result *ret_result)
{
	*ret_result = STORE_UNKNOWN;
	return faulty(port)->choose(faulty(port)->context, call, ret_result);
}

static void faulty_begin(struct store *port)
{
	store_begin(faulty(port)->inner);
}

static void faulty_end(struct store *port)
{
	store_end(faulty(port)->inner);
}

static enum store_result faulty_load(struct store *port, const struct needs *needs, struct view *view)
{
	enum store_result result;
	enum fault fault = choose(port, STORE_CALL_LOAD, &result);
	enum store_result inner = fault == FAULT_REFUSED ? result : store_load(faulty(port)->inner, needs, view);
	return fault == FAULT_NONE ? inner : result;
}

static enum store_result faulty_commit(struct store *port, const struct changes *changes)
{
	enum store_result result;
	enum fault fault = choose(port, STORE_CALL_COMMIT, &result);
	enum store_result inner = fault == FAULT_REFUSED ? result : store_commit(faulty(port)->inner, changes);
	return fault == FAULT_NONE ? inner : result;
}

static enum store_result faulty_resolve(struct store *port, const struct changes *changes, bool *ret_committed)
{
	enum store_result result;
	if (choose(port, STORE_CALL_RESOLVE, &result) != FAULT_NONE)
		return result;
	return store_resolve(faulty(port)->inner, changes, ret_committed);
}

static enum store_result faulty_replay_begin(struct store *port)
{
	return faulty(port)->inner->operations->replay_begin(faulty(port)->inner);
}

static enum store_result faulty_replay_clear(struct store *port)
{
	return faulty(port)->inner->operations->replay_clear(faulty(port)->inner);
}

static enum store_result faulty_replay_end(struct store *port, bool is_done)
{
	return faulty(port)->inner->operations->replay_end(faulty(port)->inner, is_done);
}

static void faulty_free(struct store *port)
{
	(void)port; /* the caller's memory */
}

void faulty_store_init(struct faulty_store *store, struct store *inner, enum fault (*chooser)(void *, enum store_call, enum store_result *),
                       void *context)
{
	static const struct store_operations operations = {
		.begin = faulty_begin,
		.end = faulty_end,
		.load = faulty_load,
		.commit = faulty_commit,
		.resolve = faulty_resolve,
		.replay_begin = faulty_replay_begin,
		.replay_clear = faulty_replay_clear,
		.replay_end = faulty_replay_end,
		.free = faulty_free,
	};
	assert(inner != NULL && chooser != NULL);
	*store = (struct faulty_store){
		.port = {.operations = &operations, .has_local_reads = inner->has_local_reads},
		.inner = inner,
		.choose = chooser,
		.context = context,
	};
}
