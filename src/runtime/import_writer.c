/* import_writer.c: looks whether each event is there, and commits the others in batches, each event with its identity as idempotency
 * key. */
#include "runtime/import_writer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "app/catalog_sync.h"
#include "runtime/terminal.h"

#define ARENA_BLOCK ((size_t)256 * 1024)
#define ARENA_MAX ((size_t)2 * 1024 * 1024 * 1024) /* an event of a million listed seats, and its answer */
#define PAGE_ENTRIES 500
#define PAGE_MAX ((size_t)64 * 1024 * 1024)

static enum error bring_catalog_up_to_date(struct operator_session *session)
{
	struct catalog_sync sync = {.reader = session->adapters.catalog_reader, .catalog = session->adapters.catalog};
	enum error error;
	do
		error = catalog_sync_changes(&sync, 1);
	while (error == OK && sync.has_more);
	return error;
}

static bool remember(struct import_writer *writer, const struct catalog_entry *entry)
{
	const struct import_identity identity = import_identity_of_details(&writer->digest, &entry->details);
	if (import_index_find(&writer->known, &identity) != NULL)
		return true; /* two that were made in other ways */
	struct import_entry *known = import_index_add(&writer->known, &identity);
	if (known != NULL)
		known->event_id = entry->event_id;
	return known != NULL;
}

static enum error read_catalog(struct import_writer *writer, struct arena *page)
{
	struct catalog *catalog = writer->session->adapters.catalog;
	struct uuid after;
	for (bool has_more = true, is_first = true; has_more; is_first = false) {
		struct catalog_list list;
		arena_clear(page);
		if (catalog->operations->list(catalog, is_first ? NULL : &after, PAGE_ENTRIES, page, &list) != CATALOG_OK)
			return ERR_CATALOG_UNAVAILABLE;
		for (uint32_t i = 0; i < list.count; i++)
			if (!remember(writer, &list.entries[i]))
				return ERR_NO_MEMORY;
		has_more = list.count == PAGE_ENTRIES;
		if (has_more)
			after = list.entries[list.count - 1].event_id;
	}
	return OK;
}

int import_writer_open(struct import_writer *writer, struct operator_session *session, struct import_progress *progress, bool needs_catalog,
                       bool is_dry_run)
{
	assert(writer != NULL && session != NULL && progress != NULL);
	char message[ADAPTERS_MESSAGE_MAX];
	struct arena page;
	*writer = (struct import_writer){.session = session, .progress = progress, .is_dry_run = is_dry_run};
	enum error error = digest_init(&writer->digest);
	if (error == OK)
		error = import_index_init(&writer->known);
	if (error == OK && needs_catalog) {
		arena_init(&page, ARENA_BLOCK, PAGE_MAX);
		error = bring_catalog_up_to_date(session);
		if (error == OK)
			error = read_catalog(writer, &page);
		arena_release(&page);
	}
	if (error == OK) {
		arena_init(&writer->arena, ARENA_BLOCK, ARENA_MAX);
		return EXIT_DONE;
	}
	import_index_release(&writer->known);
	digest_release(&writer->digest);
	return complain("nothing is imported, for whether events without an event_id are there cannot be found out: %s",
	                adapters_explain(&session->adapters, error, message));
}

void import_writer_close(struct import_writer *writer)
{
	assert(writer != NULL);
	import_index_release(&writer->known);
	digest_release(&writer->digest);
	arena_release(&writer->arena);
}

/* *ret_event_id is that of the event in the store, nil when it is not there. */
static enum error find_event(struct import_writer *writer, const struct import_event *event, struct uuid *ret_event_id)
{
	const struct uuid *event_id = &event->create.event_id;
	*ret_event_id = (struct uuid){0};
	if (uuid_is_nil(event_id)) {
		const struct import_entry *known = import_index_find(&writer->known, &event->identity);
		if (known != NULL)
			*ret_event_id = known->event_id;
		return OK;
	}
	struct reader *reader = writer->session->adapters.readers[0];
	const struct row *sale = NULL;
	if (reader->operations->find(reader, ROW_SALE, event_id, &writer->arena, &sale) != STORE_OK)
		return ERR_STORE_UNAVAILABLE;
	if (sale != NULL)
		*ret_event_id = *event_id;
	return OK;
}

