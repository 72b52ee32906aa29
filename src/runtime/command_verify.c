/* command_verify.c: `tro verify`, `tro replay` and `tro migrate`: the operator's care for the store. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/verifier.h"
#include "domain/row_compare.h"
#include "runtime/adapters.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/process.h"
#include "runtime/terminal.h"

#define PROGRESS_EVENTS 50000

static void show_progress(void *context, uint64_t events)
{
	uint64_t *shown = context;
	if (events - *shown < PROGRESS_EVENTS)
		return;
	*shown = events;
	fprintf(stderr, "%llu events replayed\n", (unsigned long long)events);
}

static const char *const kind_names[] = {[ROW_SALE] = "sale",   [ROW_SEAT] = "seat",       [ROW_HOLD] = "hold",
                                         [ROW_ORDER] = "order", [ROW_PAYMENT] = "payment", [ROW_REFUND] = "refund"};

static void print_key(const struct row *row)
{
	char id[UUID_TEXT_LENGTH + 1];
	if (row->kind == ROW_SEAT) {
		const struct seat *seat = (const struct seat *)(const void *)row;
		uuid_format(&seat->event_id, id);
		printf("seat %.*s of event %s", SLICE_PRINT(seat_label_slice(&seat->label)), id);
	} else if (row->kind == ROW_PAYMENT) {
		printf("payment %.*s", SLICE_PRINT(short_text_slice(&((const struct payment *)(const void *)row)->transaction_id)));
	} else {
		struct uuid stream_id = row_stream(row);
		uuid_format(row->kind == ROW_REFUND ? &((const struct refund *)(const void *)row)->refund_id : &stream_id, id);
		printf("%s %s", kind_names[row->kind], id);
	}
}

static void print_finding(void *context, enum verify_finding finding, const struct row *row, const char *field)
{
	(void)context;
	char stream[UUID_TEXT_LENGTH + 1];
	struct uuid stream_id = row_stream(row);
	uuid_format(&stream_id, stream);
	print_key(row);
	if (finding == VERIFY_DIFFERENT)
		printf(": %s is not what the events say", field);
	else
		printf(finding == VERIFY_MISSING ? ": is missing" : ": no event has made it");
	printf(" (stream %s)\n", stream);
}

static int complain_replay(const struct adapters *adapters, enum error error, const struct uuid *event_id, const struct uuid *stream_id,
                           const char *problem)
{
	char id[UUID_TEXT_LENGTH + 1], stream[UUID_TEXT_LENGTH + 1], message[ADAPTERS_MESSAGE_MAX];
	uuid_format(event_id, id);
	uuid_format(stream_id, stream);
	if (error == ERR_CORRUPT && problem != NULL)
		return complain("event %s cannot be replayed: %s (stream %s)", id, problem, stream);
	return complain("%s", adapters_explain(adapters, error, message));
}

static int report(const struct verify *verify)
{
	printf("%llu events replayed, %llu rows compared, %llu differences\n", (unsigned long long)verify->ret_events,
	       (unsigned long long)verify->ret_rows, (unsigned long long)verify->ret_differences);
	return verify->ret_differences == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int verify_with(struct adapters *adapters, struct scratch *scratch)
{
	uint64_t shown = 0;
	struct verify verify = {
		.reader = adapters->readers[0],
		.scratch = scratch->store,
		.scratch_reader = scratch->reader,
		.catalog = adapters->catalog,
		.found = print_finding,
		.progress = show_progress,
		.context = &shown,
	};
	enum error error = verify_store(&verify);
	return error == OK ? report(&verify) : complain_replay(adapters, error, &verify.ret_event, &verify.ret_stream, verify.ret_problem);
}

static int verify_in(const char *directory, struct adapters *adapters)
{
	struct scratch scratch;
	char message[ADAPTERS_MESSAGE_MAX];
	if (!scratch_open(directory, &scratch, message))
		return complain("%s", message);
	int code = verify_with(adapters, &scratch);
	scratch_close(&scratch);
	return code;
}

int run_verify(const struct invocation *invocation)
{
	int code = flags_read("verify", invocation, NULL, 0, NULL, 0);
	if (code != EXIT_DONE)
		return code;
	const char *data_dir = invocation->config->systems.data_dir;
	if (invocation->config->systems.crdb_dsn == NULL && access(data_dir, F_OK) != 0)
		return complain("DATA_DIR %s cannot be read: %s", data_dir, strerror(errno));
	struct adapters adapters;
	char message[ADAPTERS_MESSAGE_MAX];
	if (!adapters_open(invocation->config, ROLE_TOOL, &adapters, message))
		return complain("%s", message);
	const char *parent = getenv("TMPDIR");
	struct slice directory =
		arena_format(invocation->arena, "%s/tro-verify-XXXXXX", parent == NULL || *parent == '\0' ? "/tmp" : parent);
	char *path = (char *)(uintptr_t)directory.data;
	if (path == NULL || mkdtemp(path) == NULL) {
		code = complain("a temporary directory cannot be made: %s", strerror(errno));
	} else {
		code = verify_in(path, &adapters);
		rmdir(path);
	}
	adapters_close(&adapters);
	return code;
}

static int replay_with(struct adapters *adapters)
{
	char message[ADAPTERS_MESSAGE_MAX];
	struct store *store = adapters->stores[0];
	uint64_t shown = 0;
	struct replay replay = {.from = adapters->readers[0], .to = store, .progress = show_progress, .context = &shown};
	if (store->operations->replay_begin(store) != STORE_OK)
		return complain("%s", adapters_explain(adapters, ERR_STORE_UNAVAILABLE, message));
	enum error error = replay_events(&replay);
	if (error != OK)
		return complain_replay(adapters, error, &replay.ret_event, &replay.ret_stream, replay.ret_problem);
	if (store->operations->replay_end(store) != STORE_OK)
		return complain("%s", adapters_explain(adapters, ERR_STORE_UNAVAILABLE, message));
	printf("%llu events replayed\n", (unsigned long long)replay.ret_events);
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
	code = replay_with(&adapters);
	adapters_close(&adapters);
	return code;
}

static void print_applied(void *context, const char *name)
{
	(*(uint32_t *)context)++;
	printf("%s is applied\n", name);
}

int run_migrate(const struct invocation *invocation)
{
	int code = flags_read("migrate", invocation, NULL, 0, NULL, 0);
	if (code != EXIT_DONE)
		return code;
	char message[ADAPTERS_MESSAGE_MAX];
	uint32_t count = 0;
	if (!adapters_migrate(invocation->config, print_applied, &count, message))
		return complain("%s", message);
	puts(count == 0 ? "nothing to do: the schema is up to date" : "the schema is up to date");
	return EXIT_DONE;
}
