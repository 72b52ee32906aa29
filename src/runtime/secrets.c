/* secrets.c: JWT_SECRET=… and PAYMENT_SECRET=…, one a line, as an environment file. */
#include "runtime/secrets.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file_owner.h"
#include "base/hex.h"
#include "runtime/process.h"
#include "runtime/terminal.h"

#define SECRET_BYTES 32
#define FILE_MAX 4096

static bool draw_secret(char text[static 2 * SECRET_BYTES + 1])
{
	uint8_t bytes[SECRET_BYTES];
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return false;
	*hex_encode(bytes, sizeof bytes, text) = '\0';
	return true;
}

/* Under another name first, then linked, so that nobody reads half a file, and of two that start at once one wins. */
static enum error create_file(const char *data_dir, const char *path)
{
	char jwt[2 * SECRET_BYTES + 1], payment[2 * SECRET_BYTES + 1], temporary[4096];
	if (!process_make_folder(data_dir, NULL, 0))
		return ERR_SYSTEM;
	int length = snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
	if (length < 0 || (size_t)length >= sizeof temporary || !draw_secret(jwt) || !draw_secret(payment))
		return ERR_SYSTEM;
	int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return ERR_SYSTEM;
	bool is_written = file_owner_as_folder(file, path) && dprintf(file, "JWT_SECRET=%s\nPAYMENT_SECRET=%s\n", jwt, payment) > 0 &&
	                  fsync(file) == 0;
	is_written = close(file) == 0 && is_written;
	if (is_written && link(temporary, path) != 0 && errno != EEXIST)
		is_written = false;
	int saved = errno;
	unlink(temporary);
	errno = saved;
	return is_written ? OK : ERR_SYSTEM;
}

static enum error read_file(const char *path, char text[static FILE_MAX])
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
	ssize_t length = read(file, text, FILE_MAX - 1);
	close(file);
	if (length < 0)
		return ERR_SYSTEM;
	text[length] = '\0';
	return OK;
}

/* The value of "NAME=" at the start of a line; data is NULL when it is not there. */
static struct slice find_value(const char *text, const char *name)
{
	size_t name_length = strlen(name);
	for (const char *line = text; line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n');
		size_t length = end == NULL ? strlen(line) : (size_t)(end - line);
		if (length > name_length && memcmp(line, name, name_length) == 0 && line[name_length] == '=')
			return (struct slice){.data = line + name_length + 1, .length = length - name_length - 1};
		line = end == NULL ? NULL : end + 1;
	}
	return (struct slice){0};
}

enum error secrets_fill(struct config *config, bool may_create, struct arena *arena)
{
	assert(config != NULL && arena != NULL);
	bool needs_jwt = config->auth.jwt_secrets.count == 0 && !config_has_public_keys(&config->auth);
	bool needs_payment = config->auth.payment_secrets.count == 0;
	if (!needs_jwt && !needs_payment)
		return OK;
	struct slice path = arena_format(arena, "%s/secrets", config->systems.data_dir);
	if (path.data == NULL)
		return ERR_NO_MEMORY;
	char text[FILE_MAX];
	enum error error = read_file(path.data, text);
	if (error == ERR_NOT_FOUND && may_create) {
		error = create_file(config->systems.data_dir, path.data);
		if (error == OK)
			error = read_file(path.data, text);
	}
	if (error != OK)
		return error;
	struct slice jwt = find_value(text, "JWT_SECRET"), payment = find_value(text, "PAYMENT_SECRET");
	if (jwt.length < SECRET_BYTES || payment.length < SECRET_BYTES)
		return ERR_CORRUPT;
	jwt = arena_copy(arena, jwt);
	payment = arena_copy(arena, payment);
	if (jwt.data == NULL || payment.data == NULL)
		return ERR_NO_MEMORY;
	if (needs_jwt) {
		config->auth.jwt_secrets.items[0] = jwt;
		config->auth.jwt_secrets.count = 1;
	}
	if (needs_payment) {
		config->auth.payment_secrets.items[0] = payment;
		config->auth.payment_secrets.count = 1;
	}
	return OK;
}

int secrets_need(const struct invocation *invocation)
{
	const char *data_dir = invocation->config->systems.data_dir;
	switch (secrets_fill(invocation->config, false, invocation->arena)) {
	case OK:
		return EXIT_DONE;
	case ERR_NOT_FOUND:
		return complain("JWT_SECRET and PAYMENT_SECRET are not set, and no server has made %s/secrets yet", data_dir);
	case ERR_CORRUPT:
		return complain("%s/secrets is not as it was written: it has JWT_SECRET= and PAYMENT_SECRET=, one a line", data_dir);
	default:
		return complain("%s/secrets cannot be read: %s", data_dir, strerror(errno));
	}
}
