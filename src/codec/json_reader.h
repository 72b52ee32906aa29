/* json_reader.h: strict reading of JSON (RFC 8259) that others wrote, in place: nothing is built and nothing is allocated.
 * The time is proportional to the text, whatever it says: repeated names are found by a keyed hash.
 *
 * json_check reads the whole text once and refuses malformed text; text that it has accepted is then walked without further checks.
 * Besides the grammar it refuses: names that repeat in one object, also when one is escaped; text that is not UTF-8, U+0000 and lone
 * surrogates; a byte order mark; more than JSON_DEPTH_MAX levels; more than JSON_MEMBERS_MAX members in the objects around one place. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"

#define JSON_DEPTH_MAX 32
#define JSON_MEMBERS_MAX 128

enum json_kind {
	JSON_KIND_NULL,
	JSON_KIND_BOOLEAN,
	JSON_KIND_NUMBER,
	JSON_KIND_STRING,
	JSON_KIND_ARRAY,
	JSON_KIND_OBJECT,
};

/* Checked text of one value, without blanks around it. Only json_check and the walk make these. */
struct json_value {
	struct slice text;
};

/* Why a text is refused, and where. */
struct json_problem {
	const char *what; /* static: "a comma is missing" */
	size_t offset;    /* in bytes; the length of the text when it ends too early */
};

/* False: ret_problem says why, *ret_value is untouched. True: *ret_problem is untouched. */
must_check bool json_check(struct slice text, struct json_value *ret_value, struct json_problem *ret_problem);

enum json_kind json_kind(struct json_value value);

/* The rest of an object or an array. */
struct json_walk {
	const char *at;
	const char *end;
};

/* value: an object or an array. */
struct json_walk json_walk(struct json_value value);
/* The next member of an object; its name is a string. False after the last. */
must_check bool json_next_member(struct json_walk *walk, struct json_value *ret_name, struct json_value *ret_value);
/* The next item of an array. False after the last. */
must_check bool json_next_item(struct json_walk *walk, struct json_value *ret_item);
/* The member of that name, in time proportional to the object's text. False: there is none. */
must_check bool json_member(struct json_value object, struct slice name, struct json_value *ret_value);

/* The string's content: a piece of the checked text itself, or in the arena when there are escapes to undo. data is NULL out of memory. */
must_check struct slice json_to_string(struct json_value string, struct arena *arena);
/* Whether the string's content is `text`. */
bool json_string_equal(struct json_value string, struct slice text);
bool json_to_boolean(struct json_value boolean);
/* False when the number has a fraction or an exponent, or is beyond int64. */
must_check bool json_to_integer(struct json_value number, int64_t *ret_integer);
