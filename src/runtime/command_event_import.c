/* command_event_import.c: `tro event import`: judges the whole file, and only when nothing is wrong with it, or with --partial, imports
 * it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "runtime/audit_trail.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/import_progress.h"
#include "runtime/import_reader.h"
#include "runtime/import_source.h"
#include "runtime/import_writer.h"
#include "runtime/operator_session.h"
#include "runtime/terminal.h"

#define FAULTS_TOLD_MAX 1000
#define ARENA_BLOCK ((size_t)256 * 1024)
#define EVENT_MEMORY_MAX ((size_t)2 * 1024 * 1024 * 1024) /* a million listed seats, as text, as seats and sorted */
#define SEATS_TEXT_MAX ((size_t)128 * 1024 * 1024)

struct import {
	const char *path;
	const char *seats_path; /* NULL: events bring their seats */
	bool is_partial;
	bool is_dry_run;
	struct import_source source;
	struct arena seats_arena;
	struct seat_csv seats;
	struct import_progress progress;
	uint64_t now_ms; /* all events are judged by the same time */
	bool is_telling; /* the second time nothing is told again */
	uint64_t events;
	uint64_t refused; /* events */
	uint64_t faults;
	bool needs_catalog; /* there is an event without an event_id */
};

static bool tell_fault(struct import *import, const char *path, struct file_place place, struct slice pointer, struct slice detail)
{
	char text[1024];
	if (!import->is_telling)
		return true;
	import_progress_clear(&import->progress);
	snprintf(text, sizeof text, "%.*s%s%.*s", SLICE_PRINT(pointer), pointer.length > 0 ? ": " : "", SLICE_PRINT(detail));
	utf8_mask_controls(text); /* it comes out of the file: a terminal must not obey it */
	complain("%s:%" PRIu64 ":%" PRIu64 ": %s", path, place.line, place.column, text);
	import->faults++;
	if (import->faults == FAULTS_TOLD_MAX)
		complain("%s: no more is told", path);
	import->is_telling = import->faults < FAULTS_TOLD_MAX;
	return import->is_telling;
}

static bool tell_import_fault(void *context, const struct import_fault *fault)
{
	struct import *import = context;
	return tell_fault(import, fault->is_in_seats ? import->seats_path : import->path, fault->place, fault->pointer, fault->detail);
}

static bool tell_csv_fault(void *context, const struct file_fault *fault)
{
	struct import *import = context;
	return tell_fault(import, import->seats_path, fault->place, SLICE(""), slice_of(fault->what));
}

/* The file of --seats. */
static int read_seats(struct import *import)
{
	struct slice text = import_source_read_all(import->seats_path, SEATS_TEXT_MAX, &import->seats_arena);
	if (text.data == NULL)
		return EXIT_FAILED;
	switch (seat_csv_read(text, &import->seats_arena, tell_csv_fault, import, &import->seats)) {
	case OK:
		return EXIT_DONE;
	case ERR_VALIDATION:
		return complain("%s: nothing is imported", import->seats_path);
	case ERR_LIMIT:
		return complain("%s: an event has at most %d seats", import->seats_path, SEATS_PER_EVENT_MAX);
	default:
		return complain("out of memory");
	}
}

static int complain_reading(const struct import *import, enum import_result result)
{
	if (result == IMPORT_UNREADABLE)
		return complain("%s cannot be read: %s", import->path, strerror(import->source.error));
	return complain("out of memory");
}

static int open_reader(struct import *import, struct import_reader *ret_reader)
{
	const struct import_reader_options options = {
		.source = &import->source,
		.seats = import->seats_path == NULL ? NULL : &import->seats,
		.now_ms = import->now_ms,
		.tell = tell_import_fault,
		.context = import,
	};
	return import_reader_init(&options, ret_reader) == OK ? EXIT_DONE : complain("out of memory");
}

/* Judges every event of the file. */
static int check_all(struct import *import)
{
	struct import_reader reader;
	struct import_event event;
	struct arena arena;
	int code = open_reader(import, &reader);
	if (code != EXIT_DONE)
		return code;
	arena_init(&arena, ARENA_BLOCK, EVENT_MEMORY_MAX);
	enum import_result result;
	while ((result = import_reader_next(&reader, &arena, &event)) <= IMPORT_REFUSED) {
		import->events++;
		import->refused += result == IMPORT_REFUSED;
		import->needs_catalog |= result == IMPORT_EVENT && uuid_is_nil(&event.create.event_id);
		arena_clear(&arena);
		if (import_progress_is_due(&import->progress))
			import_progress_show(&import->progress, "%" PRIu64 " events checked", import->events);
	}
	import_progress_clear(&import->progress);
	if (result != IMPORT_END)
		code = complain_reading(import, result);
	else if (import->events == 0)
		code = complain("%s has no events", import->path);
	arena_release(&arena);
	import_reader_release(&reader);
	return code;
}

