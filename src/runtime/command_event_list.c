/* command_event_list.c: `tro event list`: the events of the catalog. */
#include <stdio.h>

#include "app/catalog_sync.h"
#include "base/time.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/operator_session.h"
#include "runtime/terminal.h"

#define LIST_PAGE 100

static void print_entry(const struct catalog_entry *entry)
{
	char id[UUID_TEXT_LENGTH + 1], starts_at[TIME_TEXT_LENGTH + 1];
	uuid_format(&entry->event_id, id);
	time_format(entry->details.starts_at_ms, starts_at);
	printf("%s  %-9s  %7u seats  %s  %.*s\n", id, sale_status_name(entry->status), entry->seat_count, starts_at,
	       SLICE_PRINT(entry->details.name));
}

/* The catalog is brought up to date first, so that what another process has just done shows. */
static int list_events(struct operator_session *session)
{
	char message[ADAPTERS_MESSAGE_MAX];
	struct catalog *catalog = session->adapters.catalog;
	struct catalog_sync sync = {.reader = session->adapters.catalog_reader, .catalog = catalog};
	enum error error;
	do
		error = catalog_sync_changes(&sync, 1);
	while (error == OK && sync.has_more);
	if (error != OK)
		return complain("%s", adapters_explain(&session->adapters, error, message));
	struct uuid after;
	for (bool has_more = true, is_first = true; has_more; is_first = false) {
		struct arena page;
		struct catalog_list list;
		arena_init(&page, 64 * 1024, 16 * 1024 * 1024);
		if (catalog->operations->list(catalog, is_first ? NULL : &after, LIST_PAGE, &page, &list) != CATALOG_OK) {
			arena_release(&page);
			return complain("%s", adapters_explain(&session->adapters, ERR_CATALOG_UNAVAILABLE, message));
		}
		for (uint32_t i = 0; i < list.count; i++)
			print_entry(&list.entries[i]);
		has_more = list.count == LIST_PAGE;
		if (has_more)
			after = list.entries[list.count - 1].event_id;
		arena_release(&page);
	}
	return EXIT_DONE;
}

int run_event_list(const struct invocation *invocation)
{
	int code = flags_read("event list", invocation, NULL, 0, NULL, 0);
	if (code != EXIT_DONE)
		return code;
	struct operator_session session;
	code = operator_session_open(invocation->config, invocation->arena, &session);
	if (code != EXIT_DONE)
		return code;
	code = list_events(&session);
	operator_session_close(&session);
	return code;
}
