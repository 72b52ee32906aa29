/* exporter.c: one request after the other over libcurl, bounded in size and time, without redirects. */
#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/otlp/answer.h"
#include "adapters/otlp/encode.h"
#include "adapters/otlp/endpoint.h"
#include "base/gzip.h"
#include "base/list.h"
#include "base/now.h"

#define BODY_MAX (64 * 1024 * 1024)
#define ARENA_BLOCK (64 * 1024)
#define ARENA_MAX (1024 * 1024)
#define CONNECT_TIMEOUT_MS 3000
#define LOOK_MS 100 /* a process that ends waits at most so long */
#define GRPC_FRAME_HEAD 5
#define NS_PER_MS UINT64_C(1000000)
#define STEP_NS NS_PER_MS /* a clock that was set by less is not followed, so that spans keep their order */

struct otlp_exporter {
	struct span_exporter base;
	struct otlp_options options;
	char *url;
	struct curl_slist *headers;
	CURL *curl;
	CURLM *multi;
	struct otlp_room room;
	struct buffer plain; /* the message */
	struct buffer body;  /* the body to send, if not the message itself */
	struct otlp_answer answer;
	uint64_t unix_ahead_ns;
	char problem[CURL_ERROR_SIZE];
};

static struct otlp_exporter *self_of(struct span_exporter *exporter)
{
	assert(exporter != NULL);
	return container_of(exporter, struct otlp_exporter, base);
}

static uint64_t look_at_clocks(uint64_t known_ns)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t ahead_ns = (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec - monotonic_now_ns();
	uint64_t difference_ns = ahead_ns > known_ns ? ahead_ns - known_ns : known_ns - ahead_ns;
	return difference_ns > STEP_NS ? ahead_ns : known_ns;
}

/* Anything but `size * count` makes libcurl give up. */
static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct buffer *body = &((struct otlp_exporter *)context)->answer.body;
	buffer_append(body, data, size * count);
	return body->failed ? 0 : size * count;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
	otlp_answer_line(&((struct otlp_exporter *)context)->answer, (struct slice){.data = data, .length = size * count});
	return size * count;
}

/* HTTP/2 without TLS begins without asking, and curl 7.88 cannot use such a connection twice. */
static bool prepare_protocol(struct otlp_exporter *self, bool is_plain)
{
	CURL *curl = self->curl;
	if (self->options.protocol != OTLP_GRPC)
		return true;
	long version = is_plain ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_2TLS;
	return curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, version) == CURLE_OK &&
	       (!is_plain || curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK);
}

static bool prepare(struct otlp_exporter *self)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	CURL *curl = self->curl = curl_easy_init();
	self->multi = curl_multi_init();
	bool is_plain = strncmp(self->url, "https:", 6) != 0; /* to a collector nearby, which no proxy of the environment is for */
	long timeout_ms = (long)self->options.timeout_ms;
	return curl != NULL && self->multi != NULL && (!is_plain || curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK) &&
	       prepare_protocol(self, is_plain) && curl_easy_setopt(curl, CURLOPT_URL, self->url) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK && /* a look-up of the host's name does not hold up the stop */
	       curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS) ==
	               CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HTTPHEADER, self->headers) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEDATA, self) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HEADERDATA, self) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, self->problem) == CURLE_OK;
}

/* The message as the protocol wants it; data NULL: out of memory. */
static struct slice make_body(struct otlp_exporter *self, const struct span_export *export)
{
	buffer_clear(&self->plain);
	buffer_clear(&self->body);
	self->unix_ahead_ns = look_at_clocks(self->unix_ahead_ns);
	if (otlp_encode(&self->options.resource, export->spans, export->count, self->unix_ahead_ns, &self->room, &self->plain) != OK)
		return (struct slice){0};
	bool is_grpc = self->options.protocol == OTLP_GRPC, is_compressed = self->options.is_compressed;
	if (!is_grpc && !is_compressed)
		return buffer_slice(&self->plain);
	if (is_grpc)
		buffer_append(&self->body, (const char[GRPC_FRAME_HEAD]){(char)is_compressed}, GRPC_FRAME_HEAD);
	if (!is_compressed)
		buffer_append_slice(&self->body, buffer_slice(&self->plain));
	else if (!gzip_append(&self->body, buffer_slice(&self->plain)))
		self->body.failed = true;
	if (self->body.failed)
		return (struct slice){0};
	for (size_t i = 1; is_grpc && i < GRPC_FRAME_HEAD; i++)
		self->body.data[i] = (char)((self->body.length - GRPC_FRAME_HEAD) >> (8 * (GRPC_FRAME_HEAD - 1 - i)));
	return buffer_slice(&self->body);
}

