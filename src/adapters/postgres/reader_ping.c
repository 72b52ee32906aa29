/* reader_ping.c: whether the database answers, can be written to and has room, and what its clock says. */
#include <assert.h>
#include <stdio.h>

#include "adapters/postgres/reader.h"

#define TIMEOUT_MS 3000

/* Both statements are one transaction, and the setting ends with it; on CockroachDB, which has no such setting, it is one statement. */
static enum store_result ask_once(struct connection *connection, PGresult **ret_answer)
{
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

/* A session that was lost while idle is made again. */
static enum store_result ask(struct connection *connection, PGresult **ret_answer)
{
	uint64_t timeout_ms = connection->answer_timeout_ms;
	connection->answer_timeout_ms = TIMEOUT_MS;
	enum store_result result = ask_once(connection, ret_answer);
	if (result == STORE_UNKNOWN)
		result = ask_once(connection, ret_answer);
	connection->answer_timeout_ms = timeout_ms;
	return result == STORE_UNKNOWN ? STORE_DOWN : result;
}

enum store_result postgres_ping(struct reader *port, struct ping *ret_ping)
{
	struct postgres_reader *reader = reader_of(port);
	PGresult *answer;
	assert(!reader->has_snapshot);
	*ret_ping = (struct ping){0};
	enum store_result result = ask(&reader->connection, &answer);
	const char *problem = reader->connection.problem;
	if (result == STORE_OK) {
		struct tuple tuple = {.answer = answer};
		bool is_right = PQntuples(answer) == 1, is_replaying = is_right && field_int(tuple, 1) != 0;
		ret_ping->store_now_ms = is_right ? field_uint(tuple, 0) : 0;
		result = !is_right ? STORE_CORRUPT : is_replaying ? STORE_DOWN : STORE_OK;
		problem = is_right ? REPLAYING_PROBLEM ": " REPLAYING_ADVICE : "its table meta is not as it was made";
		PQclear(answer);
	}
	if (result != STORE_OK)
		(void)snprintf(ret_ping->problem, sizeof ret_ping->problem, "%s", problem);
	return result;
}
