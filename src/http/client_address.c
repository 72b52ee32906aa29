/* client_address.c: see client_address.h. */
#include "http/client_address.h"

#include <assert.h>

#include "http/field.h"

/* An entry without its brackets and port. */
static struct slice without_port(struct slice entry)
{
	const char *colon = memchr(entry.data, ':', entry.length);
	if (entry.data[0] == '[') {
		const char *bracket = memchr(entry.data, ']', entry.length);
		if (bracket != NULL)
			return (struct slice){.data = entry.data + 1, .length = (size_t)(bracket - entry.data) - 1};
	} else if (colon != NULL && memrchr(entry.data, ':', entry.length) == colon) { /* a second colon makes it an IPv6 address */
		entry.length = (size_t)(colon - entry.data);
	}
	return entry;
}

struct ip_address client_address(const struct cidr_list *trusted, const struct ip_address *peer, const struct http_header *headers,
                                 uint32_t header_count)
{
	assert(trusted != NULL && peer != NULL);
	assert(headers != NULL || header_count == 0);

	struct ip_address client = *peer;
	for (uint32_t i = header_count; i > 0 && cidr_list_contains(trusted, &client); i--) {
		if (!field_equal(headers[i - 1].name, SLICE("x-forwarded-for")))
			continue;
		struct slice list = headers[i - 1].value;
		struct slice entry;
		while (cidr_list_contains(trusted, &client) && field_list_last(&list, &entry)) {
			if (!ip_address_parse(without_port(entry), &client))
				return client;
		}
	}
	return client;
}
