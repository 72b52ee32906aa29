/* endpoint.c: see endpoint.h. */
#include "adapters/otlp/endpoint.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/hex.h"

#define HTTP_PATH "/v1/traces"
#define GRPC_PATH "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
#define GRPC_PORT "4317"
#define HEADERS_MAX 32
#define HEADER_BYTES_MAX 8192

enum otlp_protocol otlp_protocol_of(const char *endpoint)
{
	assert(endpoint != NULL);
	CURLU *url = curl_url();
	char *port = NULL;
	bool is_grpc = url != NULL && curl_url_set(url, CURLUPART_URL, endpoint, 0) == CURLUE_OK &&
	               curl_url_get(url, CURLUPART_PORT, &port, 0) == CURLUE_OK && strcmp(port, GRPC_PORT) == 0;
	curl_free(port);
	curl_url_cleanup(url);
	return is_grpc ? OTLP_GRPC : OTLP_HTTP;
}

/* Puts the protocol's path behind that of the endpoint; gRPC knows none of an endpoint's own. */
static CURLUcode set_path(CURLU *url, enum otlp_protocol protocol)
{
	if (protocol == OTLP_GRPC)
		return curl_url_set(url, CURLUPART_PATH, GRPC_PATH, 0);
	char *path = NULL;
	CURLUcode code = curl_url_get(url, CURLUPART_PATH, &path, 0);
	if (code != CURLUE_OK)
		return code;
	char whole[HEADER_BYTES_MAX];
	size_t length = strlen(path);
	while (length > 0 && path[length - 1] == '/')
		length--;
	int written = snprintf(whole, sizeof whole, "%.*s" HTTP_PATH, (int)(length < sizeof whole ? length : sizeof whole), path);
	curl_free(path);
	return written < 0 || (size_t)written >= sizeof whole ? CURLUE_MALFORMED_INPUT : curl_url_set(url, CURLUPART_PATH, whole, 0);
}

enum error otlp_url(const char *endpoint, enum otlp_protocol protocol, char **ret_url, char message[static OTLP_MESSAGE_MAX])
{
	assert(endpoint != NULL && ret_url != NULL);
	CURLU *url = curl_url();
	if (url == NULL)
		return ERR_NO_MEMORY;
	char *made = NULL;
	CURLUcode code = curl_url_set(url, CURLUPART_URL, endpoint, 0);
	if (code == CURLUE_OK)
		code = set_path(url, protocol);
	if (code == CURLUE_OK)
		code = curl_url_get(url, CURLUPART_URL, &made, 0);
	curl_url_cleanup(url);
	if (code != CURLUE_OK) {
		snprintf(message, OTLP_MESSAGE_MAX, "OTEL_EXPORTER_OTLP_ENDPOINT cannot be used: %s", curl_url_strerror(code));
		return code == CURLUE_OUT_OF_MEMORY ? ERR_NO_MEMORY : ERR_VALIDATION;
	}
	*ret_url = made;
	return OK;
}

static bool append(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);
	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

/* A token of HTTP, in lower case, as HTTP/2 wants it. */
static bool copy_name(struct slice name, char *to)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	for (size_t i = 0; i < name.length; i++) {
		char c = name.data[i];
		bool is_capital = c >= 'A' && c <= 'Z';
		bool is_plain = is_capital || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr(others, c) != NULL);
		if (!is_plain)
			return false;
		to[i] = is_capital ? (char)(c - 'A' + 'a') : c;
	}
	to[name.length] = '\0';
	return name.length > 0;
}

/* Without what its %XX stand for; printable ASCII alone, for nothing else is sure to arrive. */
static bool copy_value(struct slice value, char *to)
{
	for (size_t i = 0; i < value.length; i++) {
		uint8_t byte = (uint8_t)value.data[i];
		if (byte == '%') {
			if (value.length - i < 3 || !hex_decode(value.data + i + 1, &byte, 1))
				return false;
			i += 2;
		}
		if (byte < ' ' || byte > '~')
			return false;
		*to++ = (char)byte;
	}
	*to = '\0';
	return true;
}

static bool append_pair(struct curl_slist **list, struct slice pair, bool *ret_is_full)
{
	struct slice value = pair, name;
	char line[2 * HEADER_BYTES_MAX + 3];
	if (pair.length > HEADER_BYTES_MAX || memchr(pair.data, '=', pair.length) == NULL || !slice_cut(&value, '=', &name))
		return false;
	name = slice_trim(name);
	if (!copy_name(name, line))
		return false;
	memcpy(line + name.length, ": ", 2);
	value = slice_trim(value);
	if (value.length == 0 || !copy_value(value, line + name.length + 2))
		return false;
	*ret_is_full = !append(list, line);
	return true;
}

/* Appends the header fields of the options. */
static enum error append_own(struct slice headers, struct curl_slist **list, char message[static OTLP_MESSAGE_MAX])
{
	struct slice rest = headers, pair;
	for (uint32_t count = 0; slice_cut(&rest, ',', &pair); count++) {
		bool is_full = false;
		pair = slice_trim(pair);
		if (slice_is_empty(pair))
			continue;
		if (count >= HEADERS_MAX || !append_pair(list, pair, &is_full)) {
			snprintf(message, OTLP_MESSAGE_MAX,
			         "OTEL_EXPORTER_OTLP_HEADERS must be at most %d of name=value with commas between, values percent-encoded: "
			         "number "
			         "%u is not",
			         HEADERS_MAX, (unsigned)count + 1);
			return ERR_VALIDATION;
		}
		if (is_full)
			return ERR_NO_MEMORY;
	}
	return OK;
}

enum error otlp_headers(const struct otlp_options *options, struct curl_slist **ret_headers, char message[static OTLP_MESSAGE_MAX])
{
	assert(options != NULL && ret_headers != NULL);
	bool is_grpc = options->protocol == OTLP_GRPC;
	struct curl_slist *list = NULL;
	bool is_whole = append(&list, is_grpc ? "content-type: application/grpc" : "content-type: application/x-protobuf") &&
	                append(&list, "expect:") && /* no 100 (Continue) is waited for */
	                (!is_grpc || append(&list, "te: trailers"));
	if (is_whole && options->is_compressed)
		is_whole = append(&list, is_grpc ? "grpc-encoding: gzip" : "content-encoding: gzip");
	enum error error = is_whole ? append_own(options->headers, &list, message) : ERR_NO_MEMORY;
	if (error != OK) {
		curl_slist_free_all(list);
		return error;
	}
	*ret_headers = list;
	return OK;
}
