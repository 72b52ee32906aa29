/* fuzz_traceparent.c: any bytes as a traceparent; one that is taken is written and read back. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/trace_context.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace_context context, again;
	if (!trace_context_parse((struct slice){.data = (const char *)data, .length = size}, &context))
		return 0;
	char written[TRACEPARENT_LENGTH + 1];
	trace_context_format(&context, written);
	assert(trace_context_parse(slice_of(written), &again));
	assert(memcmp(&context, &again, sizeof context) == 0);
	assert(memcmp(written + 2, data + 2, TRACEPARENT_LENGTH - 4) == 0);
	return 0;
}
