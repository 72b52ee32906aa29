/* event_batch.c: the items of a JSON array, and what of them a reader chooses by. */
#include "app/event_batch.h"

#include <assert.h>
#include <string.h>

bool event_batch_open(struct slice body, struct event_batch *ret_batch)
{
	assert(ret_batch != NULL);
	struct json_problem problem;
	struct json_value array;
	if (!json_check(body, &array, &problem) || json_kind(array) != JSON_KIND_ARRAY)
		return false;
	ret_batch->walk = json_walk(array);
	return true;
}

static struct slice text_member(struct json_value event, struct slice name)
{
	assert(name.length > 0);
	struct json_value value;
	if (json_kind(event) != JSON_KIND_OBJECT || !json_member(event, name, &value) || json_kind(value) != JSON_KIND_STRING)
		return (struct slice){0};
	struct slice text = {.data = value.text.data + 1, .length = value.text.length - 2};
	return memchr(text.data, '\\', text.length) == NULL ? text : (struct slice){0};
}

bool event_batch_next(struct event_batch *batch, struct batched_event *ret_event)
{
	assert(batch != NULL && ret_event != NULL);
	struct json_value event;
	if (!json_next_item(&batch->walk, &event))
		return false;
	*ret_event = (struct batched_event){
		.body = event.text,
		.id = text_member(event, SLICE("id")),
		.type = text_member(event, SLICE("type")),
		.traceparent = text_member(event, SLICE("traceparent")),
		.tracestate = text_member(event, SLICE("tracestate")),
	};
	return true;
}

/* Takes the first word off; false: there is none left. An empty text has one, which is empty. */
static bool take_word(struct slice *text, struct slice *ret_word)
{
	assert(text != NULL);
	if (text->data == NULL)
		return false;
	const char *dot = text->length == 0 ? NULL : memchr(text->data, '.', text->length);
	size_t length = dot == NULL ? text->length : (size_t)(dot - text->data);
	*ret_word = (struct slice){.data = text->data, .length = length};
	*text = dot == NULL ? (struct slice){0} : (struct slice){.data = dot + 1, .length = text->length - length - 1};
	return true;
}

/* A "#" that has matched so much and did not lead to the end matches one word more: as many steps as both have words, times each other. */
bool topic_matches(struct slice pattern, struct slice key)
{
	struct slice word, wanted, retry_pattern = {0}, retry_key = {0};
	bool has_retry = false;
	pattern = pattern.data == NULL ? SLICE("") : pattern;
	key = key.data == NULL ? SLICE("") : key;
	for (;;) {
		struct slice rest = pattern;
		bool has_wanted = take_word(&rest, &wanted);
		if (has_wanted && slice_equal_string(wanted, "#")) {
			retry_pattern = pattern = rest;
			retry_key = key;
			has_retry = true;
			continue;
		}
		struct slice left = key;
		bool has_word = take_word(&left, &word);
		if (!has_wanted && !has_word)
			return true;
		if (has_wanted && has_word && (slice_equal_string(wanted, "*") || slice_equal(wanted, word))) {
			pattern = rest;
			key = left;
			continue;
		}
		if (!has_retry || !take_word(&retry_key, &word))
			return false;
		pattern = retry_pattern;
		key = retry_key;
	}
}
