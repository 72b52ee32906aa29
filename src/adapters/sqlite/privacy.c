/* privacy.c: the privacy port on the file: one write transaction, then a file that is written anew. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/sql/stored_audit.h"
#include "adapters/sql/stored_privacy.h"
#include "adapters/sqlite/database.h"
#include "adapters/sqlite/rows.h"
#include "base/list.h"
#include "base/now.h"

#define CACHE_KIB 8192
#define ITEM_MEMORY_MAX (256 * 1024 * 1024) /* an event with a million seats */
#define MEMBER_MAX 4096
#define SCRUB_PAUSE_MS 100
#define SCRUB_LOCK_TRIES 10
#define SCRUB_LOCK_PAUSE_MS 2

#define STREAMS_OF_USER "(SELECT hold_id FROM holds WHERE user = ?1 UNION ALL SELECT order_id FROM orders WHERE user = ?1)"

#define IS_EXPORT "action = '" PRIVACY_EXPORT_ACTION "'"
#define AUDIT_OF_USER "actor = ?1 OR (" IS_EXPORT " AND target = ?1)"
/* Of an export the user is the target, of all else the actor, with an address of their own. */
#define SET_AUDIT \
	"actor = CASE WHEN " IS_EXPORT " THEN actor ELSE ?2 END, target = CASE WHEN " IS_EXPORT " THEN ?2 ELSE target END," \
	" address = CASE WHEN " IS_EXPORT " THEN address ELSE '' END"

