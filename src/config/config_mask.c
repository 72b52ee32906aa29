/* config_mask.c: hides where secrets may stand, in texts that may be no URL at all. */
#include "config/config_mask.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/attributes.h"

#define MASK "***"
#define SHOWN_MAX 512 /* bytes */

/* The length of "amqps://" at the start; 0: there is no scheme. */
static size_t scheme_length(struct slice text)
{
	size_t length = 0;
	while (length < text.length && (isalnum((unsigned char)text.data[length]) || text.data[length] == '+'))
		length++;
	bool is_scheme = length > 0 && text.length - length >= 3 && memcmp(text.data + length, "://", 3) == 0;
	return is_scheme ? length + 3 : 0;
}

/* Of a URL the scheme and the path. A password that was not escaped may hold any character: the authority ends behind the last @, if there
 * is one. */
static void append_masked_url(struct buffer *buffer, struct slice text, size_t scheme)
{
	const char *end = text.data + text.length, *rest = text.data + scheme;
	const char *at = memrchr(rest, '@', (size_t)(end - rest));
	rest = at == NULL ? rest : at;
	const char *query = memchr(rest, '?', (size_t)(end - rest));
	const char *path_end = query == NULL ? end : query;
	const char *path = memchr(rest, '/', (size_t)(path_end - rest));
	buffer_append(buffer, text.data, scheme);
	buffer_append_string(buffer, MASK);
	if (path != NULL)
		buffer_append(buffer, path, (size_t)(path_end - path));
	if (query != NULL)
		buffer_append_string(buffer, "?" MASK);
}

/* host:port, several of them. */
static bool are_addresses(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];
		if (!isalnum((unsigned char)c) && (c == '\0' || strchr(".:,-_[] ", c) == NULL))
			return false;
	}
	return true;
}

void config_escaped_append(struct buffer *buffer, struct slice text)
{
	assert(buffer != NULL);

	for (size_t i = 0; i < text.length && i < SHOWN_MAX; i++) {
		unsigned char byte = (unsigned char)text.data[i];
		if (byte == '\n')
			buffer_append_string(buffer, "\\n");
		else if (byte < ' ' || byte == 0x7f)
			buffer_append_format(buffer, "\\x%02x", byte);
		else
			buffer_append_byte(buffer, text.data[i]);
	}
	if (text.length > SHOWN_MAX)
		buffer_append_string(buffer, "...");
}

void config_shown_append(struct buffer *buffer, const struct config_key *key, struct slice text)
{
	assert(buffer != NULL);
	assert(key != NULL && text.data != NULL);

	/* A PEM where a public key should be may be the private one. */
	bool is_secret = key->kind == CONFIG_SECRET || key->kind == CONFIG_SECRETS || key->kind == CONFIG_PEM;
	bool is_url = key->kind == CONFIG_URL || key->kind == CONFIG_DSN || key->kind == CONFIG_REDIS;
	size_t scheme = is_url ? scheme_length(text) : 0;
	if (scheme > 0) {
		struct buffer masked;
		buffer_init(&masked, NULL, text.length + 2 * sizeof MASK);
		append_masked_url(&masked, text, scheme);
		config_escaped_append(buffer, buffer_slice(&masked));
		buffer->failed |= masked.failed;
		buffer_release(&masked);
	} else if (is_secret || (is_url && !(key->kind == CONFIG_REDIS && are_addresses(text)))) {
		buffer_append_string(buffer, MASK);
	} else {
		config_escaped_append(buffer, text);
	}
}
