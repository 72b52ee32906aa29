/* config_write.c: the table for people: --help, the README, and what is in effect. */
#include "config/config.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/config_file.h"
#include "config/config_keys.h"
#include "config/config_mask.h"
#include "config/config_value.h"

#define FLAG_MAX 64
#define HELP_COLUMN 42

static void flag_format(const struct config_key *key, char flag[static FLAG_MAX])
{
	assert(strlen(key->name) + 3 <= FLAG_MAX);

	memcpy(flag, "--", 3);
	for (size_t i = 0; i <= strlen(key->name); i++)
		flag[2 + i] = (char)(key->name[i] == '_' ? '-' : tolower((unsigned char)key->name[i]));
}

void config_write_help(const struct config_initial *own, uint32_t readers, struct buffer *buffer)
{
	assert(buffer != NULL && (readers & ~(uint32_t)CONFIG_READERS) == 0);

	for (uint32_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		if (key->readers != 0 && (key->readers & readers) == 0)
			continue;
		char flag[FLAG_MAX];
		flag_format(key, flag);
		const char *placeholder = config_placeholder(key->kind);
		int padding = HELP_COLUMN - (int)strlen(flag) - (int)strlen(placeholder);
		buffer_append_format(buffer, "  %s %s%*s %s", flag, placeholder, padding > 0 ? padding : 0, "", key->description);
		const char *initial = config_initial_of(key, own);
		if (initial != NULL)
			buffer_append_format(buffer, " [%s]", initial);
		buffer_append_byte(buffer, '\n');
	}
	buffer_append_string(buffer,
	                     "\nSecrets, URLs and DSNs may also stand in files: JWT_SECRET_FILE or --jwt-secret-file PATH, and so on.\n"
	                     "--env-file FILE reads settings from lines NAME=value; the environment wins, and a flag over both.\n");
}

void config_write_markdown(struct buffer *buffer)
{
	assert(buffer != NULL);

	buffer_append_string(buffer, "| key | default | it is | what for |\n| --- | --- | --- | --- |\n");
	for (uint32_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		buffer_append_format(buffer, "| `%s` | ", key->name);
		if (key->initial != NULL)
			buffer_append_format(buffer, "`%s` ", key->initial);
		buffer_append_string(buffer, "| ");
		config_accepted_write(buffer, key);
		buffer_append_format(buffer, " | %s |\n", key->description);
	}
}

static void print_source(const struct config *config, enum config_source source, const char *title, struct buffer *buffer)
{
	bool has_title = false;
	for (uint32_t i = 0; i < config_key_count; i++) {
		if (config->given[i].source != source || config->given[i].text == NULL)
			continue;
		if (!has_title)
			buffer_append_format(buffer, "# %s\n", title);
		has_title = true;
		if (config->given[i].file != NULL) {
			buffer_append_format(buffer, "%s" CONFIG_FILE_SUFFIX "=", config_keys[i].name);
			config_escaped_append(buffer, slice_of(config->given[i].file));
			buffer_append_byte(buffer, '\n');
			continue;
		}
		buffer_append_format(buffer, "%s=", config_keys[i].name);
		config_shown_append(buffer, &config_keys[i], slice_of(config->given[i].text));
		buffer_append_byte(buffer, '\n');
	}
}

void config_print(const struct config *config, struct buffer *buffer)
{
	assert(config != NULL);
	assert(buffer != NULL);

	print_source(config, CONFIG_FLAG, "from flags", buffer);
	print_source(config, CONFIG_ENVIRONMENT, "from the environment", buffer);
	print_source(config, CONFIG_DEFAULT, "by default", buffer);
	buffer_append_string(buffer, "# not set\n");
	for (uint32_t i = 0; i < config_key_count; i++) {
		if (config->given[i].text == NULL)
			buffer_append_format(buffer, "# %s=\n", config_keys[i].name);
	}
}
