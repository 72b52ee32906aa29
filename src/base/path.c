/* path.c: see path.h. */
#include "base/path.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *path_name(const char *path)
{
	assert(path != NULL);
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

bool path_folder(const char *path, char *folder, size_t size)
{
	assert(path != NULL && folder != NULL);
	size_t length = (size_t)(path_name(path) - path);
	int written = length == 0 ? snprintf(folder, size, ".") : snprintf(folder, size, "%.*s", (int)length, path);
	return written > 0 && (size_t)written < size;
}

bool path_is_same_file(const char *one, const char *other)
{
	assert(one != NULL && other != NULL);
	struct stat first, second;
	return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}
