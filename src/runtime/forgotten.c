/* forgotten.c: see forgotten.h. */
#include "runtime/forgotten.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/forgetter.h"
#include "base/buffer.h"
#include "base/file_owner.h"
#include "base/time.h"
#include "runtime/adapters.h"
#include "runtime/audit_trail.h"
#include "runtime/process.h"
#include "runtime/terminal.h"

#define PATH_MAX_BYTES 4096
#define IDS_MAX ((size_t)256 * 1024 * 1024)
#define AGAIN_MEMORY_MAX ((size_t)64 * 1024 * 1024)

/* An entry while it is read. */
struct entry {
	struct uuid id;
	uint64_t at_ms;
	bool is_begun;
	bool is_damaged; /* it has a line that is none of an entry's: it was cut off while it was written, or changed since */
	struct buffer streams, acts, audit; /* 16 bytes each */
};

struct again {
	struct privacy *privacy;
	uint32_t count;
	uint32_t unfinished; /* entries without an end */
	bool is_damaged;
};

static bool path_of(const char *data_dir, char path[static PATH_MAX_BYTES])
{
	int length = snprintf(path, PATH_MAX_BYTES, "%s/forgotten", data_dir);
	return length > 0 && length < PATH_MAX_BYTES;
}

static void print_ids(FILE *file, const char *word, const struct uuid *ids, uint32_t count)
{
	char text[UUID_TEXT_LENGTH + 1];
	for (uint32_t i = 0; i < count; i++) {
		uuid_format(&ids[i], text);
		fprintf(file, "%s %s\n", word, text);
	}
}

static bool sync_folder(const char *data_dir)
{
	int folder = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_synced = folder >= 0 && fsync(folder) == 0;
	if (folder >= 0)
		close(folder);
	return is_synced;
}

bool forgotten_keep(const char *data_dir, const struct uuid *id, const struct privacy_traces *traces)
{
	assert(id != NULL && traces != NULL);
	char path[PATH_MAX_BYTES], text[UUID_TEXT_LENGTH + 1], at[TIME_TEXT_LENGTH + 1];
	if (!process_make_folder(data_dir, NULL, 0) || !path_of(data_dir, path))
		return complain("%s cannot be made: %s", data_dir, strerror(errno)) == EXIT_DONE;
	FILE *file = fopen(path, "ae");
	if (file == NULL)
		return complain("%s cannot be written: %s", path, strerror(errno)) == EXIT_DONE;
	bool is_kept = file_owner_as_folder(fileno(file), path);
	uuid_format(id, text);
	time_format(traces->at_ms, at);
	fprintf(file, "\nforget %s %s\n", text, at); /* on a line of its own, whatever was cut off before */
	print_ids(file, "stream", traces->streams, traces->stream_count);
	print_ids(file, "act", traces->acts, traces->act_count);
	print_ids(file, "audit", traces->audit, traces->audit_count);
	fputs("end\n", file);
	is_kept = is_kept && fflush(file) == 0 && ferror(file) == 0 && fsync(fileno(file)) == 0;
	is_kept = fclose(file) == 0 && is_kept && sync_folder(data_dir);
	return is_kept || complain("%s cannot be written: %s", path, strerror(errno)) == EXIT_DONE;
}

static void clear(struct entry *entry)
{
	entry->is_begun = entry->is_damaged = false;
	buffer_clear(&entry->streams);
	buffer_clear(&entry->acts);
	buffer_clear(&entry->audit);
}

static const struct uuid *ids_of(const struct buffer *ids, uint32_t *ret_count)
{
	*ret_count = (uint32_t)(ids->length / sizeof(struct uuid));
	return (const struct uuid *)(const void *)ids->data;
}

static bool forget_entry(struct again *again, const struct entry *entry)
{
	struct arena arena;
	struct privacy_traces traces = {.at_ms = entry->at_ms};
	bool has_changed = false;
	arena_init(&arena, 64 * 1024, AGAIN_MEMORY_MAX);
	traces.streams = ids_of(&entry->streams, &traces.stream_count);
	traces.acts = ids_of(&entry->acts, &traces.act_count);
	traces.audit = ids_of(&entry->audit, &traces.audit_count);
	struct audit_record record = audit_trail_record(SLICE("user forget"), SLICE("again"), EXIT_DONE);
	record.id = entry->id;
	enum forget_outcome outcome = forget_again(again->privacy, &traces, &record, &arena, &has_changed);
	arena_release(&arena);
	again->count += has_changed;
	return outcome == FORGET_DONE;
}

static bool read_id(struct slice line, const char *word, struct uuid *ret_id)
{
	size_t length = strlen(word);
	if (line.length < length + UUID_TEXT_LENGTH || memcmp(line.data, word, length) != 0)
		return false;
	return uuid_parse((struct slice){.data = line.data + length, .length = UUID_TEXT_LENGTH}, ret_id);
}

