/* sighting.c: CloudEvents, of which only what tells streams and sequences is read. */
#include "app/sighting.h"

#include <assert.h>

#include "codec/json_reader.h"

/* The text of a string without escapes. */
static struct slice plain_string(struct json_value string)
{
	return (struct slice){.data = string.text.data + 1, .length = string.text.length - 2};
}

struct sighting sighting_of(struct sequences *sequences, struct slice body)
{
	assert(sequences != NULL);
	struct sighting sighting = {.finding = SEQUENCE_NEXT};
	struct json_problem problem;
	struct json_value event, stream, sequence, time;
	int64_t number = 0;
	if (!json_check(body, &event, &problem) || json_kind(event) != JSON_KIND_OBJECT)
		return sighting;
	if (!json_member(event, SLICE("subject"), &stream) || json_kind(stream) != JSON_KIND_STRING ||
	    !uuid_parse(plain_string(stream), &sighting.stream))
		return sighting;
	if (!json_member(event, SLICE("sequence"), &sequence) || json_kind(sequence) != JSON_KIND_NUMBER ||
	    !json_to_integer(sequence, &number) || number < 1 || number > UINT32_MAX)
		return sighting;
	if (!json_member(event, SLICE("time"), &time) || json_kind(time) != JSON_KIND_STRING)
		return sighting;
	sighting.is_event = true;
	sighting.event = event.text;
	sighting.time = plain_string(time);
	sighting.sequence = (uint32_t)number;
	sighting.finding = sequences_note(sequences, &sighting.stream, sighting.sequence, &sighting.missing);
	return sighting;
}
