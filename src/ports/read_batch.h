/* read_batch.h: many reads at once of any reader: by its own read_all, or one after the other. */
#pragma once

#include <assert.h>

#include "ports/reader.h"

static inline enum store_result read_one(struct reader *reader, const struct read *read, struct arena *arena, union read_answer *ret_answer)
{
	const struct reader_operations *operations = reader->operations;
	switch (read->kind) {
	case READ_ROW:
		return operations->find(reader, read->row.kind, &read->row.id, arena, &ret_answer->row);
	case READ_HISTORY:
		return operations->list_history(reader, &read->history.stream_id, read->history.after, read->history.limit, arena,
		                                &ret_answer->history);
	case READ_SEATS:
		return operations->list_seats(reader, &read->seats, arena, &ret_answer->seats);
	case READ_REFUNDS:
		return operations->list_refunds(reader, &read->refunds, arena, &ret_answer->refunds);
	}
	assert(false && "a read is one of four");
	return STORE_CORRUPT;
}

/* In one snapshot, which costs an embedded store less than one for each. */
static inline enum store_result read_each(struct reader *reader, const struct read_batch *batch)
{
	bool shares = batch->count > 1;
	enum store_result result = shares ? reader->operations->snapshot_begin(reader) : STORE_OK;
	if (result != STORE_OK)
		return STORE_DOWN;
	for (uint32_t i = 0; i < batch->count && result != STORE_DOWN; i++) {
		union read_answer answer;
		result = read_one(reader, &batch->reads[i], batch->arena, &answer);
		if (result != STORE_DOWN)
			batch->answered(batch->context, i, result, result == STORE_OK ? &answer : NULL);
	}
	if (shares)
		reader->operations->snapshot_end(reader);
	return result == STORE_DOWN ? STORE_DOWN : STORE_OK;
}

/* See read_all in ports/reader.h. */
static inline enum store_result reader_read_all(struct reader *reader, const struct read_batch *batch)
{
	assert(batch->count >= 1 && batch->count <= READS_MAX);
	return reader->operations->read_all != NULL ? reader->operations->read_all(reader, batch) : read_each(reader, batch);
}
