/* audit.c: the audit port, in a table of the same file. */
#include <assert.h>
#include <stdlib.h>

#include "adapters/sql/stored_audit.h"
#include "adapters/sqlite/database.h"
#include "adapters/sqlite/rows.h"
#include "base/list.h"

#define CACHE_KIB 256

enum {
	BEGIN_APPEND,
	COMMIT_APPEND,
	APPEND,
	LIST,
	PRUNE,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[BEGIN_APPEND] = "BEGIN IMMEDIATE",
	[COMMIT_APPEND] = "COMMIT",
	[APPEND] = "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
	/* An end of 0 is none. */
	[LIST] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE id > ?1 AND occurred_at >= ?2 AND (?3 = 0 OR occurred_at <= ?3)"
		 " AND (?4 = '' OR actor = ?4) ORDER BY id LIMIT ?5",
	[PRUNE] = "DELETE FROM audit WHERE kind = 2 AND id < (SELECT id FROM audit WHERE kind = 2 ORDER BY id DESC LIMIT 1 OFFSET ?)",
};

_Static_assert(AUDIT_REFUSED == 2, "PRUNE says so");

struct sqlite_audit {
	struct audit port;
	struct database database;
};

static struct database *database_of(struct audit *port)
{
	assert(port != NULL);
	return &container_of(port, struct sqlite_audit, port)->database;
}

static enum store_result sqlite_append(struct audit *port, const struct audit_record *records, uint32_t count)
{
	assert(records != NULL || count == 0);
	struct database *database = database_of(port);
	int code = database_begin(database, BEGIN_APPEND);
	for (uint32_t i = 0; code == SQLITE_OK && i < count; i++) {
		stored_audit_put(statement_places(database->statements[APPEND]), &records[i]);
		code = database_run(database, APPEND);
	}
	if (code == SQLITE_OK)
		code = database_run(database, COMMIT_APPEND);
	if (code != SQLITE_OK)
		database_rollback(database);
	return database_result(code);
}

static int read_records(struct database *database, uint32_t limit, struct arena *arena, struct audit_list *ret_list)
{
	assert(ret_list->records != NULL);
	int code;
	while ((code = database_step(database, LIST)) == SQLITE_ROW) {
		assert(ret_list->count < limit);
		(void)limit;
		if (!stored_audit_read(statement_columns(database->statements[LIST]), arena, &ret_list->records[ret_list->count]))
			return SQLITE_CORRUPT;
		ret_list->count++;
	}
	return code;
}

static enum store_result sqlite_list(struct audit *port, const struct audit_filter *filter, const struct uuid *after, uint32_t limit,
                                     struct arena *arena, struct audit_list *ret_list)
{
	assert(filter != NULL && limit > 0 && arena != NULL && ret_list != NULL);
	static const struct uuid before_all;
	struct database *database = database_of(port);
	sqlite3_stmt *list = database->statements[LIST];
	*ret_list = (struct audit_list){.records = arena_allocate_array(arena, limit, sizeof *ret_list->records)};
	if (ret_list->records == NULL)
		return STORE_CORRUPT;
	bind_uuid(list, 1, after == NULL ? &before_all : after);
	bind_uint(list, 2, filter->from_ms);
	bind_uint(list, 3, filter->until_ms);
	bind_text(list, 4, text_or_empty(filter->actor));
	bind_int(list, 5, limit);
	int code = read_records(database, limit, arena, ret_list);
	database_reset(database, LIST);
	return database_result(code);
}

static enum store_result sqlite_prune(struct audit *port, uint32_t kept)
{
	assert(kept > 0);
	struct database *database = database_of(port);
	bind_int(database->statements[PRUNE], 1, (int64_t)kept - 1);
	return database_result(database_run(database, PRUNE));
}

static void sqlite_free(struct audit *port)
{
	assert(port != NULL);
	struct sqlite_audit *audit = container_of(port, struct sqlite_audit, port);
	database_release(&audit->database);
	free(audit);
}

static const struct audit_operations operations = {
	.append = sqlite_append,
	.list = sqlite_list,
	.prune = sqlite_prune,
	.free = sqlite_free,
};

enum error sqlite_audit_open(const char *path, struct audit **ret_audit, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL && ret_audit != NULL);
	struct sqlite_audit *audit = calloc(1, sizeof *audit);
	if (audit == NULL)
		return ERR_NO_MEMORY;
	audit->port = (struct audit){.operations = &operations};
	const struct database_options options = {
		.path = path, .statements = statements, .statement_count = STATEMENT_COUNT, .cache_kib = CACHE_KIB};
	enum error error = database_open(&options, &audit->database, message);
	if (error != OK) {
		free(audit);
		return error;
	}
	*ret_audit = &audit->port;
	return OK;
}
