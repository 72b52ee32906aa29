/* connection.c: connecting, exchanges in pipeline mode with a deadline, and what the server's error codes mean. */
#include "adapters/postgres/connection.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS 2000
#define ANSWER_TIMEOUT_MS 20000 /* longer than any statement may take (statement_timeout below) */
#define BYTES_PER_MS 1000       /* what is added to it for large messages */
#define SETTINGS_MAX 64

/* A lane waits for a lock or a statement so long and not longer. */
static const char common_settings[] =
	"SET statement_timeout = 10000; SET lock_timeout = 5000; SET idle_in_transaction_session_timeout = 60000";

/* Statements are prepared while tables may be empty, and must still be right for millions of rows: only plans by index. */
static const char postgres_settings[] =
	"SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
	"SET plan_cache_mode = force_generic_plan; SET jit = off; SET default_transaction_isolation = 'read committed'";

static uint64_t now_ns(void)
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

static const char *setting(const struct connection *connection, const char *keyword)
{
	for (const PQconninfoOption *option = connection->settings; option != NULL && option->keyword != NULL; option++)
		if (strcmp(option->keyword, keyword) == 0)
			return option->val;
	return NULL;
}

void connection_explain(const struct connection *connection, const char *what, char message[static POSTGRES_MESSAGE_MAX])
{
	const char *why = connection->handle == NULL ? "no connection" : PQerrorMessage(connection->handle);
	const char *password = setting(connection, "password");
	if (password != NULL && password[0] != '\0' && strstr(why, password) != NULL)
		why = "the server's words would show the password";
	(void)snprintf(message, POSTGRES_MESSAGE_MAX, "%s: %s", what, why);
	for (char *end = message + strlen(message); end > message && end[-1] == '\n'; end--)
		end[-1] = '\0';
	for (char *line = message; (line = strchr(line, '\n')) != NULL;)
		*line = ' ';
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

/* Waits until the socket is ready for `events`; those that are, 0 at the deadline. */
static short wait_for_socket(struct connection *connection, short events, uint64_t deadline_ns)
{
	struct pollfd descriptor = {.fd = PQsocket(connection->handle), .events = events};
	for (;;) {
		uint64_t now = now_ns();
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
		short ready = wait_for_socket(connection, POLLIN | POLLOUT, deadline_ns);
		if (ready == 0 || ((ready & POLLIN) != 0 && PQconsumeInput(connection->handle) == 0))
			return false;
	}
	return left == 0;
}

/* The next answer, NULL at the end of a statement's. False: the session is lost. */
static bool next_answer(struct connection *connection, uint64_t deadline_ns, PGresult **ret_answer)
{
	while (PQisBusy(connection->handle) != 0) {
		if (wait_for_socket(connection, POLLIN, deadline_ns) == 0 || PQconsumeInput(connection->handle) == 0)
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
	uint32_t failed;       /* the first that did; UINT32_MAX: none */
	enum store_result result;
	bool reconnects;
	char *message; /* for POSTGRES_MESSAGE_MAX bytes: what the server says of the failure; NULL: not wanted */
};

static void take_answer(struct progress *progress, PGresult *answer)
{
	ExecStatusType status = PQresultStatus(answer);
	const char *state = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
	if (status == PGRES_FATAL_ERROR && progress->failed == UINT32_MAX && state != NULL) {
		progress->failed = progress->statement;
		progress->result = result_of_state(state);
		progress->reconnects = is_worth_reconnecting(state);
		if (progress->message != NULL)
			(void)snprintf(progress->message, POSTGRES_MESSAGE_MAX, "the database is not one of this program: %s",
			               PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY));
	}
	if (progress->statement < progress->answer_count && progress->answers[progress->statement] == NULL)
		progress->answers[progress->statement] = answer;
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
			return true;
		} else {
			take_answer(progress, answer);
		}
	}
}

