/* trace_sampler.c: see trace_sampler.h. */
#include "base/trace_sampler.h"

#include <assert.h>

#define ALL (UINT64_C(1) << 63)

bool trace_sampler_parse(struct slice name, double ratio, struct trace_sampler *ret_sampler)
{
	assert(ret_sampler != NULL);
	assert(ratio >= 0 && ratio <= 1);
	const struct slice prefix = SLICE("parentbased_");
	struct trace_sampler sampler = {0};
	sampler.is_parent_based =
		name.length > prefix.length && slice_equal((struct slice){.data = name.data, .length = prefix.length}, prefix);
	if (sampler.is_parent_based)
		name = (struct slice){.data = name.data + prefix.length, .length = name.length - prefix.length};
	if (slice_equal_string(name, "always_on"))
		sampler.threshold = ALL;
	else if (slice_equal_string(name, "traceidratio"))
		sampler.threshold = ratio >= 1 ? ALL : (uint64_t)(ratio * (double)ALL);
	else if (!slice_equal_string(name, "always_off"))
		return false;
	*ret_sampler = sampler;
	return true;
}

/* 63 bits of the id's second half, which is random in ids of every kind. */
static uint64_t number_of(const struct trace_context *context)
{
	uint64_t number = 0;
	for (size_t i = sizeof context->trace_id / 2; i < sizeof context->trace_id; i++)
		number = number << 8 | context->trace_id[i];
	return number >> 1;
}

uint8_t trace_sampler_flags(const struct trace_sampler *sampler, const struct trace_context *parent, const struct trace_context *own)
{
	assert(sampler != NULL && own != NULL);
	bool is_recorded = parent != NULL && sampler->is_parent_based ? trace_is_sampled(parent) : number_of(own) < sampler->threshold;
	return (uint8_t)((own->flags & ~TRACE_SAMPLED) | (is_recorded ? TRACE_SAMPLED : 0));
}
