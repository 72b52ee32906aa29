/* json_fields.h: JSON objects into structures, by a table of their fields.
 *
 * Every violation is collected with its JSON Pointer (RFC 6901), so that a client learns all of them at once: missing and unknown fields,
 * wrong types, what is too long, too large or not of the form. An absent optional field, or one that is null, leaves its target as it
 * was. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"
#include "codec/json_reader.h"

#define JSON_FIELDS_MAX 32     /* of one schema */
#define JSON_VIOLATIONS_MAX 32 /* that are told; further ones are not */

enum json_field_kind {
	JSON_FIELD_STRING,  /* struct slice: printable; minimum and maximum are bytes, or characters when `counts_characters` */
	JSON_FIELD_INTEGER, /* int64_t from minimum to maximum */
	JSON_FIELD_BOOLEAN, /* bool */
	JSON_FIELD_UUID,    /* struct uuid */
	JSON_FIELD_TIME,    /* uint64_t: RFC 3339, in milliseconds since 1970 */
	JSON_FIELD_CHOICE,  /* uint32_t: the position in `choices` */
	JSON_FIELD_STRINGS, /* struct json_strings: distinct strings, each as JSON_FIELD_STRING */
	JSON_FIELD_OBJECTS, /* struct json_objects: structures of the schema `objects` */
};

struct json_strings {
	struct slice *items; /* in the arena */
	uint32_t count;
};

struct json_objects {
	void *items; /* `count` structures, in the arena, zeroed before they are read */
	uint32_t count;
};

struct json_schema;

struct json_field {
	const char *name;
	enum json_field_kind kind;
	bool is_required;
	bool counts_characters; /* of a string: code points instead of bytes */
	bool takes_line_feeds;  /* of a string */
	size_t offset;          /* of the target in the structure */
	int64_t minimum;
	int64_t maximum;
	uint32_t count_minimum;                  /* items of STRINGS and OBJECTS */
	uint32_t count_maximum;                  /* of STRINGS at most 128: each is compared with all before it */
	const char *const *choices;              /* ends with NULL */
	const char *(*check)(struct slice text); /* more to ask of a string; answers NULL or what is wrong with it. May be NULL */
	const struct json_schema *objects;
};

struct json_schema {
	const struct json_field *fields;
	uint32_t count;
	size_t size;        /* of the structure */
	bool takes_unknown; /* members of other names are ignored */
};

struct json_violation {
	struct slice pointer; /* "/seats/3"; "" is the whole body */
	struct slice detail;
};

/* All texts are static or in the arena. */
struct json_violations {
	struct arena *arena; /* borrowed */
	struct slice detail; /* of ERR_JSON_INVALID: the problem and its place */
	struct json_violation items[JSON_VIOLATIONS_MAX];
	uint32_t count;
	bool is_full; /* further ones are not told */
	/* A caller that wants every violation sets it: each is handed over at once, and none is kept; `count` is then 1. False: stop. */
	bool (*tell)(void *context, const struct json_violation *violation);
	void *context;
};

void json_violations_init(struct json_violations *violations, struct arena *arena);
/* For what a table cannot say. pointer and detail: in the arena or static. Ignored when there are enough. */
void json_violations_add(struct json_violations *violations, struct slice pointer, struct slice detail);

/* Reads `text` into `target`, a structure of schema->size that holds the defaults. Strings live in the text or in violations->arena.
 * ERR_JSON_INVALID (see detail), ERR_VALIDATION (see items; target is then part read), ERR_NO_MEMORY. */
must_check enum error json_read(struct slice text, const struct json_schema *schema, struct json_violations *violations, void *target);
