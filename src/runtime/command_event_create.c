/* command_event_create.c: `tro event create`: an event from a file, as POST /v1/events takes it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/commands.h"
#include "runtime/demo.h"
#include "runtime/flags.h"
#include "runtime/operator_event.h"
#include "runtime/operator_session.h"
#include "runtime/terminal.h"

#define FILE_MAX (8 * 1024 * 1024) /* as POST /v1/events has it */

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
