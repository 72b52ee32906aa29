/* trace_states.c: see trace_states.h. */
#include "adapters/sql/trace_states.h"

#include <assert.h>
#include <string.h>

#include "base/trace_state.h"

void trace_states_write(struct buffer *buffer, const struct changes *changes, uint8_t partition)
{
	assert(buffer != NULL && changes != NULL && partition < OUTBOX_PARTITIONS);
	bool has_any = false;
	buffer_clear(buffer);
	for (uint32_t i = 0; i < changes->event_count; i++) {
		const struct event *event = &changes->events[i];
		if (!outbox_takes(partition, event))
			continue;
		assert(event->trace_state.length <= TRACE_STATE_LENGTH_MAX);
		buffer_append_slice(buffer, event->trace_state);
		buffer_append_byte(buffer, '\n');
		has_any = has_any || event->trace_state.length > 0;
	}
	if (!has_any)
		buffer_clear(buffer);
}

static struct slice read_line(struct slice line, struct arena *arena)
{
	assert(arena != NULL);
	char text[TRACE_STATE_LENGTH_MAX];
	size_t length = line.length == 0 ? 0 : trace_state_read(&line, 1, text);
	char *copy = length == 0 ? NULL : arena_allocate(arena, length);
	if (copy == NULL)
		return (struct slice){0};
	memcpy(copy, text, length);
	return (struct slice){.data = copy, .length = length};
}

void trace_states_read(struct slice lines, struct arena *arena, struct event_record *records, uint32_t count)
{
	assert(records != NULL || count == 0);
	for (uint32_t i = 0; i < count; i++) {
		const char *end = lines.length == 0 ? NULL : memchr(lines.data, '\n', lines.length);
		struct slice line = {.data = lines.data, .length = end == NULL ? 0 : (size_t)(end - lines.data)};
		records[i].trace_state = read_line(line, arena);
		if (end != NULL)
			lines = (struct slice){.data = end + 1, .length = lines.length - line.length - 1};
	}
}
