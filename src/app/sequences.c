/* sequences.c: two tables. When the younger is full the elder is emptied and becomes the younger, so that what was not seen for long is
 * forgotten without looking for it. */
#include "app/sequences.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash_table.h"
#include "base/list.h"

struct entry {
	struct hash_node node;
	struct uuid stream;
	uint64_t seen; /* bit i: the event i + 1 before the last one has come */
	uint32_t last; /* the highest sequence; 0: none has come */
};

struct generation {
	struct hash_table table;
	struct entry *entries; /* SEQUENCES_STREAMS of them; the table's count are in use */
};

struct sequences {
	struct generation young, old;
	struct hash_seed seed;
	bool is_complete;
};

static bool generation_init(struct generation *generation)
{
	assert(generation->entries == NULL);
	generation->entries = calloc(SEQUENCES_STREAMS, sizeof *generation->entries);
	return generation->entries != NULL && hash_table_init(SEQUENCES_STREAMS, &generation->table) == OK;
}

struct sequences *sequences_new(struct hash_seed seed, bool is_complete)
{
	struct sequences *sequences = calloc(1, sizeof *sequences);
	if (sequences == NULL)
		return NULL;
	sequences->seed = seed;
	sequences->is_complete = is_complete;
	if (generation_init(&sequences->young) && generation_init(&sequences->old))
		return sequences;
	sequences_free(sequences);
	return NULL;
}

void sequences_free(struct sequences *sequences)
{
	if (sequences == NULL)
		return;
	hash_table_release(&sequences->young.table);
	hash_table_release(&sequences->old.table);
	free(sequences->young.entries);
	free(sequences->old.entries);
	free(sequences);
}

/* The stream's entry; NULL: there is none. */
static struct entry *find(const struct generation *generation, uint64_t hash, const struct uuid *stream)
{
	assert(stream != NULL);
	struct hash_node *node = hash_table_first(&generation->table, hash);
	while (node != NULL && !uuid_equal(&container_of(node, struct entry, node)->stream, stream))
		node = hash_table_next(node);
	return node == NULL ? NULL : container_of(node, struct entry, node);
}

static void change_generations(struct sequences *sequences)
{
	assert(sequences->young.table.count == SEQUENCES_STREAMS);
	struct generation emptied = sequences->old;
	hash_table_clear(&emptied.table);
	sequences->old = sequences->young;
	sequences->young = emptied;
	sequences->is_complete = false; /* from now on a stream that seems new may be one that was forgotten */
}

/* The stream's entry among the young, made of what the old ones have of it, or empty. */
static struct entry *take(struct sequences *sequences, const struct uuid *stream)
{
	assert(sequences->young.table.count <= SEQUENCES_STREAMS);
	uint64_t hash = hash_bytes(&sequences->seed, stream->bytes, sizeof stream->bytes);
	struct entry *entry = find(&sequences->young, hash, stream);
	if (entry != NULL)
		return entry;
	if (sequences->young.table.count == SEQUENCES_STREAMS)
		change_generations(sequences);
	const struct entry *old = find(&sequences->old, hash, stream);
	entry = &sequences->young.entries[sequences->young.table.count];
	*entry = old != NULL ? *old : (struct entry){.stream = *stream};
	hash_table_put(&sequences->young.table, &entry->node, hash);
	return entry;
}

static enum sequence_finding note_earlier(struct entry *entry, uint32_t sequence)
{
	assert(sequence <= entry->last);
	uint32_t distance = entry->last - sequence;
	if (distance == 0 || distance > 64 || (entry->seen >> (distance - 1) & 1) != 0)
		return SEQUENCE_REPEAT;
	entry->seen |= UINT64_C(1) << (distance - 1);
	return SEQUENCE_LATE;
}

enum sequence_finding sequences_note(struct sequences *sequences, const struct uuid *stream, uint32_t sequence, uint32_t *ret_missing)
{
	assert(ret_missing != NULL);
	assert(sequences != NULL && stream != NULL && sequence >= 1);
	*ret_missing = 0;
	struct entry *entry = take(sequences, stream);
	if (entry->last >= sequence)
		return note_earlier(entry, sequence);
	bool is_first = entry->last == 0;
	uint32_t distance = sequence - entry->last;
	uint64_t before = distance >= 64 ? 0 : entry->seen << distance;
	entry->seen = is_first || distance > 64 ? 0 : before | UINT64_C(1) << (distance - 1);
	entry->last = sequence;
	if (distance == 1 || (is_first && !sequences->is_complete))
		return SEQUENCE_NEXT;
	*ret_missing = distance - 1;
	return SEQUENCE_GAP;
}
