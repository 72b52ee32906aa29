/* span.h: one span of a trace that waits to be exported: its name, its times, its parent and its attributes.
 *
 * A plain value of bounded size. Names, keys and words are borrowed texts that outlive every tracer, such as literals; other texts are
 * copied into the span, and cut where the span is full. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/trace_context.h"

#define SPAN_ATTRIBUTES_MAX 12
#define SPAN_TEXT_MAX 240 /* bytes of all copied texts, with a zero byte behind each */

/* The numbers are those of OTLP. */
enum span_kind {
	SPAN_INTERNAL = 1,
	SPAN_SERVER = 2,
	SPAN_CLIENT = 3,
	SPAN_PRODUCER = 4,
	SPAN_CONSUMER = 5,
};

enum span_attribute_kind {
	SPAN_WORD, /* borrowed */
	SPAN_TEXT, /* copied */
	SPAN_INT,
	SPAN_BOOL,
};

struct span_attribute {
	const char *key; /* borrowed */
	enum span_attribute_kind kind;
	union {
		const char *word;
		uint32_t at; /* of the text in span->text */
		int64_t number;
		bool truth;
	};
};

/* Another span that this one has to do with, in this trace or another. */
struct span_link {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t flags;
};

struct span {
	struct trace_context context; /* its own; parent_id all zero: it is the root */
	enum span_kind kind;
	bool is_error;
	const char *name;    /* borrowed, or NULL: the text at name_at */
	uint32_t name_at;    /* in `text` */
	uint64_t started_ns; /* by the monotonic clock */
	uint64_t ended_ns;
	uint64_t began_unix_ms; /* other than 0: it began then, by a clock that several machines share, and started_ns does not count */
	struct span_link link;  /* used when its span id is not all zero */
	/* Allocated by malloc, and the span's: span_release frees them. NULL: none. */
	char *trace_state;
	struct span_link *links; /* many of them */
	uint32_t link_count;
	uint32_t links_dropped; /* there were so many more */
	uint32_t attribute_count;
	uint32_t text_length;
	struct span_attribute attributes[SPAN_ATTRIBUTES_MAX];
	char text[SPAN_TEXT_MAX];
};

/* Begins a span without attributes. name: borrowed. */
void span_init(struct span *span, const struct trace_context *context, enum span_kind kind, const char *name, uint64_t started_ns,
               uint64_t ended_ns);
/* Copies the tracestate, once a span; nothing when it is empty. Without memory for it the span goes without. */
void span_set_trace_state(struct span *span, struct slice trace_state);
/* Frees what the span owns; copies of the span are then as void as it is. */
void span_release(struct span *span);
/* "first second", copied; with an empty second "first". */
void span_name(struct span *span, struct slice first, struct slice second);
/* Attributes beyond SPAN_ATTRIBUTES_MAX are left out; a text that does not fit is cut at its end. */
void span_add_word(struct span *span, const char *key, const char *word);
void span_add_text(struct span *span, const char *key, struct slice text);
/* The text is the span's name, which was copied, but for its first `skip` bytes. */
void span_add_end_of_name(struct span *span, const char *key, uint32_t skip);
void span_add_int(struct span *span, const char *key, int64_t number);
void span_add_bool(struct span *span, const char *key, bool truth);
struct span_link span_link_to(const struct trace_context *context);
