/* sale_answer.c: from the stream of an event to the text of an answer. */
#include "app/sale_answer.h"

#include <assert.h>

#include "app/catalog_sync.h"
#include "app/event_pages.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "codec/event_json.h"

#define EVENT_BLOCK (16 * 1024)
#define EVENT_MAX (512 * 1024 * 1024) /* an event of a million listed seats is read with its layout */
#define BODY_MAX (64 * 1024)

/* The stored data has the layout, the answer has not. */
static enum error write_created(struct slice data, const struct uuid *event_id, struct arena *scratch, struct buffer *body)
{
	assert(data.length > 0);
	struct event event = {.type = EVENT_SALE_CREATED, .stream_id = *event_id};
	enum error error = event_data_read(data, scratch, &event);
	if (error == OK)
		event_answer_write(body, &event);
	return error;
}

static enum error write_current(struct reader *reader, const struct uuid *event_id, struct arena *scratch, struct buffer *body)
{
	assert(reader != NULL && event_id != NULL);
	const struct row *row;
	if (reader->operations->find(reader, ROW_SALE, event_id, scratch, &row) != STORE_OK)
		return ERR_STORE_UNAVAILABLE;
	if (row == NULL)
		return ERR_CORRUPT; /* the command has just found it */
	struct catalog_entry entry;
	enum error error = catalog_sync_entry(reader, container_of(row, const struct sale, row), scratch, &entry);
	if (error != OK)
		return error;
	struct json_writer writer = json_writer_on(body);
	event_page_write_entry(&writer, &entry);
	return OK;
}

enum error sale_answer(struct reader *reader, const struct command *command, struct outcome *outcome)
{
	assert(reader != NULL && command != NULL);
	assert(outcome != NULL && outcome->error == OK);

	bool is_creation = command->kind == COMMAND_SALE_CREATE;
	if (is_creation && !outcome->is_replayed)
		return OK;
	struct arena scratch;
	struct buffer body;
	arena_init(&scratch, EVENT_BLOCK, EVENT_MAX);
	buffer_init(&body, command->arena, BODY_MAX);
	enum error error = is_creation ? write_created(outcome->body, &outcome->resource_id, &scratch, &body)
	                               : write_current(reader, &outcome->resource_id, &scratch, &body);
	arena_release(&scratch);
	if (error == OK && body.failed)
		error = ERR_NO_MEMORY;
	if (error == OK)
		outcome->body = buffer_slice(&body);
	return error;
}
