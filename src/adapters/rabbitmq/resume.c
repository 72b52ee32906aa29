/* resume.c: positions in the batch, and the tags that go with them. */
#include "adapters/rabbitmq/resume.h"

#include <assert.h>

/* Forgets all but the first messages. */
static void cut(struct resume *resume, uint64_t count)
{
	if (count < resume->count)
		resume->count = (uint32_t)count;
}

void resume_refuse(struct resume *resume, uint64_t tag)
{
	if (resume->refused_tag == 0 || tag < resume->refused_tag)
		resume->refused_tag = tag;
}

/* Tags before the first are of an earlier batch, some of whose messages this one has in common: then nothing is known of them. */
static void cut_at_tag(struct resume *resume, uint64_t tag)
{
	cut(resume, tag < resume->first_tag ? 0 : resume->first_index + (tag - resume->first_tag));
}

void resume_reconnect(struct resume *resume, const struct confirms *confirms)
{
	if (resume->refused_tag != 0)
		cut_at_tag(resume, resume->refused_tag);
	cut_at_tag(resume, confirms->first);
	resume->refused_tag = 0;
	resume->first_index = resume->count;
	resume->first_tag = 1;
}

uint32_t resume_begin(struct resume *resume, const struct confirms *confirms, const struct event_record *const *records, uint32_t count)
{
	uint64_t sent = resume->first_index + (confirms->next - resume->first_tag);
	if (resume->refused_tag != 0)
		cut_at_tag(resume, resume->refused_tag);
	resume->refused_tag = 0;
	uint32_t same = 0;
	while (same < count && same < resume->count && uuid_equal(&records[same]->id, &resume->ids[same]))
		same++;
	cut(resume, same);
	if (sent != same) {
		resume->first_index = same;
		resume->first_tag = confirms->next;
	}
	return same;
}

void resume_add(struct resume *resume, const struct uuid *id)
{
	if (resume->count < RESUME_MAX)
		resume->ids[resume->count++] = *id;
}

void resume_finish(struct resume *resume)
{
	resume->count = 0;
	resume->first_index = 0;
}
