/* connection.c: exchanges in pipeline mode with a deadline, and what the server's error codes mean. */
#include "adapters/postgres/connection.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adapters/postgres/session.h"
#include "base/hash.h"

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 2000
#define WAIT_MAX_MS 500       /* the longest pause of a connection that is waited for */
#define REPEAT_WITHIN_MS 2000 /* a session that took longer to be lost hung: another one would not do better */
#define BYTES_PER_MS 1000     /* what is added to an answer's time for large messages */

uint64_t connection_now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void answer_clear(PGresult **answer)
{
	PQclear(*answer);
	*answer = NULL;
}

void connection_complain(struct connection *connection, const char *what, const char *why)
{
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

static bool has_prefix(const char *state, const char *prefix)
{
	return strncmp(state, prefix, strlen(prefix)) == 0;
}

/* What an SQLSTATE means to a caller of a port. */
static enum store_result result_of_state(const char *state)
{
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
		if (has_prefix(state, meanings[i].prefix))
			return meanings[i].result;
	return STORE_DOWN; /* full, read-only, shutting down, no permission, no such table */
}

/* The failure in words for people, with the server's own. */
static void complain_of(struct connection *connection, const PGresult *answer)
{
	connection->is_silent = false;
	static const struct {
		const char *prefix, *words;
	} meanings[] = {
		{"25006", "it is read-only"},
		{"40", "others keep it busy"},
		{"42501", "the role may not do what it must"},
		{"42", "its schema is not this program's"},
		{"53100", "it has no room"},
		{"53200", "it has no memory"},
		{"53300", "it has too many connections"},
		{"55P03", "others keep it busy"},
		{"57014", "it is too slow"},
		{"57P", "it is stopping or starting"},
		{"58", "its disk fails"},
		{"XX", "it is damaged"},
		{"", "it refuses"},
	};
	(void)snprintf(connection->state, sizeof connection->state, "%s", PQresultErrorField(answer, PG_DIAG_SQLSTATE));
	size_t i = 0;
	while (!has_prefix(connection->state, meanings[i].prefix))
		i++;
	connection_complain(connection, meanings[i].words, PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY));
}

/* Whether another session may do better: this one's server is going or was demoted, or it is not the session that was prepared. */
static bool is_worth_reconnecting(const char *state)
{
	static const char *const prefixes[] = {"08", "0A000", "25", "26000", "42", "53", "57", "58"};
	for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++)
		if (has_prefix(state, prefixes[i]))
			return true;
	return false;
}

static void disconnect(struct connection *connection)
{
	PQfinish(connection->handle);
	connection->handle = NULL;
}

/* What is large has more time than its caller thinks. */
static uint64_t deadline_of(const struct connection *connection, uint64_t timeout_ms, uint64_t extra_ms)
{
	uint64_t own_ns = connection_now_ns() + timeout_ms * 1000000;
	bool is_callers = connection->deadline_ns != 0 && connection->deadline_ns < own_ns;
	return (is_callers ? connection->deadline_ns : own_ns) + extra_ms * 1000000;
}

uint64_t connection_deadline_ns(const struct connection *connection, uint64_t timeout_ms)
{
	return deadline_of(connection, timeout_ms, 0);
}

short connection_wait(const struct connection *connection, short events, uint64_t deadline_ns)
{
	struct pollfd descriptor = {.fd = PQsocket(connection->handle), .events = events};
	for (;;) {
		uint64_t now = connection_now_ns();
		if (now >= deadline_ns)
			return 0;
		int ready = poll(&descriptor, 1, (int)((deadline_ns - now) / 1000000 + 1));
		if (ready > 0)
			return descriptor.revents;
		if (ready < 0 && errno != EINTR)
			return 0;
	}
}

/* Sends what is queued, and reads meanwhile, so that neither side waits for the other. */
static bool flush(struct connection *connection, uint64_t deadline_ns)
{
	int left;
	while ((left = PQflush(connection->handle)) == 1) {
		short ready = connection_wait(connection, POLLIN | POLLOUT, deadline_ns);
		if (ready == 0 || ((ready & POLLIN) != 0 && PQconsumeInput(connection->handle) == 0))
			return false;
	}
	return left == 0;
}