static void begin(struct entry *entry, struct slice line, const struct uuid *id)
{
	size_t head = strlen("forget ") + UUID_TEXT_LENGTH + 1;
	clear(entry);
	entry->id = *id;
	entry->is_begun =
		line.length > head && time_parse((struct slice){.data = line.data + head, .length = line.length - head}, &entry->at_ms);
}

/* At "end". False: the store failed, or the entry was changed since it was written. */
static bool end_entry(struct again *again, struct entry *entry)
{
	again->is_damaged = !entry->is_begun || entry->is_damaged || entry->streams.failed || entry->acts.failed || entry->audit.failed;
	bool is_done = !again->is_damaged && forget_entry(again, entry);
	clear(entry);
	return is_done;
}

/* An entry that was cut off while it was written has no end: it was never committed, and the next begins on a line of its own. False: the
 * store failed, or an entry was changed since it was written. */
static bool read_line(struct again *again, struct entry *entry, struct slice line)
{
	struct uuid id;
	if (read_id(line, "forget ", &id)) {
		again->unfinished += entry->is_begun || entry->is_damaged;
		begin(entry, line, &id);
	} else if (read_id(line, "stream ", &id)) {
		buffer_append(&entry->streams, id.bytes, sizeof id.bytes);
	} else if (read_id(line, "act ", &id)) {
		buffer_append(&entry->acts, id.bytes, sizeof id.bytes);
	} else if (read_id(line, "audit ", &id)) {
		buffer_append(&entry->audit, id.bytes, sizeof id.bytes);
	} else if (slice_equal_string(line, "end")) {
		return end_entry(again, entry);
	} else {
		entry->is_damaged = entry->is_damaged || line.length > 0;
	}
	return true;
}

static bool read_entries(struct again *again, FILE *file)
{
	struct entry entry = {.is_begun = false};
	char *line = NULL;
	size_t capacity = 0;
	bool is_done = true;
	buffer_init(&entry.streams, NULL, IDS_MAX);
	buffer_init(&entry.acts, NULL, IDS_MAX);
	buffer_init(&entry.audit, NULL, IDS_MAX);
	for (ssize_t length; is_done && (length = getline(&line, &capacity, file)) > 0;) {
		while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) /* a copy may have had other line ends */
			length--;
		is_done = read_line(again, &entry, (struct slice){.data = line, .length = (size_t)length});
	}
	again->unfinished += entry.is_begun || entry.is_damaged;
	is_done = is_done && ferror(file) == 0;
	free(line);
	buffer_release(&entry.streams);
	buffer_release(&entry.acts);
	buffer_release(&entry.audit);
	return is_done;
}

void forgotten_waits(uint32_t wait_max_ms)
{
	warn_of("other programs that read the store, such as a backup, use the forgotten data: waiting for their end, at most %u s",
	        (wait_max_ms + 999) / 1000);
}

int forgotten_apply(const char *data_dir, struct privacy *privacy, uint32_t *ret_count)
{
	assert(privacy != NULL && ret_count != NULL);
	char path[PATH_MAX_BYTES];
	struct again again = {.privacy = privacy};
	*ret_count = 0;
	privacy->waits = forgotten_waits;
	FILE *file = path_of(data_dir, path) ? fopen(path, "re") : NULL;
	if (file == NULL && errno != ENOENT)
		return complain("%s/forgotten cannot be read: %s", data_dir, strerror(errno));
	bool is_done = file == NULL || read_entries(&again, file);
	if (file != NULL)
		fclose(file);
	*ret_count = again.count;
	if (again.is_damaged)
		return complain("%s is damaged: put back a copy of it, or users are not forgotten again", path);
	if (!is_done)
		return complain("users could not be forgotten again: %s", privacy->problem[0] != '\0' ? privacy->problem : strerror(errno));
	if (again.unfinished > 0)
		warn_of("%s has %u entries without their ends: they were never committed, or the file was cut", path, again.unfinished);
	if (privacy->operations->scrub(privacy, false) != STORE_OK)
		return complain("the forgotten data is still in unused parts of the store: %s", privacy->problem);
	return EXIT_DONE;
}

int forgotten_at_start(const struct config *config)
{
	assert(config != NULL);
	char path[ADAPTERS_PATH_MAX], message[ADAPTERS_MESSAGE_MAX];
	struct privacy *privacy;
	uint32_t count = 0;
	if (config->systems.crdb_dsn != NULL || !adapters_store_path(config, path, message) || access(path, F_OK) != 0)
		return EXIT_DONE;
	if (!adapters_open_privacy(config, &privacy, message))
		return complain("%s", message);
	int code = forgotten_apply(config->systems.data_dir, privacy, &count);
	privacy_free(privacy);
	if (count > 0)
		printf("%u users are forgotten again\n", count);
	return code;
}
