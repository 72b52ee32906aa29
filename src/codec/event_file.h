/* event_file.h: a file of events, taken apart into the text of one event after the other: JSON lines, or JSON: one object, one array of
 * objects, or objects one behind the other.
 *
 * Memory holds one event at a time. The caller judges the text of an event: it may not even be JSON. A byte order mark at the beginning
 * is skipped. In JSON lines, which are known by their first two lines, a line that is wrong spoils no other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"

/* Lines and columns from 1; columns are bytes, and a byte order mark has none. */
struct file_place {
	uint64_t line;
	uint64_t column;
};

struct file_fault {
	const char *what; /* static: "a comma is missing" */
	struct file_place place;
};

struct event_text {
	struct slice text; /* until the next call; without blanks around it */
	struct file_place place;
};

struct event_file_source {
	/* Puts up to `size` bytes at `bytes`; *ret_length is 0 at the end only. False: they cannot be read. */
	bool (*read)(void *context, char *bytes, size_t size, size_t *ret_length);
	void *context;
};

enum event_file_result {
	EVENT_FILE_EVENT,
	EVENT_FILE_FAULT, /* something is wrong between the events, or an event is too long; the next call goes on */
	EVENT_FILE_END,
	EVENT_FILE_UNREADABLE,
	EVENT_FILE_NO_MEMORY,
};

struct event_file;

/* text_max: the longest text of one event, in bytes. The source is copied; its context is borrowed. ERR_NO_MEMORY. */
must_check enum error event_file_new(const struct event_file_source *source, size_t text_max, struct event_file **ret_file);
/* Takes NULL. */
void event_file_free(struct event_file *file);
/* The next event, with EVENT_FILE_EVENT, or the next fault, with EVENT_FILE_FAULT. After any result but these two there is no next one. */
must_check enum event_file_result event_file_next(struct event_file *file, struct event_text *ret_event, struct file_fault *ret_fault);

/* The place in the file of the byte `offset` of the event's text. */
struct file_place event_text_place(const struct event_text *event, size_t offset);