/* The next answer, NULL at the end of a statement's. False: the session is lost. */
static bool next_answer(struct connection *connection, uint64_t deadline_ns, PGresult **ret_answer)
{
	while (PQisBusy(connection->handle) != 0) {
		if (connection_wait(connection, POLLIN, deadline_ns) == 0 || PQconsumeInput(connection->handle) == 0)
			return false;
	}
	*ret_answer = PQgetResult(connection->handle);
	return *ret_answer != NULL || PQstatus(connection->handle) == CONNECTION_OK;
}

/* What has come of an exchange. */
struct progress {
	PGresult **answers;
	uint32_t answer_count; /* that are wanted */
	uint32_t statement;    /* whose answer is next */
	uint32_t syncs;        /* that are still to come, but for the last */
	uint32_t begin, end;   /* of the body */
	uint32_t failed;       /* the first that did; UINT32_MAX: none */
	enum store_result result;
	bool reconnects;
};

static void take_answer(struct connection *connection, struct progress *progress, PGresult *answer)
{
	ExecStatusType status = PQresultStatus(answer);
	const char *state = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
	if (status == PGRES_FATAL_ERROR && progress->statement < progress->begin)
		connection->has_head_failed = true;
	bool is_body = progress->statement >= progress->begin && progress->statement < progress->end;
	if (status == PGRES_FATAL_ERROR && is_body && progress->failed == UINT32_MAX && state != NULL) {
		progress->failed = progress->statement;
		progress->result = result_of_state(state);
		progress->reconnects = is_worth_reconnecting(state);
		complain_of(connection, answer);
	}
	uint32_t index = progress->statement - progress->begin;
	if (is_body && index < progress->answer_count && progress->answers[index] == NULL)
		progress->answers[index] = answer;
	else
		PQclear(answer);
}

/* Reads until the end of the exchange. False: the session is lost. */
static bool collect(struct connection *connection, uint64_t deadline_ns, struct progress *progress)
{
	for (;;) {
		PGresult *answer;
		if (!next_answer(connection, deadline_ns, &answer))
			return false;
		if (answer == NULL) {
			progress->statement++;
		} else if (PQresultStatus(answer) == PGRES_PIPELINE_SYNC) {
			PQclear(answer);
			if (progress->syncs == 0)
				return true;
			progress->syncs--;
		} else {
			take_answer(connection, progress, answer);
		}
	}
}

/* Ends what was queued and takes its answers, in time. False: the session is lost. */
static bool exchange(struct connection *connection, uint64_t timeout_ms, struct progress *progress)
{
	uint64_t deadline_ns = deadline_of(connection, timeout_ms, connection->sent_bytes / BYTES_PER_MS);
	return PQpipelineSync(connection->handle) == 1 && flush(connection, deadline_ns) && collect(connection, deadline_ns, progress);
}

/* The session is of no more use: it went, or the server does not answer in time. */
static void complain_of_loss(struct connection *connection)
{
	connection->is_silent = PQstatus(connection->handle) == CONNECTION_OK;
	if (connection->is_silent)
		connection_complain(connection, "it does not answer", "the time for that is over");
	else
		connection_complain(connection, "the connection was lost", PQerrorMessage(connection->handle));
}

/* An error that was told before the last statement is certain: those after it were not run. */
static enum store_result end_exchange(struct connection *connection, struct progress *progress, bool is_whole)
{
	enum store_result result = progress->result;
	bool is_certain = is_whole || (progress->failed != UINT32_MAX && progress->failed + 1 < progress->end);
	if (!is_certain)
		result = STORE_UNKNOWN;
	if (!is_whole && progress->failed == UINT32_MAX)
		complain_of_loss(connection);
	if (!is_whole || progress->reconnects)
		disconnect(connection);
	else if (result != STORE_OK)
		connection_rollback(connection);
	for (uint32_t i = 0; result != STORE_OK && i < progress->answer_count; i++)
		answer_clear(&progress->answers[i]);
	return result;
}

enum store_result connection_finish(struct connection *connection, PGresult **ret_answers, uint32_t count)
{
	assert(connection->handle != NULL && connection->sent > 0 && count <= connection->sent);
	if (connection->has_failed) {
		disconnect(connection);
		return STORE_UNKNOWN;
	}
	for (uint32_t i = 0; i < count; i++)
		ret_answers[i] = NULL;
	struct progress progress = {
		.answers = ret_answers,
		.answer_count = count,
		.syncs = connection->syncs,
		.begin = connection->body_begin,
		.end = connection->body_end > 0 ? connection->body_end : connection->sent,
		.failed = UINT32_MAX,
		.result = STORE_OK,
	};
	bool is_whole = exchange(connection, connection->answer_timeout_ms, &progress);
	return end_exchange(connection, &progress, is_whole);
}

