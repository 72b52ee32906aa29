/* rows.c: columns of a statement. */
#include "adapters/sqlite/rows.h"

#include "adapters/sqlite/database.h"

static int64_t get_int(void *source, int column)
{
	return sqlite3_column_int64(source, column);
}

static struct slice get_text(void *source, int column)
{
	return column_text(source, column);
}

struct columns statement_columns(sqlite3_stmt *statement)
{
	static const struct column_operations operations = {.get_int = get_int, .get_text = get_text};
	return (struct columns){.operations = &operations, .source = statement};
}