enum {
	SELECT_PART, /* one for each */
	BEGIN_READ = SELECT_PART + PRIVACY_PART_COUNT,
	BEGIN_WRITE,
	COMMIT,
	SELECT_OWNER,
	FORGET_KEYS,
	REPLACE_HOLD,
	REPLACE_ORDER,
	REPLACE_EVENTS,
	REPLACE_ACT,
	REPLACE_AUDIT,
	REPLACE_AUDIT_OF,
	RECORD,
	FIND_RECORD,
	RAISE_EPOCH,
	IS_SCRUB_DUE,
	SCRUB_DONE,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[PRIVACY_HOLDS] = "SELECT " HOLD_COLUMNS " FROM holds WHERE user = ?1 ORDER BY hold_id",
	[PRIVACY_ORDERS] = "SELECT " ORDER_COLUMNS " FROM orders WHERE user = ?1 ORDER BY order_id",
	[PRIVACY_PAYMENTS] = "SELECT " PAYMENT_COLUMNS
			     " FROM payments WHERE order_id IN (SELECT order_id FROM orders WHERE user = ?1) ORDER BY transaction_id",
	[PRIVACY_REFUNDS] =
		"SELECT " REFUND_COLUMNS " FROM refunds WHERE order_id IN (SELECT order_id FROM orders WHERE user = ?1) ORDER BY refund_id",
	[PRIVACY_EVENTS] = "SELECT " EVENT_COLUMNS " FROM events WHERE stream_id IN " STREAMS_OF_USER " ORDER BY position",
	[PRIVACY_ACTS] = "SELECT " EVENT_COLUMNS " FROM events WHERE actor = ?1 AND stream_id NOT IN " STREAMS_OF_USER " ORDER BY position",
	[PRIVACY_AUDIT] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE " AUDIT_OF_USER " ORDER BY id",
	[BEGIN_READ] = "BEGIN",
	[BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[SELECT_OWNER] = "SELECT user FROM holds WHERE hold_id = ?1 UNION ALL SELECT user FROM orders WHERE order_id = ?1",
	[FORGET_KEYS] = "DELETE FROM keys WHERE idempotency_key IN"
			" (SELECT idempotency_key FROM events WHERE stream_id = ?1 AND idempotency_key IS NOT NULL)",
	[REPLACE_HOLD] = "UPDATE holds SET user = ?2 WHERE hold_id = ?1 AND user = ?3",
	[REPLACE_ORDER] = "UPDATE orders SET user = ?2 WHERE order_id = ?1 AND user = ?3",
	[REPLACE_EVENTS] = "UPDATE events SET actor = CASE actor WHEN ?3 THEN ?2 ELSE actor END, data = replace(data, ?4, ?5),"
			   " idempotency_key = NULL, fingerprint = NULL WHERE stream_id = ?1",
	[REPLACE_ACT] = "UPDATE events SET actor = ?2 WHERE id = ?1",
	[REPLACE_AUDIT] = "UPDATE audit SET " SET_AUDIT " WHERE id = ?1",
	[REPLACE_AUDIT_OF] = "UPDATE audit SET " SET_AUDIT " WHERE (" AUDIT_OF_USER ") AND occurred_at <= ?3",
	[RECORD] = "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[FIND_RECORD] = "SELECT 1 FROM audit WHERE id = ?1",
	[RAISE_EPOCH] = "INSERT INTO meta (name, value) VALUES ('scrub', 1), ('epoch', 1)"
			" ON CONFLICT (name) DO UPDATE SET value = CASE name WHEN 'epoch' THEN value + 1 ELSE 1 END",
	[IS_SCRUB_DUE] = "SELECT value FROM meta WHERE name = 'scrub'",
	[SCRUB_DONE] = "UPDATE meta SET value = 0 WHERE name = 'scrub'",
};

struct sqlite_privacy {
	struct privacy port;
	struct database database;
	struct arena item;
};

static struct sqlite_privacy *privacy_of(struct privacy *port)
{
	assert(port != NULL);
	return container_of(port, struct sqlite_privacy, port);
}

static enum store_result result_of(struct sqlite_privacy *privacy, int code)
{
	assert(privacy->database.handle != NULL);
	enum store_result result = database_result(code);
	if (result != STORE_OK)
		(void)snprintf(privacy->port.problem, sizeof privacy->port.problem, "%s", sqlite3_errmsg(privacy->database.handle));
	return result;
}

static enum store_result sqlite_begin(struct privacy *port, bool to_forget)
{
	struct sqlite_privacy *privacy = privacy_of(port);
	assert(sqlite3_get_autocommit(privacy->database.handle) != 0);
	return result_of(privacy, database_begin(&privacy->database, to_forget ? BEGIN_WRITE : BEGIN_READ));
}

static enum store_result sqlite_each(struct privacy *port, enum privacy_part part, struct slice user,
                                     bool (*take)(void *context, enum privacy_part part, const void *item), void *context)
{
	assert(part < PRIVACY_PART_COUNT && take != NULL);
	struct sqlite_privacy *privacy = privacy_of(port);
	sqlite3_stmt *select = privacy->database.statements[part];
	int code;
	bind_text(select, 1, user);
	while ((code = database_step(&privacy->database, part)) == SQLITE_ROW) {
		if (!stored_privacy_take(statement_columns(select), part, &privacy->item, take, context)) {
			code = SQLITE_CORRUPT;
			break;
		}
	}
	database_reset(&privacy->database, part);
	return result_of(privacy, code);
}

static bool is_new(const struct slice *users, uint32_t count, struct slice user)
{
	assert(users != NULL);
	for (uint32_t i = 0; i < count; i++)
		if (slice_equal(users[i], user))
			return false;
	return true;
}

/* A hold or order that the store does not have is nobody's. */
static enum store_result sqlite_owners(struct privacy *port, const struct privacy_traces *traces, struct slice pseudonym,
                                       struct arena *arena, struct slice **ret_users, uint32_t *ret_count)
{
	assert(traces != NULL && arena != NULL && ret_users != NULL && ret_count != NULL);
	struct sqlite_privacy *privacy = privacy_of(port);
	sqlite3_stmt *select = privacy->database.statements[SELECT_OWNER];
	struct slice *users = arena_allocate_array(arena, traces->stream_count, sizeof *users);
	uint32_t count = 0;
	int code = users == NULL ? SQLITE_NOMEM : SQLITE_DONE;
	for (uint32_t i = 0; code == SQLITE_DONE && i < traces->stream_count; i++) {
		bind_uuid(select, 1, &traces->streams[i]);
		code = database_step(&privacy->database, SELECT_OWNER);
		struct slice user = code == SQLITE_ROW ? column_text(select, 0) : (struct slice){0};
		if (code == SQLITE_ROW && !slice_equal(user, pseudonym) && is_new(users, count, user))
			users[count++] = arena_copy(arena, user);
		database_reset(&privacy->database, SELECT_OWNER);
		code = code == SQLITE_ROW ? SQLITE_DONE : code;
	}
	*ret_users = users;
	*ret_count = count;
	return result_of(privacy, code);
}

/* The parameters of a replacement's statements, besides the id. */
struct replacement {
	struct slice user, pseudonym, old_member, new_member;
};

/* Statements that name fewer parameters ignore the rest. */
static int replace_one(struct sqlite_privacy *privacy, uint32_t statement, const struct uuid *id, const struct replacement *with)
{
	assert(statement >= FORGET_KEYS && statement <= REPLACE_AUDIT);
	sqlite3_stmt *update = privacy->database.statements[statement];
	int parameters = sqlite3_bind_parameter_count(update);
	bind_uuid(update, 1, id);
	if (parameters >= 2)
		bind_text(update, 2, with->pseudonym);
	if (parameters >= 3)
		bind_text(update, 3, with->user);
	if (parameters >= 5) {
		bind_text(update, 4, with->old_member);
		bind_text(update, 5, with->new_member);
	}
	return database_run(&privacy->database, statement);
}

/* Whether this stream is the user's is looked at: a stream of the traces may be another one's, when it was forgotten twice. */
static int replace_stream(struct sqlite_privacy *privacy, const struct uuid *id, const struct replacement *with)
{
	assert(id != NULL && with->user.length > 0);
	int code = replace_one(privacy, REPLACE_HOLD, id, with);
	int changed = sqlite3_changes(privacy->database.handle);
	if (code == SQLITE_OK && changed == 0) {
		code = replace_one(privacy, REPLACE_ORDER, id, with);
		changed = sqlite3_changes(privacy->database.handle);
	}
	if (code != SQLITE_OK || changed == 0)
		return code;
	code = replace_one(privacy, FORGET_KEYS, id, with);
	return code == SQLITE_OK ? replace_one(privacy, REPLACE_EVENTS, id, with) : code;
}

static int replace_audit_of(struct sqlite_privacy *privacy, const struct replacement *with, uint64_t until_ms)
{
	assert(with->user.length > 0);
	sqlite3_stmt *update = privacy->database.statements[REPLACE_AUDIT_OF];
	bind_text(update, 1, with->user);
	bind_text(update, 2, with->pseudonym);
	bind_uint(update, 3, until_ms);
	return database_run(&privacy->database, REPLACE_AUDIT_OF);
}

static enum store_result sqlite_replace(struct privacy *port, const struct privacy_traces *traces, struct slice user,
                                        struct slice pseudonym)
{
	assert(traces != NULL && pseudonym.length > 0);
	struct sqlite_privacy *privacy = privacy_of(port);
	struct buffer old_member, new_member;
	arena_clear(&privacy->item);
	buffer_init(&old_member, &privacy->item, MEMBER_MAX);
	buffer_init(&new_member, &privacy->item, MEMBER_MAX);
	stored_user_member(&old_member, user);
	stored_user_member(&new_member, pseudonym);
	const struct replacement with = {
		.user = user, .pseudonym = pseudonym, .old_member = buffer_slice(&old_member), .new_member = buffer_slice(&new_member)};
	int code = old_member.failed || new_member.failed ? SQLITE_TOOBIG : database_run(&privacy->database, RAISE_EPOCH);
	for (uint32_t i = 0; user.length > 0 && code == SQLITE_OK && i < traces->stream_count; i++)
		code = replace_stream(privacy, &traces->streams[i], &with);
	for (uint32_t i = 0; code == SQLITE_OK && i < traces->act_count; i++)
		code = replace_one(privacy, REPLACE_ACT, &traces->acts[i], &with);
	for (uint32_t i = 0; code == SQLITE_OK && i < traces->audit_count; i++)
		code = replace_one(privacy, REPLACE_AUDIT, &traces->audit[i], &with);
	if (user.length > 0 && code == SQLITE_OK)
		code = replace_audit_of(privacy, &with, traces->at_ms);
	return result_of(privacy, code);
}

static enum store_result sqlite_is_recorded(struct privacy *port, const struct uuid *id, bool *ret_is)
{
	assert(id != NULL && ret_is != NULL);
	struct sqlite_privacy *privacy = privacy_of(port);
	bind_uuid(privacy->database.statements[FIND_RECORD], 1, id);
	int code = database_step(&privacy->database, FIND_RECORD);
	database_reset(&privacy->database, FIND_RECORD);
	*ret_is = code == SQLITE_ROW;
	return result_of(privacy, code);
}

static enum store_result sqlite_record(struct privacy *port, const struct audit_record *record)
{
	assert(record != NULL);
	struct sqlite_privacy *privacy = privacy_of(port);
	stored_audit_put(statement_places(privacy->database.statements[RECORD]), record);
	return result_of(privacy, database_run(&privacy->database, RECORD));
}

static enum store_result sqlite_end(struct privacy *port, bool commits)
{
	struct sqlite_privacy *privacy = privacy_of(port);
	assert(privacy->database.handle != NULL);
	int code = commits ? database_run(&privacy->database, COMMIT) : SQLITE_OK;
	enum store_result result = result_of(privacy, code);
	if (!commits || code != SQLITE_OK)
		database_rollback(&privacy->database);
	return result;
}

/* A checkpoint that waits for readers keeps everybody from writing meanwhile: long enough to get the lock between two commits, and no
 * longer. */
static int wait_for_lock(void *context, int tries)
{
	assert(context == NULL && tries >= 0);
	(void)context;
	if (tries >= SCRUB_LOCK_TRIES)
		return 0;
	pause_ms(SCRUB_LOCK_PAUSE_MS);
	return 1;
}

/* Checkpoints until the log is empty: its pages are older than the file that was just written. A backup, which reads an older state of the
 * store, needs these pages until its end. */
static enum store_result empty_log(struct sqlite_privacy *privacy)
{
	sqlite3 *handle = privacy->database.handle;
	assert(sqlite3_get_autocommit(handle) != 0);
	uint64_t end_ms = monotonic_now_ms() + privacy->port.wait_max_ms;
	bool is_told = false;
	int code;
	(void)sqlite3_busy_handler(handle, wait_for_lock, NULL);
	while (((code = sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL)) & 0xff) == SQLITE_BUSY) {
		if (!is_told && privacy->port.waits != NULL)
			privacy->port.waits(privacy->port.wait_max_ms);
		is_told = true;
		if (monotonic_now_ms() >= end_ms)
			break;
		pause_ms(SCRUB_PAUSE_MS);
	}
	(void)sqlite3_busy_handler(handle, database_wait_for_lock, NULL);
	enum store_result result = result_of(privacy, code);
	if (result == STORE_BUSY)
		(void)snprintf(privacy->port.problem, sizeof privacy->port.problem,
		               "other programs have read it for %u s, such as a backup", (privacy->port.wait_max_ms + 999) / 1000);
	return result;
}

