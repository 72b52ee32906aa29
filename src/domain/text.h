/* text.h: short texts held by value, so that a row is one piece of memory. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"
#include "domain/limits.h"

struct seat_label {
	uint8_t length;
	char text[SEAT_LABEL_LENGTH_MAX];
};

/* A user (a token's `sub`) or a payment's transaction id. */
struct short_text {
	uint8_t length;
	char text[SHORT_TEXT_LENGTH_MAX];
};

/* The caller has checked the length. */
static inline struct seat_label seat_label_of(struct slice text)
{
	assert(text.length <= SEAT_LABEL_LENGTH_MAX);
	struct seat_label label = {.length = (uint8_t)text.length};
	if (text.length > 0)
		memcpy(label.text, text.data, text.length);
	return label;
}

static inline struct short_text short_text_of(struct slice text)
{
	assert(text.length <= SHORT_TEXT_LENGTH_MAX);
	struct short_text copy;
	copy.length = (uint8_t)text.length;
	if (text.length > 0)
		memcpy(copy.text, text.data, text.length);
	return copy;
}

/* The slice borrows from the label: it lives as long as the label stays where it is. */
static inline struct slice seat_label_slice(const struct seat_label *label)
{
	return (struct slice){.data = label->text, .length = label->length};
}

static inline struct slice short_text_slice(const struct short_text *text)
{
	return (struct slice){.data = text->text, .length = text->length};
}

static inline bool seat_label_equal(const struct seat_label *a, const struct seat_label *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static inline bool short_text_equal(const struct short_text *a, const struct short_text *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}