/* sql: NULL for the prepared statement of that name. */
static void send_one(struct connection *connection, const char *name, const char *sql, struct parameters *parameters)
{
	const char *values[PARAMETERS_MAX];
	int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
	int count = parameters == NULL ? 0 : (int)parameters->count;
	connection->sent++;
	if (connection->has_failed) /* nothing after it may be run, least of all a COMMIT */
		return;
	if (parameters != NULL && !parameters_finish(parameters, values, lengths)) {
		connection->has_failed = true;
		return;
	}
	for (int i = 0; i < count; i++) {
		formats[i] = 1;
		connection->sent_bytes += (size_t)lengths[i];
	}
	int is_sent = sql == NULL ? PQsendQueryPrepared(connection->handle, name, count, values, lengths, formats, 1)
	                          : PQsendQueryParams(connection->handle, sql, count, NULL, values, lengths, formats, 1);
	if (is_sent != 1)
		connection->has_failed = true;
}

void connection_send(struct connection *connection, uint32_t statement, struct parameters *parameters)
{
	assert(connection->handle != NULL && statement < connection->statement_count);
	char name[16];
	(void)snprintf(name, sizeof name, "s%u", statement);
	send_one(connection, name, NULL, parameters);
}

void connection_send_sql(struct connection *connection, const char *sql, struct parameters *parameters)
{
	assert(connection->handle != NULL && sql != NULL);
	send_one(connection, NULL, sql, parameters);
}

static void divide(struct connection *connection)
{
	if (!connection->has_failed && PQpipelineSync(connection->handle) != 1)
		connection->has_failed = true;
	connection->syncs++;
}

void connection_end_head(struct connection *connection)
{
	assert(connection->handle != NULL && connection->body_begin == 0 && connection->body_end == 0);
	divide(connection);
	connection->body_begin = connection->sent;
}

void connection_end_body(struct connection *connection)
{
	assert(connection->handle != NULL && connection->sent > connection->body_begin && connection->body_end == 0);
	divide(connection);
	connection->body_end = connection->sent;
}

static void begin_exchange(struct connection *connection)
{
	connection->sent = 0;
	connection->syncs = 0;
	connection->has_head_failed = false;
	connection->body_begin = 0;
	connection->body_end = 0;
	connection->sent_bytes = 0;
	connection->has_failed = false;
}

bool connection_prepare(struct connection *connection)
{
	if (PQenterPipelineMode(connection->handle) != 1)
		return false;
	begin_exchange(connection);
	for (uint32_t i = 0; i < connection->statement_count; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "s%u", i);
		if (PQsendPrepare(connection->handle, name, connection->statements[i], 0, NULL) != 1)
			return false;
		connection->sent++;
	}
	struct progress progress = {.end = connection->sent, .failed = UINT32_MAX, .result = STORE_OK};
	bool is_whole = exchange(connection, CONNECTION_ANSWER_MS, &progress);
	if (!is_whole)
		complain_of_loss(connection);
	return is_whole && progress.failed == UINT32_MAX;
}

/* Sessions that were lost together are not made again together: each waits for half of its pause, and a part of the rest. */
static void pause_tries(struct connection *connection)
{
	uint64_t maximum_ms = connection->waits_for_session ? WAIT_MAX_MS : PAUSE_MAX_MS;
	connection->pause_ms = connection->pause_ms == 0 ? PAUSE_MIN_MS : connection->pause_ms * 2;
	if (connection->pause_ms > maximum_ms)
		connection->pause_ms = maximum_ms;
	uint64_t half_ns = connection->pause_ms * 500000, now = connection_now_ns();
	uint64_t seed[] = {now, (uintptr_t)connection};
	connection->next_try_ns = now + half_ns + hash_bytes(&(struct hash_seed){0}, seed, sizeof seed) % half_ns;
}

static bool reconnect(struct connection *connection)
{
	assert(connection->handle == NULL);
	if (session_make(connection)) {
		connection->pause_ms = 0;
		return true;
	}
	disconnect(connection);
	pause_tries(connection);
	return false;
}

void connection_release(struct connection *connection)
{
	disconnect(connection);
	PQconninfoFree(connection->settings);
	resolver_free(connection->resolver);
	*connection = (struct connection){0};
}

