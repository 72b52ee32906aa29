/* query_handler.c: reads the rows and then the lists of each query, and has one function a kind of query that writes its JSON. */
#include "app/query_handler.h"

#include <assert.h>
#include <stdlib.h>

#include "app/availability.h"
#include "app/cursor.h"
#include "base/buffer.h"
#include "base/json_writer.h"
#include "codec/event_json.h"
#include "ports/read_batch.h"

#define ROWS_BLOCK (64 * 1024)
#define ROWS_MAX (64 * 1024 * 1024) /* a page of histories, each with the largest data */
#define BODY_MAX (64 * 1024 * 1024)
#define BODY_KEPT_MAX (1024 * 1024) /* storage beyond this is given back before the next query */
#define READS_OF_QUERY_MAX 2

/* The job that asked for a read. */
struct asker {
	struct job *job;    /* NULL: has its answer without this read */
	struct asker *list; /* the other read of a job that reads a row and then a list; else NULL */
};

struct query_handler {
	struct query_handler_options options;
	struct read reads[READS_MAX];
	struct asker askers[READS_MAX]; /* of each */
	uint32_t read_count;
	uint64_t now_ms;
	struct list ended;    /* have their outcomes, and their owner does not know */
	struct list counting; /* their event is there: its seats are to be counted */
	struct arena rows;    /* of the read at hand */
	struct buffer body;   /* of the query at hand */
};

enum error query_handler_new(const struct query_handler_options *options, struct query_handler **ret_handler)
{
	assert(options->reader != NULL && options->answered != NULL);
	assert(ret_handler != NULL);

	struct query_handler *handler = calloc(1, sizeof *handler);
	if (handler == NULL)
		return ERR_NO_MEMORY;
	handler->options = *options;
	list_init(&handler->ended);
	list_init(&handler->counting);
	arena_init(&handler->rows, ROWS_BLOCK, ROWS_MAX);
	buffer_init(&handler->body, NULL, BODY_MAX);
	*ret_handler = handler;
	return OK;
}

void query_handler_free(struct query_handler *handler)
{
	if (handler == NULL)
		return;
	arena_release(&handler->rows);
	buffer_release(&handler->body);
	free(handler);
}

static struct job *job_of(struct list_node *node)
{
	return container_of(node, struct job, node);
}

/* The row that a query begins with, and what it is when there is none, or another user's; ROW_KEY: it begins with none. */
static enum row_kind first_row(enum query_kind kind, enum error *ret_unknown)
{
	assert(ret_unknown != NULL);
	switch (kind) {
	case QUERY_HOLD:
	case QUERY_HOLD_HISTORY:
		*ret_unknown = ERR_HOLD_UNKNOWN;
		return ROW_HOLD;
	case QUERY_ORDER:
	case QUERY_ORDER_HISTORY:
		*ret_unknown = ERR_ORDER_UNKNOWN;
		return ROW_ORDER;
	case QUERY_SEATS:
	case QUERY_AVAILABILITY:
		*ret_unknown = ERR_EVENT_UNKNOWN;
		return ROW_SALE;
	case QUERY_REFUNDS:
		return ROW_KEY;
	case QUERY_EVENTS:
	case QUERY_EVENT:
		break;
	}
	assert(false && "events are the catalog's");
	return ROW_KEY;
}

static bool may_read(const struct query *query, const struct row *row)
{
	assert(row->kind == ROW_HOLD || row->kind == ROW_ORDER || row->kind == ROW_SALE);
	if (row->kind == ROW_SALE || query->is_of_anybody)
		return true;
	const struct short_text *owner = row->kind == ROW_HOLD ? &container_of(row, const struct hold, row)->user
	                                                       : &container_of(row, const struct order, row)->user;
	return slice_equal(short_text_slice(owner), query->user);
}

