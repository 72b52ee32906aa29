/* config_load.c: collects the values of keys from flags, environment and files. */
#include "config/config.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "config/config_env_file.h"
#include "config/config_file.h"
#include "config/config_keys.h"
#include "config/config_mask.h"
#include "config/config_value.h"

#define MESSAGE_MAX 4096

/* Goes past `name` in the spelling of flags; NULL: the text has another one. */
static const char *skip_name(const char *at, const char *name)
{
	for (; *name != '\0'; name++, at++) {
		if (*at != (*name == '_' ? '-' : tolower((unsigned char)*name)))
			return NULL;
	}
	return at;
}

static bool ends_name(const char *at)
{
	return at != NULL && (*at == '\0' || *at == '=');
}

/* A flag of the table: its key, and its value if that follows "=" in the same argument. */
struct named_flag {
	uint32_t index; /* of the key */
	bool is_file;   /* NAME_FILE */
	char *value;    /* NULL: in the next argument */
};

static bool find_flag(char *text, struct named_flag *ret_flag)
{
	if (text[0] != '-' || text[1] != '-')
		return false;
	for (uint32_t i = 0; i < config_key_count; i++) {
		const char *rest = skip_name(text + 2, config_keys[i].name);
		bool is_file = false;
		if (rest != NULL && !ends_name(rest) && config_file_is_allowed(&config_keys[i])) {
			rest = skip_name(rest, CONFIG_FILE_SUFFIX);
			is_file = true;
		}
		if (!ends_name(rest))
			continue;
		*ret_flag = (struct named_flag){.index = i, .is_file = is_file, .value = *rest == '=' ? text + (rest - text) + 1 : NULL};
		return true;
	}
	return false;
}

/* The value of the first "NAMEsuffix=value"; NULL when there is none, or an empty one. */
static const char *find_in_environment(char *const *environment, const char *name, const char *suffix)
{
	size_t length = strlen(name), suffix_length = strlen(suffix);
	for (; *environment != NULL; environment++) {
		const char *rest = *environment + length;
		if (strncmp(*environment, name, length) == 0 && strncmp(rest, suffix, suffix_length) == 0 && rest[suffix_length] == '=')
			return rest[suffix_length + 1] == '\0' ? NULL : rest + suffix_length + 1;
	}
	return NULL;
}

static void take_environment(struct config *config, char *const *environment, const struct config_initial *own)
{
	for (uint32_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		struct config_given *given = &config->given[i];
		*given = (struct config_given){.text = config_initial_of(key, own), .source = CONFIG_DEFAULT};
		const char *text = find_in_environment(environment, key->name, "");
		if (text != NULL) {
			given->text = text;
			given->source = CONFIG_ENVIRONMENT;
		}
		if (config_file_is_allowed(key)) {
			given->file = find_in_environment(environment, key->name, CONFIG_FILE_SUFFIX);
			given->file_source = CONFIG_ENVIRONMENT;
		}
	}
}

/* Copies a value of argv that may be a secret, and leaves *** there. NULL: out of memory. */
static const char *take_secret(char *value, struct arena *arena)
{
	size_t length = strlen(value);
	const char *copy = arena_copy(arena, slice_of(value)).data;
	memset(value, '*', length < 3 ? length : 3);
	if (length > 3)
		explicit_bzero(value + 3, length - 3);
	return copy;
}

/* An empty value takes back what the environment says. False: out of memory. */
static bool take_flag(struct config *config, const struct named_flag *flag, char *value, const struct config_initial *own,
                      struct arena *arena)
{
	const struct config_key *key = &config_keys[flag->index];
	struct config_given *given = &config->given[flag->index];
	if (flag->is_file) {
		given->file = *value == '\0' ? NULL : value;
		given->file_source = CONFIG_FLAG;
		return true;
	}
	bool is_set = *value != '\0';
	given->text = !is_set ? config_initial_of(key, own) : config_file_is_allowed(key) ? take_secret(value, arena) : value;
	given->source = is_set ? CONFIG_FLAG : CONFIG_DEFAULT;
	return !is_set || given->text != NULL;
}

