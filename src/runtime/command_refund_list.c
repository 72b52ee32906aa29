/* command_refund_list.c: `tro refund list`: lists refunds that are due, and those that were made. */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "domain/money.h"
#include "runtime/commands.h"
#include "runtime/csv.h"
#include "runtime/operator_session.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"

#define LIST_PAGE 500
#define PAGE_MEMORY_MAX (16 * 1024 * 1024)

struct refund_text {
	char refund_id[UUID_TEXT_LENGTH + 1], order_id[UUID_TEXT_LENGTH + 1], event_id[UUID_TEXT_LENGTH + 1];
	char created_at[TIME_TEXT_LENGTH + 1], done_at[TIME_TEXT_LENGTH + 1];
	char money[MONEY_TEXT_MAX + 1];
};

static struct refund_text text_of(const struct refund *refund)
{
	struct refund_text text = {0};
	uuid_format(&refund->refund_id, text.refund_id);
	uuid_format(&refund->order_id, text.order_id);
	uuid_format(&refund->event_id, text.event_id);
	time_format(refund->created_at_ms, text.created_at);
	if (refund->status == REFUND_DONE)
		time_format(refund->done_at_ms, text.done_at);
	money_format(refund->amount, &refund->currency, text.money);
	return text;
}

static void print_csv(const struct refund *refund)
{
	struct refund_text text = text_of(refund);
	printf("%s,%s,%s,", text.refund_id, text.order_id, text.event_id);
	csv_print_text(short_text_slice(&refund->transaction_id));
	printf(",%lld,%s,%s,%s,%s,%s\r\n", (long long)refund->amount, refund->currency.code, refund_reason_name(refund->reason),
	       refund_status_name(refund->status), text.created_at, text.done_at);
}

static void print_line(const struct refund *refund)
{
	struct refund_text text = text_of(refund);
	printf("%s  %-4s  %16s  %-17s  since %s  order %s  transaction %.*s\n", text.refund_id, refund_status_name(refund->status),
	       text.money, refund_reason_name(refund->reason), text.created_at, text.order_id,
	       SLICE_PRINT(short_text_slice(&refund->transaction_id)));
}

static int list_refunds(struct operator_session *session, struct refund_query query, bool is_csv)
{
	struct reader *reader = session->adapters.readers[0];
	char message[ADAPTERS_MESSAGE_MAX];
	if (is_csv)
		fputs("refund_id,order_id,event_id,transaction_id,amount,currency,reason,status,created_at,done_at\r\n", stdout);
	for (bool has_more = true; has_more;) {
		struct arena page;
		struct refund_list list;
		arena_init(&page, 64 * 1024, PAGE_MEMORY_MAX);
		query.limit = LIST_PAGE;
		if (reader->operations->list_refunds(reader, &query, &page, &list) != STORE_OK) {
			arena_release(&page);
			return complain("%s", adapters_explain(&session->adapters, ERR_STORE_UNAVAILABLE, message));
		}
		for (uint32_t i = 0; i < list.count; i++)
			(is_csv ? print_csv : print_line)(&list.refunds[i]);
		has_more = list.count == LIST_PAGE;
		if (has_more)
			query.after = list.refunds[list.count - 1].refund_id;
		arena_release(&page);
	}
	return EXIT_DONE;
}

/* --status: which are wanted; "all" is 0. */
static bool read_status(const char *text, enum refund_status *ret_status)
{
	*ret_status = 0;
	if (text == NULL)
		*ret_status = REFUND_DUE;
	else if (strcmp(text, "due") == 0)
		*ret_status = REFUND_DUE;
	else if (strcmp(text, "done") == 0)
		*ret_status = REFUND_DONE;
	else
		return strcmp(text, "all") == 0;
	return true;
}

int run_refund_list(const struct invocation *invocation)
{
	bool is_csv = false;
	const char *status = NULL, *event = NULL;
	const struct flag flags[] = {
		{.name = "--csv", .is_given = &is_csv}, {.name = "--status", .value = &status}, {.name = "--event", .value = &event}};
	int code = flags_read("refund list", invocation, flags, ARRAY_LENGTH(flags), NULL, 0);
	if (code != EXIT_DONE)
		return code;
	struct refund_query query = {0};
	if (!read_status(status, &query.status))
		return complain_usage("refund list", "--status is due, done or all");
	if (event != NULL && !uuid_parse(slice_of(event), &query.event_id))
		return complain_usage("refund list", "--event needs the id of an event");
	struct operator_session session;
	code = operator_session_open(invocation->config, invocation->arena, &session);
	if (code != EXIT_DONE)
		return code;
	code = list_refunds(&session, query, is_csv);
	operator_session_close(&session);
	return code;
}
