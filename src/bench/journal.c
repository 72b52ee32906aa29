/* journal.c: writing the lines, and reading them back through the same functions of the ledger that wrote them. */
#include "bench/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "base/time.h"
#include "bench/answer.h"
#include "bench/seat_plan.h"
#include "codec/json_reader.h"

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

/* What every line about a claim begins with. The number counts within the run; the id is for whoever reads the file. */
static struct json_writer begin_claim_line(struct journal *journal, const char *fact, const struct ledger *ledger, uint32_t index,
                                           uint64_t at_ms)
{
	assert(index < ledger->claim_count);

	struct json_writer writer = begin_line(journal, fact);
	json_writer_uint(&writer, "at", at_ms);
	json_writer_uint(&writer, "claim", index);
	json_writer_uuid(&writer, "hold_id", &ledger->claims[index].hold.id);
	return writer;
}

enum error journal_write_hold(struct journal *journal, const struct ledger *ledger, uint32_t index, uint64_t at_ms)
{
	if (journal == NULL)
		return OK;
	const struct claim *claim = &ledger->claims[index];
	struct json_writer writer = begin_claim_line(journal, "hold", ledger, index, at_ms);
	json_writer_uint(&writer, "event", claim->event);
	json_writer_uuid(&writer, "event_id", &ledger->events[claim->event].event_id);
	json_writer_uint(&writer, "user", claim->user);
	json_writer_string(&writer, "first_seat", slice_of(seat_plan_label(claim->first_seat).text));
	json_writer_uint(&writer, "seat_count", claim->seat_count);
	json_writer_uint(&writer, "expires_at", claim->hold.deadline_ms);
	json_writer_uuid(&writer, "key", &claim->key);
	json_writer_uint(&writer, "body", claim->hold.body_hash);
	json_writer_object_end(&writer);
	return write_line(journal);
}

enum error journal_write_asked(struct journal *journal, const struct ledger *ledger, uint32_t index, enum claim_state state, uint64_t at_ms)
{
	if (journal == NULL)
		return OK;
	struct json_writer writer = begin_claim_line(journal, "asked", ledger, index, at_ms);
	json_writer_string(&writer, "state", slice_of(claim_state_name(state)));
	json_writer_object_end(&writer);
	return write_line(journal);
}

enum error journal_write_order(struct journal *journal, const struct ledger *ledger, uint32_t index, uint64_t at_ms)
{
	if (journal == NULL)
		return OK;
	const struct fact *order = &ledger->claims[index].order;
	struct json_writer writer = begin_claim_line(journal, "order", ledger, index, at_ms);
	json_writer_uuid(&writer, "order_id", &order->id);
	json_writer_uint(&writer, "pay_by", order->deadline_ms);
	json_writer_uint(&writer, "body", order->body_hash);
	json_writer_object_end(&writer);
	return write_line(journal);
}

enum error journal_write_settled(struct journal *journal, const struct ledger *ledger, uint32_t index, enum claim_state state,
                                 uint64_t at_ms)
{
	if (journal == NULL)
		return OK;
	struct json_writer writer = begin_claim_line(journal, "settled", ledger, index, at_ms);
	json_writer_string(&writer, "state", slice_of(claim_state_name(state)));
	json_writer_object_end(&writer);
	return write_line(journal);
}

/* A line as it was read. Claims and events are numbered within their run. */
struct line {
	struct slice fact;
	uint64_t at, claim, event, user, seats, seat_count, expires_at, pay_by, body;
	struct uuid event_id, hold_id, order_id, key;
	uint32_t first_seat;
	enum claim_state state;
	uint32_t present; /* bits of enum field_name */
};

enum field_name {
	AT,
	CLAIM,
	EVENT,
	USER,
	SEATS,
	SEAT_COUNT,
	EXPIRES_AT,
	PAY_BY,
	BODY,
	EVENT_ID,
	HOLD_ID,
	ORDER_ID,
	KEY,
	FIRST_SEAT,
	STATE,
	FACT
};

#define HAS(name) (1u << (name))

/* Reads one member into the line; false when its value is not what it should be. Members nobody knows are passed over. */
static bool read_member(struct line *line, struct json_value name, struct json_value value)
{
	static const struct {
		const char *name;
		enum { IS_UINT, IS_UUID, IS_SEAT, IS_STATE, IS_TEXT } kind;
		size_t offset;
	} fields[] = {
		[AT] = {"at", IS_UINT, offsetof(struct line, at)},
		[CLAIM] = {"claim", IS_UINT, offsetof(struct line, claim)},
		[EVENT] = {"event", IS_UINT, offsetof(struct line, event)},
		[USER] = {"user", IS_UINT, offsetof(struct line, user)},
		[SEATS] = {"seats", IS_UINT, offsetof(struct line, seats)},
		[SEAT_COUNT] = {"seat_count", IS_UINT, offsetof(struct line, seat_count)},
		[EXPIRES_AT] = {"expires_at", IS_UINT, offsetof(struct line, expires_at)},
		[PAY_BY] = {"pay_by", IS_UINT, offsetof(struct line, pay_by)},
		[BODY] = {"body", IS_UINT, offsetof(struct line, body)},
		[EVENT_ID] = {"event_id", IS_UUID, offsetof(struct line, event_id)},
		[HOLD_ID] = {"hold_id", IS_UUID, offsetof(struct line, hold_id)},
		[ORDER_ID] = {"order_id", IS_UUID, offsetof(struct line, order_id)},
		[KEY] = {"key", IS_UUID, offsetof(struct line, key)},
		[FIRST_SEAT] = {"first_seat", IS_SEAT, offsetof(struct line, first_seat)},
		[STATE] = {"state", IS_STATE, offsetof(struct line, state)},
		[FACT] = {"fact", IS_TEXT, offsetof(struct line, fact)},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		if (!json_string_equal(name, slice_of(fields[i].name)))
			continue;
		line->present |= HAS(i);
		void *field = (char *)line + fields[i].offset;
		struct slice text = answer_text(value);
		switch (fields[i].kind) {
		case IS_UINT:
			return answer_uint(value, field);
		case IS_UUID:
			return uuid_parse(text, field);
		case IS_SEAT:
			return seat_plan_parse(text, field);
		case IS_STATE:
			line->state = claim_state_parse(text);
			return line->state != STATE_NONE;
		default:
			line->fact = text;
			return true;
		}
	}
	return true;
}

