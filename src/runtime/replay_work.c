/* replay_work.c: see replay_work.h. */
#include "runtime/replay_work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/terminal.h"

#define PROGRESS_EVENTS 50000

void replay_show_progress(void *context, uint64_t events)
{
	uint64_t *shown = context;
	if (events - *shown < PROGRESS_EVENTS)
		return;
	*shown = events;
	fprintf(stderr, "%llu events replayed\n", (unsigned long long)events);
}

int replay_complain(const struct adapters *adapters, enum error error, const struct uuid *event_id, const struct uuid *stream_id,
                    const char *problem)
{
	char id[UUID_TEXT_LENGTH + 1], stream[UUID_TEXT_LENGTH + 1], message[ADAPTERS_MESSAGE_MAX];
	uuid_format(event_id, id);
	uuid_format(stream_id, stream);
	if (error == ERR_CORRUPT && problem != NULL)
		return complain("event %s cannot be replayed: %s (stream %s)", id, problem, stream);
	return complain("%s", adapters_explain(adapters, error, message));
}

static int in_directory(const char *directory, struct adapters *adapters, int (*work)(struct adapters *, struct scratch *))
{
	struct scratch scratch;
	char message[ADAPTERS_MESSAGE_MAX];
	if (!scratch_open(directory, &scratch, message))
		return complain("%s", message);
	int code = work(adapters, &scratch);
	scratch_close(&scratch);
	return code;
}

int replay_with_scratch(const struct invocation *invocation, struct adapters *adapters, int (*work)(struct adapters *, struct scratch *))
{
	const char *parent = getenv("TMPDIR");
	struct slice directory =
		arena_format(invocation->arena, "%s/tro-verify-XXXXXX", parent == NULL || *parent == '\0' ? "/tmp" : parent);
	char *path = (char *)(uintptr_t)directory.data;
	if (path == NULL || mkdtemp(path) == NULL)
		return complain("a temporary directory cannot be made: %s", strerror(errno));
	int code = in_directory(path, adapters, work);
	rmdir(path);
	return code;
}
