/* otlp.h: exports spans to an OpenTelemetry collector, or whatever else speaks OTLP: protobuf over HTTP, or gRPC. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/otlp/encode.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/slice.h"
#include "trace/span_exporter.h"

#define OTLP_MESSAGE_MAX 512

enum otlp_protocol {
	OTLP_HTTP, /* http/protobuf */
	OTLP_GRPC,
};

struct otlp_options {
	const char *endpoint; /* borrowed: a URL; over HTTP "/v1/traces" is put behind its path */
	enum otlp_protocol protocol;
	struct slice headers;          /* "name=value,name=value", values percent-encoded; borrowed until the call returns */
	uint64_t timeout_ms;           /* of one attempt */
	bool is_compressed;            /* gzip */
	struct otlp_resource resource; /* borrowed */
};

/* gRPC when the URL names its usual port, 4317; else HTTP. */
enum otlp_protocol otlp_protocol_of(const char *endpoint);
/* Connects to nothing yet. ERR_VALIDATION with a message, ERR_NO_MEMORY. */
must_check enum error otlp_exporter_new(const struct otlp_options *options, struct span_exporter **ret_exporter,
                                        char message[static OTLP_MESSAGE_MAX]);
