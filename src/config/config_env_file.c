/* config_env_file.c: see config_env_file.h. */
#include "config/config_env_file.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "config/config_file.h"

#define FLAG "--env-file"

/* NULL: it is not given. False: it lacks its value. */
static bool take_path(int *argc, char **argv, const char **ret_path)
{
	const size_t length = sizeof FLAG - 1;
	int kept = 1, at = 1;
	const char *path = NULL;
	for (; at < *argc && strcmp(argv[at], "--") != 0; at++) {
		if (strncmp(argv[at], FLAG "=", length + 1) == 0)
			path = argv[at] + length + 1;
		else if (strcmp(argv[at], FLAG) != 0)
			argv[kept++] = argv[at];
		else if (at + 1 == *argc)
			return false;
		else
			path = argv[++at];
	}
	while (at < *argc)
		argv[kept++] = argv[at++];
	argv[kept] = NULL;
	*argc = kept;
	*ret_path = path;
	return true;
}

/* Takes quotes, and what they escape, out of a value, in place. False: a quote does not end with the value. */
static bool unquote(char *value)
{
	char quote = *value, *to = value;
	if (quote != '"' && quote != '\'')
		return true;
	for (const char *from = value + 1; *from != '\0'; from++) {
		if (*from == quote) {
			*to = '\0';
			return from[1] == '\0';
		}
		if (quote == '"' && *from == '\\' && from[1] != '\0')
			from++;
		*to++ = *from;
	}
	return false;
}

/* Cuts the blanks off both ends. */
static char *trim(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	size_t length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text;
}

static bool is_setting(char *line)
{
	char *value = strchr(line, '=');
	if (value == NULL || value == line || isdigit((unsigned char)*line))
		return false;
	for (const char *name = line; name < value; name++)
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	return unquote(value + 1);
}

/* The lines of the text, cut in place, behind the environment. NULL: *ret_line is the one that is wrong; 0: out of memory. */
static char *const *join(char *const *environment, char *text, struct arena *arena, uint32_t *ret_line)
{
	size_t count = 0, lines = 1;
	for (; environment[count] != NULL; count++)
		;
	for (const char *at = text; *at != '\0'; at++)
		lines += *at == '\n';
	*ret_line = 0;
	char **all = arena_allocate(arena, (count + lines + 1) * sizeof *all);
	if (all == NULL)
		return NULL;
	memcpy(all, environment, count * sizeof *all);
	for (char *next = text; next != NULL;) {
		char *line = next, *end = strchr(next, '\n');
		next = end == NULL ? NULL : end + 1;
		if (end != NULL)
			*end = '\0';
		++*ret_line;
		line = trim(line);
		if (*line == '\0' || *line == '#' || *line == ';')
			continue;
		if (!is_setting(line))
			return NULL;
		all[count++] = line;
	}
	all[count] = NULL;
	return all;
}

enum config_result config_env_file_take(int *argc, char **argv, char *const *environment, struct arena *arena,
                                        char *const **ret_environment, const char **ret_message)
{
	assert(argc != NULL && argv != NULL && environment != NULL && arena != NULL && ret_environment != NULL && ret_message != NULL);
	const char *path = NULL, *text = NULL;
	uint32_t line = 0;
	*ret_message = FLAG " needs the name of a file";
	if (!take_path(argc, argv, &path) || (path != NULL && *path == '\0'))
		return CONFIG_WRONG_USAGE;
	*ret_environment = environment;
	if (path == NULL)
		return CONFIG_OK;
	if (!config_file_text(FLAG, path, arena, &text, ret_message))
		return CONFIG_BAD_VALUE;
	char *copy = (char *)(uintptr_t)arena_copy(arena, slice_of(text)).data;
	*ret_message = "out of memory";
	char *const *all = copy == NULL ? NULL : join(environment, copy, arena, &line);
	if (all == NULL && line > 0) {
		struct slice message = arena_format(arena, "%s:%u: must be NAME=value, or a comment that begins with #", path, line);
		*ret_message = message.data == NULL ? path : message.data;
	}
	if (all == NULL)
		return CONFIG_BAD_VALUE;
	*ret_environment = all;
	return CONFIG_OK;
}
