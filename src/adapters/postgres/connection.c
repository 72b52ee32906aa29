/* connection.c: exchanges in pipeline mode with a deadline. */
#include "adapters/postgres/connection.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "adapters/postgres/connect.h"
#include "adapters/postgres/session.h"
#include "base/hash.h"
#include "base/now.h"

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 2000
#define WAIT_MAX_MS 500       /* the longest pause of a connection that is waited for */
#define REPEAT_WITHIN_MS 2000 /* a session that took longer to be lost hung: another one would not do better */
#define BYTES_PER_MS 1000     /* large messages have more time for their answers: 1 ms for each so many bytes */

/* Whether another session may do better: this one's server is going or was demoted, or it is not the session that was prepared. */
static bool is_worth_reconnecting(const char *state)
{
	assert(state != NULL);
	static const char *const prefixes[] = {"08", "0A000", "25", "26000", "42", "53", "57", "58"};
	for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++)
		if (state_has_prefix(state, prefixes[i]))
			return true;
	return false;
}

/* The progress of an exchange. */
struct progress {
	PGresult **answers;
	uint32_t answer_count; /* that are wanted */
	uint32_t statement;    /* the statement whose answer is next */
	uint32_t syncs;        /* that are still to come, but for the last */
	uint32_t begin, end;   /* of the body */
	uint32_t failed;       /* the first that did; UINT32_MAX: none */
	enum store_result result;
	bool reconnects;
	connection_take *take; /* or NULL: takes the answers of statements that were run, in place of `answers` */
	void *context;
	uint32_t taken; /* its answers so far */
};

static void take_answer(struct connection *connection, struct progress *progress, PGresult *answer)
{
	assert(answer != NULL);
	ExecStatusType status = PQresultStatus(answer);
	const char *state = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
	if (status == PGRES_FATAL_ERROR && progress->statement < progress->begin)
		connection->has_head_failed = true;
	bool is_body = progress->statement >= progress->begin && progress->statement < progress->end;
	if (status == PGRES_FATAL_ERROR && is_body && progress->failed == UINT32_MAX) {
		progress->failed = progress->statement;
		progress->result = result_of_state(state);
		progress->reconnects = is_worth_reconnecting(state);
		connection_complain_of(connection, answer);
	}
	uint32_t index = progress->statement - progress->begin;
	if (progress->take != NULL && status == PGRES_TUPLES_OK) {
		progress->taken++;
		progress->take(progress->context, index, answer);
	} else if (is_body && index < progress->answer_count && progress->answers[index] == NULL)
		progress->answers[index] = answer;
	else
		PQclear(answer);
}

/* Whether the client library made the error: it found no memory for what the server said, or the session is lost. Nobody knows what was
 * answered. */
static bool is_of_library(const PGresult *answer)
{
	assert(answer != NULL);
	return PQresultStatus(answer) == PGRES_FATAL_ERROR && PQresultErrorField(answer, PG_DIAG_SQLSTATE) == NULL;
}

/* Reads until the end of the exchange. False: the session is lost. */
static bool collect(struct connection *connection, uint64_t deadline_ns, struct progress *progress)
{
	assert(connection->handle != NULL);
	for (;;) {
		PGresult *answer;
		if (!connection_next_answer(connection, deadline_ns, &answer))
			return false;
		if (answer == NULL) {
			progress->statement++;
		} else if (PQresultStatus(answer) == PGRES_PIPELINE_SYNC) {
			PQclear(answer);
			if (progress->syncs == 0)
				return true;
			progress->syncs--;
		} else if (is_of_library(answer)) {
			PQclear(answer);
			return false;
		} else {
			take_answer(connection, progress, answer);
		}
	}
}

/* Ends what was queued and takes its answers, in time. False: the session is lost. */
static bool exchange(struct connection *connection, uint64_t timeout_ms, struct progress *progress)
{
	assert(connection->handle != NULL);
	uint64_t deadline_ns = connection_late_deadline_ns(connection, timeout_ms, connection->sent_bytes / BYTES_PER_MS);
	return PQpipelineSync(connection->handle) == 1 && connection_flush(connection, deadline_ns) &&
	       collect(connection, deadline_ns, progress);
}

