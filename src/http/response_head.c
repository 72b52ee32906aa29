/* response_head.c: the head of an answer, and whether the client has the content already. */
#include "http/response_head.h"

#include <assert.h>

#include "http/field.h"

static const char *reason(uint16_t status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 202:
		return "Accepted";
	case 204:
		return "No Content";
	case 304:
		return "Not Modified";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 409:
		return "Conflict";
	case 410:
		return "Gone";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 415:
		return "Unsupported Media Type";
	case 422:
		return "Unprocessable Content";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	default:
		return "";
	}
}

/* The opaque part of an entity tag: weak and strong ones compare alike here (RFC 9110, section 8.8.3.2). */
static struct slice opaque_tag(struct slice tag)
{
	bool is_weak = tag.length > 2 && memcmp(tag.data, "W/", 2) == 0;
	return is_weak ? (struct slice){.data = tag.data + 2, .length = tag.length - 2} : tag;
}

/* Our own tags have no commas in them, so a tag with one cannot match, and the list may be cut at commas. */
static bool has_tag(struct slice list, struct slice tag)
{
	struct slice member;
	while (field_list_next(&list, &member)) {
		if (slice_equal(member, SLICE("*")) || slice_equal(opaque_tag(member), opaque_tag(tag)))
			return true;
	}
	return false;
}

static bool client_has_it(const struct http_request *request)
{
	const struct http_response *response = &request->response;
	bool is_read = request->method == HTTP_GET || request->method == HTTP_HEAD;
	if (response->status != 200 || !is_read || slice_is_empty(response->etag))
		return false;
	for (uint32_t i = 0; i < request->header_count; i++) {
		const struct http_header *header = &request->headers[i];
		if (field_equal(header->name, SLICE("if-none-match")) && has_tag(header->value, response->etag))
			return true;
	}
	return false;
}

struct slice http_response_content(const struct http_request *request)
{
	const struct http_response *response = &request->response;
	bool is_left_out = request->method == HTTP_HEAD || response->status == 204 || response->status == 304;
	return is_left_out ? (struct slice){0} : response->body;
}

static void append_header(struct buffer *buffer, struct slice name, struct slice value)
{
	buffer_append_slice(buffer, name);
	buffer_append(buffer, ": ", 2);
	buffer_append_slice(buffer, value);
	buffer_append(buffer, "\r\n", 2);
}

static void append_status_line(struct buffer *buffer, uint16_t status)
{
	buffer_append_string(buffer, "HTTP/1.1 ");
	buffer_append_uint(buffer, status);
	buffer_append_byte(buffer, ' ');
	buffer_append_string(buffer, reason(status));
	buffer_append(buffer, "\r\n", 2);
}

static void append_content_headers(struct buffer *buffer, const struct http_response *response)
{
	if (response->content_type != NULL && response->status != 304)
		append_header(buffer, SLICE("Content-Type"), slice_of(response->content_type));
	if (response->status != 204 && response->status != 304 && response->more == NULL) {
		buffer_append_string(buffer, "Content-Length: ");
		buffer_append_uint(buffer, response->body.length);
		buffer_append(buffer, "\r\n", 2);
	}
	if (!slice_is_empty(response->etag))
		append_header(buffer, SLICE("ETag"), response->etag);
	append_header(buffer, SLICE("Cache-Control"), slice_of(response->cache_control == NULL ? "no-store" : response->cache_control));
}

static void append_security_headers(struct buffer *buffer, const struct http_response *response, bool is_encrypted)
{
	if (is_encrypted)
		buffer_append_string(buffer, "Strict-Transport-Security: max-age=31536000\r\n");
	const char *policy = response->content_security_policy;
	buffer_append_string(buffer, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
	append_header(buffer, SLICE("Content-Security-Policy"),
	              slice_of(policy == NULL ? "default-src 'none'; frame-ancestors 'none'" : policy));
}

void http_response_write_head(struct http_request *request, const struct http_delivery *delivery, struct buffer *buffer)
{
	struct http_response *response = &request->response;
	assert(response->status != 0);
	assert(response->content_type != NULL || response->body.length == 0);

	if (client_has_it(request))
		response->status = 304;
	append_status_line(buffer, response->status);
	append_header(buffer, SLICE("Date"), delivery->date);
	if (!delivery->is_persistent)
		buffer_append_string(buffer, "Connection: close\r\n");
	else if (delivery->is_version_1_0)
		buffer_append_string(buffer, "Connection: keep-alive\r\n");
	append_content_headers(buffer, response);
	append_security_headers(buffer, response, delivery->is_encrypted);
	append_header(buffer, SLICE("X-Request-Id"), request->id);
	for (uint32_t i = 0; i < response->header_count; i++)
		append_header(buffer, response->headers[i].name, response->headers[i].value);
	buffer_append(buffer, "\r\n", 2);
}
