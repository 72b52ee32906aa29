/* link.c: waiting with a deadline, SQL as it is, and what the server's error codes mean. */
#include "adapters/postgres/link.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/now.h"
#include "base/outside.h"

void answer_clear(PGresult **answer)
{
	assert(answer != NULL);
	PQclear(*answer);
	*answer = NULL;
}

void connection_complain(struct connection *connection, const char *what, const char *why)
{
	assert(connection != NULL && what != NULL);
	if (why == NULL || why[0] == '\0')
		why = "no reason was given";
	(void)snprintf(connection->problem, sizeof connection->problem, "%s: %s", what, why);
	char *end = connection->problem;
	for (const char *c = connection->problem; *c != '\0'; c++)
		if ((unsigned char)*c > ' ' || (end > connection->problem && end[-1] != ' '))
			*end++ = (unsigned char)*c > ' ' ? *c : ' ';
	while (end > connection->problem && end[-1] == ' ')
		end--;
	*end = '\0';
}

bool state_has_prefix(const char *state, const char *prefix)
{
	assert(state != NULL && prefix != NULL);
	return strncmp(state, prefix, strlen(prefix)) == 0;
}

/* A port's result for an SQLSTATE. */
enum store_result result_of_state(const char *state)
{
	assert(state != NULL);
	static const struct {
		const char *prefix;
		enum store_result result;
	} meanings[] = {
		{"22012", STORE_STALE},   /* division by zero: a guard's */
		{"23505", STORE_STALE},   /* unique violation */
		{"40003", STORE_UNKNOWN}, /* statement completion unknown */
		{"40", STORE_BUSY},       /* serialization failure, deadlock */
		{"55P03", STORE_BUSY},    /* lock not available in time */
		{"22", STORE_CORRUPT},    /* a value that is none */
		{"23", STORE_CORRUPT},    /* a constraint that no row of ours breaks */
		{"XX001", STORE_CORRUPT}, /* data corrupted, and its index */
		{"XX002", STORE_CORRUPT},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(meanings); i++)
		if (state_has_prefix(state, meanings[i].prefix))
			return meanings[i].result;
	return STORE_DOWN; /* full, read-only, shutting down, no permission, no such table */
}

/* The failure in words for people, with its SQLSTATE and the server's message: "disk full (53100): could not extend file …". */
void connection_complain_of(struct connection *connection, const PGresult *answer)
{
	assert(answer != NULL);
	connection->is_silent = false;
	static const struct {
		const char *prefix, *words;
	} meanings[] = {
		{"25006", "read-only database"},
		{"40P01", "deadlock"},
		{"40", "serialization conflict"},
		{"42501", "the role lacks a privilege"},
		{"42", "the schema is not this program's"},
		{"53100", "disk full"},
		{"53200", "out of memory"},
		{"53300", "too many connections"},
		{"55P03", "lock not available"},
		{"57014", "statement timeout"},
		{"57P", "the server stops or starts"},
		{"58", "disk or system error"},
		{"XX", "data corrupted"},
		{"", "request refused"},
	};
	(void)snprintf(connection->state, sizeof connection->state, "%s", PQresultErrorField(answer, PG_DIAG_SQLSTATE));
	size_t i = 0;
	while (!state_has_prefix(connection->state, meanings[i].prefix))
		i++;
	char what[64];
	(void)snprintf(what, sizeof what, "%s (%s)", meanings[i].words, connection->state);
	connection_complain(connection, what, PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY));
}

void connection_drop(struct connection *connection)
{
	assert(connection != NULL);
	PQfinish(connection->handle);
	connection->handle = NULL;
}

/* Large changes have extra time beyond the caller's deadline. */
uint64_t connection_late_deadline_ns(const struct connection *connection, uint64_t timeout_ms, uint64_t extra_ms)
{
	assert(connection != NULL);
	uint64_t own_ns = monotonic_now_ns() + timeout_ms * 1000000;
	bool is_callers = connection->deadline_ns != 0 && connection->deadline_ns < own_ns;
	return (is_callers ? connection->deadline_ns : own_ns) + extra_ms * 1000000;
}

uint64_t connection_deadline_ns(const struct connection *connection, uint64_t timeout_ms)
{
	assert(connection != NULL);
	return connection_late_deadline_ns(connection, timeout_ms, 0);
}

