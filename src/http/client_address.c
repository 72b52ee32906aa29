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

/* The value behind name= of one element of Forwarded (RFC 7239), without quotes; empty when it has none. */
static struct slice forwarded_value(struct slice element, struct slice wanted)
{
	assert(wanted.length > 0);
	struct slice rest = element;
	while (rest.length > 0) {
		struct slice pair = slice_trim(field_cut(&rest, ';'));
		struct slice name = slice_trim(field_cut(&pair, '='));
		if (!field_equal(name, wanted))
			continue;
		struct slice node = slice_trim(pair);
		bool is_quoted = node.length >= 2 && node.data[0] == '"' && node.data[node.length - 1] == '"';
		return is_quoted ? (struct slice){.data = node.data + 1, .length = node.length - 2} : node;
	}
	return (struct slice){0};
}

/* Goes through the header of that name from the right, as far as the addresses are those of trusted proxies. False: it is not there. */
static bool follow(const struct cidr_list *trusted, const struct http_header *headers, uint32_t header_count, struct slice name,
                   struct ip_address *client)
{
	bool is_forwarded = name.length == SLICE("forwarded").length;
	bool is_there = false;
	for (uint32_t i = header_count; i > 0 && cidr_list_contains(trusted, client); i--) {
		if (!field_equal(headers[i - 1].name, name))
			continue;
		is_there = true;
		struct slice list = headers[i - 1].value;
		struct slice entry;
		while (cidr_list_contains(trusted, client) && field_list_last(&list, &entry)) {
			if (is_forwarded)
				entry = forwarded_value(entry, SLICE("for"));
			if (entry.length == 0 || !ip_address_parse(without_port(entry), client))
				return true;
		}
	}
	return is_there;
}

struct ip_address client_address(const struct cidr_list *trusted, const struct ip_address *peer, const struct http_header *headers,
                                 uint32_t header_count)
{
	assert(trusted != NULL && peer != NULL);
	assert(headers != NULL || header_count == 0);

	struct ip_address client = *peer;
	if (!cidr_list_contains(trusted, &client))
		return client;
	if (!follow(trusted, headers, header_count, SLICE("x-forwarded-for"), &client))
		(void)follow(trusted, headers, header_count, SLICE("forwarded"), &client);
	return client;
}

/* The last entry of the last header of that name; empty: there is none. */
static struct slice last_entry(const struct http_header *headers, uint32_t header_count, struct slice name)
{
	assert(headers != NULL || header_count == 0);
	struct slice entry = {0};
	for (uint32_t i = header_count; i > 0; i--) {
		struct slice list = headers[i - 1].value;
		if (field_equal(headers[i - 1].name, name))
			return field_list_last(&list, &entry) ? entry : (struct slice){0};
	}
	return entry;
}

bool client_is_encrypted(const struct cidr_list *trusted, const struct ip_address *peer, bool is_peer_encrypted,
                         const struct http_header *headers, uint32_t header_count)
{
	assert(trusted != NULL && peer != NULL);

	if (!cidr_list_contains(trusted, peer))
		return is_peer_encrypted;
	struct slice scheme = last_entry(headers, header_count, SLICE("x-forwarded-proto"));
	if (slice_is_empty(scheme) && slice_is_empty(last_entry(headers, header_count, SLICE("x-forwarded-for"))))
		scheme = forwarded_value(last_entry(headers, header_count, SLICE("forwarded")), SLICE("proto"));
	bool is_known = field_equal(scheme, SLICE("https")) || field_equal(scheme, SLICE("http"));
	return is_known ? field_equal(scheme, SLICE("https")) : is_peer_encrypted;
}
