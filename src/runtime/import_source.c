/* import_source.c: reads by descriptor. */
#include "runtime/import_source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "runtime/terminal.h"

#define PIECE 65536

/* A file without a name, which goes with the process. */
static int open_copy(void)
{
	const char *folder = getenv("TMPDIR");
	char path[4096];
	int length = snprintf(path, sizeof path, "%s/tro-import-XXXXXX", folder == NULL || folder[0] == '\0' ? "/tmp" : folder);
	if (length < 0 || (size_t)length >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int copy = mkostemp(path, O_CLOEXEC);
	if (copy >= 0)
		unlink(path);
	return copy;
}

bool import_source_open(const char *path, struct import_source *ret_source)
{
	assert(path != NULL && ret_source != NULL);
	struct stat status;
	struct import_source source = {.path = path, .copy = -1};
	bool is_input = strcmp(path, "-") == 0;
	source.file = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	bool is_open = source.file >= 0 && fstat(source.file, &status) == 0;
	if (is_open && S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		is_open = false;
	}
	if (!is_open) {
		complain("%s cannot be read: %s", path, strerror(errno));
		if (source.file > STDIN_FILENO)
			close(source.file);
		return false;
	}
	source.start = S_ISREG(status.st_mode) ? lseek(source.file, 0, SEEK_CUR) : -1;
	if (source.start >= 0) {
		*ret_source = source;
		return true;
	}
	source.copy = open_copy();
	if (source.copy < 0) {
		complain("%s cannot be kept in a temporary file: %s", path, strerror(errno));
		import_source_close(&source);
		return false;
	}
	*ret_source = source;
	return true;
}

void import_source_close(struct import_source *source)
{
	assert(source != NULL);
	if (source->file > STDIN_FILENO)
		close(source->file);
	if (source->copy >= 0)
		close(source->copy);
}

static bool write_all(int file, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(file, bytes, length);
		if (written < 0 && errno != EINTR)
			return false;
		bytes += written < 0 ? 0 : written;
		length -= written < 0 ? 0 : (size_t)written;
	}
	return true;
}

bool import_source_read(void *context, char *bytes, size_t size, size_t *ret_length)
{
	struct import_source *source = context;
	assert(bytes != NULL && size > 0 && ret_length != NULL);
	ssize_t length;
	do
		length = read(source->file, bytes, size < PIECE ? size : PIECE);
	while (length < 0 && errno == EINTR);
	if (length < 0 || (source->copy >= 0 && !write_all(source->copy, bytes, (size_t)length))) {
		source->error = errno;
		return false;
	}
	*ret_length = (size_t)length;
	return true;
}

bool import_source_rewind(struct import_source *source)
{
	assert(source != NULL);
	if (source->copy >= 0) {
		if (source->file > STDIN_FILENO)
			close(source->file);
		source->file = source->copy;
		source->copy = -1;
		source->start = 0;
	}
	bool is_done = lseek(source->file, source->start, SEEK_SET) == source->start;
	source->error = is_done ? source->error : errno;
	return is_done;
}

struct slice import_source_read_all(const char *path, size_t size_max, struct arena *arena)
{
	assert(path != NULL && arena != NULL);
	struct buffer text;
	size_t length = 0;
	buffer_init(&text, arena, size_max + PIECE);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct import_source source = {.path = path, .file = file, .copy = -1};
	bool is_read = file >= 0;
	source.error = errno;
	do {
		char *room = is_read ? buffer_reserve(&text, PIECE) : NULL;
		is_read = is_read && room != NULL && import_source_read(&source, room, PIECE, &length);
		text.length += is_read ? length : 0;
	} while (is_read && length > 0 && text.length <= size_max);
	if (file >= 0)
		close(file);
	if (!is_read && !text.failed)
		complain("%s cannot be read: %s", path, strerror(source.error));
	else if (!is_read || text.length > size_max)
		complain("%s is larger than %zu bytes", path, size_max);
	else
		return text.length == 0 ? SLICE("") : buffer_slice(&text);
	return (struct slice){0};
}
