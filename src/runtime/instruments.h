/* instruments.h: the metrics of this process, and the functions that feed them. docs/operations.md explains each. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/dependencies.h"
#include "app/job.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "http/server_options.h"
#include "ports/clock.h"
#include "runtime/instruments_sources.h"
#include "state/changes.h"

struct instruments;

/* The calls of the dependencies, which are borrowed, are measured from then on. ERR_NO_MEMORY. */
must_check enum error instruments_new(struct clock *clock, struct dependencies *dependencies, struct instruments **ret_instruments);
/* Takes NULL. */
void instruments_free(struct instruments *instruments);

/* Before the first scrape. serves_clients: the series of clients' requests and commands show from the start, at 0. */
void instruments_connect(struct instruments *instruments, const struct instruments_sources *sources, bool serves_clients);

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

/* Counts committed changes: service_options.committed. */
void instruments_committed(struct instruments *instruments, const struct changes *changes);

/* Appends the exposition, as Prometheus text or as OpenMetrics. A scrape waits for a scrape that runs, and for nothing else. Safe from
 * any thread. */
void instruments_write(struct instruments *instruments, bool is_openmetrics, struct buffer *buffer);
