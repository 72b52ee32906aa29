/* audit_recorder.c: see audit_recorder.h. */
#include "app/audit_recorder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hlc.h"
#include "base/utf8.h"
#include "pipeline/worker.h"

#define PRUNE_EVERY 1000 /* refusals that were written */
#define PATIENCE_NS 3000000000
#define TAKEN_MAX (AUDIT_RECORDS_PER_SECOND - 2) /* of those that wait, in a second; the others are for what was left out */

enum error audit_recorder_new(const struct audit_recorder_options *options, struct audit_recorder **ret_recorder)
{
	assert(options != NULL && options->audit != NULL);
	struct audit_recorder *recorder = calloc(1, sizeof *recorder);
	if (recorder == NULL)
		return ERR_NO_MEMORY;
	recorder->options = *options;
	recorder->unpruned = PRUNE_EVERY; /* an earlier process may have left some */
	(void)pthread_mutex_init(&recorder->lock, NULL);
	*ret_recorder = recorder;
	return OK;
}

void audit_recorder_free(struct audit_recorder *recorder)
{
	if (recorder == NULL)
		return;
	assert(recorder->waiting_count <= AUDIT_WAITING_MAX);
	(void)pthread_mutex_destroy(&recorder->lock);
	free(recorder);
}

/* As much of the text as fits and is printable UTF-8. */
static void copy_text(struct slice text, char copy[static AUDIT_TEXT_MAX + 1])
{
	size_t length = 0;
	while (length < text.length) {
		size_t character = utf8_character_length(text.data + length, text.length - length);
		if (character == 0 || length + character > AUDIT_TEXT_MAX ||
		    !utf8_is_printable((struct slice){.data = text.data + length, .length = character}))
			break;
		length += character;
	}
	if (length > 0)
		memcpy(copy, text.data, length);
	copy[length] = '\0';
}

/* A note that was moved: its record has its own texts. */
static void own_texts(struct audit_note *note)
{
	struct audit_record *record = &note->record;
	struct slice *const texts[] = {&record->actor, &record->action, &record->target, &record->address, &record->result};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		*texts[i] = slice_of(note->texts[i]);
}

static struct audit_note note_of(const struct audit_record *record)
{
	struct audit_note note = {.record = *record};
	const struct slice texts[] = {record->actor, record->action, record->target, record->address, record->result};
	note.record.repeats = 1;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		copy_text(texts[i], note.texts[i]);
	return note;
}

static bool is_same(const struct audit_note *one, const struct audit_note *other)
{
	assert(one != NULL && other != NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(one->texts); i++)
		if (strcmp(one->texts[i], other->texts[i]) != 0)
			return false;
	return one->record.kind == other->record.kind;
}

/* Under the lock. */
static void put(struct audit_recorder *recorder, const struct audit_note *note)
{
	bool is_refused = note->record.kind == AUDIT_REFUSED;
	for (uint32_t i = 0; is_refused && i < recorder->waiting_count; i++) {
		if (is_same(&recorder->waiting[i], note)) {
			recorder->waiting[i].record.repeats++;
			return;
		}
	}
	if (recorder->waiting_count < (is_refused ? AUDIT_REFUSED_WAITING_MAX : AUDIT_WAITING_MAX))
		recorder->waiting[recorder->waiting_count++] = *note;
	else if (is_refused)
		recorder->refusals_left_out++;
	else
		recorder->actions_left_out++;
}

void audit_recorder_note(struct audit_recorder *recorder, const struct audit_record *record)
{
	assert(recorder != NULL && record != NULL);
	assert(record->kind == AUDIT_ACTION || record->kind == AUDIT_REFUSED);
	struct audit_note note = note_of(record);
	note.record.at_ms = clock_now_ms(recorder->options.clock);
	(void)pthread_mutex_lock(&recorder->lock);
	put(recorder, &note);
	(void)pthread_mutex_unlock(&recorder->lock);
	if (recorder->options.wake != NULL)
		recorder->options.wake(recorder->options.context);
}