static bool is_too_late(const struct connection *connection)
{
	return connection->deadline_ns != 0 && connection_now_ns() >= connection->deadline_ns;
}

/* Whether it is time for the next try, now or after waiting for it. */
static bool may_try(const struct connection *connection)
{
	uint64_t now = connection_now_ns();
	if (now >= connection->next_try_ns)
		return true;
	if (!connection->waits_for_session)
		return false;
	bool is_callers = connection->deadline_ns != 0 && connection->deadline_ns < connection->next_try_ns;
	uint64_t left_ns = (is_callers ? connection->deadline_ns : connection->next_try_ns) - now;
	struct timespec left = {.tv_sec = (time_t)(left_ns / 1000000000), .tv_nsec = (long)(left_ns % 1000000000)};
	while (nanosleep(&left, &left) != 0)
		continue;
	return !is_callers;
}

enum store_result connection_begin(struct connection *connection)
{
	if (is_too_late(connection))
		return STORE_DOWN;
	if (connection->handle == NULL && (!may_try(connection) || !reconnect(connection)))
		return STORE_DOWN;
	begin_exchange(connection);
	return STORE_OK;
}

enum store_result connection_query(struct connection *connection, uint32_t statement, struct parameters *parameters, PGresult **ret_answer)
{
	uint64_t repeat_until_ns = connection_now_ns() + (uint64_t)REPEAT_WITHIN_MS * 1000000;
	bool may_repeat = connection->handle == NULL || PQtransactionStatus(connection->handle) == PQTRANS_IDLE;
	for (;;) {
		enum store_result result = connection_begin(connection);
		if (result != STORE_OK)
			return result;
		connection_send(connection, statement, parameters);
		result = connection_finish(connection, ret_answer, 1);
		bool is_lost = result != STORE_OK && connection->handle == NULL;
		if (!is_lost || !may_repeat || connection_now_ns() > repeat_until_ns)
			return result == STORE_UNKNOWN ? STORE_DOWN : result;
		may_repeat = false;
	}
}

void connection_drop(struct connection *connection)
{
	disconnect(connection);
}

void connection_rollback(struct connection *connection)
{
	if (connection->handle == NULL || PQtransactionStatus(connection->handle) == PQTRANS_IDLE)
		return;
	struct progress progress = {.end = 1, .failed = UINT32_MAX};
	bool is_done = PQsendQueryParams(connection->handle, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 1) == 1 &&
	               exchange(connection, CONNECTION_ANSWER_MS, &progress);
	if (!is_done)
		disconnect(connection);
}

bool connection_has_transaction(const struct connection *connection)
{
	return connection->handle != NULL && PQtransactionStatus(connection->handle) == PQTRANS_INTRANS;
}

bool connection_is_cockroach(const struct connection *connection)
{
	return PQparameterStatus(connection->handle, "crdb_version") != NULL;
}

/* The last answer of what was sent, once all of them have come. */
static PGresult *last_answer(struct connection *connection, uint64_t deadline_ns)
{
	PGresult *last = NULL, *answer = NULL;
	bool is_whole = flush(connection, deadline_ns);
	while (is_whole && (is_whole = next_answer(connection, deadline_ns, &answer)) && answer != NULL) {
		PQclear(last);
		last = answer;
	}
	if (!is_whole)
		complain_of_loss(connection);
	else if (PQresultStatus(last) == PGRES_FATAL_ERROR && PQresultErrorField(last, PG_DIAG_SQLSTATE) != NULL)
		complain_of(connection, last);
	if (!is_whole)
		answer_clear(&last);
	return last;
}

enum store_result connection_run(struct connection *connection, const char *sql, uint64_t timeout_ms, PGresult **ret_answer)
{
	assert(connection->handle != NULL);
	connection->state[0] = '\0';
	PGresult *answer = NULL;
	if (PQsendQuery(connection->handle, sql) == 1)
		answer = last_answer(connection, deadline_of(connection, timeout_ms, 0));
	else
		complain_of_loss(connection);
	bool is_done = PQresultStatus(answer) == PGRES_COMMAND_OK || PQresultStatus(answer) == PGRES_TUPLES_OK;
	enum store_result result = is_done ? STORE_OK : connection->state[0] != '\0' ? result_of_state(connection->state) : STORE_UNKNOWN;
	if (is_done && ret_answer != NULL)
		*ret_answer = answer;
	else
		PQclear(answer);
	return result;
}
