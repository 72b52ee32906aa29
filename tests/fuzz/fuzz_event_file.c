/* fuzz_event_file.c: any bytes as a file of events, in pieces of any size. The events do not depend on the pieces, are part of the file
 * at the place that is reported, and are read as events of an import, whose violations can all be located. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "codec/event_file.h"
#include "codec/json_locate.h"
#include "codec/sale_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX 1024
#define NOW_MS UINT64_C(1800000000000)

struct pieces {
	struct slice rest;
	size_t size;
};

static bool read_piece(void *context, char *bytes, size_t size, size_t *ret_length)
{
	struct pieces *pieces = context;
	size_t length = pieces->rest.length < pieces->size ? pieces->rest.length : pieces->size;
	length = length < size ? length : size;
	if (length > 0)
		memcpy(bytes, pieces->rest.data, length);
	pieces->rest.data += length;
	pieces->rest.length -= length;
	*ret_length = length;
	return true;
}

struct judging {
	struct event_text event;
	struct json_value body;
	uint32_t told;
};

static bool locate(void *context, const struct json_violation *violation)
{
	struct judging *judging = context;
	struct json_value value = json_locate(judging->body, violation->pointer);
	size_t offset = (size_t)(value.text.data - judging->event.text.data);
	assert(offset <= judging->event.text.length);
	struct file_place place = event_text_place(&judging->event, offset);
	assert(place.line >= judging->event.place.line && place.column >= 1);
	judging->told++;
	return true;
}

static void judge(const struct event_text *event)
{
	struct arena arena;
	struct judging judging = {.event = *event};
	struct json_problem problem;
	struct json_violations violations;
	struct sale_create create;
	if (!json_check(event->text, &judging.body, &problem)) {
		assert(problem.offset <= event->text.length);
		return;
	}
	arena_init(&arena, 4096, (size_t)64 << 20);
	json_violations_init(&violations, &arena);
	violations.tell = locate;
	violations.context = &judging;
	enum error error = sale_import_read(event->text, NOW_MS, &violations, &create);
	assert(error == OK || error == ERR_VALIDATION);
	assert((error == ERR_VALIDATION) == (judging.told > 0));
	arena_release(&arena);
}

/* A sum over all that comes out. The bytes at the place that is told are those of the event. */
static uint64_t take_apart(struct slice text, size_t piece, bool judges)
{
	struct pieces pieces = {.rest = text, .size = piece};
	const struct event_file_source source = {.read = read_piece, .context = &pieces};
	struct event_file *file;
	struct event_text event;
	struct file_fault fault;
	uint64_t sum = 0;
	enum error made = event_file_new(&source, TEXT_MAX, &file);
	assert(made == OK);
	enum event_file_result result;
	while ((result = event_file_next(file, &event, &fault)) <= EVENT_FILE_FAULT) {
		struct file_place place = result == EVENT_FILE_EVENT ? event.place : fault.place;
		assert(place.line >= 1 && place.column >= 1);
		sum = sum * 31 + (uint64_t)result + place.line * 7 + place.column;
		if (result == EVENT_FILE_FAULT)
			continue;
		assert(event.text.length >= 1 && event.text.length <= TEXT_MAX);
		for (size_t i = 0; i < event.text.length; i++)
			sum = sum * 31 + (uint8_t)event.text.data[i];
		if (judges)
			judge(&event);
	}
	assert(result == EVENT_FILE_END);
	event_file_free(file);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct slice text = {.data = (const char *)data + 1, .length = size - 1};
	uint64_t whole = take_apart(text, SIZE_MAX, true);
	uint64_t pieces = take_apart(text, (size_t)data[0] % 61 + 1, false);
	assert(whole == pieces);
	return 0;
}
