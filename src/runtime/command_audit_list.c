/* command_audit_list.c: `tro audit list`: lists operators' actions and refused requests. */
#include <stdio.h>

#include "base/time.h"
#include "ports/audit.h"
#include "runtime/adapters.h"
#include "runtime/commands.h"
#include "runtime/csv.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"

#define LIST_PAGE 500
#define PAGE_MEMORY_MAX (16 * 1024 * 1024)

static void print_csv(const struct audit_record *record)
{
	char id[UUID_TEXT_LENGTH + 1], at[TIME_TEXT_LENGTH + 1];
	uuid_format(&record->id, id);
	time_format(record->at_ms, at);
	printf("%s,%s,%s,", id, at, record->kind == AUDIT_ACTION ? "action" : "refused");
	const struct slice texts[] = {record->actor, record->action, record->target, record->address, record->result};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		csv_print_text(texts[i]);
		putchar(',');
	}
	printf("%u\r\n", record->repeats);
}

static void print_line(const struct audit_record *record)
{
	char at[TIME_TEXT_LENGTH + 1];
	time_format(record->at_ms, at);
	printf("%s  %-7s  %.*s  %.*s", at, record->kind == AUDIT_ACTION ? "action" : "refused",
	       SLICE_PRINT(slice_is_empty(record->actor) ? SLICE("-") : record->actor), SLICE_PRINT(record->action));
	if (!slice_is_empty(record->target))
		printf("  %.*s", SLICE_PRINT(record->target));
	printf("  from %.*s  %.*s", SLICE_PRINT(slice_is_empty(record->address) ? SLICE("-") : record->address),
	       SLICE_PRINT(record->result));
	if (record->repeats > 1)
		printf("  (%u times)", record->repeats);
	putchar('\n');
}

static int list_records(struct audit *audit, const struct audit_filter *filter, bool is_csv)
{
	struct uuid after = {0};
	if (is_csv)
		fputs("id,time,kind,actor,action,target,address,result,repeats\r\n", stdout);
	for (bool has_more = true; has_more;) {
		struct arena page;
		struct audit_list list;
		arena_init(&page, 64 * 1024, PAGE_MEMORY_MAX);
		if (audit->operations->list(audit, filter, &after, LIST_PAGE, &page, &list) != STORE_OK) {
			arena_release(&page);
			return complain("%s", error_title(ERR_STORE_UNAVAILABLE));
		}
		for (uint32_t i = 0; i < list.count; i++)
			(is_csv ? print_csv : print_line)(&list.records[i]);
		has_more = list.count == LIST_PAGE;
		if (has_more)
			after = list.records[list.count - 1].id;
		arena_release(&page);
	}
	return EXIT_DONE;
}

static bool read_time(const char *text, uint64_t *ret_ms)
{
	return text == NULL || time_parse(slice_of(text), ret_ms);
}

int run_audit_list(const struct invocation *invocation)
{
	bool is_csv = false;
	const char *from = NULL, *until = NULL, *user = NULL;
	const struct flag flags[] = {{.name = "--csv", .is_given = &is_csv},
	                             {.name = "--from", .value = &from},
	                             {.name = "--to", .value = &until},
	                             {.name = "--user", .value = &user}};
	int code = flags_read("audit list", invocation, flags, ARRAY_LENGTH(flags), NULL, 0);
	if (code != EXIT_DONE)
		return code;
	struct audit_filter filter = {.actor = user == NULL ? SLICE("") : slice_of(user)};
	if (!read_time(from, &filter.from_ms) || !read_time(until, &filter.until_ms))
		return complain_usage("audit list", "--from and --to are times as 2026-11-28T14:00:00Z");
	struct audit *audit;
	char message[ADAPTERS_MESSAGE_MAX];
	if (!adapters_open_audit(invocation->config, &audit, message))
		return complain("%s", message);
	code = list_records(audit, &filter, is_csv);
	audit_free(audit);
	return code;
}