/* An error that was told before the last statement is certain: those after it were not run. */
static enum store_result end_exchange(struct connection *connection, struct progress *progress, bool is_whole)
{
	enum store_result result = progress->result;
	bool is_certain = is_whole || (progress->failed != UINT32_MAX && progress->failed + 1 < connection->sent);
	if (!is_certain)
		result = STORE_UNKNOWN;
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
	uint64_t timeout_ms = ANSWER_TIMEOUT_MS + connection->sent_bytes / BYTES_PER_MS;
	uint64_t deadline_ns = now_ns() + timeout_ms * 1000000;
	struct progress progress = {.answers = ret_answers, .answer_count = count, .failed = UINT32_MAX, .result = STORE_OK};
	bool is_whole =
		PQpipelineSync(connection->handle) == 1 && flush(connection, deadline_ns) && collect(connection, deadline_ns, &progress);
	return end_exchange(connection, &progress, is_whole);
}

void connection_send(struct connection *connection, uint32_t statement, struct parameters *parameters)
{
	assert(connection->handle != NULL && statement < connection->statement_count);
	const char *values[PARAMETERS_MAX];
	int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
	char name[16];
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
	(void)snprintf(name, sizeof name, "s%u", statement);
	if (PQsendQueryPrepared(connection->handle, name, count, values, lengths, formats, 1) != 1)
		connection->has_failed = true;
}

static void begin_exchange(struct connection *connection)
{
	connection->sent = 0;
	connection->sent_bytes = 0;
	connection->has_failed = false;
}

static bool prepare(struct connection *connection, char message[static POSTGRES_MESSAGE_MAX])
{
	if (PQsetnonblocking(connection->handle, 1) != 0 || PQenterPipelineMode(connection->handle) != 1)
		return false;
	begin_exchange(connection);
	for (uint32_t i = 0; i < connection->statement_count; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "s%u", i);
		if (PQsendPrepare(connection->handle, name, connection->statements[i], 0, NULL) != 1)
			return false;
		connection->sent++;
	}
	uint64_t deadline_ns = now_ns() + (uint64_t)ANSWER_TIMEOUT_MS * 1000000;
	struct progress progress = {.failed = UINT32_MAX, .result = STORE_OK, .message = message};
	bool is_whole =
		PQpipelineSync(connection->handle) == 1 && flush(connection, deadline_ns) && collect(connection, deadline_ns, &progress);
	if (!is_whole)
		connection_explain(connection, "the database went away while it was opened", message);
	return is_whole && progress.failed == UINT32_MAX;
}

/* The DSN's settings, with limits on how long a server that does not answer is waited for where the DSN has none. */
static PGconn *connect_handle(const struct connection *connection)
{
	static const struct {
		const char *keyword, *value;
	} defaults[] = {
		{"connect_timeout", "3"},  {"tcp_user_timeout", "10000"}, {"keepalives_idle", "5"},    {"keepalives_interval", "2"},
		{"keepalives_count", "3"}, {"application_name", "tro"},   {"client_encoding", "UTF8"},
	};
	const char *keywords[SETTINGS_MAX + ARRAY_LENGTH(defaults) + 1] = {NULL},
								     *values[SETTINGS_MAX + ARRAY_LENGTH(defaults) + 1] = {NULL};
	size_t count = 0;
	for (const PQconninfoOption *option = connection->settings; option->keyword != NULL && count < SETTINGS_MAX; option++) {
		if (option->val == NULL)
			continue;
		keywords[count] = option->keyword;
		values[count++] = option->val;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(defaults); i++) {
		if (setting(connection, defaults[i].keyword) != NULL)
			continue;
		keywords[count] = defaults[i].keyword;
		values[count++] = defaults[i].value;
	}
	return PQconnectdbParams(keywords, values, 0);
}

static bool configure(struct connection *connection)
{
	bool is_cockroach = PQparameterStatus(connection->handle, "crdb_version") != NULL;
	return connection_execute(connection, common_settings) && (is_cockroach || connection_execute(connection, postgres_settings));
}

