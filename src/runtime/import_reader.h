/* import_reader.h: reads the events of a file by the rules of POST /v1/events, and reports every error with its place. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/attributes.h"
#include "codec/event_file.h"
#include "codec/json_reader.h"
#include "codec/seat_csv.h"
#include "domain/command.h"
#include "runtime/import_identity.h"
#include "runtime/import_source.h"

#define IMPORT_TEXT_MAX ((size_t)128 * 1024 * 1024) /* of one event: a million listed seats fit */

struct import_fault {
	bool is_in_seats; /* in the file of seats */
	struct file_place place;
	struct slice pointer; /* empty: it is no field */
	struct slice detail;
};

struct import_reader_options {
	struct import_source *source; /* borrowed; read from where it is */
	const struct seat_csv *seats; /* borrowed; of the only event; NULL: events bring their own */
	uint64_t now_ms;
	/* Hears every error; the texts live until it returns. False: stop. */
	bool (*tell)(void *context, const struct import_fault *fault);
	void *context;
};

struct import_event {
	struct sale_create create; /* its event_id is nil when the file has none */
	struct import_identity identity;
	struct file_place place;
};

enum import_result {
	IMPORT_EVENT,
	IMPORT_REFUSED, /* its errors were reported */
	IMPORT_END,
	IMPORT_UNREADABLE, /* source->error says why */
	IMPORT_NO_MEMORY,
};

struct import_reader {
	struct import_reader_options options;
	struct event_file *file;
	struct digest digest;
	struct import_index seen;
	struct arena *arena; /* of the event that is being read */
	uint64_t events;     /* that were begun */
	/* The event that is being read, for the places of its errors. */
	struct event_text event;
	struct json_value body;
};

/* ERR_NO_MEMORY; nothing to release then. */
must_check enum error import_reader_init(const struct import_reader_options *options, struct import_reader *ret_reader);
void import_reader_release(struct import_reader *reader);
/* Reads the next event; its texts live in the arena. */
must_check enum import_result import_reader_next(struct import_reader *reader, struct arena *arena, struct import_event *ret_event);
