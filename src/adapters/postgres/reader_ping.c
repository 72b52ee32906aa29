/* reader_ping.c: checks for operators: whether the database answers, can be written to and has room; its clock; and the length of the
 * outbox. */
#include <assert.h>
#include <stdio.h>

#include "adapters/postgres/reader.h"
#include "adapters/postgres/session.h"
#include "adapters/sql/migration_files.h"

#define PAUSE_MS 160    /* a third of the longest between two tries */
#define TIMEOUT_MS 2000 /* of the whole ping, with the session made again */

/* Both statements are one transaction, and the setting ends with it; on CockroachDB, which has no such setting, it is one statement. */
static enum store_result ask_once(struct connection *connection, PGresult **ret_answer)
{
	assert(ret_answer != NULL);
	PGresult *answers[2];
	enum store_result result = connection_begin(connection);
	if (result != STORE_OK)
		return result;
	uint32_t count = connection->looks || connection_is_cockroach(connection) ? 1 : 2;
	if (count == 2)
		connection_send(connection, NARROW_MEMORY, NULL);
	connection_send(connection, connection->looks ? LOOK : PING, NULL);
	result = connection_finish(connection, answers, count);
	if (result != STORE_OK)
		return result;
	if (count == 2)
		PQclear(answers[0]);
	*ret_answer = answers[count - 1];
	return STORE_OK;
}

/* A session that was lost while idle is made again, whether it was found dead or told its end: that it ended says nothing of the store.
 * Others wait for what a ping finds: its tries are never far apart. */
static enum store_result ask(struct connection *connection, PGresult **ret_answer)
{
	assert(ret_answer != NULL);
	connection->deadline_ns = 0;
	connection->deadline_ns = connection_deadline_ns(connection, TIMEOUT_MS);
	if (connection->backoff.last_ms > PAUSE_MS)
		connection->backoff.last_ms = PAUSE_MS;
	bool had_session = connection->handle != NULL;
	enum store_result result = ask_once(connection, ret_answer);
	if (connection_may_repeat(connection, had_session, result))
		result = ask_once(connection, ret_answer);
	return result == STORE_UNKNOWN ? STORE_DOWN : result;
}

/* Judges by the answer whether this program may write; if not, sets *problem. */
static enum store_result judge(struct tuple tuple, const char **problem)
{
	if (field_int(tuple, 2) > migration_latest(embedded_postgres_migrations))
		*problem = NEWER_PROBLEM;
	else if (field_int(tuple, 1) != 0)
		*problem = REPLAYING_PROBLEM ": " REPLAYING_ADVICE;
	else
		return STORE_OK;
	return STORE_DOWN;
}

enum store_result postgres_ping(struct reader *port, struct ping *ret_ping)
{
	assert(ret_ping != NULL);
	struct postgres_reader *reader = reader_of(port);
	PGresult *answer;
	assert(!reader->has_snapshot);
	*ret_ping = (struct ping){0};
	enum store_result result = ask(&reader->connection, &answer);
	const char *problem = reader->connection.problem;
	ret_ping->is_silent = result != STORE_OK && reader->connection.is_silent;
	if (result == STORE_OK) {
		struct tuple tuple = {.answer = answer};
		bool is_right = PQntuples(answer) == 1;
		ret_ping->store_now_ms = is_right ? field_uint(tuple, 0) : 0;
		result = is_right ? judge(tuple, &problem) : STORE_CORRUPT;
		if (!is_right)
			problem = "its table meta is not as it was made";
		PQclear(answer);
	}
	if (result != STORE_OK)
		(void)snprintf(ret_ping->problem, sizeof ret_ping->problem, "%s", problem);
	return result;
}

enum store_result postgres_look_at_outbox(struct reader *port, struct outbox_status *ret_status)
{
	assert(ret_status != NULL);
	struct postgres_reader *reader = reader_of(port);
	struct outbox_status status = {0};
	PGresult *answer;
	scalar_int(&reader->parameters, 0, OUTBOX_COUNT_MAX);
	enum store_result result = reader_query(reader, LOOK_AT_OUTBOX, &answer);
	if (result != STORE_OK)
		return result;
	for (int row = 0; row < PQntuples(answer); row++) {
		struct tuple tuple = {.answer = answer, .row = row};
		struct uuid id = field_uuid(tuple, 2);
		uint64_t written_ms = hlc_milliseconds(uuid_stamp(&id));
		status.entries = field_uint(tuple, 0);
		status.publishers = field_uint(tuple, 1);
		if (!field_is_null(tuple, 2) && (status.oldest_ms == 0 || written_ms < status.oldest_ms))
			status.oldest_ms = written_ms;
	}
	PQclear(answer);
	*ret_status = status;
	return STORE_OK;
}
