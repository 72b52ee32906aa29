/* config_load.c: where values come from. */
#include "config/config.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "config/config_keys.h"
#include "config/config_mask.h"
#include "config/config_value.h"

#define MESSAGE_MAX 4096

/* Whether `text` begins with the flag of that key; *ret_rest is what is behind it: "" or "=value". */
static bool is_flag(const char *text, const struct config_key *key, const char **ret_rest)
{
	if (text[0] != '-' || text[1] != '-')
		return false;
	const char *at = text + 2;
	for (const char *name = key->name; *name != '\0'; name++, at++) {
		if (*at != (*name == '_' ? '-' : tolower((unsigned char)*name)))
			return false;
	}
	if (*at != '\0' && *at != '=')
		return false;
	*ret_rest = at;
	return true;
}

static const struct config_key *find_flag(const char *text, const char **ret_rest)
{
	for (uint32_t i = 0; i < config_key_count; i++) {
		if (is_flag(text, &config_keys[i], ret_rest))
			return &config_keys[i];
	}
	return NULL;
}

/* The value of the first "NAME=value"; NULL when there is none. */
static const char *find_in_environment(char *const *environment, const char *name)
{
	size_t length = strlen(name);
	for (; *environment != NULL; environment++) {
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	}
	return NULL;
}

static void take_environment(struct config *config, char *const *environment, const struct config_initial *own)
{
	for (uint32_t i = 0; i < config_key_count; i++) {
		config->given[i].text = config_initial_of(&config_keys[i], own);
		config->given[i].source = CONFIG_DEFAULT;
		const char *text = find_in_environment(environment, config_keys[i].name);
		if (text != NULL && *text != '\0') {
			config->given[i].text = text;
			config->given[i].source = CONFIG_ENVIRONMENT;
		}
	}
}

/* An empty value takes back what the environment says. */
static void take_flag(struct config *config, const struct config_key *key, const char *text, const struct config_initial *own)
{
	size_t i = (size_t)(key - config_keys);
	bool is_set = *text != '\0';
	config->given[i].text = is_set ? text : config_initial_of(key, own);
	config->given[i].source = is_set ? CONFIG_FLAG : CONFIG_DEFAULT;
}

/* Moves what is not ours to the front. False when a flag lacks its value: *ret_flag is that flag. */
static bool take_flags(struct config *config, int *argc, char **argv, const struct config_initial *own, const char **ret_flag)
{
	int kept = 1;
	int at = 1;
	for (; at < *argc && strcmp(argv[at], "--") != 0; at++) {
		const char *rest;
		const struct config_key *key = find_flag(argv[at], &rest);
		if (key == NULL) {
			argv[kept++] = argv[at];
		} else if (*rest == '=') {
			take_flag(config, key, rest + 1, own);
		} else if (at + 1 < *argc) {
			take_flag(config, key, argv[++at], own);
		} else {
			*ret_flag = argv[at];
			return false;
		}
	}
	while (at < *argc)
		argv[kept++] = argv[at++];
	argv[kept] = NULL;
	*argc = kept;
	return true;
}

/* HOLD_TTL: 5x is not accepted; it must be a duration such as 90s, 5m or 1h30m, from 10ms to 30d */
static const char *describe_bad_value(const struct config_key *key, const char *text, struct arena *arena)
{
	struct buffer message;
	buffer_init(&message, arena, MESSAGE_MAX);
	buffer_append_format(&message, "%s: '", key->name);
	config_shown_append(&message, key, slice_of(text));
	buffer_append_string(&message, "' is not accepted; it must be ");
	config_accepted_write(&message, key);
	buffer_append_byte(&message, '\0');
	return message.failed ? key->name : message.data;
}

enum config_result config_load(int *argc, char **argv, char *const *environment, const struct config_initial *own, struct arena *arena,
                               struct config *ret_config, const char **ret_message)
{
	assert(argc != NULL && *argc >= 1 && argv != NULL && environment != NULL);
	assert(arena != NULL && ret_config != NULL && ret_message != NULL);

	struct config config = {0};
	const char *flag;
	take_environment(&config, environment, own);
	if (!take_flags(&config, argc, argv, own, &flag)) {
		struct slice message = arena_format(arena, "%s needs a value", flag);
		*ret_message = message.data == NULL ? flag : message.data;
		return CONFIG_WRONG_USAGE;
	}
	for (uint32_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		const char *text = config.given[i].text;
		if (text != NULL && !config_value_parse(key, slice_of(text), arena, (char *)&config + key->offset)) {
			*ret_message = describe_bad_value(key, text, arena);
			return CONFIG_BAD_VALUE;
		}
	}
	*ret_config = config;
	return CONFIG_OK;
}