/* An error that was told before the last statement is certain: those after it were not run. */
static enum store_result end_exchange(struct connection *connection, struct progress *progress, bool is_whole)
{
	assert(progress->begin <= progress->end);
	enum store_result result = progress->result;
	bool is_certain = is_whole || (progress->failed != UINT32_MAX && progress->failed + 1 < progress->end);
	if (!is_certain)
		result = STORE_UNKNOWN;
	if (!is_whole && progress->failed == UINT32_MAX)
		connection_complain_of_loss(connection);
	if (!is_whole || progress->reconnects)
		connection_drop(connection);
	else if (result != STORE_OK)
		connection_rollback(connection);
	for (uint32_t i = 0; result != STORE_OK && i < progress->answer_count; i++)
		answer_clear(&progress->answers[i]);
	return result;
}

enum store_result connection_finish(struct connection *connection, PGresult **ret_answers, uint32_t count)
{
	assert(ret_answers != NULL || count == 0);
	assert(connection->handle != NULL && connection->sent > 0 && count <= connection->sent);
	if (connection->has_failed) {
		connection_drop(connection);
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

enum store_result connection_finish_each(struct connection *connection, connection_take *take, void *context, uint32_t *ret_taken)
{
	assert(take != NULL && ret_taken != NULL);
	assert(connection->handle != NULL && connection->sent > 0 && connection->syncs == 0);
	*ret_taken = 0;
	if (connection->has_failed) {
		connection_drop(connection);
		return STORE_UNKNOWN;
	}
	struct progress progress = {
		.take = take,
		.context = context,
		.end = connection->sent,
		.failed = UINT32_MAX,
		.result = STORE_OK,
	};
	bool is_whole = exchange(connection, connection->answer_timeout_ms, &progress);
	*ret_taken = progress.taken;
	return end_exchange(connection, &progress, is_whole);
}

/* sql: NULL for the prepared statement of that name. */
static void send_one(struct connection *connection, const char *name, const char *sql, struct parameters *parameters)
{
	assert((name == NULL) != (sql == NULL));
	assert(connection->handle != NULL);
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
	assert(connection->handle != NULL);
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
	assert(connection->handle != NULL);
	connection->sent = 0;
	connection->syncs = 0;
	connection->has_head_failed = false;
	connection->body_begin = 0;
	connection->body_end = 0;
	connection->sent_bytes = 0;
	connection->has_failed = false;
}

static bool prepare(struct connection *connection)
{
	assert(connection->statement_count > 0);
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
		connection_complain_of_loss(connection);
	return is_whole && progress.failed == UINT32_MAX;
}

/* Sessions that were lost together are not made again together. */
static void pause_tries(struct connection *connection)
{
	assert(connection->handle == NULL);
	uint64_t now = monotonic_now_ns();
	uint64_t seed[] = {now, (uintptr_t)connection};
	connection->backoff.base_ms = PAUSE_MIN_MS;
	connection->backoff.maximum_ms = connection->waits_for_session ? WAIT_MAX_MS : PAUSE_MAX_MS;
	connection->next_try_ns =
		now + backoff_next(&connection->backoff, hash_bytes(&(struct hash_seed){0}, seed, sizeof seed)) * UINT64_C(1000000);
}

static bool reconnect(struct connection *connection)
{
	assert(connection->handle == NULL);
	if (session_make(connection) && (connection->statement_count == 0 || prepare(connection))) {
		backoff_reset(&connection->backoff);
		return true;
	}
	connection_drop(connection);
	pause_tries(connection);
	return false;
}

/* Whether a password with a bare @ or / was taken for the host, the port or the database, which are said when they are wrong. */
static bool is_misread(const struct connection *connection, const char *dsn)
{
	assert(connection->settings != NULL && dsn != NULL);
	static const char *const keywords[] = {"host", "port", "dbname"};
	bool is_uri = strncmp(dsn, "postgresql://", 13) == 0 || strncmp(dsn, "postgres://", 11) == 0;
	for (size_t i = 0; is_uri && i < ARRAY_LENGTH(keywords); i++) {
		const char *value = connection_setting(connection, keywords[i]);
		if (value != NULL && strchr(value, '@') != NULL)
			return true;
	}
	return false;
}

enum error connection_open(const char *dsn, const char *const *statements, uint32_t statement_count, struct connection *ret_connection,
                           char message[static POSTGRES_MESSAGE_MAX])
{
	assert(statements != NULL || statement_count == 0);
	assert(dsn != NULL && ret_connection != NULL);
	struct connection connection = {
		.settings = PQconninfoParse(dsn, NULL),
		.statements = statements,
		.statement_count = statement_count,
		.answer_timeout_ms = CONNECTION_ANSWER_MS,
	};
	if (resolver_new(&connection.resolver) != OK) {
		(void)snprintf(message, POSTGRES_MESSAGE_MAX, "out of memory");
		connection_release(&connection);
		return ERR_NO_MEMORY;
	}
	if (connection.settings == NULL || is_misread(&connection, dsn)) { /* libpq's words repeat parts of it */
		(void)snprintf(
			message, POSTGRES_MESSAGE_MAX,
			"the DSN of the database cannot be read (not shown: it may have a password, which a URI has percent-encoded)");
		connection_release(&connection);
		return ERR_SYSTEM;
	}
	*ret_connection = connection;
	return OK;
}

void connection_release(struct connection *connection)
{
	assert(connection != NULL);
	connection_drop(connection);
	PQconninfoFree(connection->settings);
	resolver_free(connection->resolver);
	*connection = (struct connection){0};
}

static bool is_too_late(const struct connection *connection)
{
	assert(connection != NULL);
	return connection->deadline_ns != 0 && monotonic_now_ns() >= connection->deadline_ns;
}

/* Whether it is time for the next try, now or after waiting for it. */
static bool may_try(const struct connection *connection)
{
	assert(connection->handle == NULL);
	uint64_t now = monotonic_now_ns();
	if (now >= connection->next_try_ns)
		return true;
	if (!connection->waits_for_session)
		return false;
	bool is_callers = connection->deadline_ns != 0 && connection->deadline_ns < connection->next_try_ns;
	uint64_t left_ns = (is_callers ? connection->deadline_ns : connection->next_try_ns) - now;
	pause_ns(left_ns);
	return !is_callers;
}

enum store_result connection_begin(struct connection *connection)
{
	assert(connection->settings != NULL);
	if (is_too_late(connection))
		return STORE_DOWN;
	if (connection->handle == NULL && (!may_try(connection) || !reconnect(connection)))
		return STORE_DOWN;
	begin_exchange(connection);
	return STORE_OK;
}

enum store_result connection_query(struct connection *connection, uint32_t statement, struct parameters *parameters, PGresult **ret_answer)
{
	assert(ret_answer != NULL);
	uint64_t repeat_until_ns = monotonic_now_ns() + (uint64_t)REPEAT_WITHIN_MS * 1000000;
	bool may_repeat = connection->handle == NULL || PQtransactionStatus(connection->handle) == PQTRANS_IDLE;
	for (;;) {
		enum store_result result = connection_begin(connection);
		if (result != STORE_OK)
			return result;
		connection_send(connection, statement, parameters);
		result = connection_finish(connection, ret_answer, 1);
		bool is_lost = result != STORE_OK && connection->handle == NULL;
		if (!is_lost || !may_repeat || monotonic_now_ns() > repeat_until_ns)
			return result == STORE_UNKNOWN ? STORE_DOWN : result;
		may_repeat = false;
	}
}

bool connection_may_repeat(const struct connection *connection, bool had_session, enum store_result result)
{
	assert(connection != NULL);
	bool is_lost = had_session && connection->handle == NULL;
	return result == STORE_UNKNOWN || (result == STORE_DOWN && is_lost);
}

void connection_rollback(struct connection *connection)
{
	assert(connection != NULL);
	if (connection->handle == NULL || PQtransactionStatus(connection->handle) == PQTRANS_IDLE)
		return;
	struct progress progress = {.end = 1, .failed = UINT32_MAX};
	bool is_done = PQsendQueryParams(connection->handle, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 1) == 1 &&
	               exchange(connection, CONNECTION_ANSWER_MS, &progress);
	if (!is_done)
		connection_drop(connection);
}

bool connection_has_transaction(const struct connection *connection)
{
	assert(connection != NULL);
	return connection->handle != NULL && PQtransactionStatus(connection->handle) == PQTRANS_INTRANS;
}
