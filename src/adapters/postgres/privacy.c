/* privacy.c: the privacy port on the database: one transaction, fenced as a replay is (docs/adr/0025), but without its mark: those who
 * write wait for a lock of the table that they all lock, and find another epoch. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
#include "adapters/postgres/rows.h"
#include "adapters/sql/stored_audit.h"
#include "adapters/sql/stored_privacy.h"
#include "base/list.h"

#define ITEM_MEMORY_MAX ((size_t)256 * 1024 * 1024)
#define MEMBER_MAX 4096
#define ANSWER_MS 3600000 /* reading every event once is one statement */

#define STREAMS_OF_USER \
	"(SELECT hold_id FROM holds WHERE user_id = $1::text UNION ALL SELECT order_id FROM orders WHERE user_id = $1::text)"
#define ORDERS_OF_USER "(SELECT order_id FROM orders WHERE user_id = $1::text)"
#define IS_EXPORT "action = '" PRIVACY_EXPORT_ACTION "'"
#define AUDIT_OF_USER "actor = $1::text OR (" IS_EXPORT " AND target = $1::text)"
/* Of an export the user is the target, of all else the actor, with an address of their own. */
#define SET_AUDIT \
	"actor = CASE WHEN " IS_EXPORT " THEN actor ELSE $2::text END, target = CASE WHEN " IS_EXPORT " THEN $2::text ELSE target END," \
	" address = CASE WHEN " IS_EXPORT " THEN address ELSE '' END"
#define TRACES "(SELECT unnest($1::uuid[]))"

/* Not on CockroachDB, which has no such lock: there it is enough that the epoch is read (docs/adr/0025). */
#define LOCK_FENCE "LOCK TABLE meta IN EXCLUSIVE MODE"

