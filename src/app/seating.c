/* seating.c: the seats of one event, from begin to end; begun again when something came between. */
#include "app/seating.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/seating_pace.h"
#include "base/hlc.h"

#define CALL_NS UINT64_C(4800000000)   /* as a batch of the commit lane */
#define WHOLE_NS UINT64_C(90000000000) /* verify takes it that an event is committed within two minutes of its stamp */
#define HALF_NS (WHOLE_NS / 2)         /* the other half is there for a machine that becomes slower */
#define CLEAR_PAUSE_MS 3
#define CLEARED_MAX 1000 /* seats at once */
#define BUSY_MAX 20
#define BEGINS_MAX 3
#define OTHERS_MS 200 /* between two looks whether others have done it */

/* A seat's texts while it waits for its chunk. */
struct texts {
	char seat[SEAT_LABEL_LENGTH_MAX];
	char row[SEAT_LABEL_LENGTH_MAX];
};

struct writing {
	const struct seating_options *options;
	struct seating seating;
	uint64_t until_ns;
	struct layout_seat *seats; /* chunk_max, as texts */
	struct texts *texts;
	uint32_t count; /* seats that wait */
	struct seating_pace pace;
	enum store_result result;
	bool is_over; /* the time, or the caller's patience */
};

static uint64_t now_ns(const struct seating_options *options)
{
	assert(options->clock != NULL);
	return clock_monotonic_ns(options->clock);
}

static bool is_stopping(const struct seating_options *options)
{
	assert(options != NULL);
	return options->is_stopping != NULL && atomic_load(options->is_stopping);
}

static struct store *begin_call(const struct seating_options *options)
{
	assert(options->store->seating != NULL);
	options->store->deadline_ns = now_ns(options) + CALL_NS;
	return options->store;
}

bool seating_is_for(const struct command *command, const struct store *store)
{
	assert(command != NULL);
	return command->kind == COMMAND_SALE_CREATE && store != NULL && store->seating != NULL &&
	       layout_count(&command->sale_create.layout) >= SEATING_SEATS_MIN;
}

static void count_chunk(struct seating_counters *counters, uint32_t seats, uint64_t held_ns)
{
	assert(seats > 0);
	if (counters == NULL)
		return;
	atomic_fetch_add(&counters->chunks, 1);
	atomic_fetch_add(&counters->seats, seats);
	if (held_ns > atomic_load(&counters->longest_ns))
		atomic_store(&counters->longest_ns, held_ns);
}

/* For the seats that are left: until half of the time is over, and after that half of the rest. */
static uint64_t time_left(uint64_t now_ns, uint64_t until_ns)
{
	assert(until_ns > HALF_NS);
	uint64_t half_ns = until_ns - HALF_NS;
	if (now_ns < half_ns)
		return half_ns - now_ns;
	return now_ns < until_ns ? (until_ns - now_ns) / 2 : 0;
}

/* Lets others write, and says how large the next chunk is. */
static void rest_after(struct writing *writing, uint32_t seats, uint64_t began_ns)
{
	const struct seating_options *options = writing->options;
	const struct seating *seating = &writing->seating;
	assert(seats > 0 && seating->written <= seating->seat_count);
	count_chunk(options->counters, seats, seating->held_ns);
	options->pause(options->context, seating_pace_pause_ms(seating->held_ns));
	uint64_t ended_ns = now_ns(options), whole_ns = ended_ns - began_ns;
	const struct seating_took took = {
		.seats = seats,
		.held_ns = seating->held_ns < whole_ns ? seating->held_ns : whole_ns,
		.whole_ns = whole_ns,
		.rest = seating->seat_count - seating->written,
		.left_ns = time_left(ended_ns, writing->until_ns),
	};
	seating_pace_note(&writing->pace, &took);
}

static enum error write_chunk(struct writing *writing)
{
	assert(writing->count > 0 && writing->count <= writing->options->store->seating->chunk_max);
	const struct seating_options *options = writing->options;
	uint32_t seats = writing->count;
	uint64_t began_ns = now_ns(options);
	writing->is_over = began_ns >= writing->until_ns || is_stopping(options);
	if (writing->is_over)
		return ERR_OVERLOADED;
	writing->result = STORE_BUSY;
	for (uint32_t i = 0; writing->result == STORE_BUSY && i < BUSY_MAX; i++) {
		struct store *store = begin_call(options);
		if (i > 0)
			options->pause(options->context, i);
		writing->result = store->seating->add(store, &writing->seating, writing->seats, writing->count);
	}
	if (writing->result != STORE_OK)
		return ERR_STORE_UNAVAILABLE;
	writing->count = 0;
	rest_after(writing, seats, began_ns);
	return OK;
}

static struct slice keep(char *memory, struct slice text)
{
	assert(text.length <= SEAT_LABEL_LENGTH_MAX);
	if (text.length > 0)
		memcpy(memory, text.data, text.length);
	return (struct slice){.data = memory, .length = text.length};
}