/* Ends {data:[… with what tells where the next page begins: behind `after`. */
static void end_page(struct json_writer *writer, const struct query *query, bool has_more, uint64_t after)
{
	assert(!has_more || after > 0 || query->has_after_id || query->kind == QUERY_REFUNDS);
	json_writer_array_end(writer);
	struct query next = *query;
	next.after = after;
	cursor_write(writer, has_more ? &next : NULL);
	json_writer_object_end(writer);
}

static void begin_page(struct json_writer *writer)
{
	assert(writer != NULL);
	json_writer_object_begin(writer, NULL);
	json_writer_array_begin(writer, "data");
}

static void write_history(struct query_handler *handler, const struct query *query, struct event_list list)
{
	assert(query->kind == QUERY_HOLD_HISTORY || query->kind == QUERY_ORDER_HISTORY);
	assert(query->limit >= 1);
	bool has_more = list.count > query->limit;
	uint32_t count = has_more ? query->limit : list.count;
	struct json_writer writer = json_writer_on(&handler->body);
	begin_page(&writer);
	for (uint32_t i = 0; i < count; i++) {
		const struct event_record *record = &list.records[i];
		json_writer_object_begin(&writer, NULL);
		json_writer_uuid(&writer, "id", &record->id);
		json_writer_string(&writer, "type", slice_of(event_type_name(record->type)));
		json_writer_uint(&writer, "version", record->sequence);
		json_writer_time(&writer, "occurred_at", record->occurred_at_ms);
		json_writer_raw(&writer, "data", record->data);
		json_writer_object_end(&writer);
	}
	end_page(&writer, query, has_more, count == 0 ? 0 : list.records[count - 1].sequence);
}

static void write_seats(struct query_handler *handler, const struct query *query, struct seat_list list)
{
	assert(query->kind == QUERY_SEATS);
	assert(query->limit >= 1);
	struct json_writer writer = json_writer_on(&handler->body);
	begin_page(&writer);
	for (uint32_t i = 0; i < list.count; i++) {
		const struct seat_entry *entry = &list.entries[i];
		json_writer_object_begin(&writer, NULL);
		json_writer_string(&writer, "seat", entry->seat);
		json_writer_string_or_null(&writer, "section", entry->section);
		json_writer_string_or_null(&writer, "row", entry->row);
		json_writer_int(&writer, "price", entry->price);
		json_writer_string(&writer, "status", slice_of(seat_status_name(entry->status)));
		json_writer_object_end(&writer);
	}
	end_page(&writer, query, list.next_position != 0, list.next_position);
}

static void write_refunds(struct query_handler *handler, const struct query *query, struct refund_list list)
{
	assert(query->kind == QUERY_REFUNDS);
	assert(query->limit >= 1);
	bool has_more = list.count > query->limit;
	uint32_t count = has_more ? query->limit : list.count;
	struct json_writer writer = json_writer_on(&handler->body);
	begin_page(&writer);
	for (uint32_t i = 0; i < count; i++)
		refund_write(&writer, &list.refunds[i]);
	struct query next = *query;
	if (has_more)
		next.after_id = list.refunds[count - 1].refund_id;
	end_page(&writer, &next, has_more, 0);
}

static struct asker *add_read(struct query_handler *handler, struct job *job, const struct read *read)
{
	assert(handler->read_count < READS_MAX);
	struct asker *asker = &handler->askers[handler->read_count];
	handler->reads[handler->read_count++] = *read;
	*asker = (struct asker){.job = job};
	return asker;
}

