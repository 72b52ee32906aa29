/* command_event.c: `tro event …`: the operator's commands, on the store itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/catalog_sync.h"
#include "base/time.h"
#include "codec/sale_json.h"
#include "runtime/commands.h"
#include "runtime/demo.h"
#include "runtime/operator_session.h"
#include "runtime/operator_event.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"

#define FILE_MAX (8 * 1024 * 1024) /* as POST /v1/events has it */
#define LIST_PAGE 100

/* The whole file, or standard input for "-"; data is NULL with the complaint made. */
static struct slice read_file(const char *path, struct arena *arena)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	struct buffer text;
	buffer_init(&text, arena, FILE_MAX + 1);
	char piece[16384];
	size_t length = 0;
	while (file != NULL && (length = fread(piece, 1, sizeof piece, file)) > 0)
		buffer_append(&text, piece, length);
	bool is_broken = file == NULL || ferror(file) != 0;
	int saved = errno;
	if (file != NULL && file != stdin)
		fclose(file);
	if (is_broken)
		complain("%s cannot be read: %s", path, strerror(saved));
	else if (text.failed || text.length > FILE_MAX)
		complain("%s is larger than %d bytes", path, FILE_MAX);
	else if (text.length == 0)
		complain("%s is empty", path);
	else
		return buffer_slice(&text);
	return (struct slice){0};
}

static int complain_body(const char *name, enum error error, const struct json_violations *violations)
{
	if (error == ERR_JSON_INVALID)
		return complain("%s: %.*s", name, SLICE_PRINT(violations->detail));
	if (error != ERR_VALIDATION)
		return complain("%s: %s", name, error_title(error));
	for (uint32_t i = 0; i < violations->count; i++)
		complain("%s: %.*s: %.*s", name, SLICE_PRINT(violations->items[i].pointer), SLICE_PRINT(violations->items[i].detail));
	return EXIT_FAILED;
}

int operator_event_create(struct operator_session *session, const char *name, struct slice body, struct uuid *ret_event_id)
{
	struct json_violations violations;
	json_violations_init(&violations, session->arena);
	struct command command = {.kind = COMMAND_SALE_CREATE};
	enum error error = sale_body_read(body, clock_now_ms(session->adapters.clock), &violations, &command.sale_create);
	if (error != OK)
		return complain_body(name, error, &violations);
	struct outcome outcome;
	char message[ADAPTERS_MESSAGE_MAX];
	command.sale_create.event_id = operator_session_event_id(session);
	operator_session_execute(session, &command, &outcome);
	if (outcome.error != OK)
		return complain("%s: %s", name, adapters_explain(&session->adapters, outcome.error, message));
	/* A running server finds it by itself; without one nobody would. */
	error = catalog_sync_event(session->adapters.catalog_reader, session->adapters.catalog, &outcome.resource_id);
	if (error != OK)
		complain("the event is on sale, and will be in the catalog when that can be reached: %s",
		         adapters_explain(&session->adapters, error, message));
	*ret_event_id = outcome.resource_id;
	return EXIT_DONE;
}

int run_event_create(const struct invocation *invocation)
{
	const char *path = NULL;
	bool wants_demo = false;
	const struct flag flags[] = {{.name = "--demo", .is_given = &wants_demo}};
	int code = flags_read("event create", invocation, flags, ARRAY_LENGTH(flags), &path, 1);
	if (code != EXIT_DONE)
		return code;
	if ((path != NULL) == wants_demo)
		return complain_usage("event create", "either a file or --demo is required");
	struct slice body = wants_demo ? demo_event_body() : read_file(path, invocation->arena);
	if (body.data == NULL)
		return EXIT_FAILED;
	struct operator_session session;
	code = operator_session_open(invocation->config, invocation->arena, &session);
	if (code != EXIT_DONE)
		return code;
	struct uuid event_id;
	code = operator_event_create(&session, wants_demo ? "the demo event" : path, body, &event_id);
	if (code == EXIT_DONE) {
		char id[UUID_TEXT_LENGTH + 1];
		uuid_format(&event_id, id);
		puts(id);
	}
	operator_session_close(&session);
	return code;
}

static void print_entry(const struct catalog_entry *entry)
{
	char id[UUID_TEXT_LENGTH + 1], starts_at[TIME_TEXT_LENGTH + 1];
	uuid_format(&entry->event_id, id);
	time_format(entry->details.starts_at_ms, starts_at);
	printf("%s  %-9s  %7u seats  %s  %.*s\n", id, sale_status_name(entry->status), entry->seat_count, starts_at,
	       SLICE_PRINT(entry->details.name));
}

/* The catalog is brought up to date first, so that what another process has just done shows. */
static int list_events(struct operator_session *session)
{
	char message[ADAPTERS_MESSAGE_MAX];
	struct catalog *catalog = session->adapters.catalog;
	struct catalog_sync sync = {.reader = session->adapters.catalog_reader, .catalog = catalog};
	enum error error;
	do
		error = catalog_sync_changes(&sync, 1);
	while (error == OK && sync.has_more);
	if (error != OK)
		return complain("%s", adapters_explain(&session->adapters, error, message));
	struct uuid after;
	for (bool has_more = true, is_first = true; has_more; is_first = false) {
		struct arena page;
		struct catalog_list list;
		arena_init(&page, 64 * 1024, 16 * 1024 * 1024);
		if (catalog->operations->list(catalog, is_first ? NULL : &after, LIST_PAGE, &page, &list) != CATALOG_OK) {
			arena_release(&page);
			return complain("%s", error_title(ERR_CATALOG_UNAVAILABLE));
		}
		for (uint32_t i = 0; i < list.count; i++)
			print_entry(&list.entries[i]);
		has_more = list.count == LIST_PAGE;
		if (has_more)
			after = list.entries[list.count - 1].event_id;
		arena_release(&page);
	}
	return EXIT_DONE;
}

int run_event_list(const struct invocation *invocation)
{
	int code = flags_read("event list", invocation, NULL, 0, NULL, 0);
	if (code != EXIT_DONE)
		return code;
	struct operator_session session;
	code = operator_session_open(invocation->config, invocation->arena, &session);
	if (code != EXIT_DONE)
		return code;
	code = list_events(&session);
	operator_session_close(&session);
	return code;
}

static int change_event(const struct invocation *invocation, const char *name, enum command_kind kind)
{
	struct command command = {.kind = kind};
	return operator_session_run(invocation, name, "the id of an event is required", &command, &command.event_id);
}

int run_event_pause(const struct invocation *invocation)
{
	return change_event(invocation, "event pause", COMMAND_SALE_PAUSE);
}

int run_event_resume(const struct invocation *invocation)
{
	return change_event(invocation, "event resume", COMMAND_SALE_RESUME);
}
