/* config_mask.c: finds secrets by where they stand, in texts that may be no URL at all. */
#include "config/config_mask.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/attributes.h"

#define MASK "***"
#define SHOWN_MAX 512 /* bytes */

/* user:password@ ends at the last @ of the text: a password that was not escaped may hold any character. */
static struct slice password_of_user(struct slice text)
{
	const char *scheme_end = memmem(text.data, text.length, "://", 3);
	const char *start = scheme_end == NULL ? text.data : scheme_end + 3;
	const char *end = memrchr(start, '@', (size_t)(text.data + text.length - start));
	const char *colon = end == NULL ? NULL : memchr(start, ':', (size_t)(end - start));
	if (colon == NULL)
		return (struct slice){.data = text.data + text.length};
	return (struct slice){.data = colon + 1, .length = (size_t)(end - colon - 1)};
}

static bool is_secret_name(struct slice name)
{
	static const char *const words[] = {"password", "passwd", "secret", "token", "authmechanismproperties"};
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		size_t length = strlen(words[i]);
		for (size_t at = 0; at + length <= name.length; at++) {
			if (strncasecmp(name.data + at, words[i], length) == 0)
				return true;
		}
	}
	return false;
}

static bool is_name_character(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the value that starts at `start` ends: at the quote of a quoted one, else at `&` in a URL and at a blank among keywords. */
static size_t value_end(struct slice text, size_t start, bool is_url)
{
	size_t end = start;
	if (end < text.length && text.data[end] == '\'') {
		for (end++; end < text.length && text.data[end] != '\''; end++) {
			if (text.data[end] == '\\')
				end++;
		}
		return end < text.length ? end + 1 : text.length;
	}
	while (end < text.length && !(is_url ? text.data[end] == '&' : is_blank(text.data[end]))) {
		if (text.data[end] == '\\')
			end++;
		end++;
	}
	return end < text.length ? end : text.length;
}

/* The next value with a secret's name at or behind `from`; an empty slice at the end when there is none. */
static struct slice named_secret(struct slice text, size_t from, bool is_url)
{
	for (size_t equals = from; equals < text.length; equals++) {
		if (text.data[equals] != '=')
			continue;
		size_t name_end = equals;
		while (name_end > 0 && is_blank(text.data[name_end - 1]))
			name_end--;
		size_t name_start = name_end;
		while (name_start > 0 && is_name_character(text.data[name_start - 1]))
			name_start--;
		if (!is_secret_name((struct slice){.data = text.data + name_start, .length = name_end - name_start}))
			continue;
		size_t start = equals + 1;
		while (start < text.length && is_blank(text.data[start]))
			start++;
		return (struct slice){.data = text.data + start, .length = value_end(text, start, is_url) - start};
	}
	return (struct slice){.data = text.data + text.length};
}

/* Appends the text with both kinds of secrets masked. */
static void append_masked(struct buffer *buffer, struct slice text)
{
	const char *scheme_end = memmem(text.data, text.length, "://", 3);
	const char *equals = memchr(text.data, '=', text.length);
	bool is_url = scheme_end != NULL && (equals == NULL || scheme_end < equals);
	const struct slice password = password_of_user(text);
	const size_t password_start = (size_t)(password.data - text.data);
	const size_t password_end = password_start + password.length;
	size_t at = 0;
	while (at < text.length) {
		struct slice secret = named_secret(text, at, is_url);
		size_t start = (size_t)(secret.data - text.data);
		size_t end = start + secret.length;
		if (password_start < start && at < password_end) { /* the user's comes first */
			start = password_start > at ? password_start : at;
			end = password_end;
		}
		buffer_append(buffer, text.data + at, start - at);
		if (end > start)
			buffer_append_string(buffer, MASK);
		at = end;
	}
}

/* On one line: control characters as \n or \x07. */
static void append_escaped(struct buffer *buffer, struct slice text)
{
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

	if (key->kind == CONFIG_SECRET || key->kind == CONFIG_SECRETS) {
		buffer_append_string(buffer, MASK);
	} else if (key->kind == CONFIG_URL || key->kind == CONFIG_DSN || key->kind == CONFIG_REDIS) {
		struct buffer masked;
		buffer_init(&masked, NULL, 8 * text.length); /* a mask may stand for one byte */
		append_masked(&masked, text);
		append_escaped(buffer, buffer_slice(&masked));
		buffer->failed |= masked.failed;
		buffer_release(&masked);
	} else {
		append_escaped(buffer, text);
	}
}