/* Moves what is not ours to the front. False with *ret_message: a flag lacks its value. */
static bool take_flags(struct config *config, int *argc, char **argv, const struct config_initial *own, struct arena *arena,
                       const char **ret_message)
{
	int kept = 1;
	int at = 1;
	for (; at < *argc && strcmp(argv[at], "--") != 0; at++) {
		struct named_flag flag;
		if (!find_flag(argv[at], &flag)) {
			argv[kept++] = argv[at];
			continue;
		}
		if (flag.value == NULL && at + 1 == *argc) {
			struct slice message = arena_format(arena, "%s needs a value", argv[at]);
			*ret_message = message.data == NULL ? argv[at] : message.data;
			return false;
		}
		char *value = flag.value != NULL ? flag.value : argv[++at];
		if (!take_flag(config, &flag, value, own, arena)) {
			*ret_message = "out of memory";
			return false;
		}
	}
	while (at < *argc)
		argv[kept++] = argv[at++];
	argv[kept] = NULL;
	*argc = kept;
	return true;
}

/* Puts the text of its file in the place of a value. Of one in a flag and one in the environment the flag wins; two of the same place
 * contradict each other. False with *ret_message. */
static bool take_file(struct config_given *given, const struct config_key *key, const char *credentials, struct arena *arena,
                      const char **ret_message)
{
	if (given->file == NULL)
		return true;
	if (given->source > given->file_source) {
		given->file = NULL;
		return true;
	}
	if (given->source == given->file_source) {
		struct slice message = arena_format(arena, "%s and %s" CONFIG_FILE_SUFFIX " are both set: set one", key->name, key->name);
		*ret_message = message.data == NULL ? key->name : message.data;
		return false;
	}
	given->source = given->file_source;
	return config_file_read(key, given->file, credentials, arena, &given->text, ret_message);
}

/* HOLD_TTL: 5x is not accepted; it must be a duration such as 90s, 5m or 1h30m, from 10ms to 30d */
static const char *describe_bad_value(const struct config_key *key, const struct config_given *given, struct arena *arena)
{
	struct buffer message;
	buffer_init(&message, arena, MESSAGE_MAX);
	if (given->file != NULL)
		buffer_append_format(&message, "%s" CONFIG_FILE_SUFFIX ": '", key->name);
	else
		buffer_append_format(&message, "%s: '", key->name);
	config_shown_append(&message, key, slice_of(given->text));
	if (given->file != NULL)
		buffer_append_format(&message, "' in %s is not accepted; it must be ", given->file);
	else
		buffer_append_string(&message, "' is not accepted; it must be ");
	config_accepted_write(&message, key);
	buffer_append_byte(&message, '\0');
	return message.failed ? key->name : message.data;
}

/* Names of files may have line feeds; a message is one line. */
static const char *one_line(const char *message, struct arena *arena)
{
	size_t size = strlen(message) + 1;
	char *line = arena_allocate_array(arena, size, 1);
	if (line == NULL)
		return "out of memory";
	memcpy(line, message, size);
	utf8_mask_controls(line);
	return line;
}

static enum config_result load(int *argc, char **argv, char *const *environment, const struct config_initial *own, struct arena *arena,
                               struct config *ret_config, const char **ret_message)
{
	struct config config = {0};
	enum config_result result = config_env_file_take(argc, argv, environment, arena, &environment, ret_message);
	if (result != CONFIG_OK)
		return result;
	const char *credentials = find_in_environment(environment, "CREDENTIALS_DIRECTORY", "");
	take_environment(&config, environment, own);
	if (!take_flags(&config, argc, argv, own, arena, ret_message))
		return CONFIG_WRONG_USAGE;
	for (uint32_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		struct config_given *given = &config.given[i];
		if (!take_file(given, key, credentials, arena, ret_message))
			return CONFIG_BAD_VALUE;
		if (given->text != NULL && !config_value_parse(key, slice_of(given->text), arena, (char *)&config + key->offset)) {
			*ret_message = describe_bad_value(key, given, arena);
			return CONFIG_BAD_VALUE;
		}
	}
	*ret_config = config;
	return CONFIG_OK;
}

enum config_result config_load(int *argc, char **argv, char *const *environment, const struct config_initial *own, struct arena *arena,
                               struct config *ret_config, const char **ret_message)
{
	assert(argc != NULL && *argc >= 1 && argv != NULL && environment != NULL);
	assert(arena != NULL && ret_config != NULL && ret_message != NULL);

	enum config_result result = load(argc, argv, environment, own, arena, ret_config, ret_message);
	if (result != CONFIG_OK)
		*ret_message = one_line(*ret_message, arena);
	return result;
}
