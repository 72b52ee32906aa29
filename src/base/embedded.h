/* embedded.h: files of the source tree that are part of the binary (cmake/embed.cmake writes the tables).
 *
 * A table is in order of its file names and ends with a row whose name is NULL. */
#pragma once

#include <stddef.h>

struct embedded_file {
	const char *name; /* without its folder: "001_core.sql" */
	const char *data; /* followed by a zero byte that `length` does not count */
	size_t length;
};

/* db/sqlite/NNN_*.sql; linked into adapters/sqlite. */
extern const struct embedded_file embedded_sqlite_migrations[];
/* db/postgres/NNN_*.sql; linked into adapters/postgres. */
extern const struct embedded_file embedded_postgres_migrations[];
/* api/openapi.yaml; linked into http. */
extern const struct embedded_file embedded_openapi[];
/* The Lua scripts of src/adapters/redis; linked into adapters/redis. */
extern const struct embedded_file embedded_redis_scripts[];
