/* connection.h: one session of a server, with its prepared statements. Private to the PostgreSQL adapter.
 *
 * Work is done in exchanges of one round trip: begin, send any number of statements, finish. A session that is lost is made again by the next
 * begin; while that fails, tries are spaced and begin answers STORE_DOWN at once between them. Used by one thread at a time. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/postgres/parameters.h"
#include "adapters/postgres/postgres.h"
#include "base/attributes.h"
#include "base/error.h"
#include "ports/store.h"

struct connection {
	PGconn *handle;             /* NULL: no session */
	PQconninfoOption *settings; /* what the DSN says */
	const char *const *statements;
	uint32_t statement_count;
	uint32_t sent;        /* statements of the exchange */
	size_t sent_bytes;    /* their parameters */
	bool has_failed;      /* something of the exchange could not be sent */
	uint64_t pause_ms;    /* between the tries to connect */
	uint64_t next_try_ns; /* not before, by the monotonic clock */
};

/* Connects and prepares the statements (SQL in the order of the caller's enumeration, borrowed), so that what does not fit shows at once.
 * ERR_SYSTEM with a message; *ret_connection is untouched then. */
must_check enum error connection_open(const char *dsn, const char *const *statements, uint32_t statement_count,
                                      struct connection *ret_connection, char message[static POSTGRES_MESSAGE_MAX]);
/* Takes one that is all zero. */
void connection_release(struct connection *connection);

/* STORE_OK or STORE_DOWN. */
must_check enum store_result connection_begin(struct connection *connection);
/* Queues one statement; what fails shows in finish. parameters may be NULL, and used again at once. */
void connection_send(struct connection *connection, uint32_t statement, struct parameters *parameters);
/* Waits for all the answers. The result is that of the first statement that failed; those after it were not run. STORE_UNKNOWN: the session
 * was lost, and all of them may have been run or none. `count` answers are handed out, for PQclear, when it is STORE_OK; the others, and
 * all of them otherwise, are freed. A transaction that failed is ended. */
must_check enum store_result connection_finish(struct connection *connection, PGresult **ret_answers, uint32_t count);

/* One statement that may be run twice, outside a transaction: the session is made again once when it was lost. Never STORE_UNKNOWN. */
must_check enum store_result connection_query(struct connection *connection, uint32_t statement, struct parameters *parameters,
                                              PGresult **ret_answer);

/* Whether a transaction is open and sound. */
bool connection_has_transaction(const struct connection *connection);
/* Ends the transaction that is open, if any. */
void connection_rollback(struct connection *connection);

/* Runs SQL of one or more statements, outside of exchanges; only where the connection was opened without statements. False: explain it. */
must_check bool connection_execute(struct connection *connection, const char *sql);
/* Writes "what: why" into the message, in one line. */
void connection_explain(const struct connection *connection, const char *what, char message[static POSTGRES_MESSAGE_MAX]);

void answer_clear(PGresult **answer);