/* Pages keep what was in them, in their free space and when they are free: the file is written anew. Its copy on the way is a file without
 * a name, because memory may have no room for it. */
static enum store_result sqlite_scrub(struct privacy *port, bool always)
{
	struct sqlite_privacy *privacy = privacy_of(port);
	struct database *database = &privacy->database;
	assert(sqlite3_get_autocommit(database->handle) != 0);
	bool is_due =
		database_step(database, IS_SCRUB_DUE) == SQLITE_ROW && sqlite3_column_int64(database->statements[IS_SCRUB_DUE], 0) != 0;
	database_reset(database, IS_SCRUB_DUE);
	if (!is_due && !always)
		return STORE_OK;
	int code = database_execute(database, "PRAGMA temp_store = FILE; PRAGMA secure_delete = ON; VACUUM");
	enum store_result result = code == SQLITE_OK ? empty_log(privacy) : result_of(privacy, code);
	return result == STORE_OK ? result_of(privacy, database_run(database, SCRUB_DONE)) : result;
}

static void sqlite_free(struct privacy *port)
{
	struct sqlite_privacy *privacy = privacy_of(port);
	assert(privacy->database.statement_count <= STATEMENT_COUNT);
	database_release(&privacy->database);
	arena_release(&privacy->item);
	free(privacy);
}

