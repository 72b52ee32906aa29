/* test_path.c: folders and names of paths, and files with several names. */
#include "base/path.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void a_path_is_its_folder_and_its_name(void **state)
{
	(void)state;
	static const char *const cases[][3] = {{"a", ".", "a"},  {"/a", "/", "a"}, {"b/a", "b/", "a"}, {"/c//b/a.db", "/c//b/", "a.db"},
	                                       {"b/", "b/", ""}, {"", ".", ""}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char folder[16];
		assert_true(path_folder(cases[i][0], folder, sizeof folder));
		assert_string_equal(folder, cases[i][1]);
		assert_string_equal(path_name(cases[i][0]), cases[i][2]);
	}
}

static void a_folder_that_does_not_fit_is_told(void **state)
{
	(void)state;
	char folder[4];
	assert_true(path_folder("ab/c", folder, sizeof folder));
	assert_false(path_folder("abc/d", folder, sizeof folder));
	assert_false(path_folder("d", folder, 1));
}

static void a_file_may_have_several_names(void **state)
{
	(void)state;
	char folder[] = "/tmp/test_path_XXXXXX", names[3][64];
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < 3; i++)
		(void)snprintf(names[i], sizeof names[i], "%s/%zu", folder, i);
	int file = open(names[0], O_CREAT | O_WRONLY, 0600);
	assert_true(file >= 0 && close(file) == 0);
	assert_int_equal(link(names[0], names[1]), 0);
	assert_true(path_is_same_file(names[0], names[1]));
	assert_false(path_is_same_file(names[0], names[2]));
	assert_int_equal(symlink(names[0], names[2]), 0);
	assert_true(path_is_same_file(names[1], names[2]));
	assert_int_equal(unlink(names[0]), 0);
	assert_false(path_is_same_file(names[1], names[2])); /* it leads nowhere */
	assert_false(path_is_same_file(names[2], names[2]));
	assert_int_equal(unlink(names[1]) + unlink(names[2]) + rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_its_folder_and_its_name),
		cmocka_unit_test(a_folder_that_does_not_fit_is_told),
		cmocka_unit_test(a_file_may_have_several_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
