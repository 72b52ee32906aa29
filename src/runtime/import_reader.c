/* import_reader.c: the text of an event, its seats put in, is read as a body; violations get their places from the text. */
#include "runtime/import_reader.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "codec/json_locate.h"
#include "codec/sale_json.h"

enum error import_reader_init(const struct import_reader_options *options, struct import_reader *ret_reader)
{
	assert(options != NULL && options->source != NULL && options->tell != NULL);
	struct import_reader reader = {.options = *options};
	const struct event_file_source source = {.read = import_source_read, .context = options->source};
	enum error error = event_file_new(&source, IMPORT_TEXT_MAX, &reader.file);
	if (error == OK)
		error = digest_init(&reader.digest);
	if (error == OK)
		error = import_index_init(&reader.seen);
	if (error == OK) {
		*ret_reader = reader;
	} else {
		digest_release(&reader.digest);
		event_file_free(reader.file);
	}
	return error;
}

void import_reader_release(struct import_reader *reader)
{
	assert(reader != NULL);
	import_index_release(&reader->seen);
	digest_release(&reader->digest);
	event_file_free(reader->file);
}

static bool tell(struct import_reader *reader, struct file_place place, struct slice pointer, struct slice detail)
{
	const struct import_fault fault = {.place = place, .pointer = pointer, .detail = detail};
	return reader->options.tell(reader->options.context, &fault);
}

/* Finds the value that the pointer names in the event's text. */
static struct file_place place_of(const struct import_reader *reader, struct slice pointer)
{
	struct json_value value = json_locate(reader->body, pointer);
	assert(value.text.data >= reader->event.text.data);
	return event_text_place(&reader->event, (size_t)(value.text.data - reader->event.text.data));
}

static bool tell_violation(void *context, const struct json_violation *violation)
{
	struct import_reader *reader = context;
	struct import_fault fault = {.pointer = violation->pointer, .detail = violation->detail};
	const struct seat_csv *seats = reader->options.seats;
	fault.is_in_seats = seats != NULL && seat_csv_locate(seats, violation->pointer, &fault.place);
	if (!fault.is_in_seats)
		fault.place = place_of(reader, violation->pointer);
	return reader->options.tell(reader->options.context, &fault);
}

/* The text with the seats behind its other members; data is NULL out of memory. */
static struct slice put_seats_in(const struct import_reader *reader)
{
	struct buffer text;
	struct slice body = reader->body.text;
	struct json_walk walk = json_walk(reader->body);
	struct json_value name, value;
	bool is_empty = !json_next_member(&walk, &name, &value);
	buffer_init(&text, reader->arena, body.length + reader->options.seats->json.length + 16);
	buffer_append(&text, body.data, body.length - 1);
	buffer_append_string(&text, is_empty ? "\"seats\":" : ",\"seats\":");
	buffer_append_slice(&text, reader->options.seats->json);
	buffer_append_byte(&text, '}');
	return text.failed ? (struct slice){0} : buffer_slice(&text);
}

/* With a file of seats there is one event, and it lists none. False: the fault is told. */
static bool takes_seats(struct import_reader *reader)
{
	static const struct slice lists[] = {{.data = "/sections", .length = 9}, {.data = "/seats", .length = 6}};
	if (reader->events > 1) {
		tell(reader, reader->event.place, SLICE(""), SLICE("with --seats there must be one event"));
		return false;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		struct json_value value;
		const struct slice name = {.data = lists[i].data + 1, .length = lists[i].length - 1};
		if (json_member(reader->body, name, &value)) {
			tell(reader, place_of(reader, lists[i]), lists[i], SLICE("must not be there, for --seats lists the seats"));
			return false;
		}
	}
	return true;
}