/* Reads the file once more, and hands every good event on. */
static int write_all(struct import *import, struct import_writer *writer)
{
	struct import_reader reader;
	struct import_event event;
	uint64_t refused = 0;
	if (!import_source_rewind(&import->source))
		return complain("%s cannot be read again: %s", import->path, strerror(import->source.error));
	int code = open_reader(import, &reader);
	if (code != EXIT_DONE)
		return code;
	enum import_result result = IMPORT_EVENT;
	while (code == EXIT_DONE && (result = import_reader_next(&reader, &writer->arena, &event)) <= IMPORT_REFUSED) {
		refused += result == IMPORT_REFUSED;
		if (refused > import->refused)
			code = complain("%s has changed while it was read", import->path);
		else if (result == IMPORT_EVENT)
			code = import_writer_add(writer, &event);
		if (import_progress_is_due(&import->progress))
			import_progress_show(&import->progress, "%" PRIu64 " of %" PRIu64 " events, %" PRIu64 " seats imported",
			                     writer->made + writer->there, import->events - import->refused, writer->made_seats);
	}
	import_progress_clear(&import->progress);
	if (code == EXIT_DONE)
		code = import_writer_flush(writer);
	if (code == EXIT_DONE && result != IMPORT_END)
		code = complain_reading(import, result);
	import_reader_release(&reader);
	return code;
}

static void print_summary(const struct import *import, const struct import_writer *writer)
{
	fprintf(stderr, "%" PRIu64 " event%s with %" PRIu64 " seats %simported, %" PRIu64 " there already, %" PRIu64 " refused\n",
	        writer->made, writer->made == 1 ? "" : "s", writer->made_seats, import->is_dry_run ? "would be " : "", writer->there,
	        import->refused);
}

static int import_into(struct import *import, struct operator_session *session)
{
	import->now_ms = clock_now_ms(&session->clock.base);
	int code = check_all(import);
	if (code != EXIT_DONE)
		return code;
	if (import->refused > 0 && !import->is_partial)
		return complain("%s: nothing is imported, for %" PRIu64 " of %" PRIu64 " events are wrong", import->path, import->refused,
		                import->events);
	struct import_writer *writer = malloc(sizeof *writer);
	if (writer == NULL)
		return complain("out of memory");
	import->is_telling = false;
	code = import_writer_open(writer, session, &import->progress, import->needs_catalog, import->is_dry_run);
	if (code == EXIT_DONE) {
		code = write_all(import, writer);
		import_writer_update_catalog(writer);
		print_summary(import, writer);
		import_writer_close(writer);
	}
	free(writer);
	return code == EXIT_DONE && import->refused > 0 ? EXIT_FAILED : code;
}

static int run(const struct invocation *invocation, struct import *import)
{
	struct operator_session session;
	int code = import->seats_path == NULL ? EXIT_DONE : read_seats(import);
	if (code != EXIT_DONE)
		return code;
	if (!import_source_open(import->path, &import->source))
		return EXIT_FAILED;
	code = operator_session_open(invocation->config, invocation->arena, &session);
	if (code == EXIT_DONE) {
		code = import_into(import, &session);
		operator_session_close(&session);
		if (!import->is_dry_run)
			code = audit_trail_write(invocation->config, SLICE("event import"), slice_of(import->path), code);
	}
	import_source_close(&import->source);
	return code;
}

int run_event_import(const struct invocation *invocation)
{
	struct import import = {.is_telling = true};
	const struct flag flags[] = {{.name = "--seats", .value = &import.seats_path},
	                             {.name = "--partial", .is_given = &import.is_partial},
	                             {.name = "--dry-run", .is_given = &import.is_dry_run}};
	int code = flags_read("event import", invocation, flags, ARRAY_LENGTH(flags), &import.path, 1);
	if (code != EXIT_DONE)
		return code;
	if (import.path == NULL)
		return complain_usage("event import", "a file is required");
	import_progress_init(&import.progress);
	arena_init(&import.seats_arena, ARENA_BLOCK, EVENT_MEMORY_MAX);
	code = run(invocation, &import);
	arena_release(&import.seats_arena);
	return code;
}