static enum error take_seat(void *context, const struct layout_seat *seat)
{
	struct writing *writing = context;
	assert(writing->count < writing->pace.chunk);
	struct texts *texts = &writing->texts[writing->count];
	struct layout_seat *kept = &writing->seats[writing->count++];
	*kept = (struct layout_seat){
		.seat = keep(texts->seat, seat->seat), .section = seat->section, .row = keep(texts->row, seat->row), .price = seat->price};
	return writing->count >= writing->pace.chunk ? write_chunk(writing) : OK;
}

/* Until nothing of it is left. */
static enum store_result clear_all(const struct seating_options *options, const struct seating *seating)
{
	assert(seating != NULL);
	bool has_more = true;
	enum store_result result = STORE_OK;
	for (uint32_t i = 0; has_more && result == STORE_OK && i <= SEATS_PER_EVENT_MAX / CLEARED_MAX && !is_stopping(options); i++) {
		struct store *store = begin_call(options);
		result = store->seating->clear(store, seating, CLEARED_MAX, &has_more);
		options->pause(options->context, CLEAR_PAUSE_MS);
	}
	return result;
}

static enum error error_of_writing(const struct writing *writing)
{
	assert(writing->result != STORE_OK || writing->is_over || is_stopping(writing->options));
	if (is_stopping(writing->options))
		return ERR_SHUTTING_DOWN;
	bool is_late = writing->is_over || writing->result == STORE_STALE || writing->result == STORE_BUSY;
	return is_late ? ERR_OVERLOADED : error_of(writing->result);
}

/* OK, with the state: somebody else's is waited for, or cleared, until it is begun or needless. */
static enum error begin(struct writing *writing, const struct command *command, enum seating_state *ret_state)
{
	const struct seating_options *options = writing->options;
	const struct idempotency *key = command->idempotency.is_present ? &command->idempotency : NULL;
	assert(ret_state != NULL && command->kind == COMMAND_SALE_CREATE);
	*ret_state = SEATING_OTHERS;
	while (now_ns(options) < writing->until_ns && !is_stopping(options)) {
		struct store *store = begin_call(options);
		writing->seating.version = hlc_from_milliseconds(clock_now_ms(options->clock));
		writing->result = store->seating->begin(store, &writing->seating, key, ret_state);
		bool is_settled = *ret_state == SEATING_BEGUN || *ret_state == SEATING_NEEDLESS;
		if (writing->result == STORE_OK && is_settled)
			return OK;
		if (writing->result == STORE_OK && *ret_state == SEATING_LEFT)
			writing->result = clear_all(options, &writing->seating);
		else if (writing->result == STORE_OK || writing->result == STORE_STALE || writing->result == STORE_BUSY)
			options->pause(options->context, OTHERS_MS);
		else
			return error_of_writing(writing);
	}
	writing->is_over = true;
	return error_of_writing(writing);
}

static enum error write_all(struct writing *writing, struct command *command)
{
	assert(writing->pace.chunk > 0);
	enum seating_state state;
	enum error error = OK;
	struct sale_create *create = &command->sale_create;
	for (uint32_t i = 0; i < BEGINS_MAX; i++) {
		error = begin(writing, command, &state);
		if (error != OK || state == SEATING_NEEDLESS)
			return error;
		writing->count = 0;
		error = layout_each_seat(&create->layout, take_seat, writing);
		if (error == OK && writing->count > 0)
			error = write_chunk(writing);
		create->seats_version = writing->seating.version;
		if (error == OK)
			return OK;
		seating_undo(writing->options, command);
		create->seats_version = 0;
		if (writing->result != STORE_STALE || writing->is_over)
			break;
	}
	return error_of_writing(writing);
}

enum error seating_write(const struct seating_options *options, struct command *command)
{
	assert(options != NULL && options->pause != NULL);
	assert(seating_is_for(command, options->store));
	const struct seating_operations *operations = options->store->seating;
	struct writing writing = {
		.options = options,
		.seating = {.event_id = command->sale_create.event_id, .seat_count = (uint32_t)layout_count(&command->sale_create.layout)},
		.until_ns = now_ns(options) + WHOLE_NS,
		.seats = calloc(operations->chunk_max, sizeof *writing.seats),
		.texts = calloc(operations->chunk_max, sizeof *writing.texts),
	};
	seating_pace_begin(&writing.pace, operations->chunk_min, operations->chunk_max, operations->wanted_ns);
	if (options->counters != NULL)
		atomic_store(&options->counters->longest_ns, 0);
	command->sale_create.seats_version = 0;
	enum error error = writing.seats != NULL && writing.texts != NULL ? write_all(&writing, command) : ERR_NO_MEMORY;
	free(writing.seats);
	free(writing.texts);
	return error;
}

void seating_undo(const struct seating_options *options, const struct command *command)
{
	assert(options != NULL && command->kind == COMMAND_SALE_CREATE);
	const struct seating seating = {.event_id = command->sale_create.event_id, .version = command->sale_create.seats_version};
	if (seating.version != 0)
		(void)clear_all(options, &seating); /* if the store is down now, any process sweeps it later */
}

bool seating_sweep(const struct seating_options *options)
{
	assert(options != NULL);
	bool has_more = false;
	struct store *store = begin_call(options);
	enum store_result result = store->seating->clear(store, NULL, CLEARED_MAX, &has_more);
	return result == STORE_OK && has_more;
}
