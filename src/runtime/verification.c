/* verification.c: see verification.h. */
#include "runtime/verification.h"

#include <stdio.h>

#include "app/verifier.h"
#include "runtime/replay_work.h"
#include "runtime/terminal.h"
#include "state/kinds.h"

#define SETTLING_MS 120000 /* more than app/seating.c gives the seats of an event */

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
	else if (finding == VERIFY_UNREADABLE)
		printf(": cannot be read");
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

/* By the clock of the store, as events' stamps are; 0: unknown. A commit is answered, or given up, long before. */
static uint64_t settled_ms(const struct adapters *adapters)
{
	struct ping ping;
	struct reader *reader = adapters->readers[0];
	(void)reader->operations->ping(reader, &ping);
	uint64_t now_ms = ping.store_now_ms == 0 ? clock_now_ms(adapters->clock) : ping.store_now_ms;
	return now_ms > SETTLING_MS ? now_ms - SETTLING_MS : 0;
}

static int verify_with(struct adapters *adapters, struct scratch *scratch, bool *ret_is_done)
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
		.progress = replay_show_progress,
		.context = &shown,
	};
	enum error error = verify_store(&verify);
	*ret_is_done = error == OK || error == ERR_CORRUPT;
	return error == OK ? report(adapters, &verify)
	                   : replay_complain(adapters, error, &verify.ret_event, &verify.ret_stream, verify.ret_problem);
}

int verification_run(const struct invocation *invocation, struct adapters *adapters, bool *ret_is_done)
{
	return replay_with_scratch(invocation, adapters, verify_with, ret_is_done);
}

int verification_run_copy(const struct invocation *invocation, const char *copy, const char *store, const char *done)
{
	struct adapters adapters;
	char message[ADAPTERS_MESSAGE_MAX];
	if (!adapters_look_at(copy, invocation->config->systems.mongo_uri == NULL, &adapters, message))
		return complain("%s was not %s: %s", store, done, message);
	bool is_done;
	int code = verification_run(invocation, &adapters, &is_done);
	adapters_close(&adapters);
	if (code == EXIT_DONE)
		return code;
	return complain("%s was not %s: the copy %s", store, done, is_done ? "did not pass its check" : "could not be checked");
}
