/* config_file.c: reads the files that NAME_FILE names. */
#include "config/config_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool config_file_is_allowed(const struct config_key *key)
{
	assert(key != NULL);
	return key->kind == CONFIG_SECRET || key->kind == CONFIG_SECRETS || key->kind == CONFIG_DSN || key->kind == CONFIG_REDIS ||
	       key->kind == CONFIG_URL;
}

/* As much as there is, up to `size`; -1 with errno. A pipe may bring it in pieces. */
static ssize_t read_all(const char *path, char *text, size_t size)
{
	size_t length = 0;
	ssize_t count = -1;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file < 0)
		return -1;
	while (length < size && ((count = read(file, text + length, size - length)) > 0 || (count < 0 && errno == EINTR)))
		length += count > 0 ? (size_t)count : 0;
	int error = errno;
	close(file);
	errno = error;
	return count < 0 ? -1 : (ssize_t)length;
}

static bool fail(const char *name, const char *path, const char *why, struct arena *arena, const char **ret_message)
{
	struct slice message = arena_format(arena, "%s: %s %s", name, path, why);
	*ret_message = message.data == NULL ? name : message.data;
	return false;
}

bool config_file_text(const char *name, const char *path, struct arena *arena, const char **ret_text, const char **ret_message)
{
	assert(name != NULL && path != NULL && arena != NULL && ret_text != NULL && ret_message != NULL);

	char *text = arena_allocate(arena, CONFIG_FILE_MAX + 1);
	if (text == NULL)
		return fail(name, path, "cannot be read: out of memory", arena, ret_message);
	ssize_t read_length = read_all(path, text, CONFIG_FILE_MAX + 1);
	if (read_length < 0) {
		char why[256];
		snprintf(why, sizeof why, "cannot be read: %s", strerror(errno));
		return fail(name, path, why, arena, ret_message);
	}
	size_t length = (size_t)read_length;
	if (length > CONFIG_FILE_MAX)
		return fail(name, path, "is too long: at most 65536 bytes are read", arena, ret_message);
	if (length > 0 && text[length - 1] == '\n')
		length--;
	if (length > 0 && text[length - 1] == '\r')
		length--;
	if (length == 0)
		return fail(name, path, "is empty", arena, ret_message);
	if (memchr(text, '\0', length) != NULL)
		return fail(name, path, "is not a text: it has a zero byte", arena, ret_message);
	text[length] = '\0';
	*ret_text = text;
	return true;
}

bool config_file_read(const struct config_key *key, const char *path, const char *credentials, struct arena *arena, const char **ret_text,
                      const char **ret_message)
{
	assert(config_file_is_allowed(key) && path != NULL && *path != '\0');
	assert(arena != NULL && ret_text != NULL && ret_message != NULL);

	const char *name = arena_format(arena, "%s" CONFIG_FILE_SUFFIX, key->name).data;
	if (name == NULL)
		name = key->name;
	if (credentials != NULL && strchr(path, '/') == NULL) {
		path = arena_format(arena, "%s/%s", credentials, path).data;
		if (path == NULL)
			return fail(name, "the path", "is too long", arena, ret_message);
	}
	return config_file_text(name, path, arena, ret_text, ret_message);
}