static bool is_new(struct import_reader *reader, const struct import_event *event)
{
	const struct import_entry *entry = import_index_find(&reader->seen, &event->identity);
	if (entry == NULL)
		return true;
	bool has_id = !uuid_is_nil(&event->create.event_id);
	struct slice detail = arena_format(reader->arena, "the event of line %" PRIu64 " has the same %s", entry->line,
	                                   has_id ? "event_id" : "name, venue and start");
	tell(reader, event->place, SLICE(""), detail.data == NULL ? SLICE("an earlier event is the same") : detail);
	return false;
}

/* An event_id that is the nil UUID would be none. */
static bool has_nil_id(const struct import_reader *reader, const struct sale_create *create)
{
	struct json_value value;
	return uuid_is_nil(&create->event_id) && json_member(reader->body, SLICE("event_id"), &value) &&
	       json_kind(value) == JSON_KIND_STRING;
}

static enum import_result judge(struct import_reader *reader, struct import_event *ret_event)
{
	struct json_violations violations;
	json_violations_init(&violations, reader->arena);
	violations.tell = tell_violation;
	violations.context = reader;
	struct slice text = reader->options.seats == NULL ? reader->event.text : put_seats_in(reader);
	struct import_event event = {.place = reader->event.place};
	enum error error = text.data == NULL ? ERR_NO_MEMORY : sale_import_read(text, reader->options.now_ms, &violations, &event.create);
	if (error == ERR_NO_MEMORY)
		return IMPORT_NO_MEMORY;
	/* Only together with its seats may it be no JSON that is accepted: with one member too many. */
	if (error == ERR_JSON_INVALID)
		tell(reader, reader->event.place, SLICE(""), violations.detail);
	if (error != OK)
		return IMPORT_REFUSED;
	if (has_nil_id(reader, &event.create)) {
		tell(reader, place_of(reader, SLICE("/event_id")), SLICE("/event_id"), SLICE("must not be the nil UUID"));
		return IMPORT_REFUSED;
	}
	event.identity = import_identity_of(&reader->digest, &event.create);
	if (!is_new(reader, &event))
		return IMPORT_REFUSED;
	struct import_entry *entry = import_index_add(&reader->seen, &event.identity);
	if (entry == NULL)
		return IMPORT_NO_MEMORY;
	entry->line = event.place.line;
	*ret_event = event;
	return IMPORT_EVENT;
}

static enum import_result read_event(struct import_reader *reader, const struct event_text *event, struct import_event *ret_event)
{
	struct json_problem problem;
	reader->events++;
	reader->event = *event;
	reader->event.text = arena_copy(reader->arena, event->text);
	if (reader->event.text.data == NULL)
		return IMPORT_NO_MEMORY;
	if (!json_check(reader->event.text, &reader->body, &problem)) {
		tell(reader, event_text_place(&reader->event, problem.offset), SLICE(""), slice_of(problem.what));
		return IMPORT_REFUSED;
	}
	if (json_kind(reader->body) != JSON_KIND_OBJECT) {
		tell(reader, reader->event.place, SLICE(""), SLICE("must be an object"));
		return IMPORT_REFUSED;
	}
	if (reader->options.seats != NULL && !takes_seats(reader))
		return IMPORT_REFUSED;
	return judge(reader, ret_event);
}

enum import_result import_reader_next(struct import_reader *reader, struct arena *arena, struct import_event *ret_event)
{
	assert(reader != NULL && arena != NULL && ret_event != NULL);
	struct event_text event;
	struct file_fault fault;
	reader->arena = arena;
	switch (event_file_next(reader->file, &event, &fault)) {
	case EVENT_FILE_EVENT:
		return read_event(reader, &event, ret_event);
	case EVENT_FILE_FAULT:
		reader->events++;
		tell(reader, fault.place, SLICE(""), slice_of(fault.what));
		return IMPORT_REFUSED;
	case EVENT_FILE_UNREADABLE:
		return IMPORT_UNREADABLE;
	case EVENT_FILE_NO_MEMORY:
		return IMPORT_NO_MEMORY;
	case EVENT_FILE_END:
		break;
	}
	return IMPORT_END;
}
