/* reader_all.c: many reads in one pipeline: the rows of a kind by one statement, each list by one of its own.
 *
 * The statements are one exchange and one implicit transaction, so the server sends its answers together. When a statement fails those
 * behind it are not run, and are sent again without it; one that asks for many rows is divided first, until the row stands alone that
 * cannot be read. */
#include <assert.h>
#include <stdlib.h>

#include "adapters/postgres/reader.h"
#include "base/now.h"

#define REPEAT_WITHIN_MS 2000 /* as a single statement is (connection.c) */
#define LOSSES_MAX 3          /* sessions that one call may cost */

struct item {
	uint32_t index; /* of the read */
	bool is_alone;  /* its statement asks for nothing else */
};

/* The items are sent, and answered, in their order. */
struct read_run {
	const struct read_batch *batch;
	struct item items[READS_MAX];
	uint32_t next; /* the first that is not answered */
	int tuples[READS_MAX];
};

void read_run_free(struct read_run *run)
{
	free(run);
}

static const struct read *read_at(const struct read_run *run, uint32_t item)
{
	assert(item < run->batch->count);
	return &run->batch->reads[run->items[item].index];
}

/* Counts the items, from this one on, that one statement reads. */
static uint32_t count_together(const struct read_run *run, uint32_t item)
{
	assert(item >= run->next);
	const struct read *first = read_at(run, item);
	uint32_t end = item + 1;
	if (first->kind != READ_ROW || run->items[item].is_alone)
		return 1;
	while (end < run->batch->count && !run->items[end].is_alone && read_at(run, end)->kind == READ_ROW &&
	       read_at(run, end)->row.kind == first->row.kind)
		end++;
	return end - item;
}

/* Rows by kinds, then the others. */
static void order_items(struct read_run *run)
{
	static const enum row_kind kinds[] = {ROW_SALE, ROW_HOLD, ROW_ORDER, ROW_REFUND};
	const struct read_batch *batch = run->batch;
	uint32_t count = 0;
	for (size_t kind = 0; kind < ARRAY_LENGTH(kinds); kind++)
		for (uint32_t i = 0; i < batch->count && batch->reads[i].kind == READ_ROW; i++)
			if (batch->reads[i].row.kind == kinds[kind])
				run->items[count++] = (struct item){.index = i};
	for (uint32_t i = count; i < batch->count; i++) {
		assert(batch->reads[i].kind != READ_ROW);
		run->items[count++] = (struct item){.index = i};
	}
	run->next = 0;
}

static enum reader_statement put_parameters(const struct read_run *run, struct parameters *parameters, uint32_t item, uint32_t together)
{
	assert(parameters->count == 0 && together >= 1);
	const struct read *read = read_at(run, item);
	switch (read->kind) {
	case READ_ROW:
		for (uint32_t i = 0; i < together; i++)
			array_uuid(parameters, 0, &read_at(run, item + i)->row.id);
		return find_statement(read->row.kind);
	case READ_HISTORY:
		return put_history(parameters, &read->history.stream_id, read->history.after, read->history.limit);
	case READ_SEATS:
		return put_seats(parameters, &read->seats);
	case READ_REFUNDS:
		return put_refunds(parameters, &read->refunds);
	}
	assert(false && "a read is one of four");
	return LIST_HISTORY;
}

static void send_all(struct postgres_reader *reader)
{
	const struct read_run *run = reader->run;
	assert(run->next < run->batch->count);
	for (uint32_t item = run->next, together; item < run->batch->count; item += together) {
		together = count_together(run, item);
		enum reader_statement statement = put_parameters(run, &reader->parameters, item, together);
		connection_send(&reader->connection, statement, &reader->parameters);
		parameters_clear(&reader->parameters);
	}
}

static void tell(const struct read_run *run, uint32_t item, enum store_result result, const union read_answer *answer)
{
	assert(answer != NULL || result != STORE_OK);
	run->batch->answered(run->batch->context, run->items[item].index, result, result == STORE_OK ? answer : NULL);
}

