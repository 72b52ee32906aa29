/* resume.c: a list in the order of sending, and a hash table on it that is made when somebody looks. */
#include "adapters/rabbitmq/resume.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"

_Static_assert((RESUME_SLOTS & (RESUME_SLOTS - 1)) == 0, "a hash is masked");

/* Forgets the events that were sent with this tag or a later one. */
static void cut(struct resume *resume, uint64_t tag)
{
	assert(resume->count <= RESUME_MAX);
	while (resume->count > 0 && resume->entries[resume->count - 1].tag >= tag)
		resume->count--;
	if (resume->indexed_count > resume->count) {
		memset(resume->slots, 0, sizeof resume->slots);
		resume->indexed_count = 0;
	}
}

void resume_refuse(struct resume *resume, uint64_t tag)
{
	assert(tag > 0);
	if (resume->refused_tag == 0 || tag < resume->refused_tag)
		resume->refused_tag = tag;
}

static void cut_refused(struct resume *resume)
{
	assert(resume != NULL);
	if (resume->refused_tag != 0)
		cut(resume, resume->refused_tag);
	resume->refused_tag = 0;
}

void resume_reconnect(struct resume *resume, const struct confirms *confirms)
{
	assert(confirms != NULL);
	cut_refused(resume);
	if (confirms->first > 0) /* there was a connection */
		cut(resume, confirms->first);
	for (uint32_t i = 0; i < resume->count; i++)
		resume->entries[i].tag = 0;
}

/* The slot of the id, or the empty one where it belongs. The ids are this program's own: nobody chooses them to collide. */
static uint32_t *find(struct resume *resume, const struct uuid *id)
{
	assert(id != NULL && resume->indexed_count <= resume->count);
	uint32_t at = (uint32_t)hash_bytes(&(struct hash_seed){0}, id->bytes, sizeof id->bytes) % RESUME_SLOTS;
	while (resume->slots[at] != 0 && !uuid_equal(&resume->entries[resume->slots[at] - 1].id, id))
		at = (at + 1) % RESUME_SLOTS;
	return &resume->slots[at];
}

void resume_begin(struct resume *resume)
{
	assert(resume->indexed_count <= RESUME_MAX);
	cut_refused(resume);
	for (; resume->indexed_count < resume->count; resume->indexed_count++)
		*find(resume, &resume->entries[resume->indexed_count].id) = resume->indexed_count + 1;
}

bool resume_has(struct resume *resume, const struct uuid *id)
{
	assert(id != NULL);
	return resume->indexed_count > 0 && *find(resume, id) != 0;
}

void resume_add(struct resume *resume, const struct uuid *id, uint64_t tag)
{
	assert(id != NULL);
	assert(tag > 0 && (resume->count == 0 || resume->entries[resume->count - 1].tag < tag));
	if (resume->count < RESUME_MAX)
		resume->entries[resume->count++] = (struct resume_entry){.id = *id, .tag = tag};
}

void resume_finish(struct resume *resume)
{
	assert(resume != NULL);
	cut(resume, 0);
}
