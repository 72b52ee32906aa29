/* import_writer.h: puts the events of an import on sale, many in one transaction, and skips those that exist. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/job.h"
#include "base/arena.h"
#include "base/attributes.h"
#include "runtime/import_identity.h"
#include "runtime/import_progress.h"
#include "runtime/import_reader.h"
#include "runtime/operator_session.h"

#define IMPORT_BATCH_EVENTS 64
#define IMPORT_BATCH_SEATS 20000

/* An event that waits for its batch. */
struct import_waiting {
	struct uuid event_id;
	struct slice name;
	struct job *job; /* NULL: it is there already */
};

struct import_writer {
	struct operator_session *session;
	struct import_progress *progress;
	bool is_dry_run;           /* nothing is written, and nothing printed */
	struct import_index known; /* the catalog's events, by name, venue and start */
	struct digest digest;
	struct arena arena; /* of the events that wait: read them into it */
	struct import_waiting waiting[IMPORT_BATCH_EVENTS];
	struct job jobs[IMPORT_BATCH_EVENTS];
	uint32_t waiting_count;
	uint32_t job_count;
	uint64_t waiting_seats;
	uint64_t made; /* events; with is_dry_run those that would be */
	uint64_t made_seats;
	uint64_t there; /* events that were there before */
};

/* Reads the catalog when `needs_catalog`: some events are known by their names only. Answers an exit code, with the complaint made; nothing
 * to release then. */
int import_writer_open(struct import_writer *writer, struct operator_session *session, struct import_progress *progress, bool needs_catalog,
                       bool is_dry_run);
void import_writer_close(struct import_writer *writer);
/* The event, which was read into the writer's arena, waits until the batch is full, which is then committed. */
int import_writer_add(struct import_writer *writer, const struct import_event *event);
/* Commits what waits. */
int import_writer_flush(struct import_writer *writer);
/* Brings the new events to the catalog. If the catalog cannot be reached, a running server does so later, and the complaint says so. */
void import_writer_update_catalog(struct import_writer *writer);