static struct job *make_job(struct import_writer *writer, const struct import_event *event)
{
	struct job *job = &writer->jobs[writer->job_count++];
	*job = (struct job){.command = {.kind = COMMAND_SALE_CREATE, .sale_create = event->create}};
	if (uuid_is_nil(&event->create.event_id))
		job->command.sale_create.event_id = operator_session_event_id(writer->session);
	/* An event with other data in a second import is the same event, and stays as it is. So the fingerprint is always the same. */
	job->command.idempotency.is_present = true;
	static_assert(sizeof job->command.idempotency.key == sizeof event->identity.bytes, "the identity is the key");
	memcpy(job->command.idempotency.key, event->identity.bytes, sizeof event->identity.bytes);
	return job;
}

int import_writer_add(struct import_writer *writer, const struct import_event *event)
{
	assert(writer != NULL && writer->waiting_count < IMPORT_BATCH_EVENTS);
	struct import_waiting *waiting = &writer->waiting[writer->waiting_count];
	char message[ADAPTERS_MESSAGE_MAX];
	enum error error = find_event(writer, event, &waiting->event_id);
	if (error != OK)
		return complain("%s", adapters_explain(&writer->session->adapters, error, message));
	waiting->name = event->create.details.name;
	waiting->job = NULL;
	if (uuid_is_nil(&waiting->event_id)) {
		waiting->job = make_job(writer, event);
		writer->waiting_seats += layout_count(&event->create.layout);
	}
	writer->waiting_count++;
	bool is_full = writer->waiting_count == IMPORT_BATCH_EVENTS || writer->waiting_seats >= IMPORT_BATCH_SEATS;
	return is_full ? import_writer_flush(writer) : EXIT_DONE;
}

/* Counts and prints what has become of one event. */
static enum error conclude(struct import_writer *writer, const struct import_waiting *waiting)
{
	const struct job *job = waiting->job;
	bool is_made = job != NULL && !job->outcome.is_replayed;
	if (job != NULL && job->outcome.error != OK)
		return job->outcome.error;
	writer->made += is_made;
	writer->made_seats += is_made ? layout_count(&job->command.sale_create.layout) : 0;
	writer->there += !is_made;
	if (writer->is_dry_run)
		return OK;
	char id[UUID_TEXT_LENGTH + 1];
	uuid_format(job == NULL ? &waiting->event_id : &job->outcome.resource_id, id);
	printf("%s  %s  %.*s\n", id, is_made ? "imported" : "there   ", SLICE_PRINT(waiting->name));
	return OK;
}

int import_writer_flush(struct import_writer *writer)
{
	assert(writer != NULL && writer->job_count <= writer->waiting_count);
	char message[ADAPTERS_MESSAGE_MAX];
	enum error error = OK;
	if (writer->job_count > 0 && !writer->is_dry_run)
		operator_session_execute_all(writer->session, writer->jobs, writer->job_count, &writer->arena);
	import_progress_clear(writer->progress);
	for (uint32_t i = 0; i < writer->waiting_count; i++) {
		enum error found = conclude(writer, &writer->waiting[i]);
		error = error == OK ? found : error;
	}
	fflush(stdout);
	writer->waiting_count = writer->job_count = 0;
	writer->waiting_seats = 0;
	arena_clear(&writer->arena);
	return error == OK ? EXIT_DONE : complain("%s", adapters_explain(&writer->session->adapters, error, message));
}

void import_writer_update_catalog(struct import_writer *writer)
{
	assert(writer != NULL && writer->waiting_count == 0);
	char message[ADAPTERS_MESSAGE_MAX];
	enum error error = writer->made == 0 || writer->is_dry_run ? OK : bring_catalog_up_to_date(writer->session);
	if (error != OK)
		complain("the events are on sale, and will be in the catalog when that can be reached: %s",
		         adapters_explain(&writer->session->adapters, error, message));
}
