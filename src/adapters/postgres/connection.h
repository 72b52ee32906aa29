/* connection.h: one session of a server, with its prepared statements. Private to the PostgreSQL adapter.
 *
 * Work is done in exchanges of one round trip: begin, send any number of statements, finish. The session is made by the first begin and, when
 * it is lost, by the next; while that fails, tries are spaced. Between them begin answers STORE_DOWN at once, or waits for the next try, so that
 * nothing is refused by a server that has come back. Used by one thread at a time. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/net/resolver.h"
#include "adapters/postgres/parameters.h"
#include "adapters/postgres/postgres.h"
#include "base/attributes.h"
#include "base/error.h"
#include "ports/reader.h"
#include "ports/store.h"

/* What is said while the store is marked as being replayed. */
#define REPLAYING_PROBLEM "a replay runs, or was begun and not ended"
#define REPLAYING_ADVICE "if none runs, run 'tro replay' again"

#define CONNECTION_ANSWER_MS 12000 /* longer than any statement may take (statement_timeout in session.c) */

struct connection {
	PGconn *handle;             /* NULL: no session */
	PQconninfoOption *settings; /* what the DSN says */
	struct resolver *resolver;
	const char *const *statements;
	uint32_t statement_count;
	uint32_t sent;                  /* statements of the exchange */
	size_t sent_bytes;              /* their parameters */
	uint32_t syncs;                 /* that divide the exchange */
	uint32_t body_begin, body_end;  /* statements of it whose failure is that of the exchange; a body_end of 0: up to the last */
	bool has_head_failed;           /* a statement of the head of the last exchange */
	bool has_failed;                /* something of the exchange could not be sent */
	uint64_t pause_ms;              /* between the tries to connect */
	uint64_t next_try_ns;           /* not before, by the monotonic clock */
	bool waits_for_session;         /* begin waits for the next try, half a second at most; the caller's to set */
	uint64_t answer_timeout_ms;     /* of an exchange; large parameters have more */
	uint64_t deadline_ns;           /* the caller's: whatever is waited for is given up then; the same of large ones. 0: none */
	bool refuses_replay;            /* no session while a replay is not ended; the caller's to set */
	bool is_silent;                 /* the last failure: nothing was heard of the server until the time was over */
	bool looks;                     /* sessions that write nothing and may take their time; the caller's to set */
	char state[6];                  /* the SQLSTATE of the last failure that has one */
	char problem[PING_PROBLEM_MAX]; /* of the last failure: one line for people, without the password; empty: there was none */
};

/* Only reads the DSN. A session prepares the statements (SQL in the order of the caller's enumeration, borrowed) when it is made, if the
 * schema is the program's; with no statements it does neither. ERR_SYSTEM with a message: the DSN is malformed; *ret_connection is untouched
 * then. */
must_check enum error connection_open(const char *dsn, const char *const *statements, uint32_t statement_count,
                                      struct connection *ret_connection, char message[static POSTGRES_MESSAGE_MAX]);
/* Takes one that is all zero. */
void connection_release(struct connection *connection);

/* STORE_OK or STORE_DOWN. */
must_check enum store_result connection_begin(struct connection *connection);
/* Queues one statement; what fails shows in finish. parameters may be NULL, and used again at once. */
void connection_send(struct connection *connection, uint32_t statement, struct parameters *parameters);
/* The same with SQL that is not prepared: what not every server knows. */
void connection_send_sql(struct connection *connection, const char *sql, struct parameters *parameters);
/* Divides the exchange into head, body and tail, each with a transaction of its own unless a statement begins one. Statements of the head
 * and the tail may fail and change nothing about the result, and the body runs whatever becomes of the head. */
void connection_end_head(struct connection *connection);
void connection_end_body(struct connection *connection);
/* Waits for all the answers. The result is that of the first statement that failed; those after it were not run. STORE_UNKNOWN: the session
 * was lost, and all of them may have been run or none. `count` answers from that of the body's first statement on are handed out, for PQclear, when it is STORE_OK; the others, and
 * all of them otherwise, are freed. A transaction that failed is ended. */
must_check enum store_result connection_finish(struct connection *connection, PGresult **ret_answers, uint32_t count);

/* One statement that may be run twice, outside a transaction: when the session turns out to be lost, or of no use, it is run once more on a new one.
 * Never STORE_UNKNOWN. */
must_check enum store_result connection_query(struct connection *connection, uint32_t statement, struct parameters *parameters,
                                              PGresult **ret_answer);

/* Whether the server, which there is a session with, is CockroachDB. */
bool connection_is_cockroach(const struct connection *connection);
/* Whether a transaction is open and sound. */
bool connection_has_transaction(const struct connection *connection);
/* Gives up the session; the next begin makes another. */
void connection_drop(struct connection *connection);
/* Ends the transaction that is open, if any. */
void connection_rollback(struct connection *connection);

/* Runs SQL of one or more statements as it is, for sessions without prepared ones. *ret_answer is the last statement's, in text, for
 * PQclear; NULL: not wanted. Between begin and the release of the connection. */
must_check enum store_result connection_run(struct connection *connection, const char *sql, uint64_t timeout_ms, PGresult **ret_answer);

/* For connect.c: the monotonic clock; when something that may take timeout_ms is given up by it; and waiting for the socket until then: the events of
 * poll that it is ready for, 0 at the deadline. */
uint64_t connection_now_ns(void);
uint64_t connection_deadline_ns(const struct connection *connection, uint64_t timeout_ms);
must_check short connection_wait(const struct connection *connection, short events, uint64_t deadline_ns);

/* For session.c: prepares the statements; false: the problem says why. Keeps "what: why" as the problem, in one line. Neither libpq nor the
 * server says the password, if the DSN was read as it was meant. */
must_check bool connection_prepare(struct connection *connection);
void connection_complain(struct connection *connection, const char *what, const char *why);

void answer_clear(PGresult **answer);
