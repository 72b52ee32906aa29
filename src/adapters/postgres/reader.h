/* reader.h: what the files of the reader share. Private to the PostgreSQL adapter. */
#pragma once

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
#include "adapters/postgres/rows.h"
#include "base/attributes.h"
#include "base/list.h"
#include "ports/reader.h"

enum reader_statement {
	BEGIN_SNAPSHOT,
	FIND_SALE,
	FIND_HOLD,
	FIND_ORDER,
	FIND_REFUND,
	LIST_HISTORY,
	LIST_EVENTS,
	LIST_SEATS,
	LIST_DUE,
	SCAN_SALES,
	SCAN_SEATS,
	SCAN_HOLDS,
	SCAN_ORDERS,
	SCAN_PAYMENTS,
	SCAN_REFUNDS,
	CANCELLED_SALE,
	LIST_OPEN,
	ACCOUNT,
	LIST_REFUNDS,
	LIST_DUE_REFUNDS,
	LIST_EVENT_REFUNDS,
	LIST_CATALOG_CHANGES,
	DROP_CATALOG_CHANGE,
	LOOK_AT_OUTBOX,
	NARROW_MEMORY,
	PING,
	LOOK,
	LIST_OUTBOX,
	FIND_WAITING,
	READER_STATEMENT_COUNT,
};

struct postgres_reader {
	struct reader port;
	struct connection connection;
	struct parameters parameters; /* of the statement that is being sent */
	bool has_snapshot;
};

static inline struct postgres_reader *reader_of(struct reader *port)
{
	return container_of(port, struct postgres_reader, port);
}

/* Runs the statement with the reader's parameters, and empties them. *ret_answer is the caller's, for PQclear. */
must_check enum store_result reader_query(struct postgres_reader *reader, enum reader_statement statement, PGresult **ret_answer);

enum store_result postgres_list_cancelled(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                          struct uuid *ret_event, struct due_list *ret_list);
enum store_result postgres_account(struct reader *port, const struct uuid *event_id, struct sale_account *ret_account);
enum store_result postgres_list_refunds(struct reader *port, const struct refund_query *query, struct arena *arena,
                                        struct refund_list *ret_list);
enum store_result postgres_look_at_outbox(struct reader *port, struct outbox_status *ret_status);
enum store_result postgres_list_outbox(struct reader *port, const struct waiting_entry *after, uint32_t limit, struct arena *arena,
                                       struct waiting_list *ret_list);
enum store_result postgres_ping(struct reader *port, struct ping *ret_ping);
enum store_result postgres_list_due(struct reader *port, uint64_t now_ms, uint32_t limit, struct arena *arena, struct due_list *ret_list);
enum store_result postgres_scan(struct reader *port, enum row_kind kind, const struct row *after, uint32_t limit, struct arena *arena,
                                const struct row ***ret_rows, uint32_t *ret_count);
enum store_result postgres_list_catalog_changes(struct reader *port, const struct uuid *after, uint32_t limit, struct arena *arena,
                                                struct catalog_change_list *ret_list);
enum store_result postgres_drop_catalog_change(struct reader *port, const struct catalog_change *change);
