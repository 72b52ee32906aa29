/* journal.c: writes the lines. */
#include "bench/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "bench/seat_plan.h"

#define LINE_MAX_LENGTH (64 * 1024)

/* One write call a line: lines of two processes that append to one file do not mix. */
static enum error write_line(struct journal *journal)
{
	buffer_append_byte(&journal->line, '\n');
	if (journal->line.failed)
		return ERR_NO_MEMORY;
	ssize_t written = write(journal->descriptor, journal->line.data, journal->line.length);
	return written == (ssize_t)journal->line.length ? OK : ERR_SYSTEM;
}

static struct json_writer begin_line(struct journal *journal, const char *fact)
{
	buffer_clear(&journal->line);
	struct json_writer writer = json_writer_on(&journal->line);
	json_writer_object_begin(&writer, NULL);
	json_writer_string(&writer, "fact", slice_of(fact));
	return writer;
}

enum error journal_open(struct journal *journal, const char *path, uint64_t at_ms)
{
	assert(journal != NULL && path != NULL);

	int descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (descriptor < 0)
		return ERR_SYSTEM;
	journal->descriptor = descriptor;
	buffer_init(&journal->line, NULL, LINE_MAX_LENGTH);
	struct json_writer writer = begin_line(journal, "run");
	json_writer_uint(&writer, "at", at_ms);
	json_writer_object_end(&writer);
	enum error error = write_line(journal);
	if (error != OK)
		journal_close(journal);
	return error;
}

void journal_close(struct journal *journal)
{
	if (journal == NULL)
		return;
	close(journal->descriptor);
	buffer_release(&journal->line);
}

enum error journal_write_event(struct journal *journal, const struct ledger_event *event)
{
	if (journal == NULL)
		return OK;
	struct json_writer writer = begin_line(journal, "event");
	json_writer_uuid(&writer, "event_id", &event->event_id);
	json_writer_uint(&writer, "seats", event->seats);
	json_writer_object_end(&writer);
	return write_line(journal);
}

/* Writes the beginning of each line about a claim. The number counts within the run; the id is for people who read the file. */
static struct json_writer begin_claim_line(struct journal *journal, const char *fact, uint32_t index, const struct claim *claim,
                                           uint64_t at_ms)
{
	assert(claim != NULL);

	struct json_writer writer = begin_line(journal, fact);
	json_writer_uint(&writer, "at", at_ms);
	json_writer_uint(&writer, "claim", index);
	json_writer_uuid(&writer, "hold_id", &claim->hold.id);
	return writer;
}

enum error journal_write_hold(struct journal *journal, uint32_t index, const struct claim *claim, const struct uuid *event_id,
                              uint64_t at_ms)
{
	if (journal == NULL)
		return OK;
	struct json_writer writer = begin_claim_line(journal, "hold", index, claim, at_ms);
	json_writer_uint(&writer, "event", claim->event);
	json_writer_uuid(&writer, "event_id", event_id);
	json_writer_uint(&writer, "user", claim->user);
	json_writer_string(&writer, "first_seat", slice_of(seat_plan_label(claim->first_seat).text));
	json_writer_uint(&writer, "seat_count", claim->seat_count);
	json_writer_uint(&writer, "expires_at", claim->hold.deadline_ms);
	json_writer_uuid(&writer, "key", &claim->key);
	json_writer_uint(&writer, "body", claim->hold.body_hash);
	json_writer_object_end(&writer);
	return write_line(journal);
}

static enum error write_state(struct journal *journal, const char *what, uint32_t index, const struct claim *claim, enum claim_state state,
                              uint64_t at_ms)
{
	if (journal == NULL)
		return OK;
	struct json_writer writer = begin_claim_line(journal, what, index, claim, at_ms);
	json_writer_string(&writer, "state", slice_of(claim_state_name(state)));
	json_writer_object_end(&writer);
	return write_line(journal);
}

enum error journal_write_asked(struct journal *journal, uint32_t index, const struct claim *claim, enum claim_state state, uint64_t at_ms)
{
	return write_state(journal, "asked", index, claim, state, at_ms);
}

enum error journal_write_order(struct journal *journal, uint32_t index, const struct claim *claim, uint64_t at_ms)
{
	if (journal == NULL)
		return OK;
	const struct fact *order = &claim->order;
	struct json_writer writer = begin_claim_line(journal, "order", index, claim, at_ms);
	json_writer_uuid(&writer, "order_id", &order->id);
	json_writer_uint(&writer, "pay_by", order->deadline_ms);
	json_writer_uint(&writer, "body", order->body_hash);
	json_writer_object_end(&writer);
	return write_line(journal);
}

enum error journal_write_settled(struct journal *journal, uint32_t index, const struct claim *claim, enum claim_state state, uint64_t at_ms)
{
	return write_state(journal, "settled", index, claim, state, at_ms);
}
