/* publish_window.c: a ring of batches, and the set of what they have. */
#include "app/publish_window.h"

#include <assert.h>
#include <string.h>

#define BATCH_BLOCK (64 * 1024)
#define BATCH_MAX (64 * 1024 * 1024)

void window_init(struct publish_window *window)
{
	assert(window != NULL);
	*window = (struct publish_window){0};
	for (uint32_t i = 0; i < WINDOW_BATCHES; i++)
		arena_init(&window->batches[i].arena, BATCH_BLOCK, BATCH_MAX);
}

void window_release(struct publish_window *window)
{
	assert(window != NULL);
	for (uint32_t i = 0; i < WINDOW_BATCHES; i++)
		arena_release(&window->batches[i].arena);
}

static struct window_batch *batch_at(struct publish_window *window, uint32_t index)
{
	assert(index < WINDOW_BATCHES);
	return &window->batches[(window->first + index) % WINDOW_BATCHES];
}

bool window_has_room(const struct publish_window *window)
{
	assert(window->confirmed <= window->sent && window->sent <= window->read);
	return window->count < WINDOW_BATCHES && window->read - window->confirmed < WINDOW_EVENTS &&
	       window->known.count + OUTBOX_ENTRIES_MAX <= OUTBOX_KNOWN_MAX;
}

struct arena *window_arena(struct publish_window *window)
{
	assert(window_has_room(window));
	struct arena *arena = &batch_at(window, window->count)->arena;
	arena_clear(arena);
	return arena;
}

/* Those of a partition together, in the order in which they are: between partitions there is no order. */
static void sort_entries(const struct outbox_batch *batch, struct outbox_entry *sorted)
{
	assert(batch->entries != NULL && sorted != NULL);
	uint32_t at[OUTBOX_PARTITIONS + 1] = {0};
	for (uint32_t i = 0; i < batch->count; i++)
		at[batch->entries[i].key.partition + 1]++;
	for (uint32_t i = 1; i < OUTBOX_PARTITIONS; i++)
		at[i] += at[i - 1];
	for (uint32_t i = 0; i < batch->count; i++)
		sorted[at[batch->entries[i].key.partition]++] = batch->entries[i];
}

bool window_add(struct publish_window *window, const struct outbox_batch *batch, uint64_t now_ns)
{
	assert(window_has_room(window) && batch->count > 0 && batch->count <= OUTBOX_ENTRIES_MAX);
	struct window_batch *added = batch_at(window, window->count);
	uint32_t records = 0;
	for (uint32_t i = 0; i < batch->count; i++)
		records += batch->entries[i].count;
	added->entries = arena_allocate_array(&added->arena, batch->count, sizeof *added->entries);
	added->ends = arena_allocate_array(&added->arena, batch->count, sizeof *added->ends);
	added->records = arena_allocate_array(&added->arena, records, sizeof(const struct event_record *));
	if (added->entries == NULL || added->ends == NULL || added->records == NULL)
		return false;
	sort_entries(batch, added->entries);
	added->entry_count = batch->count;
	added->record_count = 0;
	added->confirmed_entries = 0;
	added->first = window->read;
	added->began_ns = now_ns;
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct outbox_entry *entry = &added->entries[i];
		for (uint32_t j = 0; j < entry->count; j++)
			added->records[added->record_count++] = &entry->records[j];
		added->ends[i] = added->first + added->record_count;
		outbox_known_add(&window->known, entry);
	}
	window->read += added->record_count;
	window->count++;
	return true;
}

const struct event_record *const *window_unsent(const struct publish_window *window, uint32_t *ret_count)
{
	assert(ret_count != NULL && window->sent <= window->read);
	for (uint32_t i = 0; i < window->count; i++) {
		const struct window_batch *batch = &window->batches[(window->first + i) % WINDOW_BATCHES];
		uint64_t end = batch->first + batch->record_count;
		if (end <= window->sent)
			continue;
		*ret_count = (uint32_t)(end - window->sent);
		return batch->records + (window->sent - batch->first);
	}
	return NULL;
}

void window_note_sent(struct publish_window *window, uint32_t count)
{
	assert(window->sent + count <= window->read);
	window->sent += count;
}

uint32_t window_under_way(const struct publish_window *window)
{
	assert(window->confirmed <= window->sent);
	return (uint32_t)(window->sent - window->confirmed);
}

/* Batches of which nothing is left. */
static void drop_finished(struct publish_window *window)
{
	assert(window->count <= WINDOW_BATCHES);
	while (window->count > 0) {
		const struct window_batch *batch = batch_at(window, 0);
		if (batch->confirmed_entries < batch->entry_count || batch->first + batch->record_count > window->confirmed)
			return;
		window->first = (window->first + 1) % WINDOW_BATCHES;
		window->count--;
	}
}

const struct outbox_entry *window_confirm(struct publish_window *window, uint64_t confirmed, uint64_t *ret_began_ns)
{
	assert(ret_began_ns != NULL);
	assert(confirmed >= window->confirmed && confirmed <= window->sent);
	window->confirmed = confirmed;
	drop_finished(window);
	for (uint32_t i = 0; i < window->count; i++) {
		struct window_batch *batch = batch_at(window, i);
		if (batch->confirmed_entries == batch->entry_count)
			continue;
		if (batch->ends[batch->confirmed_entries] > confirmed)
			return NULL;
		const struct outbox_entry *entry = &batch->entries[batch->confirmed_entries++];
		window->done_events[window->done_count] = entry->count;
		window->done[window->done_count++] = entry->key;
		*ret_began_ns = batch->began_ns;
		return entry;
	}
	return NULL;
}

/* Those that are done and those that are not confirmed. */
static void count_known(struct publish_window *window)
{
	assert(window->done_count <= OUTBOX_KNOWN_MAX);
	window->known = (struct outbox_known){0};
	for (uint32_t i = 0; i < window->done_count; i++)
		outbox_known_add(&window->known, &(struct outbox_entry){.key = window->done[i], .count = window->done_events[i]});
	for (uint32_t i = 0; i < window->count; i++) {
		const struct window_batch *batch = batch_at(window, i);
		for (uint32_t j = batch->confirmed_entries; j < batch->entry_count; j++)
			outbox_known_add(&window->known, &batch->entries[j]);
	}
}

void window_acknowledged(struct publish_window *window)
{
	assert(window->done_count > 0);
	window->done_count = 0;
	count_known(window);
}

void window_forget_unsent(struct publish_window *window)
{
	assert(window->sent <= window->read);
	for (uint32_t i = 0; i < window->count; i++) {
		struct window_batch *batch = batch_at(window, i);
		while (batch->entry_count > batch->confirmed_entries && batch->ends[batch->entry_count - 1] > window->sent)
			batch->entry_count--;
		if (batch->first + batch->record_count > window->sent)
			batch->record_count = batch->first > window->sent ? 0 : (uint32_t)(window->sent - batch->first);
		if (batch->first > window->sent)
			batch->first = window->sent;
	}
	window->read = window->sent;
	count_known(window);
	drop_finished(window);
}

void window_forget(struct publish_window *window, uint64_t confirmed)
{
	assert(confirmed >= window->confirmed && confirmed <= window->sent);
	window->count = 0;
	count_known(window);
	window->read = window->sent = window->confirmed = confirmed;
}
