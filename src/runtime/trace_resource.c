/* trace_resource.c: see trace_resource.h. */
#include "runtime/trace_resource.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/hlc.h"
#include "base/now.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "base/version.h"

#define GIVEN_MAX 64
#define OWN_MAX 4

struct making {
	struct otlp_attribute *attributes;
	uint32_t count;
	struct arena *arena;
};

static bool has(const struct making *making, const char *key)
{
	for (uint32_t i = 0; i < making->count; i++)
		if (strcmp(making->attributes[i].key, key) == 0)
			return true;
	return false;
}

static bool add(struct making *making, const char *key, struct slice text)
{
	assert(making->count < GIVEN_MAX + OWN_MAX);
	const char *copy = arena_copy(making->arena, text).data;
	if (copy == NULL)
		return false;
	making->attributes[making->count++] = (struct otlp_attribute){.key = key, .text = copy};
	return true;
}

/* Decodes the %XX of a value; data NULL: it is malformed, or no text. */
static struct slice decode(struct slice value, struct arena *arena)
{
	char *text = arena_allocate(arena, value.length + 1);
	size_t length = 0;
	for (size_t i = 0; text != NULL && i < value.length; i++) {
		uint8_t byte = (uint8_t)value.data[i];
		if (byte == '%') {
			if (value.length - i < 3 || !hex_decode(value.data + i + 1, &byte, 1))
				return (struct slice){0};
			i += 2;
		}
		text[length++] = (char)byte;
	}
	struct slice decoded = {.data = text, .length = length};
	return text != NULL && utf8_is_printable(decoded) ? decoded : (struct slice){0};
}

/* "key=value", of which the last one with that key counts. */
static bool add_given(struct making *making, struct slice pair)
{
	struct slice value = pair, name;
	if (memchr(pair.data, '=', pair.length) == NULL || !slice_cut(&value, '=', &name) || slice_is_empty(slice_trim(name)))
		return false;
	const char *key = arena_copy(making->arena, slice_trim(name)).data;
	value = slice_trim(value);
	struct slice text = decode(value, making->arena);
	if (key == NULL || text.data == NULL)
		return false;
	for (uint32_t i = 0; i < making->count; i++)
		if (strcmp(making->attributes[i].key, key) == 0)
			making->attributes[i] = making->attributes[--making->count];
	return add(making, key, text);
}

static bool add_all_given(struct making *making, struct slice list, char message[static OTLP_MESSAGE_MAX])
{
	struct slice rest = list, pair;
	for (uint32_t number = 1; slice_cut(&rest, ',', &pair); number++) {
		pair = slice_trim(pair);
		if (slice_is_empty(pair))
			continue;
		if (number > GIVEN_MAX || !add_given(making, pair)) {
			snprintf(message, OTLP_MESSAGE_MAX,
			         "OTEL_RESOURCE_ATTRIBUTES must be at most %d of key=value with commas between, values percent-encoded: "
			         "number %u is "
			         "not",
			         GIVEN_MAX, (unsigned)number);
			return false;
		}
	}
	return true;
}

static bool add_own(struct making *making, const char *key, struct slice text)
{
	return has(making, key) || add(making, key, text);
}

bool trace_resource_make(const struct config_traces *config, const char *program, struct random *random, struct arena *arena,
                         struct otlp_resource *ret_resource, char message[static OTLP_MESSAGE_MAX])
{
	assert(config != NULL && program != NULL && ret_resource != NULL);
	char host[256] = "", instance[UUID_TEXT_LENGTH + 1];
	struct making making = {.arena = arena};
	making.attributes = arena_allocate_array(arena, GIVEN_MAX + OWN_MAX, sizeof *making.attributes);
	snprintf(message, OTLP_MESSAGE_MAX, "out of memory");
	if (making.attributes == NULL)
		return false;
	if (!slice_is_empty(config->resource_attributes) && !add_all_given(&making, config->resource_attributes, message))
		return false;
	if (!slice_is_empty(config->service_name))
		for (uint32_t i = 0; i < making.count; i++)
			if (strcmp(making.attributes[i].key, "service.name") == 0)
				making.attributes[i] = making.attributes[--making.count];
	struct uuid id = uuid_v7(hlc_from_milliseconds(wall_now_ms()), random_u64(random), (uint8_t)random_u64(random));
	uuid_format(&id, instance);
	(void)gethostname(host, sizeof host - 1);
	bool is_whole = add_own(&making, "service.name", slice_is_empty(config->service_name) ? slice_of(program) : config->service_name) &&
	                add_own(&making, "service.version", SLICE(TRO_VERSION)) &&
	                add_own(&making, "service.instance.id", slice_of(instance)) && add_own(&making, "host.name", slice_of(host));
	*ret_resource = (struct otlp_resource){.attributes = making.attributes, .count = making.count, .version = TRO_VERSION};
	return is_whole;
}
