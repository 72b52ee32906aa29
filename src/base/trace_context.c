/* trace_context.c: the traceparent field, W3C Trace Context, section 3.2. */
#include "base/trace_context.h"

#include <assert.h>
#include <string.h>

#include "base/hex.h"

#define DEFINED_FLAGS (TRACE_SAMPLED | TRACE_RANDOM_ID)

/* Offsets of the parts: version-trace_id-span_id-flags. */
enum { AT_VERSION = 0, AT_TRACE_ID = 3, AT_SPAN_ID = 36, AT_FLAGS = 53 };

/* The field has no capital letters. */
static bool is_lower_case(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] >= 'A' && text.data[i] <= 'Z')
			return false;
	}
	return true;
}

static bool is_all_zero(const uint8_t *bytes, size_t count)
{
	uint8_t any = 0;
	for (size_t i = 0; i < count; i++)
		any |= bytes[i];
	return any == 0;
}

bool trace_context_parse(struct slice text, struct trace_context *ret_context)
{
	assert(text.data != NULL || text.length == 0);
	assert(ret_context != NULL);

	const char *field = text.data;
	if (text.length < TRACEPARENT_LENGTH || field[AT_TRACE_ID - 1] != '-' || field[AT_SPAN_ID - 1] != '-' || field[AT_FLAGS - 1] != '-')
		return false;

	uint8_t version;
	struct trace_context context = {0};
	if (!hex_decode(field + AT_VERSION, &version, 1) || !hex_decode(field + AT_TRACE_ID, context.trace_id, sizeof context.trace_id) ||
	    !hex_decode(field + AT_SPAN_ID, context.span_id, sizeof context.span_id) || !hex_decode(field + AT_FLAGS, &context.flags, 1))
		return false;
	if (!is_lower_case((struct slice){.data = field, .length = TRACEPARENT_LENGTH}))
		return false;
	if (version == 0xff || (version == 0 && text.length != TRACEPARENT_LENGTH))
		return false;
	if (text.length > TRACEPARENT_LENGTH && field[TRACEPARENT_LENGTH] != '-')
		return false;
	if (is_all_zero(context.trace_id, sizeof context.trace_id) || is_all_zero(context.span_id, sizeof context.span_id))
		return false;

	context.flags &= DEFINED_FLAGS;
	*ret_context = context;
	return true;
}

void trace_context_format(const struct trace_context *context, char text[static TRACEPARENT_LENGTH + 1])
{
	assert(context != NULL);

	memcpy(text, "00-", AT_TRACE_ID);
	char *end = hex_encode(context->trace_id, sizeof context->trace_id, text + AT_TRACE_ID);
	*end++ = '-';
	end = hex_encode(context->span_id, sizeof context->span_id, end);
	*end++ = '-';
	end = hex_encode(&context->flags, 1, end);
	*end = '\0';
	assert(end == text + TRACEPARENT_LENGTH);
}

void trace_id_format(const struct trace_context *context, char text[static TRACE_ID_TEXT_LENGTH + 1])
{
	assert(context != NULL);

	*hex_encode(context->trace_id, sizeof context->trace_id, text) = '\0';
}

/* All zero is the one value an id may not have. */
static uint64_t not_zero(uint64_t random)
{
	return random == 0 ? 1 : random;
}

struct trace_context trace_context_root(const uint64_t random[static 3], uint8_t flags)
{
	assert((flags & ~DEFINED_FLAGS) == 0);

	uint64_t trace_id[2] = {not_zero(random[0]), random[1]};
	uint64_t span_id = not_zero(random[2]);
	struct trace_context context = {.flags = flags};
	memcpy(context.trace_id, trace_id, sizeof context.trace_id);
	memcpy(context.span_id, &span_id, sizeof context.span_id);
	return context;
}

struct trace_context trace_context_child(const struct trace_context *parent, uint64_t random)
{
	assert(parent != NULL);

	struct trace_context child = *parent;
	uint64_t span_id = not_zero(random);
	memcpy(child.parent_id, parent->span_id, sizeof child.parent_id);
	memcpy(child.span_id, &span_id, sizeof child.span_id);
	return child;
}

/* A bijection that spreads every bit (splitmix64): children of different parents or numbers collide no more often than random ids. */
static uint64_t spread(uint64_t value)
{
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

struct trace_context trace_context_numbered_child(const struct trace_context *parent, uint64_t number)
{
	assert(parent != NULL);
	assert(number > 0); /* 0 would be the parent's own id, spread */

	uint64_t parent_id;
	memcpy(&parent_id, parent->span_id, sizeof parent_id);
	return trace_context_child(parent, spread(parent_id + spread(number * UINT64_C(0x9e3779b97f4a7c15))));
}