static const struct privacy_operations operations = {
	.begin = sqlite_begin,
	.each = sqlite_each,
	.owners = sqlite_owners,
	.replace = sqlite_replace,
	.is_recorded = sqlite_is_recorded,
	.record = sqlite_record,
	.end = sqlite_end,
	.scrub = sqlite_scrub,
	.free = sqlite_free,
};

enum error sqlite_privacy_open(const char *path, struct privacy **ret_privacy, char message[static SQLITE_MESSAGE_MAX])
{
	assert(path != NULL && ret_privacy != NULL);
	struct sqlite_privacy *privacy = calloc(1, sizeof *privacy);
	if (privacy == NULL)
		return ERR_NO_MEMORY;
	privacy->port = (struct privacy){.operations = &operations, .wait_max_ms = PRIVACY_WAIT_MS};
	arena_init(&privacy->item, 64 * 1024, ITEM_MEMORY_MAX);
	const struct database_options options = {
		.path = path, .statements = statements, .statement_count = STATEMENT_COUNT, .cache_kib = CACHE_KIB, .syncs = true};
	enum error error = database_open(&options, &privacy->database, message);
	if (error != OK) {
		arena_release(&privacy->item);
		free(privacy);
		return error;
	}
	*ret_privacy = &privacy->port;
	return OK;
}
