/* instruments.h: the metrics of this process, and who feeds them. docs/operations.md says what each is good for. */
#pragma once

#include <stdint.h>

#include "app/dependencies.h"
#include "app/seat_maps.h"
#include "app/service.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "http/server.h"
#include "obs/log.h"
#include "ports/clock.h"

struct instruments;

/* The calls of the dependencies, which are borrowed, are measured from then on. ERR_NO_MEMORY. */
must_check enum error instruments_new(struct clock *clock, struct dependencies *dependencies, struct instruments **ret_instruments);
/* Takes NULL. */
void instruments_free(struct instruments *instruments);

struct instruments_outbox {
	uint64_t entries; /* that wait to be published */
	uint64_t age_ms;  /* of the oldest */
	uint64_t publishers;
};

/* The sources of each scrape; one that is left out reads as 0. Set before the first scrape. */
struct instruments_sources {
	struct service *service;
	struct http_server *server;
	struct logger *logger;
	struct seat_maps *maps;
	void (*outbox)(void *context, struct instruments_outbox *ret_outbox); /* from a thread's last look, must not block */
	uint64_t (*published)(void *context);                                 /* events confirmed by the bus since the start */
	uint64_t (*unroutable)(void *context);                                /* those of them that no queue was bound to */
	uint64_t (*unreadable)(void *context);                                /* partitions held up by an outbox row that cannot be read */
	uint64_t (*expired)(void *context);                                   /* holds and orders the worker has ended */
	int64_t (*clock_skew_ms)(void *context);                              /* this process's clock less the store's */
	void *context;
};
void instruments_connect(struct instruments *instruments, const struct instruments_sources *sources);

/* A request is finished: http_server_options.finished. */
void instruments_request(struct instruments *instruments, const struct http_request_summary *summary);
/* A batch was committed: service_options.measured. */
void instruments_commit(struct instruments *instruments, uint64_t commit_ns, uint32_t command_count);
/* A change is in the seat maps, so long after it was decided: seat_maps_options.lagged. */
void instruments_map_lag(struct instruments *instruments, uint64_t lag_ms);
/* A job has its outcome: service_options.answered. */
void instruments_job(struct instruments *instruments, const struct job *job);
/* A hold or order was ended so long after its deadline: expirer_options.ended. */
void instruments_expired(struct instruments *instruments, uint64_t late_ms);
/* A command has its outcome: api_options.decided. */
void instruments_command(struct instruments *instruments, enum command_kind kind, const struct outcome *outcome);

/* Appends the exposition. */
void instruments_write(struct instruments *instruments, struct buffer *buffer);