/* Where the numbers of the current run begin in the ledger. */
struct run_base {
	uint32_t claim;
	uint32_t event;
};

static bool line_has(const struct line *line, const char *fact, uint32_t members)
{
	return slice_equal_string(line->fact, fact) && (line->present & members) == members;
}

static enum error apply_hold(const struct line *line, struct ledger *ledger, const struct run_base *base)
{
	uint64_t event = base->event + line->event;
	if (event >= ledger->event_count || line->seat_count == 0 || line->user >= WIRE_USERS_MAX ||
	    line->seat_count > ledger->events[event].seats || line->first_seat > ledger->events[event].seats - line->seat_count ||
	    base->claim + line->claim != ledger->claim_count)
		return ERR_CORRUPT;
	const struct claim claim = {
		.hold = {.id = line->hold_id, .deadline_ms = line->expires_at, .body_hash = line->body},
		.key = line->key,
		.event = (uint32_t)event,
		.user = (uint32_t)line->user,
		.first_seat = line->first_seat,
		.seat_count = (uint32_t)line->seat_count,
	};
	uint32_t index;
	return ledger_hold(ledger, &claim, line->at, &index);
}

static enum error apply_line(const struct line *line, struct ledger *ledger, struct run_base *base)
{
	if (line_has(line, "run", HAS(AT))) {
		*base = (struct run_base){.claim = ledger->claim_count, .event = ledger->event_count};
		return OK;
	}
	if (line_has(line, "event", HAS(EVENT_ID) | HAS(SEATS)))
		return line->seats > SEAT_PLAN_SEATS_MAX ? ERR_CORRUPT : ledger_add_event(ledger, &line->event_id, (uint32_t)line->seats);
	const uint32_t claim_members = HAS(AT) | HAS(CLAIM) | HAS(HOLD_ID);
	if (line_has(line, "hold",
	             claim_members | HAS(EVENT) | HAS(USER) | HAS(FIRST_SEAT) | HAS(SEAT_COUNT) | HAS(EXPIRES_AT) | HAS(KEY) | HAS(BODY)))
		return apply_hold(line, ledger, base);
	uint64_t index = base->claim + line->claim;
	if ((line->present & claim_members) != claim_members || index >= ledger->claim_count ||
	    !uuid_equal(&line->hold_id, &ledger->claims[index].hold.id))
		return ERR_CORRUPT;
	if (line_has(line, "asked", HAS(STATE)))
		return ledger_asked(ledger, (uint32_t)index, line->state, line->at);
	if (line_has(line, "settled", HAS(STATE)))
		return ledger_settled(ledger, (uint32_t)index, line->state, line->at);
	if (line_has(line, "order", HAS(ORDER_ID) | HAS(PAY_BY) | HAS(BODY))) {
		const struct fact order = {.id = line->order_id, .deadline_ms = line->pay_by, .body_hash = line->body};
		return ledger_order(ledger, (uint32_t)index, &order, line->at);
	}
	return ERR_CORRUPT;
}

static enum error read_line(struct slice text, struct ledger *ledger, struct run_base *base)
{
	struct line line = {0};
	struct json_value object, name, value;
	struct json_problem problem;
	if (!json_check(text, &object, &problem) || json_kind(object) != JSON_KIND_OBJECT)
		return ERR_CORRUPT;
	for (struct json_walk walk = json_walk(object); json_next_member(&walk, &name, &value);) {
		if (!read_member(&line, name, value))
			return ERR_CORRUPT;
	}
	return apply_line(&line, ledger, base);
}

enum error journal_read(const char *path, struct ledger *ledger, uint64_t *ret_line)
{
	assert(path != NULL && ledger != NULL && ret_line != NULL);
	assert(ledger->journal == NULL);

	FILE *file = fopen(path, "re");
	if (file == NULL)
		return ERR_SYSTEM;
	char *text = NULL;
	size_t capacity = 0;
	ssize_t length;
	uint64_t number = 0;
	struct run_base base = {.claim = ledger->claim_count, .event = ledger->event_count};
	enum error error = OK;
	while (error == OK && (length = getline(&text, &capacity, file)) > 0) {
		number++;
		if (text[length - 1] != '\n')
			break;
		error = read_line((struct slice){.data = text, .length = (size_t)length - 1}, ledger, &base);
	}
	if (error == OK && ferror(file))
		error = ERR_SYSTEM;
	free(text);
	fclose(file);
	if (error != OK)
		*ret_line = number;
	return error;
}
