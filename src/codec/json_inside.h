/* json_inside.h: decodes the text between the quotes of a JSON string. Private to codec.
 *
 * Everything but json_unit takes text that json_check has passed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"

/* The four hexadecimal digits of \uXXXX; false when there are not four. */
must_check bool json_unit(const char *at, const char *end, uint32_t *ret_unit);

static inline bool utf16_is_high(uint32_t unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static inline bool utf16_is_low(uint32_t unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

bool json_inside_has_escapes(struct slice inside);
/* Takes one character off the front, its escape undone. Answers how many bytes were written. */
size_t json_inside_take(struct slice *inside, char bytes[static 4]);
/* Whether two insides mean the same text. */
bool json_insides_equal(struct slice a, struct slice b);
/* A hash of the text that the inside means, keyed with a secret of the process. Each byte is read once. */
uint64_t json_inside_hash(struct slice inside);
