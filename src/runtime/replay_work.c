/* replay_work.c: see replay_work.h. */
#include "runtime/replay_work.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
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

static const char *parent_folder(void)
{
	const char *parent = getenv("TMPDIR");
	return parent == NULL || *parent == '\0' ? "/tmp" : parent;
}

/* A store that does not serve may be the scratch store, for want of room. */
static int complain_of_room(const char *reason)
{
	struct statvfs status;
	const char *folder = parent_folder();
	if (statvfs(folder, &status) != 0)
		return complain("%s", reason);
	return complain("%s; the temporary store is in %s, where %llu KiB are left: TMPDIR may name another folder", reason, folder,
	                (unsigned long long)status.f_bavail * status.f_frsize / 1024);
}

int replay_complain(const struct adapters *adapters, enum error error, const struct uuid *event_id, const struct uuid *stream_id,
                    const char *problem)
{
	char id[UUID_TEXT_LENGTH + 1], stream[UUID_TEXT_LENGTH + 1], message[ADAPTERS_MESSAGE_MAX];
	uuid_format(event_id, id);
	uuid_format(stream_id, stream);
	if (error == ERR_CORRUPT && problem != NULL)
		return complain("event %s cannot be replayed: %s (stream %s)", id, problem, stream);
	const char *reason = adapters_explain(adapters, error, message);
	return error == ERR_STORE_UNAVAILABLE ? complain_of_room(reason) : complain("%s", reason);
}

/* The folder and the files in it are gone again when this returns, and no signal comes between. */
static bool open_scratch(const struct invocation *invocation, struct scratch *ret_scratch, char message[static ADAPTERS_MESSAGE_MAX])
{
	struct slice directory = arena_format(invocation->arena, "%s/tro-verify-XXXXXX", parent_folder());
	char *path = (char *)(uintptr_t)directory.data;
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	bool is_made = path != NULL && mkdtemp(path) != NULL;
	if (!is_made)
		snprintf(message, ADAPTERS_MESSAGE_MAX, "a temporary folder cannot be made in %.300s: %s; TMPDIR may name another",
		         parent_folder(), strerror(errno));
	bool is_open = is_made && scratch_open(path, ret_scratch, message);
	if (is_made)
		rmdir(path);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return is_open;
}

int replay_with_scratch(const struct invocation *invocation, struct adapters *adapters, replay_worker *work, bool *ret_is_done)
{
	struct scratch scratch;
	char message[ADAPTERS_MESSAGE_MAX];
	if (ret_is_done != NULL)
		*ret_is_done = false;
	if (!open_scratch(invocation, &scratch, message))
		return complain("%s", message);
	bool is_done = false;
	int code = work(adapters, &scratch, &is_done);
	scratch_close(&scratch);
	if (ret_is_done != NULL)
		*ret_is_done = is_done;
	return code;
}
