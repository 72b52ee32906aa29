/* file_owner.c: see file_owner.h. */
#include "base/file_owner.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

#define PATH_BYTES_MAX 4096

bool file_owner_as_folder(int file, const char *path)
{
	assert(file >= 0 && path != NULL && strlen(path) < PATH_BYTES_MAX);
	char folder[PATH_BYTES_MAX];
	struct stat status;
	if (geteuid() != 0)
		return true;
	return path_folder(path, folder, sizeof folder) && stat(folder, &status) == 0 && fchown(file, status.st_uid, status.st_gid) == 0;
}
