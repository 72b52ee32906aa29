/* link.h: the session of a connection: its socket, its time limits, and SQL that is run as it is. Private to the PostgreSQL adapter.
 *
 * connect.h makes the socket, session.h sets the session up, and connection.h, above them, makes exchanges of it. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/net/resolver.h"
#include "base/attributes.h"
#include "base/backoff.h"
#include "ports/reader.h"
#include "ports/store.h"

/* The problem while the store is marked as being replayed. */
#define REPLAYING_PROBLEM "a replay runs, or was begun and not ended"
#define REPLAYING_ADVICE "if none runs, run 'tro replay' again"

#define CONNECTION_ANSWER_MS 12000 /* longer than any statement may take (statement_timeout in session.c) */

struct connection {
	PGconn *handle;             /* NULL: no session */
	PQconninfoOption *settings; /* the settings of the DSN */
	struct resolver *resolver;
	const char *const *statements;
	uint32_t statement_count;
	uint32_t sent;                  /* statements of the exchange */
	size_t sent_bytes;              /* their parameters */
	uint32_t syncs;                 /* that divide the exchange */
	uint32_t body_begin, body_end;  /* statements of it whose failure is that of the exchange; a body_end of 0: up to the last */
	bool has_head_failed;           /* a statement of the head of the last exchange */
	bool has_failed;                /* something of the exchange could not be sent */
	struct backoff backoff;         /* between the tries to connect */
	uint64_t next_try_ns;           /* not before, by the monotonic clock */
	bool waits_for_session;         /* begin waits for the next try, half a second at most; the caller's to set */
	uint64_t answer_timeout_ms;     /* of an exchange; large parameters have more */
	uint64_t deadline_ns;           /* the caller's: waits end then; the same for large changes. 0: none */
	bool refuses_replay;            /* no session while a replay is not ended; the caller's to set */
	bool is_silent;                 /* the last failure: nothing was heard of the server until the time was over */
	bool looks;                     /* sessions that write nothing and may take their time; the caller's to set */
	char state[6];                  /* the SQLSTATE of the last failure that has one */
	char problem[PING_PROBLEM_MAX]; /* of the last failure: one line for people, without the password; empty: there was none */
};

/* When something that may take timeout_ms is given up, by the monotonic clock; and waiting for the socket until then: the events of
 * poll that it is ready for, 0 at the deadline. */
uint64_t connection_deadline_ns(const struct connection *connection, uint64_t timeout_ms);
must_check short connection_wait(const struct connection *connection, short events, uint64_t deadline_ns);
/* The same deadline, so much later: large exchanges have more time than their caller allows. */
uint64_t connection_late_deadline_ns(const struct connection *connection, uint64_t timeout_ms, uint64_t extra_ms);
/* Sends the queued statements. False: the session is lost, or the time is over. */
must_check bool connection_flush(struct connection *connection, uint64_t deadline_ns);
/* The next answer, NULL at the end of a statement's. False: the session is lost. */
must_check bool connection_next_answer(struct connection *connection, uint64_t deadline_ns, PGresult **ret_answer);

/* Runs SQL of one or more statements as it is, for sessions without prepared ones. *ret_answer is the last statement's, in text, for
 * PQclear; NULL: not wanted. Between begin and the release of the connection. */
must_check enum store_result connection_run(struct connection *connection, const char *sql, uint64_t timeout_ms, PGresult **ret_answer);

/* Whether the server, which there is a session with, is CockroachDB. */
bool connection_is_cockroach(const struct connection *connection);
/* The DSN's value of the keyword; NULL: none. */
const char *connection_setting(const struct connection *connection, const char *keyword);
/* Gives up the session; the next begin makes another. */
void connection_drop(struct connection *connection);

/* A port's result for an SQLSTATE. */
enum store_result result_of_state(const char *state);
bool state_has_prefix(const char *state, const char *prefix);

/* Each keeps a problem, in one line: "what: why"; the failure that the server answered, with its state; the loss of the session. Neither
 * libpq nor the server says the password, if the DSN was read as it was meant. */
void connection_complain(struct connection *connection, const char *what, const char *why);
void connection_complain_of(struct connection *connection, const PGresult *answer);
void connection_complain_of_loss(struct connection *connection);

void answer_clear(PGresult **answer);
