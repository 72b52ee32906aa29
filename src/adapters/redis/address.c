/* address.c: reads REDIS_ADDR. */
#include "adapters/redis/address.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/hex.h"
#include "base/slice.h"

#define PORT_DEFAULT 6379
#define DATABASE_MAX 65535

static bool refuse(char message[static REDIS_MESSAGE_MAX], const char *why)
{
	assert(why != NULL);
	(void)snprintf(message, REDIS_MESSAGE_MAX, "REDIS_ADDR %s", why);
	return false;
}

/* Takes the prefix off the text if it is there. */
static bool take_prefix(struct slice *text, struct slice prefix)
{
	assert(text != NULL && prefix.length > 0);
	if (text->length < prefix.length || memcmp(text->data, prefix.data, prefix.length) != 0)
		return false;
	text->data += prefix.length;
	text->length -= prefix.length;
	return true;
}

/* "host", "host:port" or "[IPv6]:port". */
static bool read_endpoint(struct slice text, struct redis_endpoint *ret_endpoint)
{
	assert(ret_endpoint != NULL);
	struct slice host = text;
	uint64_t port = PORT_DEFAULT;
	const char *bracket = text.length > 0 && text.data[0] == '[' ? memchr(text.data, ']', text.length) : NULL;
	const char *from = bracket != NULL ? bracket : text.data;
	const char *colon = text.length == 0 ? NULL : memchr(from, ':', text.length - (size_t)(from - text.data));
	if (colon != NULL) {
		host.length = (size_t)(colon - text.data);
		if (!decimal_parse((struct slice){.data = colon + 1, .length = text.length - host.length - 1}, UINT16_MAX, &port))
			return false;
	}
	if (bracket != NULL) {
		if (host.length != (size_t)(bracket - text.data) + 1)
			return false;
		host = (struct slice){.data = host.data + 1, .length = host.length - 2};
	}
	if (host.length == 0 || host.length >= REDIS_HOST_MAX || port == 0 || memchr(host.data, '\0', host.length) != NULL)
		return false;
	memcpy(ret_endpoint->host, host.data, host.length);
	ret_endpoint->host[host.length] = '\0';
	ret_endpoint->port = (uint16_t)port;
	return true;
}

/* Percent-decodes a user or a password. */
static bool read_credential(struct slice text, char ret_credential[static REDIS_CREDENTIAL_MAX])
{
	assert(text.data != NULL || text.length == 0);
	size_t length = 0;
	for (size_t i = 0; i < text.length; i++, length++) {
		uint8_t byte = (uint8_t)text.data[i];
		if (byte == '%') {
			if (i + 2 >= text.length || !hex_decode(&text.data[i + 1], &byte, 1))
				return false;
			i += 2;
		}
		if (byte == 0 || length + 1 >= REDIS_CREDENTIAL_MAX)
			return false;
		ret_credential[length] = (char)byte;
	}
	ret_credential[length] = '\0';
	return true;
}

/* "user:password" or ":password". */
static bool read_credentials(struct slice text, struct redis_address *address)
{
	assert(address != NULL);
	const char *colon = memchr(text.data, ':', text.length);
	struct slice user = {.data = text.data, .length = colon == NULL ? text.length : (size_t)(colon - text.data)};
	struct slice password = {0};
	if (colon != NULL)
		password = (struct slice){.data = colon + 1, .length = text.length - user.length - 1};
	return read_credential(user, address->user) && read_credential(password, address->password);
}

static bool read_endpoints(struct slice text, struct redis_address *address)
{
	assert(address->endpoint_count == 0);
	struct slice part;
	while (slice_cut(&text, ',', &part)) {
		if (address->endpoint_count == REDIS_NODES_MAX ||
		    !read_endpoint(slice_trim(part), &address->endpoints[address->endpoint_count]))
			return false;
		address->endpoint_count++;
	}
	address->is_cluster = address->endpoint_count > 1;
	return address->endpoint_count > 0;
}

bool redis_address_parse(const char *text, struct redis_address *ret_address, char message[static REDIS_MESSAGE_MAX])
{
	assert(text != NULL && ret_address != NULL);

	*ret_address = (struct redis_address){0};
	struct slice rest = slice_of(text);
	ret_address->is_tls = take_prefix(&rest, SLICE("rediss://"));
	bool is_url = ret_address->is_tls || take_prefix(&rest, SLICE("redis://"));
	if (is_url) {
		/* A password that was not escaped may hold any character: the last @ ends it. */
		const char *at = rest.length == 0 ? NULL : memrchr(rest.data, '@', rest.length);
		if (at != NULL) {
			struct slice credentials = {.data = rest.data, .length = (size_t)(at - rest.data)};
			if (!read_credentials(credentials, ret_address))
				return refuse(message, "has a user or password that cannot be read");
			rest = (struct slice){.data = at + 1, .length = rest.length - credentials.length - 1};
		}
		const char *slash = rest.length == 0 ? NULL : memchr(rest.data, '/', rest.length);
		if (slash != NULL) {
			uint64_t number = 0;
			struct slice database = {.data = slash + 1, .length = rest.length - (size_t)(slash - rest.data) - 1};
			rest.length = (size_t)(slash - rest.data);
			if (database.length > 0 && !decimal_parse(database, DATABASE_MAX, &number))
				return refuse(message, "must end with the number of a database, such as /0");
			ret_address->database = (uint32_t)number;
		}
	}
	if (!read_endpoints(rest, ret_address))
		return refuse(message, "must be host:port, cluster nodes with commas between, or redis://user:password@host:port/0");
	if (ret_address->is_cluster && ret_address->database != 0)
		return refuse(message, "names a database, which a cluster does not have");
	return true;
}
