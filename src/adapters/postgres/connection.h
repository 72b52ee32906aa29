/* connection.h: exchanges with a server, over a session with prepared statements (link.h). Private to the PostgreSQL adapter.
 *
 * Work is done in exchanges of one round trip: begin, send any number of statements, finish. The session is made by the first begin and,
 * when it is lost, by the next; while that fails, tries are spaced. Between them begin answers STORE_DOWN at once, or waits for the next
 * try, so that nothing is refused by a server that has come back. Used by one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/postgres/link.h"
#include "adapters/postgres/parameters.h"
#include "adapters/postgres/postgres.h"
#include "base/attributes.h"
#include "base/error.h"
#include "ports/store.h"

/* Only reads the DSN. A session prepares the statements (SQL in the order of the caller's enumeration, borrowed) when it is made, if the
 * schema is the program's; with no statements it does neither. ERR_SYSTEM with a message: the DSN is malformed; *ret_connection is
 * untouched then. */
must_check enum error connection_open(const char *dsn, const char *const *statements, uint32_t statement_count,
                                      struct connection *ret_connection, char message[static POSTGRES_MESSAGE_MAX]);
/* Takes one that is all zero. */
void connection_release(struct connection *connection);

/* STORE_OK or STORE_DOWN. */
must_check enum store_result connection_begin(struct connection *connection);
/* Queues one statement; a failure shows in finish. parameters may be NULL, and used again at once. */
void connection_send(struct connection *connection, uint32_t statement, struct parameters *parameters);
/* The same with SQL that is not prepared, as not every server accepts it. */
void connection_send_sql(struct connection *connection, const char *sql, struct parameters *parameters);
/* Divides the exchange into head, body and tail, each with a transaction of its own unless a statement begins one. Statements of the head
 * and the tail may fail and change nothing about the result, and the body runs whatever becomes of the head. */
void connection_end_head(struct connection *connection);
void connection_end_body(struct connection *connection);
/* Waits for all the answers. The result is that of the first statement that failed; those after it were not run. STORE_UNKNOWN: the session
 * was lost, and all of them may have been run or none. `count` answers from that of the body's first statement on are handed out, for
 * PQclear, when it is STORE_OK; the others, and all of them otherwise, are freed. A transaction that failed is ended. */
must_check enum store_result connection_finish(struct connection *connection, PGresult **ret_answers, uint32_t count);

/* Hands on each answer of statements that are not divided, as soon as it has come: that of the statement `index`, which take frees. */
typedef void connection_take(void *context, uint32_t index, PGresult *answer);
/* As connection_finish, but hands the answers over one by one, in order, up to the first statement that failed. *ret_taken: the number
 * handed over. STORE_UNKNOWN: nobody knows which statement failed, or whether one did. */
must_check enum store_result connection_finish_each(struct connection *connection, connection_take *take, void *context,
                                                    uint32_t *ret_taken);

/* One statement that may be run twice, outside a transaction: when the session turns out to be lost, or of no use, it is run once more on a
 * new one. Never STORE_UNKNOWN. */
must_check enum store_result connection_query(struct connection *connection, uint32_t statement, struct parameters *parameters,
                                              PGresult **ret_answer);

/* Whether an exchange that may be run twice, and came to that, is to be run once more on a new session: the one that there was went, before
 * it was told or after. */
bool connection_may_repeat(const struct connection *connection, bool had_session, enum store_result result);

/* Whether a transaction is open and sound. */
bool connection_has_transaction(const struct connection *connection);
/* Ends the transaction that is open, if any. */
void connection_rollback(struct connection *connection);
