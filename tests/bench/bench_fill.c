/* bench_fill.c: fills a store that was migrated, for measurements of `tro verify` and `tro replay`: journeys of a hold, an order and its payment,
 * with one seat each, through the commit stage; every tenth hold is released instead.
 *
 *   bench_fill --path=FILE | --dsn=DSN [--events=1000000] [--seats=1000000]
 *   tro migrate; bench_fill …; time tro verify; time tro replay */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/postgres/postgres.h"
#include "adapters/sqlite/sqlite.h"
#include "adapters/system/system.h"
#include "app/committer.h"
#include "app/job.h"
#include "tests/support/measure.h"

#define BATCH 500
#define SEATS_PER_ROW 1000
#define SHARD 0x2a

struct fill {
	struct store *store;
	struct committer *committer;
	uint32_t events, seats, begun; /* begun: journeys */
	struct uuid event_id;
	struct arena arenas[BATCH];
	struct job jobs[BATCH];
};

static struct uuid draw_id(void)
{
	return uuid_v7(clock_now_ms(system_clock()) << 12, random_u64(system_random()), SHARD);
}

static void pause_never(void *context, uint64_t ms)
{
	(void)context;
	must(ms > UINT64_MAX - 1, "the store is busy");
}

/* Serves the first `count` jobs. */
static void serve(struct fill *fill, uint32_t count)
{
	struct list jobs;
	list_init(&jobs);
	for (uint32_t i = 0; i < count; i++)
		list_push(&jobs, &fill->jobs[i].node);
	committer_step(fill->committer, &jobs, count, NULL);
	for (uint32_t i = 0; i < count; i++)
		must(fill->jobs[i].outcome.error == OK, error_title(fill->jobs[i].outcome.error));
}

static struct command *command_at(struct fill *fill, uint32_t index, enum command_kind kind)
{
	fill->jobs[index] = (struct job){.kind = JOB_COMMAND, .arena = &fill->arenas[index]};
	struct command *command = &fill->jobs[index].command;
	*command = (struct command){.kind = kind, .user = SLICE("user-000000001234"), .actor = SLICE("user-000000001234")};
	command->arena = &fill->arenas[index];
	return command;
}

static void with_key(struct command *command)
{
	command->idempotency.is_present = true;
	random_fill(system_random(), command->idempotency.key, sizeof command->idempotency.key);
	random_fill(system_random(), command->idempotency.fingerprint, sizeof command->idempotency.fingerprint);
}

static void open_sale(struct fill *fill)
{
	const struct layout_section section = {
		.name = SLICE("S"), .price = 4500, .rows = fill->seats / SEATS_PER_ROW, .seats_per_row = SEATS_PER_ROW};
	fill->event_id = draw_id();
	struct command *command = command_at(fill, 0, COMMAND_SALE_CREATE);
	command->sale_create.event_id = fill->event_id;
	command->sale_create.details = (struct sale_details){
		.name = SLICE("Concert"), .venue = SLICE("Hall"), .starts_at_ms = clock_now_ms(system_clock()) + 86400000};
	command->sale_create.currency = (struct currency){"EUR"};
	command->sale_create.layout = (struct layout){.sections = &section, .section_count = 1};
	serve(fill, 1);
}

static void run_batch(struct fill *fill)
{
	struct uuid holds[BATCH], orders[BATCH];
	for (uint32_t i = 0; i < BATCH; i++) {
		arena_clear(&fill->arenas[i]);
		struct command *command = command_at(fill, i, COMMAND_HOLD_CREATE);
		uint32_t seat = (fill->begun + i) % fill->seats;
		struct seat_label *label = arena_allocate(&fill->arenas[i], sizeof *label);
		*label = seat_label_of(arena_format(&fill->arenas[i], "S-%u-%u", seat / SEATS_PER_ROW + 1, seat % SEATS_PER_ROW + 1));
		holds[i] = draw_id();
		command->hold_create.event_id = fill->event_id;
		command->hold_create.hold_id = holds[i];
		command->hold_create.ttl_ms = 86400000;
		command->hold_create.seats = label;
		command->hold_create.seat_count = 1;
		with_key(command);
	}
	serve(fill, BATCH);
	uint32_t count = 0;
	for (uint32_t i = 0; i < BATCH; i++) {
		bool is_released = i % 10 == 0;
		struct command *command = command_at(fill, i, is_released ? COMMAND_HOLD_RELEASE : COMMAND_ORDER_CREATE);
		if (is_released) {
			command->hold_id = holds[i];
			continue;
		}
		orders[count] = draw_id();
		command->order_create.order_id = orders[count++];
		command->order_create.ttl_ms = 86400000;
		command->order_create.payment_method = PAYMENT_METHOD_CARD;
		command->order_create.hold_id = holds[i];
		with_key(command);
	}
	serve(fill, BATCH);
	for (uint32_t i = 0; i < count; i++) {
		struct command *command = command_at(fill, i, COMMAND_PAYMENT);
		command->payment.order_id = orders[i];
		command->payment.status = PAYMENT_SUCCEEDED;
		command->payment.transaction_id = short_text_of(arena_format(&fill->arenas[i], "transaction-%u", fill->begun + i));
	}
	serve(fill, count);
	fill->begun += BATCH;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"path", required_argument, NULL, 'p'},
	                                        {"dsn", required_argument, NULL, 'd'},
	                                        {"events", required_argument, NULL, 'e'},
	                                        {"seats", required_argument, NULL, 's'},
	                                        {NULL, 0, NULL, 0}};
	static struct fill fill = {.events = 1000000, .seats = 1000000};
	const char *path = NULL, *dsn = NULL;
	char message[SQLITE_MESSAGE_MAX] = "say --path or --dsn";
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'p')
			path = optarg;
		else if (option == 'd')
			dsn = optarg;
		else if (option == 'e')
			fill.events = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 's')
			fill.seats = (uint32_t)strtoul(optarg, NULL, 10);
	}
	enum error error = path != NULL  ? sqlite_store_open(path, false, &fill.store, message)
	                   : dsn != NULL ? postgres_store_open(dsn, false, &fill.store, message)
	                                 : ERR_SYSTEM;
	must(error == OK && fill.seats >= SEATS_PER_ROW, message);
	const struct committer_options committer = {
		.stores = &fill.store,
		.store_count = 1,
		.clock = system_clock(),
		.random = system_random(),
		.view_rows_max = 32768,
		.tries_max = 3,
		.pause = pause_never,
	};
	must(committer_new(&committer, &fill.committer) == OK, "out of memory");
	for (uint32_t i = 0; i < BATCH; i++)
		arena_init(&fill.arenas[i], 2048, 64 * 1024 * 1024);
	open_sale(&fill);
	for (uint64_t events = 1; events < fill.events; events += 29 * BATCH / 10)
		run_batch(&fill);
	for (uint32_t i = 0; i < BATCH; i++)
		arena_release(&fill.arenas[i]);
	committer_free(fill.committer);
	store_free(fill.store);
	return 0;
}
