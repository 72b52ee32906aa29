/* answer.c: see answer.h. Nothing that a receiver says is trusted further than to be counted and shown. */
#include "adapters/otlp/answer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"
#include "base/gzip.h"

#define GRPC_FRAME_HEAD 5
#define GRPC_OK 0
#define GRPC_STATUS_MAX 16
#define WAIT_MAX_S 86400

/* Those that OTLP lets a client send again. */
#define GRPC_RETRYABLE \
	(1U << 1 /* cancelled */ | 1U << 4 /* deadline exceeded */ | 1U << 8 /* resource exhausted */ | 1U << 10 /* aborted */ | \
	 1U << 11 /* out of range */ | 1U << 14 /* unavailable */ | 1U << 15 /* data loss */)

/* The value of the field with that name; data NULL: it is another. */
static struct slice value_of(struct slice line, const char *name)
{
	size_t length = strlen(name);
	if (line.length <= length || line.data[length] != ':' || strncasecmp(line.data, name, length) != 0)
		return (struct slice){0};
	return slice_trim((struct slice){.data = line.data + length + 1, .length = line.length - length - 1});
}

static struct slice without_end(struct slice line)
{
	while (line.length > 0 && (line.data[line.length - 1] == '\r' || line.data[line.length - 1] == '\n'))
		line.length--;
	return line;
}

/* Printable ASCII alone, and no more than there is room for. */
static void copy_words(struct slice words, char *to, size_t size)
{
	assert(size > 0);
	size_t length = words.length < size - 1 ? words.length : size - 1;
	for (size_t i = 0; i < length; i++)
		to[i] = words.data[i] >= ' ' && words.data[i] <= '~' ? words.data[i] : '?';
	to[length] = '\0';
}

void otlp_answer_line(struct otlp_answer *answer, struct slice line)
{
	assert(answer != NULL);
	line = without_end(line);
	struct slice status = value_of(line, "grpc-status"), message = value_of(line, "grpc-message"), wait = value_of(line, "retry-after");
	uint64_t number;
	if (status.data != NULL && decimal_parse(status, GRPC_STATUS_MAX, &number)) {
		answer->has_grpc_status = true;
		answer->grpc_status = (uint32_t)number;
	}
	if (message.data != NULL)
		copy_words(message, answer->grpc_message, sizeof answer->grpc_message);
	if (wait.data != NULL && decimal_parse(wait, WAIT_MAX_S, &number))
		answer->wait_ms = number * 1000;
}

static enum export_result take_body(struct slice body, struct span_export *export)
{
	uint64_t rejected;
	if (!otlp_decode_response(body, &rejected)) {
		snprintf(export->problem, sizeof export->problem, "the answer is not that of an OTLP receiver");
		return EXPORT_FAILED;
	}
	export->rejected = rejected < export->count ? (uint32_t)rejected : export->count;
	return EXPORT_DONE;
}

static bool is_retryable(long status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

static enum export_result judge_status(const struct otlp_answer *answer, struct span_export *export)
{
	snprintf(export->problem, sizeof export->problem, "the answer's status is %ld", answer->status);
	export->wait_ms = answer->wait_ms;
	return is_retryable(answer->status) ? EXPORT_AGAIN : EXPORT_FAILED;
}

/* The one message in its frame; servers answer as compressed as they were asked. An answer without a message is an empty one. */
static enum export_result take_frame(struct slice body, struct span_export *export)
{
	if (body.length == 0)
		return take_body(body, export);
	if (body.length < GRPC_FRAME_HEAD)
		return take_body(SLICE("\xff"), export); /* too short for a frame: certainly no message */
	struct slice message = {.data = body.data + GRPC_FRAME_HEAD, .length = body.length - GRPC_FRAME_HEAD};
	if (body.data[0] == 0)
		return take_body(message, export);
	struct buffer expanded;
	buffer_init(&expanded, NULL, OTLP_ANSWER_BYTES_MAX);
	bool is_whole = gzip_expand(&expanded, message);
	enum export_result result = take_body(is_whole ? buffer_slice(&expanded) : SLICE("\xff"), export);
	buffer_release(&expanded);
	return result;
}

static enum export_result judge_grpc(const struct otlp_answer *answer, struct span_export *export)
{
	if (answer->status != 200)
		return judge_status(answer, export);
	if (!answer->has_grpc_status) {
		snprintf(export->problem, sizeof export->problem, "the answer has no grpc-status: this is no gRPC");
		return EXPORT_FAILED;
	}
	if (answer->grpc_status == GRPC_OK)
		return take_frame(buffer_slice(&answer->body), export);
	snprintf(export->problem, sizeof export->problem, "gRPC status %u: %s", (unsigned)answer->grpc_status, answer->grpc_message);
	export->wait_ms = answer->wait_ms;
	return (GRPC_RETRYABLE >> answer->grpc_status & 1) != 0 ? EXPORT_AGAIN : EXPORT_FAILED;
}

enum export_result otlp_answer_judge(const struct otlp_answer *answer, enum otlp_protocol protocol, struct span_export *export)
{
	assert(answer != NULL && export != NULL);
	if (answer->body.failed) {
		snprintf(export->problem, sizeof export->problem, "the answer is larger than %d KiB", OTLP_ANSWER_BYTES_MAX / 1024);
		return EXPORT_FAILED;
	}
	if (protocol == OTLP_GRPC)
		return judge_grpc(answer, export);
	if (answer->status < 200 || answer->status > 299)
		return judge_status(answer, export);
	return take_body(buffer_slice(&answer->body), export);
}
