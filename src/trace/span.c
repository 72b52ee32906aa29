/* span.c: see span.h. */
#include "trace/span.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void span_init(struct span *span, const struct trace_context *context, enum span_kind kind, const char *name, uint64_t started_ns,
               uint64_t ended_ns)
{
	assert(span != NULL && context != NULL);
	assert(started_ns <= ended_ns);
	/* The arrays are large, and their counts say what of them counts. */
	span->context = *context;
	span->kind = kind;
	span->is_error = false;
	span->name = name;
	span->name_at = 0;
	span->started_ns = started_ns;
	span->ended_ns = ended_ns;
	span->began_unix_ms = 0;
	span->link = (struct span_link){.flags = 0};
	span->trace_state = NULL;
	span->links = NULL;
	span->link_count = span->links_dropped = 0;
	span->attribute_count = span->text_length = 0;
}

void span_release(struct span *span)
{
	assert(span != NULL);
	free(span->trace_state);
	free(span->links);
	span->trace_state = NULL;
	span->links = NULL;
	span->link_count = 0;
}

/* Whether the byte goes on with a character that began before. */
static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Replaces each byte that is not UTF-8 by a question mark: clients may send such bytes, and a receiver refuses a whole batch for one of
 * them. */
static void mend(char *text, uint32_t length)
{
	assert(text != NULL);
	for (uint32_t i = 0; i < length;) {
		size_t step = (unsigned char)text[i] < 0x80 ? 1 : utf8_character_length(text + i, length - i);
		if (step == 0)
			text[i] = '?';
		i += step == 0 ? 1 : (uint32_t)step;
	}
}

/* Of the text as much as fits before `room` bytes, in whole characters. */
static uint32_t append(struct span *span, struct slice text, uint32_t room)
{
	assert(span->text_length + room <= SPAN_TEXT_MAX);
	uint32_t length = text.length < room ? (uint32_t)text.length : room;
	while (length > 0 && length < text.length && is_continuation(text.data[length]))
		length--;
	if (length > 0)
		memcpy(span->text + span->text_length, text.data, length);
	mend(span->text + span->text_length, length);
	span->text_length += length;
	return length;
}

static uint32_t room_of(const struct span *span)
{
	assert(span->text_length <= SPAN_TEXT_MAX);
	return span->text_length < SPAN_TEXT_MAX ? SPAN_TEXT_MAX - span->text_length - 1 : 0;
}

static void terminate(struct span *span)
{
	assert(span->text_length < SPAN_TEXT_MAX);
	span->text[span->text_length++] = '\0';
}

void span_name(struct span *span, struct slice first, struct slice second)
{
	assert(span->text_length == 0); /* a name comes before all other texts */
	span->name = NULL;
	span->name_at = 0;
	(void)append(span, first, room_of(span));
	if (!slice_is_empty(second) && append(span, SLICE(" "), room_of(span)) == 1)
		(void)append(span, second, room_of(span));
	terminate(span);
}

static struct span_attribute *add(struct span *span, const char *key, enum span_attribute_kind kind)
{
	assert(key != NULL);
	if (span->attribute_count == SPAN_ATTRIBUTES_MAX)
		return NULL;
	struct span_attribute *attribute = &span->attributes[span->attribute_count++];
	attribute->key = key;
	attribute->kind = kind;
	return attribute;
}

void span_add_word(struct span *span, const char *key, const char *word)
{
	assert(word != NULL);
	struct span_attribute *attribute = add(span, key, SPAN_WORD);
	if (attribute != NULL)
		attribute->word = word;
}

void span_add_text(struct span *span, const char *key, struct slice text)
{
	assert(text.data != NULL || text.length == 0);
	if (room_of(span) == 0)
		return;
	struct span_attribute *attribute = add(span, key, SPAN_TEXT);
	if (attribute == NULL)
		return;
	attribute->at = span->text_length;
	(void)append(span, text, room_of(span));
	terminate(span);
}

void span_add_end_of_name(struct span *span, const char *key, uint32_t skip)
{
	assert(span->name == NULL && span->name_at + skip < span->text_length);
	struct span_attribute *attribute = add(span, key, SPAN_TEXT);
	if (attribute != NULL)
		attribute->at = span->name_at + skip;
}

void span_add_int(struct span *span, const char *key, int64_t number)
{
	struct span_attribute *attribute = add(span, key, SPAN_INT);
	if (attribute != NULL)
		attribute->number = number;
}

void span_add_bool(struct span *span, const char *key, bool truth)
{
	struct span_attribute *attribute = add(span, key, SPAN_BOOL);
	if (attribute != NULL)
		attribute->truth = truth;
}

struct span_link span_link_to(const struct trace_context *context)
{
	assert(context != NULL);
	struct span_link link = {.flags = context->flags};
	memcpy(link.trace_id, context->trace_id, sizeof link.trace_id);
	memcpy(link.span_id, context->span_id, sizeof link.span_id);
	return link;
}

void span_set_trace_state(struct span *span, struct slice trace_state)
{
	assert(span->trace_state == NULL);
	if (!slice_is_empty(trace_state))
		span->trace_state = strndup(trace_state.data, trace_state.length);
}
