/* migration_files.c: see migration_files.h. */
#include "adapters/sql/migration_files.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

int64_t migration_number(const struct embedded_file *file)
{
	assert(file != NULL && file->name != NULL);
	return strtol(file->name, NULL, 10);
}

int64_t migration_latest(const struct embedded_file *files)
{
	assert(files != NULL);
	assert(files[0].name != NULL);
	while (files[1].name != NULL)
		files++;
	return migration_number(files);
}

int64_t migration_checksum(const struct embedded_file *file)
{
	assert(file != NULL && file->data != NULL);
	static const struct hash_seed seed; /* it tells apart what people edit, not what enemies forge */
	return (int64_t)hash_bytes(&seed, file->data, file->length);
}

int64_t migration_floor(const struct embedded_file *file)
{
	static const char words[] = "-- floor: ";
	assert(file != NULL && file->data != NULL);
	if (strncmp(file->data, words, sizeof words - 1) != 0)
		return 0;
	int64_t floor = strtol(file->data + sizeof words - 1, NULL, 10);
	assert(floor > 0 && floor <= migration_number(file));
	return floor;
}

enum schema_fit schema_judge(const struct embedded_file *files, int64_t oldest, const struct schema *schema)
{
	int64_t known = migration_latest(files);
	assert(oldest <= known);
	if (schema->version > known)
		return schema->floor == 0 || schema->floor > known ? SCHEMA_IS_NEWER : SCHEMA_FITS;
	return schema->version < oldest ? SCHEMA_IS_OLDER : SCHEMA_FITS;
}

enum error migration_check(const struct embedded_file *file, int64_t number, const char *name, int64_t checksum,
                           char message[static MIGRATION_MESSAGE_MAX])
{
	assert(file != NULL && name != NULL);
	if (file->name == NULL)
		(void)snprintf(message, MIGRATION_MESSAGE_MAX,
		               "the database has migration %s, which this program does not have: use a newer one", name);
	else if (number > migration_number(file))
		(void)snprintf(message, MIGRATION_MESSAGE_MAX, "the database has migration %s, but lacks %s before it", name, file->name);
	else if (number < migration_number(file))
		(void)snprintf(message, MIGRATION_MESSAGE_MAX, "the database has migration %s, which this program does not have", name);
	else if (checksum != migration_checksum(file))
		(void)snprintf(message, MIGRATION_MESSAGE_MAX, "migration %s was edited after it was applied to the database", name);
	else
		return OK;
	return ERR_CORRUPT;
}