/* Until the answer is there, the timeout has passed, or the process ends. */
static CURLcode perform(struct otlp_exporter *self)
{
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;
	if (curl_multi_add_handle(self->multi, self->curl) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	int running = 1;
	while (curl_multi_perform(self->multi, &running) == CURLM_OK && running > 0 && monotonic_now_ns() < self->base.give_up_ns)
		(void)curl_multi_poll(self->multi, NULL, 0, LOOK_MS, NULL);
	int left;
	const CURLMsg *message = running > 0 ? NULL : curl_multi_info_read(self->multi, &left);
	if (message != NULL && message->msg == CURLMSG_DONE)
		code = message->data.result;
	curl_multi_remove_handle(self->multi, self->curl);
	return code;
}

/* The request broke off. Once a part of it was sent nobody knows what the receiver has. */
static enum export_result judge_failure(struct otlp_exporter *self, CURLcode code, struct span_export *export)
{
	assert(code != CURLE_OK);
	long sent = 0;
	curl_easy_getinfo(self->curl, CURLINFO_REQUEST_SIZE, &sent);
	if (self->answer.body.failed)
		return otlp_answer_judge(&self->answer, self->options.protocol, export);
	const char *problem = self->problem[0] != '\0' ? self->problem : curl_easy_strerror(code);
	snprintf(export->problem, sizeof export->problem, "%s", problem);
	return sent == 0 ? EXPORT_AGAIN : EXPORT_FAILED;
}

static enum export_result send_spans(struct span_exporter *exporter, struct span_export *export)
{
	struct otlp_exporter *self = self_of(exporter);
	assert(export->count > 0);
	struct slice body = make_body(self, export);
	if (body.data == NULL) {
		snprintf(export->problem, sizeof export->problem, "out of memory");
		return EXPORT_FAILED;
	}
	struct buffer kept = self->answer.body;
	buffer_clear(&kept);
	self->answer = (struct otlp_answer){.body = kept};
	self->problem[0] = '\0';
	curl_easy_setopt(self->curl, CURLOPT_POSTFIELDS, body.data);
	curl_easy_setopt(self->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
	CURLcode code = perform(self);
	curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &self->answer.status);
	return code == CURLE_OK ? otlp_answer_judge(&self->answer, self->options.protocol, export) : judge_failure(self, code, export);
}

static void free_exporter(struct span_exporter *exporter)
{
	struct otlp_exporter *self = self_of(exporter);
	curl_easy_cleanup(self->curl);
	curl_multi_cleanup(self->multi);
	curl_slist_free_all(self->headers);
	curl_free(self->url);
	arena_release(&self->room.arena);
	buffer_release(&self->room.spans);
	buffer_release(&self->plain);
	buffer_release(&self->body);
	buffer_release(&self->answer.body);
	free(self);
}

static const struct span_exporter_operations operations = {.send = send_spans, .free = free_exporter};

enum error otlp_exporter_new(const struct otlp_options *options, struct span_exporter **ret_exporter, char message[static OTLP_MESSAGE_MAX])
{
	assert(options != NULL && options->endpoint != NULL && options->timeout_ms > 0);
	assert(ret_exporter != NULL);
	struct otlp_exporter *self = calloc(1, sizeof *self);
	if (self == NULL)
		return ERR_NO_MEMORY;
	self->base.operations = &operations;
	self->base.give_up_ns = UINT64_MAX;
	self->options = *options;
	arena_init(&self->room.arena, ARENA_BLOCK, ARENA_MAX);
	buffer_init(&self->room.spans, NULL, BODY_MAX);
	buffer_init(&self->plain, NULL, BODY_MAX);
	buffer_init(&self->body, NULL, BODY_MAX);
	buffer_init(&self->answer.body, NULL, OTLP_ANSWER_BYTES_MAX);
	enum error error = otlp_url(options->endpoint, options->protocol, &self->url, message);
	if (error == OK)
		error = otlp_headers(options, &self->headers, message);
	if (error == OK && !prepare(self))
		error = ERR_NO_MEMORY;
	if (error != OK) {
		free_exporter(&self->base);
		return error;
	}
	*ret_exporter = &self->base;
	return OK;
}