static void ignore_notice(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

static bool try_connect(struct connection *connection, char message[static POSTGRES_MESSAGE_MAX])
{
	connection->handle = connect_handle(connection);
	if (connection->handle != NULL)
		(void)PQsetNoticeReceiver(connection->handle, ignore_notice, NULL);
	if (PQstatus(connection->handle) != CONNECTION_OK || !configure(connection)) {
		connection_explain(connection, "the database cannot be used", message);
		return false;
	}
	return connection->statement_count == 0 || prepare(connection, message);
}

static bool reconnect(struct connection *connection, char message[static POSTGRES_MESSAGE_MAX])
{
	assert(connection->handle == NULL);
	(void)snprintf(message, POSTGRES_MESSAGE_MAX, "out of memory");
	if (try_connect(connection, message)) {
		connection->pause_ms = 0;
		return true;
	}
	disconnect(connection);
	connection->pause_ms = connection->pause_ms == 0 ? PAUSE_MIN_MS : connection->pause_ms * 2;
	if (connection->pause_ms > PAUSE_MAX_MS)
		connection->pause_ms = PAUSE_MAX_MS;
	connection->next_try_ns = now_ns() + connection->pause_ms * 1000000;
	return false;
}

enum error connection_open(const char *dsn, const char *const *statements, uint32_t statement_count, struct connection *ret_connection,
                           char message[static POSTGRES_MESSAGE_MAX])
{
	assert(dsn != NULL && ret_connection != NULL);
	struct connection connection = {.statements = statements, .statement_count = statement_count};
	char why[POSTGRES_MESSAGE_MAX];
	connection.settings = PQconninfoParse(dsn, NULL);
	if (connection.settings == NULL) { /* libpq's words repeat parts of it */
		(void)snprintf(message, POSTGRES_MESSAGE_MAX, "the DSN of the database cannot be read (not shown: it may have a password)");
		return ERR_SYSTEM;
	}
	if (!reconnect(&connection, why)) {
		(void)snprintf(message, POSTGRES_MESSAGE_MAX, "%s", why);
		connection_release(&connection);
		return ERR_SYSTEM;
	}
	*ret_connection = connection;
	return OK;
}

void connection_release(struct connection *connection)
{
	disconnect(connection);
	PQconninfoFree(connection->settings);
	*connection = (struct connection){0};
}

enum store_result connection_begin(struct connection *connection)
{
	char message[POSTGRES_MESSAGE_MAX];
	if (connection->handle == NULL && (now_ns() < connection->next_try_ns || !reconnect(connection, message)))
		return STORE_DOWN;
	begin_exchange(connection);
	return STORE_OK;
}

enum store_result connection_query(struct connection *connection, uint32_t statement, struct parameters *parameters, PGresult **ret_answer)
{
	bool may_repeat = connection->handle != NULL && PQtransactionStatus(connection->handle) == PQTRANS_IDLE;
	enum store_result result = STORE_UNKNOWN;
	for (int tries = 0; result == STORE_UNKNOWN && tries < (may_repeat ? 2 : 1); tries++) {
		result = connection_begin(connection);
		if (result != STORE_OK)
			return result;
		connection_send(connection, statement, parameters);
		result = connection_finish(connection, ret_answer, 1);
	}
	return result == STORE_UNKNOWN ? STORE_DOWN : result;
}

void connection_rollback(struct connection *connection)
{
	if (connection->handle == NULL || PQtransactionStatus(connection->handle) == PQTRANS_IDLE)
		return;
	uint64_t deadline_ns = now_ns() + (uint64_t)ANSWER_TIMEOUT_MS * 1000000;
	struct progress progress = {.failed = UINT32_MAX};
	bool is_done = PQsendQueryParams(connection->handle, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 1) == 1 &&
	               PQpipelineSync(connection->handle) == 1 && flush(connection, deadline_ns) &&
	               collect(connection, deadline_ns, &progress);
	if (!is_done)
		disconnect(connection);
}

bool connection_has_transaction(const struct connection *connection)
{
	return connection->handle != NULL && PQtransactionStatus(connection->handle) == PQTRANS_INTRANS;
}

bool connection_execute(struct connection *connection, const char *sql)
{
	PGresult *answer = PQexec(connection->handle, sql);
	bool is_done = PQresultStatus(answer) == PGRES_COMMAND_OK || PQresultStatus(answer) == PGRES_TUPLES_OK;
	PQclear(answer);
	return is_done;
}