/* Finds the list that the query reads beside its row. False: it reads none. */
static bool find_list(const struct query *query, uint64_t now_ms, struct read *ret_read)
{
	assert(query->limit <= QUERY_LIMIT_MAX);
	switch (query->kind) {
	case QUERY_HOLD_HISTORY:
	case QUERY_ORDER_HISTORY:
		*ret_read = (struct read){.kind = READ_HISTORY};
		ret_read->history.stream_id = query->id;
		ret_read->history.after = query->after > UINT32_MAX ? UINT32_MAX : (uint32_t)query->after;
		ret_read->history.limit = query->limit + 1; /* one more than asked for tells whether there is a next page */
		return true;
	case QUERY_SEATS:
		*ret_read = (struct read){.kind = READ_SEATS};
		ret_read->seats = (struct seat_query){.event_id = query->id,
		                                      .status = query->seat_status,
		                                      .after_position = query->after,
		                                      .limit = query->limit,
		                                      .now_ms = now_ms};
		return true;
	case QUERY_REFUNDS:
		*ret_read = (struct read){.kind = READ_REFUNDS};
		ret_read->refunds = (struct refund_query){.status = query->refund_status, .event_id = query->id, .limit = query->limit + 1};
		if (query->has_after_id)
			ret_read->refunds.after = query->after_id;
		return true;
	default:
		return false;
	}
}

/* Rows first, so that those who wait for no more have their answers before the lists are made. */
static void add_reads(struct query_handler *handler, struct list *jobs)
{
	assert(!list_is_empty(jobs));
	enum error unknown;
	handler->read_count = 0;
	list_for_each(node, jobs) {
		const struct query *query = &job_of(node)->query;
		struct read read = {.kind = READ_ROW};
		read.row.kind = first_row(query->kind, &unknown);
		read.row.id = query->id;
		if (read.row.kind != ROW_KEY)
			(void)add_read(handler, job_of(node), &read);
	}
	uint32_t row_count = handler->read_count;
	struct read list;
	for (uint32_t i = 0; i < row_count; i++)
		if (find_list(&handler->askers[i].job->query, handler->now_ms, &list))
			handler->askers[i].list = add_read(handler, handler->askers[i].job, &list);
	list_for_each(node, jobs) {
		const struct query *query = &job_of(node)->query;
		if (first_row(query->kind, &unknown) == ROW_KEY && find_list(query, handler->now_ms, &list))
			(void)add_read(handler, job_of(node), &list);
	}
}

/* The job has its outcome: the error, or what was written. */
static void end_job(struct query_handler *handler, struct job *job, enum error error)
{
	assert(job->kind == JOB_QUERY);
	struct slice body = {0};
	if (error == OK && !handler->body.failed)
		body = arena_copy(job->arena, buffer_slice(&handler->body));
	if (error == ERR_CORRUPT && handler->rows.lacks_memory)
		error = ERR_NO_MEMORY;
	job->outcome.error = error != OK ? error : body.data == NULL ? ERR_NO_MEMORY : OK;
	job->outcome.body = body;
	list_remove(&job->node);
	list_push(&handler->ended, &job->node);
}

static void tell_ended(struct query_handler *handler)
{
	if (!list_is_empty(&handler->ended))
		handler->options.answered(handler->options.context, &handler->ended);
	assert(list_is_empty(&handler->ended));
}

static void take_row(struct query_handler *handler, struct asker *asker, enum error error, const struct row *row)
{
	assert(asker->job != NULL);
	struct job *job = asker->job;
	const struct query *query = &job->query;
	enum error unknown = OK;
	(void)first_row(query->kind, &unknown);
	if (error == OK && (row == NULL || !may_read(query, row)))
		error = unknown;
	if (error == OK && query->kind == QUERY_AVAILABILITY) {
		list_remove(&job->node);
		list_push(&handler->counting, &job->node);
	} else if (error != OK || asker->list == NULL) {
		if (error == OK && query->kind == QUERY_HOLD)
			hold_write(&handler->body, container_of(row, const struct hold, row), handler->now_ms);
		else if (error == OK)
			order_write(&handler->body, container_of(row, const struct order, row), handler->now_ms);
		if (asker->list != NULL)
			asker->list->job = NULL;
		end_job(handler, job, error);
	}
}

