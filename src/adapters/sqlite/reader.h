/* reader.h: the reader of the SQLite adapter, inside: its statements, and its operations that stand in files of their own. Private to the
 * adapter. */
#pragma once

#include "adapters/sqlite/database.h"
#include "base/list.h"
#include "ports/reader.h"

enum reader_statement {
	BEGIN,
	FIND_SALE,
	FIND_HOLD,
	FIND_ORDER,
	FIND_REFUND,
	LIST_HISTORY,
	LIST_SEATS,
	DUE_HOLDS,
	DUE_ORDERS,
	NEXT_HOLD,
	NEXT_ORDER,
	LIST_EVENTS,
	SCAN_SALES,
	SCAN_SEATS,
	SCAN_HOLDS,
	SCAN_ORDERS,
	SCAN_PAYMENTS,
	SCAN_REFUNDS,
	CANCELLED_SALE,
	OPEN_HOLDS,
	OPEN_ORDERS,
	PAID_ORDERS,
	ACCOUNT,
	LIST_REFUNDS,
	LIST_DUE_REFUNDS,
	LIST_EVENT_REFUNDS,
	LIST_CATALOG_CHANGES,
	DROP_CATALOG_CHANGE,
	LOOK_AT_OUTBOX,
	PING,
	LOOK,
	SELECT_FLOOR,
	LIST_OUTBOX,
	FIND_WAITING,
	STATEMENT_COUNT,
};

struct sqlite_reader {
	struct reader port;
	struct database database;
	bool has_snapshot;
	bool looks; /* may not write */
};

static inline struct sqlite_reader *reader_of(struct reader *port)
{
	return container_of(port, struct sqlite_reader, port);
}

static inline void bind_after(sqlite3_stmt *statement, int index, const struct uuid *after)
{
	bind_bytes(statement, index, after, after == NULL ? 0 : sizeof *after);
}

/* reader_refunds.c */
enum store_result sqlite_list_cancelled(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                        struct uuid *ret_event_id, struct due_list *ret_list);
enum store_result sqlite_account(struct reader *port, const struct uuid *event_id, struct sale_account *ret_account);
enum store_result sqlite_list_refunds(struct reader *port, const struct refund_query *query, struct arena *arena,
                                      struct refund_list *ret_list);

/* reader_outbox.c */
enum store_result sqlite_list_outbox(struct reader *port, const struct waiting_entry *after, uint32_t limit, struct arena *arena,
                                     struct waiting_list *ret_list);
enum store_result sqlite_look_at_outbox(struct reader *port, struct outbox_status *ret_status);
