/* answer.h: reads a receiver's answer and decides what becomes of the spans. Private to the OTLP adapter. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapters/otlp/otlp.h"
#include "base/buffer.h"

#define OTLP_ANSWER_BYTES_MAX 65536
#define OTLP_WORDS_MAX 160 /* of what the receiver says went wrong */

struct otlp_answer {
	long status; /* HTTP; 0: none came */
	bool has_grpc_status;
	uint32_t grpc_status;
	char grpc_message[OTLP_WORDS_MAX];
	uint64_t wait_ms; /* Retry-After; 0: it does not say */
	struct buffer body;
};

/* A line of the head or the trailers; others than those that count are passed over. */
void otlp_answer_line(struct otlp_answer *answer, struct slice line);
/* Judges the answer; sets rejected, wait_ms and problem of *export. */
enum export_result otlp_answer_judge(const struct otlp_answer *answer, enum otlp_protocol protocol, struct span_export *export);