static void take_list(struct query_handler *handler, struct job *job, enum read_kind kind, const union read_answer *answer)
{
	assert(kind != READ_ROW);
	if (kind == READ_HISTORY)
		write_history(handler, &job->query, answer->history);
	else if (kind == READ_SEATS)
		write_seats(handler, &job->query, answer->seats);
	else
		write_refunds(handler, &job->query, answer->refunds);
	end_job(handler, job, OK);
}

static void clear_body(struct query_handler *handler)
{
	assert(list_is_empty(&handler->ended) || handler->read_count > 0);
	if (handler->body.capacity > BODY_KEPT_MAX)
		buffer_release(&handler->body);
	buffer_clear(&handler->body);
}

static void give_answer(struct query_handler *handler, struct asker *asker, enum read_kind kind, enum store_result result,
                        const union read_answer *answer)
{
	assert(asker->job != NULL);
	if (kind == READ_ROW)
		take_row(handler, asker, error_of(result), result == STORE_OK ? answer->row : NULL);
	else if (result == STORE_OK)
		take_list(handler, asker->job, kind, answer);
	else
		end_job(handler, asker->job, error_of(result));
}

static void take_answer(void *context, uint32_t index, enum store_result result, const union read_answer *answer)
{
	struct query_handler *handler = context;
	assert(index < handler->read_count && (answer != NULL) == (result == STORE_OK));
	struct asker *asker = &handler->askers[index];
	enum read_kind kind = handler->reads[index].kind;
	if (kind != READ_ROW)
		tell_ended(handler);
	clear_body(handler);
	if (asker->job != NULL)
		give_answer(handler, asker, kind, result, answer);
	arena_clear(&handler->rows);
}

/* Those that ask for the same event have the same answer: however many ask, a large event is counted once at a time. */
static void end_counting(struct query_handler *handler, const struct uuid *event_id, enum error error)
{
	assert(!list_is_empty(&handler->counting));
	struct list left;
	list_init(&left);
	while (!list_is_empty(&handler->counting)) {
		struct job *job = job_of(handler->counting.head.next);
		if (uuid_equal(&job->query.id, event_id)) {
			end_job(handler, job, error);
		} else {
			list_remove(&job->node);
			list_push(&left, &job->node);
		}
	}
	list_splice(&handler->counting, &left);
}

/* One event after the other. False: the store is down, and those that are left are not answered. */
static bool count_seats(struct query_handler *handler)
{
	bool is_up = true;
	while (is_up && !list_is_empty(&handler->counting)) {
		struct uuid event_id = job_of(handler->counting.head.next)->query.id;
		clear_body(handler);
		arena_clear(&handler->rows);
		enum error error = availability_write(handler->options.reader, &event_id, handler->now_ms, &handler->rows, &handler->body);
		is_up = error != ERR_STORE_UNAVAILABLE;
		if (is_up)
			end_counting(handler, &event_id, error);
		tell_ended(handler);
	}
	return is_up;
}

bool query_handler_answer(struct query_handler *handler, struct list *jobs, uint64_t now_ms)
{
	assert(handler != NULL && jobs != NULL);
	bool is_up = true;
	handler->now_ms = now_ms;
	while (is_up && !list_is_empty(jobs)) {
		struct list part;
		list_init(&part);
		for (uint32_t i = 0; i < READS_MAX / READS_OF_QUERY_MAX && !list_is_empty(jobs); i++)
			list_push(&part, list_pop(jobs));
		add_reads(handler, &part);
		arena_clear(&handler->rows);
		const struct read_batch batch = {.reads = handler->reads,
		                                 .count = handler->read_count,
		                                 .arena = &handler->rows,
		                                 .answered = take_answer,
		                                 .context = handler};
		is_up = reader_read_all(handler->options.reader, &batch) == STORE_OK;
		tell_ended(handler);
		is_up = is_up && count_seats(handler);
		list_splice(jobs, &handler->counting);
		list_splice(jobs, &part);
	}
	return is_up;
}
