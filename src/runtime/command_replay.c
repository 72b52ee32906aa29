/* command_replay.c: `tro replay`: rebuilds the projections from the events. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/rebuilder.h"
#include "runtime/adapters.h"
#include "runtime/audit_trail.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/process.h"
#include "runtime/replay_work.h"
#include "runtime/terminal.h"

static void show_rebuild(void *context, uint64_t events, uint64_t rows)
{
	uint64_t *shown = context;
	if (rows == 0) {
		replay_show_progress(context, events);
		return;
	}
	if (*shown != UINT64_MAX)
		fprintf(stderr, "%llu events replayed; writing the rows\n", (unsigned long long)events);
	*shown = UINT64_MAX;
}

static int replay_with(struct adapters *adapters, struct scratch *scratch, bool *ret_is_done)
{
	uint64_t shown = 0;
	struct rebuild rebuild = {
		.store = adapters->stores[0],
		.reader = adapters->readers[0],
		.scratch = scratch->store,
		.scratch_reader = scratch->reader,
		.progress = show_rebuild,
		.context = &shown,
	};
	enum error error = rebuild_projections(&rebuild);
	*ret_is_done = error == OK || error == ERR_CORRUPT || rebuild.ret_is_overtaken;
	if (rebuild.ret_is_overtaken)
		return complain("another replay has begun meanwhile: this one has changed nothing");
	if (error != OK)
		return replay_complain(adapters, error, &rebuild.ret_event, &rebuild.ret_stream, rebuild.ret_problem);
	printf("%llu events replayed, %llu rows written\n", (unsigned long long)rebuild.ret_events, (unsigned long long)rebuild.ret_rows);
	return EXIT_DONE;
}

int run_replay(const struct invocation *invocation)
{
	int code = flags_read("replay", invocation, NULL, 0, NULL, 0);
	if (code != EXIT_DONE)
		return code;
	const char *data_dir = invocation->config->systems.data_dir;
	struct adapters adapters;
	char message[ADAPTERS_MESSAGE_MAX];
	if (invocation->config->systems.crdb_dsn == NULL) {
		if (access(data_dir, F_OK) != 0)
			return complain("DATA_DIR %s cannot be read: %s", data_dir, strerror(errno));
		if (!process_lock(data_dir, message, sizeof message))
			return complain("%s", message);
	}
	if (!adapters_open(invocation->config, ROLE_TOOL | ROLE_REPLAY, &adapters, message))
		return complain("%s", message);
	code = replay_with_scratch(invocation, &adapters, replay_with, NULL);
	adapters_close(&adapters);
	return audit_trail_write(invocation->config, SLICE("replay"), SLICE(""), code);
}
