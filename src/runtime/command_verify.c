/* command_verify.c: `tro verify`, `tro replay` and `tro migrate`: the operator's care for the store. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/rebuilder.h"
#include "app/verifier.h"
#include "runtime/adapters.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/process.h"
#include "runtime/terminal.h"
#include "state/kinds.h"

#define PROGRESS_EVENTS 50000
#define SETTLING_MS 60000

static void show_progress(void *context, uint64_t events)
{
	uint64_t *shown = context;
	if (events - *shown < PROGRESS_EVENTS)
		return;
	*shown = events;
	fprintf(stderr, "%llu events replayed\n", (unsigned long long)events);
}

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
		printf("%s %s", row_descriptor(row->kind)->name, id);
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

static void print_waiting(void *context, const struct waiting_entry *entry, const char *problem)
{
	(void)context;
	char id[UUID_TEXT_LENGTH + 1], stream[UUID_TEXT_LENGTH + 1];
	uuid_format(&entry->id, id);
	uuid_format(entry->count > 0 ? &entry->events[0].stream_id : &entry->id, stream);
	printf("outbox row %s of partition %u: %s (stream %s)\n", id, entry->partition, problem, stream);
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

/* Rows are right all the same: those from before it. But nobody writes. */
static bool tell_of_replay(const struct adapters *adapters)
{
	struct ping ping;
	struct reader *reader = adapters->readers[0];
	bool is_marked = reader->operations->ping(reader, &ping) != STORE_OK;
	if (is_marked)
		printf("the store is not served: %s\n", ping.problem);
	return is_marked;
}

static int report(const struct adapters *adapters, const struct verify *verify)
{
	bool is_marked = tell_of_replay(adapters);
	printf("%llu events replayed, %llu rows compared, %llu outbox rows looked at, %llu differences\n",
	       (unsigned long long)verify->ret_events, (unsigned long long)verify->ret_rows, (unsigned long long)verify->ret_waiting,
	       (unsigned long long)verify->ret_differences);
	return verify->ret_differences == 0 && !is_marked ? EXIT_DONE : EXIT_FAILED;
}

/* By the clock of the store, which is what events are stamped by; 0: nothing is known. A commit is answered, or given up, long before. */
static uint64_t settled_ms(const struct adapters *adapters)
{
	struct ping ping;
	struct reader *reader = adapters->readers[0];
	(void)reader->operations->ping(reader, &ping);
	uint64_t now_ms = ping.store_now_ms == 0 ? clock_now_ms(adapters->clock) : ping.store_now_ms;
	return now_ms > SETTLING_MS ? now_ms - SETTLING_MS : 0;
}

static int verify_with(struct adapters *adapters, struct scratch *scratch)
{
	uint64_t shown = 0;
	struct verify verify = {
		.reader = adapters->readers[0],
		.scratch = scratch->store,
		.scratch_reader = scratch->reader,
		.catalog = adapters->catalog,
		.settled_ms = settled_ms(adapters),
		.found = print_finding,
		.found_waiting = print_waiting,
		.progress = show_progress,
		.context = &shown,
	};
	enum error error = verify_store(&verify);
	return error == OK ? report(adapters, &verify)
	                   : complain_replay(adapters, error, &verify.ret_event, &verify.ret_stream, verify.ret_problem);
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

/* With a directory of its own, which is gone afterwards. */
static int with_scratch(const struct invocation *invocation, struct adapters *adapters, int (*work)(struct adapters *, struct scratch *))
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
	if (!adapters_open(invocation->config, ROLE_LOOK, &adapters, message))
		return complain("%s", message);
	code = with_scratch(invocation, &adapters, verify_with);
	adapters_close(&adapters);
	return code;
}

static void show_rebuild(void *context, uint64_t events, uint64_t rows)
{
	uint64_t *shown = context;
	if (rows == 0) {
		show_progress(context, events);
		return;
	}
	if (*shown != UINT64_MAX)
		fprintf(stderr, "%llu events replayed; writing the rows\n", (unsigned long long)events);
	*shown = UINT64_MAX;
}

static int replay_with(struct adapters *adapters, struct scratch *scratch)
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
	if (rebuild.ret_is_overtaken)
		return complain("another replay has begun meanwhile: this one has changed nothing");
	if (error != OK)
		return complain_replay(adapters, error, &rebuild.ret_event, &rebuild.ret_stream, rebuild.ret_problem);
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
	code = with_scratch(invocation, &adapters, replay_with);
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
