#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "adapters/sql/migration_files.h"

#define FILE_OF(file_name, text) \
	{ \
		.name = file_name, .data = text, .length = sizeof text - 1 \
	}

static const struct embedded_file files[] = {
	FILE_OF("001_core.sql", "CREATE TABLE a (x int);"),
	FILE_OF("007_more.sql", "-- floor: 5 is said in the first line\nDROP TABLE a;"),
	{.name = NULL},
};

static enum schema_fit judge(int64_t oldest, int64_t version, int64_t floor)
{
	return schema_judge(files, oldest, &(struct schema){.version = version, .floor = floor});
}

static void a_file_says_who_may_still_write(void **state)
{
	(void)state;
	assert_int_equal(migration_floor(&files[0]), 0);
	assert_int_equal(migration_floor(&files[1]), 5);
}

static void its_own_schema_fits_a_program(void **state)
{
	(void)state;
	assert_int_equal(judge(7, 7, 7), SCHEMA_FITS);
	assert_int_equal(judge(7, 7, 0), SCHEMA_FITS);
}

static void a_newer_schema_fits_when_it_says_so(void **state)
{
	(void)state;
	assert_int_equal(judge(7, 9, 7), SCHEMA_FITS);
	assert_int_equal(judge(7, 9, 1), SCHEMA_FITS);
	assert_int_equal(judge(7, 9, 8), SCHEMA_IS_NEWER);
	assert_int_equal(judge(7, 9, 0), SCHEMA_IS_NEWER);
}

static void an_older_schema_fits_as_far_as_the_program_reaches(void **state)
{
	(void)state;
	assert_int_equal(judge(7, 1, 1), SCHEMA_IS_OLDER);
	assert_int_equal(judge(1, 1, 1), SCHEMA_FITS);
	assert_int_equal(judge(1, 0, 0), SCHEMA_IS_OLDER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_says_who_may_still_write),
		cmocka_unit_test(its_own_schema_fits_a_program),
		cmocka_unit_test(a_newer_schema_fits_when_it_says_so),
		cmocka_unit_test(an_older_schema_fits_as_far_as_the_program_reaches),
	};
	return cmocka_run_group_tests_name("migration files", tests, NULL, NULL);
}
