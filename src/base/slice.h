/* slice.h: a piece of text or bytes that somebody else owns. Not terminated; may hold any byte. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *data;
	size_t length;
};

/* A slice of a string literal, usable in static initialisers. */
#define SLICE(literal) ((struct slice){.data = (literal), .length = sizeof(literal) - 1})
/* printf("%.*s", SLICE_PRINT(s)) */
#define SLICE_PRINT(slice) (int)(slice).length, (slice).data

static inline struct slice slice_of(const char *string)
{
	return (struct slice){.data = string, .length = string == NULL ? 0 : strlen(string)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool slice_equal_string(struct slice a, const char *b)
{
	return slice_equal(a, slice_of(b));
}

static inline bool slice_is_empty(struct slice slice)
{
	return slice.length == 0;
}

/* Byte order, a prefix before its continuations. Negative, zero or positive. */
static inline int slice_compare(struct slice a, struct slice b)
{
	size_t shared = a.length < b.length ? a.length : b.length;
	int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
	if (order != 0)
		return order;
	return a.length < b.length ? -1 : a.length > b.length;
}

/* Without the blanks and tabs at both ends. */
static inline struct slice slice_trim(struct slice slice)
{
	while (slice.length > 0 && (slice.data[0] == ' ' || slice.data[0] == '\t')) {
		slice.data++;
		slice.length--;
	}
	while (slice.length > 0 && (slice.data[slice.length - 1] == ' ' || slice.data[slice.length - 1] == '\t'))
		slice.length--;
	return slice;
}

/* Takes the part before the next separator off the front of *rest, so that a loop sees every part of "a,b,": "a", "b" and "".
 * False, with nothing taken, after the last one. */
static inline bool slice_cut(struct slice *rest, char separator, struct slice *ret_part)
{
	if (rest->data == NULL)
		return false;
	const char *end = memchr(rest->data, separator, rest->length);
	*ret_part = (struct slice){.data = rest->data, .length = end == NULL ? rest->length : (size_t)(end - rest->data)};
	*rest = end == NULL ? (struct slice){0} : (struct slice){.data = end + 1, .length = rest->length - ret_part->length - 1};
	return true;
}
