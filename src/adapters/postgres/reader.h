/* reader.h: shared by the files of the reader. Private to the PostgreSQL adapter. */
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
	COUNT_SEATS,
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
	struct read_run *run; /* of read_all; made when it is first needed */
};

static inline struct postgres_reader *reader_of(struct reader *port)
{
	return container_of(port, struct postgres_reader, port);
}

/* Runs the statement with the reader's parameters, and empties them. *ret_answer is the caller's, for PQclear. */
must_check enum store_result reader_query(struct postgres_reader *reader, enum reader_statement statement, PGresult **ret_answer);

/* Each chooses the statement of a read and puts its parameters; the answers are read after it, and stay the caller's, for PQclear.
 * find_statement: of rows of the kind by their ids, which are an array; its answer has, behind the columns of a row, the number of its id,
 * from 1, in the last column. */
enum reader_statement find_statement(enum row_kind kind);
enum reader_statement put_history(struct parameters *parameters, const struct uuid *stream_id, uint32_t after, uint32_t limit);
enum reader_statement put_seats(struct parameters *parameters, const struct seat_query *query);
enum reader_statement put_refunds(struct parameters *parameters, const struct refund_query *query);
must_check enum store_result read_events(const PGresult *answer, struct arena *arena, struct event_list *ret_list);
must_check enum store_result read_seats(const PGresult *answer, const struct seat_query *query, struct arena *arena,
                                        struct seat_list *ret_list);
must_check enum store_result read_refunds(const PGresult *answer, struct arena *arena, struct refund_list *ret_list);

enum store_result postgres_read_all(struct reader *port, const struct read_batch *batch);
void read_run_free(struct read_run *run);
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