enum {
	BEGIN_READ = PRIVACY_PART_COUNT,
	BEGIN_WRITE,
	COMMIT,
	UNLIMIT_STATEMENTS,
	UNLIMIT_PAUSES,
	RAISE_EPOCH,
	SELECT_OWNERS,
	REPLACE_EVENTS,
	REPLACE_HOLDS,
	REPLACE_ORDERS,
	REPLACE_ACTS,
	REPLACE_AUDIT,
	REPLACE_AUDIT_OF,
	FIND_RECORD,
	RECORD,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[PRIVACY_HOLDS] = "SELECT " HOLD_COLUMNS " FROM holds WHERE user_id = $1::text ORDER BY hold_id",
	[PRIVACY_ORDERS] = "SELECT " ORDER_COLUMNS " FROM orders WHERE user_id = $1::text ORDER BY order_id",
	[PRIVACY_PAYMENTS] = "SELECT " PAYMENT_COLUMNS " FROM payments WHERE order_id IN " ORDERS_OF_USER " ORDER BY transaction_id",
	[PRIVACY_REFUNDS] = "SELECT " REFUND_COLUMNS " FROM refunds WHERE order_id IN " ORDERS_OF_USER " ORDER BY refund_id",
	[PRIVACY_EVENTS] = "SELECT " EVENT_COLUMNS " FROM events WHERE stream_id IN " STREAMS_OF_USER " ORDER BY id",
	[PRIVACY_ACTS] = "SELECT " EVENT_COLUMNS " FROM events WHERE actor = $1::text AND stream_id NOT IN " STREAMS_OF_USER " ORDER BY id",
	[PRIVACY_AUDIT] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE " AUDIT_OF_USER " ORDER BY id",
	[BEGIN_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
	[BEGIN_WRITE] = "BEGIN ISOLATION LEVEL SERIALIZABLE",
	[COMMIT] = "COMMIT",
	[UNLIMIT_STATEMENTS] = "SET statement_timeout = 0",
	[UNLIMIT_PAUSES] = "SET idle_in_transaction_session_timeout = 300000",
	/* It fails, with division by zero, while a replay is under way. */
	[RAISE_EPOCH] = "WITH raised AS (UPDATE meta SET value = value + 1 WHERE name = 'epoch'"
			" AND (SELECT r.value FROM meta AS r WHERE r.name = 'replaying') = 0 RETURNING 1)"
			" SELECT 1 / (CASE WHEN count(*) = 1 THEN 1 ELSE 0 END) FROM raised",
	[SELECT_OWNERS] = "SELECT user_id FROM holds WHERE user_id <> $2::text AND hold_id IN " TRACES
			  " UNION SELECT user_id FROM orders WHERE user_id <> $2::text AND order_id IN " TRACES,
	[REPLACE_EVENTS] = "UPDATE events SET actor = CASE actor WHEN $3::text THEN $2::text ELSE actor END,"
			   " data = replace(data, $4::text, $5::text), idempotency_key = NULL, fingerprint = NULL WHERE stream_id IN"
			   " (SELECT hold_id FROM holds WHERE user_id = $3::text AND hold_id IN " TRACES
			   " UNION ALL SELECT order_id FROM orders WHERE user_id = $3::text AND order_id IN " TRACES ")",
	[REPLACE_HOLDS] = "UPDATE holds SET user_id = $2::text WHERE user_id = $3::text AND hold_id IN " TRACES,
	[REPLACE_ORDERS] = "UPDATE orders SET user_id = $2::text WHERE user_id = $3::text AND order_id IN " TRACES,
	[REPLACE_ACTS] = "UPDATE events SET actor = $2::text WHERE id IN " TRACES,
	[REPLACE_AUDIT] = "UPDATE audit SET " SET_AUDIT " WHERE id IN " TRACES,
	[REPLACE_AUDIT_OF] = "UPDATE audit SET " SET_AUDIT " WHERE (" AUDIT_OF_USER ") AND occurred_at <= $3::int8",
	[FIND_RECORD] = "SELECT 1 FROM audit WHERE id = $1::uuid",
	[RECORD] = "INSERT INTO audit (" AUDIT_COLUMNS ") " AUDIT_UNNEST,
};

struct postgres_privacy {
	struct privacy port;
	struct connection connection;
	struct parameters parameters; /* of the statement that is being sent */
	struct arena item;
};

static struct postgres_privacy *privacy_of(struct privacy *port)
{
	assert(port != NULL);
	return container_of(port, struct postgres_privacy, port);
}

static void send(struct postgres_privacy *privacy, uint32_t statement)
{
	assert(statement < STATEMENT_COUNT);
	connection_send(&privacy->connection, statement, &privacy->parameters);
	parameters_clear(&privacy->parameters);
}

static enum store_result explain(struct postgres_privacy *privacy, enum store_result result)
{
	assert(privacy != NULL);
	if (result != STORE_OK)
		(void)snprintf(privacy->port.problem, sizeof privacy->port.problem, "%s",
		               result == STORE_STALE ? REPLAYING_PROBLEM : privacy->connection.problem);
	return result == STORE_STALE || result == STORE_UNKNOWN ? STORE_DOWN : result;
}

static enum store_result finish(struct postgres_privacy *privacy, PGresult **ret_answer)
{
	assert(privacy->connection.handle != NULL);
	return explain(privacy, connection_finish(&privacy->connection, ret_answer, ret_answer == NULL ? 0 : 1));
}

/* Runs the statement with what is in the parameters within the transaction. *ret_answer is the caller's when it is STORE_OK; NULL: not
 * wanted. */
static enum store_result run(struct postgres_privacy *privacy, uint32_t statement, PGresult **ret_answer)
{
	assert(statement < STATEMENT_COUNT);
	if (!connection_has_transaction(&privacy->connection)) {
		parameters_clear(&privacy->parameters);
		return STORE_DOWN;
	}
	enum store_result result = connection_begin(&privacy->connection);
	if (result != STORE_OK) {
		parameters_clear(&privacy->parameters);
		return explain(privacy, result);
	}
	send(privacy, statement);
	return finish(privacy, ret_answer);
}

static enum store_result postgres_begin(struct privacy *port, bool to_forget)
{
	struct postgres_privacy *privacy = privacy_of(port);
	assert(privacy->connection.handle == NULL || !connection_has_transaction(&privacy->connection));
	enum store_result result = connection_begin(&privacy->connection);
	if (result != STORE_OK)
		return explain(privacy, result);
	send(privacy, UNLIMIT_STATEMENTS);
	send(privacy, UNLIMIT_PAUSES);
	send(privacy, to_forget ? BEGIN_WRITE : BEGIN_READ);
	if (to_forget && !connection_is_cockroach(&privacy->connection))
		connection_send_sql(&privacy->connection, LOCK_FENCE, NULL);
	if (to_forget)
		send(privacy, RAISE_EPOCH);
	return finish(privacy, NULL);
}

static enum store_result postgres_each(struct privacy *port, enum privacy_part part, struct slice user,
                                       bool (*take)(void *context, enum privacy_part part, const void *item), void *context)
{
	assert(part < PRIVACY_PART_COUNT && take != NULL);
	struct postgres_privacy *privacy = privacy_of(port);
	PGresult *answer;
	scalar_bytes(&privacy->parameters, 0, user);
	enum store_result result = run(privacy, part, &answer);
	if (result != STORE_OK)
		return result;
	for (int i = 0; result == STORE_OK && i < PQntuples(answer); i++) {
		struct tuple tuple = {.answer = answer, .row = i};
		if (!stored_privacy_take(tuple_columns(&tuple), part, &privacy->item, take, context))
			result = STORE_CORRUPT;
	}
	PQclear(answer);
	return result;
}

static void put_ids(struct postgres_privacy *privacy, const struct uuid *ids, uint32_t count)
{
	assert(ids != NULL && count > 0);
	for (uint32_t i = 0; i < count; i++)
		array_uuid(&privacy->parameters, 0, &ids[i]);
}

static enum store_result postgres_owners(struct privacy *port, const struct privacy_traces *traces, struct slice pseudonym,
                                         struct arena *arena, struct slice **ret_users, uint32_t *ret_count)
{
	assert(traces != NULL && arena != NULL && ret_users != NULL && ret_count != NULL);
	struct postgres_privacy *privacy = privacy_of(port);
	PGresult *answer;
	*ret_count = 0;
	if (traces->stream_count == 0)
		return STORE_OK;
	put_ids(privacy, traces->streams, traces->stream_count);
	scalar_bytes(&privacy->parameters, 1, pseudonym);
	enum store_result result = run(privacy, SELECT_OWNERS, &answer);
	if (result != STORE_OK)
		return result;
	uint32_t count = (uint32_t)PQntuples(answer);
	*ret_users = arena_allocate_array(arena, count, sizeof **ret_users);
	for (uint32_t i = 0; *ret_users != NULL && i < count; i++)
		(*ret_users)[i] = field_copy((struct tuple){.answer = answer, .row = (int)i}, 0, arena);
	PQclear(answer);
	*ret_count = count;
	return *ret_users == NULL ? STORE_CORRUPT : STORE_OK;
}

/* With ids; the statement's other parameters follow. */
static enum store_result replace_traces(struct postgres_privacy *privacy, uint32_t statement, const struct uuid *ids, uint32_t count,
                                        struct slice user, struct slice pseudonym)
{
	assert(pseudonym.length > 0);
	if (count == 0)
		return STORE_OK;
	put_ids(privacy, ids, count);
	scalar_bytes(&privacy->parameters, 1, pseudonym);
	if (statement == REPLACE_EVENTS || statement == REPLACE_HOLDS || statement == REPLACE_ORDERS)
		scalar_bytes(&privacy->parameters, 2, user);
	return run(privacy, statement, NULL);
}

static enum store_result replace_events(struct postgres_privacy *privacy, const struct privacy_traces *traces, struct slice user,
                                        struct slice pseudonym)
{
	assert(user.length > 0);
	struct buffer old_member, new_member;
	arena_clear(&privacy->item);
	buffer_init(&old_member, &privacy->item, MEMBER_MAX);
	buffer_init(&new_member, &privacy->item, MEMBER_MAX);
	stored_user_member(&old_member, user);
	stored_user_member(&new_member, pseudonym);
	if (old_member.failed || new_member.failed)
		return STORE_CORRUPT;
	scalar_bytes(&privacy->parameters, 3, buffer_slice(&old_member));
	scalar_bytes(&privacy->parameters, 4, buffer_slice(&new_member));
	return replace_traces(privacy, REPLACE_EVENTS, traces->streams, traces->stream_count, user, pseudonym);
}

/* The events while holds and orders still say whose they are. */
static enum store_result replace_owner(struct postgres_privacy *privacy, const struct privacy_traces *traces, struct slice user,
                                       struct slice pseudonym)
{
	assert(user.length > 0);
	enum store_result result = STORE_OK;
	if (traces->stream_count > 0)
		result = replace_events(privacy, traces, user, pseudonym);
	if (result == STORE_OK)
		result = replace_traces(privacy, REPLACE_HOLDS, traces->streams, traces->stream_count, user, pseudonym);
	if (result == STORE_OK)
		result = replace_traces(privacy, REPLACE_ORDERS, traces->streams, traces->stream_count, user, pseudonym);
	if (result != STORE_OK)
		return result;
	scalar_bytes(&privacy->parameters, 0, user);
	scalar_bytes(&privacy->parameters, 1, pseudonym);
	scalar_uint(&privacy->parameters, 2, traces->at_ms);
	return run(privacy, REPLACE_AUDIT_OF, NULL);
}

static enum store_result postgres_replace(struct privacy *port, const struct privacy_traces *traces, struct slice user,
                                          struct slice pseudonym)
{
	assert(traces != NULL && pseudonym.length > 0);
	struct postgres_privacy *privacy = privacy_of(port);
	enum store_result result = user.length == 0 ? STORE_OK : replace_owner(privacy, traces, user, pseudonym);
	if (result == STORE_OK)
		result = replace_traces(privacy, REPLACE_ACTS, traces->acts, traces->act_count, user, pseudonym);
	if (result == STORE_OK)
		result = replace_traces(privacy, REPLACE_AUDIT, traces->audit, traces->audit_count, user, pseudonym);
	return result;
}

static enum store_result postgres_is_recorded(struct privacy *port, const struct uuid *id, bool *ret_is)
{
	assert(id != NULL && ret_is != NULL);
	struct postgres_privacy *privacy = privacy_of(port);
	PGresult *answer;
	scalar_uuid(&privacy->parameters, 0, id);
	enum store_result result = run(privacy, FIND_RECORD, &answer);
	if (result != STORE_OK)
		return result;
	*ret_is = PQntuples(answer) > 0;
	PQclear(answer);
	return STORE_OK;
}

static enum store_result postgres_record(struct privacy *port, const struct audit_record *record)
{
	assert(record != NULL);
	struct postgres_privacy *privacy = privacy_of(port);
	stored_audit_put(parameter_places(&privacy->parameters), record);
	return run(privacy, RECORD, NULL);
}

static enum store_result postgres_end(struct privacy *port, bool commits)
{
	struct postgres_privacy *privacy = privacy_of(port);
	assert(privacy->connection.statements == statements);
	if (commits)
		return run(privacy, COMMIT, NULL);
	connection_rollback(&privacy->connection);
	return STORE_OK;
}

/* Vacuum does that, in its own time. */
static enum store_result postgres_scrub(struct privacy *port, bool always)
{
	assert(port != NULL);
	(void)always;
	return STORE_OK;
}

static void postgres_free(struct privacy *port)
{
	struct postgres_privacy *privacy = privacy_of(port);
	assert(privacy->connection.statements == statements);
	connection_release(&privacy->connection);
	parameters_release(&privacy->parameters);
	arena_release(&privacy->item);
	free(privacy);
}

static const struct privacy_operations operations = {
	.begin = postgres_begin,
	.each = postgres_each,
	.owners = postgres_owners,
	.replace = postgres_replace,
	.is_recorded = postgres_is_recorded,
	.record = postgres_record,
	.end = postgres_end,
	.scrub = postgres_scrub,
	.free = postgres_free,
};

enum error postgres_privacy_open(const char *dsn, struct privacy **ret_privacy, char message[static POSTGRES_MESSAGE_MAX])
{
	assert(dsn != NULL && ret_privacy != NULL);
	struct postgres_privacy *privacy = calloc(1, sizeof *privacy);
	if (privacy == NULL)
		return ERR_NO_MEMORY;
	privacy->port = (struct privacy){.operations = &operations, .wait_max_ms = PRIVACY_WAIT_MS};
	arena_init(&privacy->item, (size_t)64 * 1024, ITEM_MEMORY_MAX);
	parameters_init(&privacy->parameters);
	enum error error = connection_open(dsn, statements, STATEMENT_COUNT, &privacy->connection, message);
	if (error != OK) {
		parameters_release(&privacy->parameters);
		arena_release(&privacy->item);
		free(privacy);
		return error;
	}
	privacy->connection.waits_for_session = true;
	privacy->connection.answer_timeout_ms = ANSWER_MS;
	*ret_privacy = &privacy->port;
	return OK;
}
