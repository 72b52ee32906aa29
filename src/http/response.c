/* response.c: the headers that a handler adds. */
#include "http/response.h"

#include <assert.h>

#include "http/field.h"

static bool is_field_value(struct slice value)
{
	for (size_t i = 0; i < value.length; i++) {
		unsigned char byte = (unsigned char)value.data[i];
		if (byte < ' ' || byte == 0x7f)
			return false;
	}
	return true;
}

void http_response_header(struct http_response *response, struct slice name, struct slice value)
{
	assert(response->header_count < HTTP_RESPONSE_HEADERS_MAX);
	assert(field_is_token(name) && is_field_value(value));

	response->headers[response->header_count++] = (struct http_header){.name = name, .value = value};
}