short connection_wait(const struct connection *connection, short events, uint64_t deadline_ns)
{
	assert(connection->handle != NULL);
	assert(events != 0);
	struct pollfd descriptor = {.fd = PQsocket(connection->handle), .events = events};
	for (;;) {
		uint64_t now = monotonic_now_ns();
		if (now >= deadline_ns)
			return 0;
		outside_begin();
		int ready = poll(&descriptor, 1, (int)((deadline_ns - now) / 1000000 + 1));
		int reason = errno;
		outside_end();
		if (ready > 0)
			return descriptor.revents;
		if (ready < 0 && reason != EINTR)
			return 0;
	}
}

/* Sends what is queued, and reads meanwhile, so that neither side waits for the other. */
bool connection_flush(struct connection *connection, uint64_t deadline_ns)
{
	assert(connection->handle != NULL);
	int left;
	while ((left = PQflush(connection->handle)) == 1) {
		short ready = connection_wait(connection, POLLIN | POLLOUT, deadline_ns);
		if (ready == 0 || ((ready & POLLIN) != 0 && PQconsumeInput(connection->handle) == 0))
			return false;
	}
	return left == 0;
}

/* The next answer, NULL at the end of a statement's. False: the session is lost. */
bool connection_next_answer(struct connection *connection, uint64_t deadline_ns, PGresult **ret_answer)
{
	assert(connection->handle != NULL && ret_answer != NULL);
	while (PQisBusy(connection->handle) != 0) {
		if (connection_wait(connection, POLLIN, deadline_ns) == 0 || PQconsumeInput(connection->handle) == 0)
			return false;
	}
	*ret_answer = PQgetResult(connection->handle);
	return *ret_answer != NULL || PQstatus(connection->handle) == CONNECTION_OK;
}

/* The session is of no more use: it went, or the server does not answer in time. */
void connection_complain_of_loss(struct connection *connection)
{
	assert(connection->handle != NULL);
	connection->is_silent = PQstatus(connection->handle) == CONNECTION_OK;
	if (connection->is_silent)
		connection_complain(connection, "no answer", "timeout expired");
	else
		connection_complain(connection, "the connection was lost", PQerrorMessage(connection->handle));
}

const char *connection_setting(const struct connection *connection, const char *keyword)
{
	assert(connection != NULL && keyword != NULL);
	for (const PQconninfoOption *option = connection->settings; option != NULL && option->keyword != NULL; option++)
		if (strcmp(option->keyword, keyword) == 0)
			return option->val;
	return NULL;
}

bool connection_is_cockroach(const struct connection *connection)
{
	assert(connection->handle != NULL);
	return PQparameterStatus(connection->handle, "crdb_version") != NULL;
}

/* The last answer of what was sent, once all of them have come. */
static PGresult *last_answer(struct connection *connection, uint64_t deadline_ns)
{
	assert(connection->handle != NULL);
	PGresult *last = NULL, *answer = NULL;
	bool is_whole = connection_flush(connection, deadline_ns);
	while (is_whole && (is_whole = connection_next_answer(connection, deadline_ns, &answer)) && answer != NULL) {
		PQclear(last);
		last = answer;
	}
	if (!is_whole)
		connection_complain_of_loss(connection);
	else if (PQresultStatus(last) == PGRES_FATAL_ERROR && PQresultErrorField(last, PG_DIAG_SQLSTATE) != NULL)
		connection_complain_of(connection, last);
	if (!is_whole)
		answer_clear(&last);
	return last;
}

enum store_result connection_run(struct connection *connection, const char *sql, uint64_t timeout_ms, PGresult **ret_answer)
{
	assert(sql != NULL);
	assert(connection->handle != NULL);
	connection->state[0] = '\0';
	PGresult *answer = NULL;
	if (PQsendQuery(connection->handle, sql) == 1)
		answer = last_answer(connection, connection_late_deadline_ns(connection, timeout_ms, 0));
	else
		connection_complain_of_loss(connection);
	bool is_done = PQresultStatus(answer) == PGRES_COMMAND_OK || PQresultStatus(answer) == PGRES_TUPLES_OK;
	enum store_result result = is_done ? STORE_OK : connection->state[0] != '\0' ? result_of_state(connection->state) : STORE_UNKNOWN;
	if (is_done && ret_answer != NULL)
		*ret_answer = answer;
	else
		PQclear(answer);
	return result;
}