/* A record of how many found no place. */
static void write_left_out(struct audit_recorder *recorder, enum audit_kind kind, const char *result, uint64_t left_out)
{
	assert(recorder->writing_count < AUDIT_RECORDS_PER_SECOND);
	if (left_out == 0)
		return;
	const struct audit_record record = {
		.kind = kind, .action = SLICE("left out"), .result = slice_of(result), .at_ms = clock_now_ms(recorder->options.clock)};
	struct audit_note *note = &recorder->writing[recorder->writing_count++];
	*note = note_of(&record);
	note->record.repeats = left_out > UINT32_MAX ? UINT32_MAX : (uint32_t)left_out;
}

/* Takes the next to write from those that wait; the last places are for the counts of those that found none. */
static void take(struct audit_recorder *recorder)
{
	assert(recorder->writing_count == 0);
	(void)pthread_mutex_lock(&recorder->lock);
	uint32_t count = recorder->waiting_count < TAKEN_MAX ? recorder->waiting_count : TAKEN_MAX;
	memcpy(recorder->writing, recorder->waiting, count * sizeof recorder->waiting[0]);
	recorder->waiting_count -= count;
	memmove(recorder->waiting, recorder->waiting + count, recorder->waiting_count * sizeof recorder->waiting[0]);
	uint64_t refusals = recorder->refusals_left_out, actions = recorder->actions_left_out;
	recorder->refusals_left_out = recorder->actions_left_out = 0;
	(void)pthread_mutex_unlock(&recorder->lock);
	recorder->writing_count = count;
	write_left_out(recorder, AUDIT_REFUSED, "more was refused than is recorded", refusals);
	write_left_out(recorder, AUDIT_ACTION, "more operators' actions failed than are recorded", actions);
	for (uint32_t i = 0; i < recorder->writing_count; i++) {
		struct audit_note *note = &recorder->writing[i];
		own_texts(note);
		note->record.id = uuid_v7(hlc_from_milliseconds(note->record.at_ms) + i, random_u64(recorder->options.random), 0);
	}
}

static enum store_result write_taken(struct audit_recorder *recorder)
{
	assert(recorder->writing_count > 0 && recorder->writing_count <= AUDIT_RECORDS_PER_SECOND);
	struct audit *audit = recorder->options.audit;
	struct audit_record records[AUDIT_RECORDS_PER_SECOND];
	for (uint32_t i = 0; i < recorder->writing_count; i++) {
		records[i] = recorder->writing[i].record;
		recorder->unpruned += records[i].kind == AUDIT_REFUSED;
	}
	audit->deadline_ns = clock_monotonic_ns(recorder->options.clock) + PATIENCE_NS;
	enum store_result result = audit->operations->append(audit, records, recorder->writing_count);
	if (result == STORE_OK && recorder->unpruned >= PRUNE_EVERY) {
		if (audit->operations->prune(audit, AUDIT_REFUSED_KEPT) == STORE_OK)
			recorder->unpruned = 0;
	}
	return result;
}

static bool has_more(struct audit_recorder *recorder)
{
	assert(recorder != NULL);
	(void)pthread_mutex_lock(&recorder->lock);
	bool waits = recorder->waiting_count > 0 || recorder->refusals_left_out > 0 || recorder->actions_left_out > 0;
	(void)pthread_mutex_unlock(&recorder->lock);
	return waits;
}

uint64_t audit_recorder_step(void *context)
{
	struct audit_recorder *recorder = context;
	assert(recorder != NULL);
	if (recorder->writing_count == 0)
		take(recorder);
	if (recorder->writing_count > 0 && write_taken(recorder) != STORE_OK)
		return AUDIT_PAUSE_MS;
	recorder->writing_count = 0;
	return has_more(recorder) ? AUDIT_PAUSE_MS : WORKER_UNTIL_WOKEN;
}

void audit_recorder_finish(struct audit_recorder *recorder)
{
	assert(recorder != NULL);
	for (uint32_t steps = 0; steps <= AUDIT_WAITING_MAX / TAKEN_MAX + 1; steps++) {
		if (recorder->writing_count == 0)
			take(recorder);
		if (recorder->writing_count == 0 || write_taken(recorder) != STORE_OK)
			return;
		recorder->writing_count = 0;
	}
}
