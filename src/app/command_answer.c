/* command_answer.c: see command_answer.h. */
#include "app/command_answer.h"

#include <assert.h>

#include "codec/event_json.h"

struct slice command_answer(const struct event *event, struct buffer *scratch, struct arena *arena)
{
	assert(event->data.length > 0);
	if (!event_answer_differs(event))
		return arena_copy(arena, event->data);
	buffer_clear(scratch);
	event_answer_write(scratch, event);
	return scratch->failed ? (struct slice){0} : arena_copy(arena, buffer_slice(scratch));
}

enum error command_answer_payment_again(struct job *job, struct buffer *scratch, struct arena *work)
{
	assert(job->outcome.is_replayed && job->command.kind == COMMAND_PAYMENT);
	/* Every type of an order's event has the same data, which says what the order became. */
	struct event event = {.type = EVENT_ORDER_CONFIRMED, .stream_id = job->outcome.resource_id};
	enum error error = event_data_read(job->outcome.body, work, &event);
	if (error != OK)
		return error;
	job->outcome.body = command_answer(&event, scratch, job->command.arena);
	return job->outcome.body.data == NULL ? ERR_NO_MEMORY : OK;
}

enum error command_remember_key(const struct event *event, struct view *view)
{
	assert(event->data.length > 0);
	if (!event->idempotency.is_present)
		return OK;
	const struct key used = {.idempotency = event->idempotency, .stream_id = event->stream_id, .answer = event->data};
	struct key *key = view_put_key(view, &used);
	if (key == NULL)
		return ERR_NO_MEMORY;
	view_change(view, &key->row, uuid_stamp(&event->id));
	return OK;
}