/* Hands each row to the reads that asked for it: the answer has the rows in any order, without those that do not exist. */
static void take_rows(struct read_run *run, const PGresult *answer, uint32_t together)
{
	assert(together >= 1 && run->next + together <= run->batch->count);
	enum row_kind kind = read_at(run, run->next)->row.kind;
	int number_column = PQnfields(answer) - 1;
	for (uint32_t i = 0; i < together; i++)
		run->tuples[i] = -1;
	for (int row = 0; row < PQntuples(answer); row++) {
		uint64_t number = field_uint((struct tuple){.answer = answer, .row = row}, number_column);
		if (number >= 1 && number <= together)
			run->tuples[number - 1] = row;
	}
	for (uint32_t i = 0; i < together; i++) {
		struct tuple tuple = {.answer = answer, .row = run->tuples[i]};
		union read_answer found = {.row = NULL};
		if (tuple.row >= 0)
			found.row = stored_row_read(tuple_columns(&tuple), kind, run->batch->arena);
		tell(run, run->next + i, tuple.row >= 0 && found.row == NULL ? STORE_CORRUPT : STORE_OK, &found);
	}
}

static void take_list(struct read_run *run, const PGresult *answer)
{
	const struct read *read = read_at(run, run->next);
	struct arena *arena = run->batch->arena;
	assert(read->kind != READ_ROW);
	union read_answer list;
	enum store_result result = read->kind == READ_HISTORY ? read_events(answer, arena, &list.history)
	                           : read->kind == READ_SEATS ? read_seats(answer, &read->seats, arena, &list.seats)
	                                                      : read_refunds(answer, arena, &list.refunds);
	tell(run, run->next, result, &list);
}

static void take_answer(void *context, uint32_t index, PGresult *answer)
{
	struct read_run *run = context;
	assert(index < run->batch->count && run->next < run->batch->count);
	uint32_t together = count_together(run, run->next);
	if (read_at(run, run->next)->kind == READ_ROW)
		take_rows(run, answer, together);
	else
		take_list(run, answer);
	PQclear(answer);
	run->next += together;
}

/* The next statement failed: it is divided, or the read has this result and no other has. */
static void fail_next(struct read_run *run, enum store_result result)
{
	assert(result != STORE_OK);
	uint32_t together = count_together(run, run->next);
	if (together == 1)
		tell(run, run->next++, result, NULL);
	else
		for (uint32_t i = 0; i < together; i++)
			run->items[run->next + i].is_alone = true;
}

static enum store_result run_all(struct postgres_reader *reader)
{
	struct read_run *run = reader->run;
	assert(run->next == 0 && run->batch->answered != NULL);
	struct connection *connection = &reader->connection;
	uint64_t repeat_until_ns = monotonic_now_ns() + (uint64_t)REPEAT_WITHIN_MS * 1000000;
	uint32_t losses = 0, taken;
	while (run->next < run->batch->count) {
		if (connection_begin(connection) != STORE_OK)
			return STORE_DOWN;
		send_all(reader);
		enum store_result result = connection_finish_each(connection, take_answer, run, &taken);
		if (result == STORE_OK && run->next < run->batch->count)
			return STORE_DOWN; /* it answers something else than rows */
		bool is_lost = result != STORE_OK && connection->handle == NULL;
		losses += is_lost;
		if (is_lost && losses == 1 && monotonic_now_ns() <= repeat_until_ns)
			continue; /* it had been lost before, or its server was going: another one may serve */
		if (result == STORE_UNKNOWN || losses > LOSSES_MAX)
			return STORE_DOWN;
		if (result != STORE_OK)
			fail_next(run, result);
	}
	return STORE_OK;
}

enum store_result postgres_read_all(struct reader *port, const struct read_batch *batch)
{
	assert(batch->count >= 1 && batch->count <= READS_MAX && batch->arena != NULL);
	struct postgres_reader *reader = reader_of(port);
	assert(!reader->has_snapshot);
	if (reader->run == NULL)
		reader->run = malloc(sizeof *reader->run);
	if (reader->run == NULL)
		return STORE_DOWN;
	reader->connection.deadline_ns = port->deadline_ns;
	reader->run->batch = batch;
	order_items(reader->run);
	return run_all(reader);
}
