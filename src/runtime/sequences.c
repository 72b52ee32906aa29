/* sequences.c: two hash tables. When the younger is full the elder is emptied and becomes the younger, so that what was not seen for long is
 * forgotten without looking for it. */
#include "runtime/sequences.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/system/system.h"
#include "base/hash.h"

#define SLOTS (2 * SEQUENCES_STREAMS) /* of a table: half empty at least, so that a search is short */

struct entry {
	struct uuid stream;
	uint64_t seen; /* bit i: the event i + 1 before the last one has come */
	uint32_t last; /* the highest sequence; 0: the slot is empty */
};

struct sequences {
	struct entry *young;
	struct entry *old;
	uint32_t young_count;
	struct hash_seed seed;
	bool is_complete;
};

struct sequences *sequences_new(bool is_complete)
{
	struct sequences *sequences = calloc(1, sizeof *sequences);
	if (sequences == NULL)
		return NULL;
	sequences->is_complete = is_complete;
	sequences->seed = (struct hash_seed){.k0 = random_u64(system_random()), .k1 = random_u64(system_random())};
	sequences->young = calloc(SLOTS, sizeof *sequences->young);
	sequences->old = calloc(SLOTS, sizeof *sequences->old);
	if (sequences->young != NULL && sequences->old != NULL)
		return sequences;
	sequences_free(sequences);
	return NULL;
}

void sequences_free(struct sequences *sequences)
{
	if (sequences == NULL)
		return;
	free(sequences->young);
	free(sequences->old);
	free(sequences);
}

/* The stream's slot, or the empty one where it belongs. */
static struct entry *find(const struct sequences *sequences, struct entry *table, const struct uuid *stream)
{
	uint32_t slot = (uint32_t)(hash_bytes(&sequences->seed, stream->bytes, sizeof stream->bytes) % SLOTS);
	while (table[slot].last != 0 && !uuid_equal(&table[slot].stream, stream))
		slot = (slot + 1) % SLOTS;
	return &table[slot];
}

static void change_tables(struct sequences *sequences)
{
	struct entry *emptied = sequences->old;
	memset(emptied, 0, SLOTS * sizeof *emptied);
	sequences->old = sequences->young;
	sequences->young = emptied;
	sequences->young_count = 0;
	sequences->is_complete = false; /* from now on a stream that seems new may be one that was forgotten */
}

/* The stream's entry among the young, made of what the old ones have of it, or empty. */
static struct entry *take(struct sequences *sequences, const struct uuid *stream)
{
	struct entry *entry = find(sequences, sequences->young, stream);
	if (entry->last != 0)
		return entry;
	if (sequences->young_count == SEQUENCES_STREAMS) {
		change_tables(sequences);
		entry = find(sequences, sequences->young, stream);
	}
	sequences->young_count++;
	*entry = *find(sequences, sequences->old, stream);
	entry->stream = *stream;
	return entry;
}

static enum sequence_finding note_earlier(struct entry *entry, uint32_t sequence)
{
	uint32_t distance = entry->last - sequence;
	if (distance == 0 || distance > 64 || (entry->seen >> (distance - 1) & 1) != 0)
		return SEQUENCE_REPEAT;
	entry->seen |= UINT64_C(1) << (distance - 1);
	return SEQUENCE_LATE;
}

enum sequence_finding sequences_note(struct sequences *sequences, const struct uuid *stream, uint32_t sequence, uint32_t *ret_missing)
{
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
