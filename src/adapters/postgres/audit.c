/* audit.c: the audit port, in a table of the same database. */
#include <assert.h>
#include <stdlib.h>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
#include "adapters/postgres/rows.h"
#include "adapters/sql/stored_audit.h"
#include "base/list.h"

#define PRUNE_SQL "DELETE FROM audit WHERE kind = 2 AND id < (SELECT id FROM audit WHERE kind = 2 ORDER BY id DESC LIMIT 1 OFFSET $1::int8)"

enum {
	APPEND,
	LIST,
	PRUNE,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[APPEND] = "INSERT INTO audit (" AUDIT_COLUMNS ") " AUDIT_UNNEST " ON CONFLICT (id) DO NOTHING",
	/* An end of 0 is none. */
	[LIST] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE id > $1::uuid AND occurred_at >= $2::int8"
		 " AND ($3::int8 = 0 OR occurred_at <= $3::int8) AND ($4::text = '' OR actor = $4::text) ORDER BY id LIMIT $5::int8",
	[PRUNE] = PRUNE_SQL,
};

_Static_assert(AUDIT_REFUSED == 2, "PRUNE says so");

struct postgres_audit {
	struct audit port;
	struct connection connection;
	struct parameters parameters; /* of the statement that is being sent */
};

static struct postgres_audit *audit_of(struct audit *port)
{
	assert(port != NULL);
	return container_of(port, struct postgres_audit, port);
}

/* Runs the statement with what is in the parameters, and empties them. *ret_answer is the caller's when it is STORE_OK. */
static enum store_result query(struct postgres_audit *audit, uint32_t statement, PGresult **ret_answer)
{
	assert(statement < STATEMENT_COUNT && ret_answer != NULL);
	audit->connection.deadline_ns = audit->port.deadline_ns;
	enum store_result result = connection_query(&audit->connection, statement, &audit->parameters, ret_answer);
	parameters_clear(&audit->parameters);
	return result;
}

static enum store_result run(struct postgres_audit *audit, uint32_t statement)
{
	assert(statement == APPEND || statement == PRUNE);
	PGresult *answer;
	enum store_result result = query(audit, statement, &answer);
	if (result == STORE_OK)
		PQclear(answer);
	return result;
}

static enum store_result postgres_append(struct audit *port, const struct audit_record *records, uint32_t count)
{
	assert(records != NULL || count == 0);
	struct postgres_audit *audit = audit_of(port);
	for (uint32_t i = 0; i < count; i++)
		stored_audit_put(parameter_places(&audit->parameters), &records[i]);
	return count == 0 ? STORE_OK : run(audit, APPEND);
}

static enum store_result postgres_list(struct audit *port, const struct audit_filter *filter, const struct uuid *after, uint32_t limit,
                                       struct arena *arena, struct audit_list *ret_list)
{
	assert(filter != NULL && limit > 0 && arena != NULL && ret_list != NULL);
	static const struct uuid before_all;
	struct postgres_audit *audit = audit_of(port);
	PGresult *answer;
	scalar_uuid(&audit->parameters, 0, after == NULL ? &before_all : after);
	scalar_uint(&audit->parameters, 1, filter->from_ms);
	scalar_uint(&audit->parameters, 2, filter->until_ms);
	scalar_bytes(&audit->parameters, 3, text_or_empty(filter->actor));
	scalar_int(&audit->parameters, 4, limit);
	enum store_result result = query(audit, LIST, &answer);
	if (result != STORE_OK)
		return result;
	uint32_t count = (uint32_t)PQntuples(answer);
	*ret_list = (struct audit_list){.records = arena_allocate_array(arena, count, sizeof *ret_list->records), .count = count};
	bool is_right = ret_list->records != NULL;
	for (uint32_t i = 0; is_right && i < count; i++) {
		struct tuple tuple = {.answer = answer, .row = (int)i};
		is_right = stored_audit_read(tuple_columns(&tuple), arena, &ret_list->records[i]);
	}
	PQclear(answer);
	return is_right ? STORE_OK : STORE_CORRUPT;
}

static enum store_result postgres_prune(struct audit *port, uint32_t kept)
{
	assert(kept > 0);
	struct postgres_audit *audit = audit_of(port);
	scalar_int(&audit->parameters, 0, (int64_t)kept - 1);
	return run(audit, PRUNE);
}

static void postgres_free(struct audit *port)
{
	assert(port != NULL);
	struct postgres_audit *audit = audit_of(port);
	connection_release(&audit->connection);
	parameters_release(&audit->parameters);
	free(audit);
}

static const struct audit_operations operations = {
	.append = postgres_append,
	.list = postgres_list,
	.prune = postgres_prune,
	.free = postgres_free,
};

enum error postgres_audit_open(const char *dsn, struct audit **ret_audit, char message[static POSTGRES_MESSAGE_MAX])
{
	assert(dsn != NULL && ret_audit != NULL);
	struct postgres_audit *audit = calloc(1, sizeof *audit);
	if (audit == NULL)
		return ERR_NO_MEMORY;
	audit->port = (struct audit){.operations = &operations};
	parameters_init(&audit->parameters);
	enum error error = connection_open(dsn, statements, STATEMENT_COUNT, &audit->connection, message);
	if (error != OK) {
		free(audit);
		return error;
	}
	audit->connection.waits_for_session = true;
	*ret_audit = &audit->port;
	return OK;
}
