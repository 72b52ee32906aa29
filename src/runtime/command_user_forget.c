/* command_user_forget.c: `tro user forget`: says what there is, asks, and puts a pseudonym in the place of a user. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "app/forgetter.h"
#include "runtime/adapters.h"
#include "runtime/audit_trail.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/forgotten.h"
#include "runtime/terminal.h"

static bool count_item(void *context, enum privacy_part part, const void *item)
{
	(void)item;
	((uint32_t *)context)[part]++;
	return true;
}

/* "ada: 3 holds, 2 orders, 14 events, 1 record of the audit" */
static bool print_plan(struct privacy *privacy, const char *user)
{
	static const enum privacy_part parts[] = {PRIVACY_HOLDS, PRIVACY_ORDERS, PRIVACY_EVENTS, PRIVACY_ACTS, PRIVACY_AUDIT};
	uint32_t counts[PRIVACY_PART_COUNT] = {0};
	enum store_result result = privacy->operations->begin(privacy, false);
	size_t part_count = forget_is_program(slice_of(user)) ? 3 : ARRAY_LENGTH(parts);
	for (size_t i = 0; result == STORE_OK && i < part_count; i++)
		result = privacy->operations->each(privacy, parts[i], slice_of(user), count_item, counts);
	(void)privacy->operations->end(privacy, false);
	if (result != STORE_OK)
		return false;
	fprintf(stderr, "%s: %u holds, %u orders, %u events, %u records of the audit\n", user, counts[PRIVACY_HOLDS],
	        counts[PRIVACY_ORDERS], counts[PRIVACY_EVENTS] + counts[PRIVACY_ACTS], counts[PRIVACY_AUDIT]);
	return true;
}

static bool is_wanted(void)
{
	char answer[16] = "";
	fputs("Nobody can undo this. Forget the user? [y/N] ", stderr);
	fflush(stderr);
	bool is_answered = fgets(answer, sizeof answer, stdin) != NULL;
	return is_answered && (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0);
}

static bool keep(void *context, const struct uuid *id, const struct privacy_traces *traces)
{
	return forgotten_keep(context, id, traces);
}

/* Copies that this program made and does not forget in. */
static void tell_copies(const struct config *config)
{
	DIR *folder = config->systems.crdb_dsn != NULL ? NULL : opendir(config->systems.data_dir);
	if (folder == NULL)
		return;
	for (struct dirent *file; (file = readdir(folder)) != NULL;)
		if (strncmp(file->d_name, "tro.db.schema-", strlen("tro.db.schema-")) == 0)
			fprintf(stderr, "%s/%s is a copy of the store from before: delete it\n", config->systems.data_dir, file->d_name);
	closedir(folder);
}

static int complain_outcome(const struct forgetting *forgetting, enum forget_outcome outcome)
{
	const char *problem = forgetting->privacy->problem;
	if (outcome == FORGET_OPEN)
		return complain("the user has %u open holds and %u pending orders: release or cancel them, or wait until they are over",
		                forgetting->ret_open_holds, forgetting->ret_pending_orders);
	if (outcome == FORGET_UNKEPT)
		return complain("nothing was forgotten");
	return complain("nothing was forgotten: %s", problem[0] == '\0' ? error_title(ERR_STORE_UNAVAILABLE) : problem);
}

/* Scrubs the unused parts of the file even when it finds nothing: an earlier run may have been killed before it did. */
static int forget(const struct invocation *invocation, struct privacy *privacy, const char *user)
{
	struct audit_record record = audit_trail_record(SLICE("user forget"), SLICE(""), EXIT_DONE);
	char pseudonym[FORGET_PSEUDONYM_LENGTH + 1];
	record.target = forget_pseudonym(&record.id, pseudonym);
	struct forgetting forgetting = {.privacy = privacy,
	                                .user = slice_of(user),
	                                .record = &record,
	                                .arena = invocation->arena,
	                                .keep = keep,
	                                .context = (void *)(uintptr_t)invocation->config->systems.data_dir};
	enum forget_outcome outcome = forget_user(&forgetting);
	if (outcome != FORGET_DONE && outcome != FORGET_UNKNOWN)
		return complain_outcome(&forgetting, outcome);
	if (privacy->operations->scrub(privacy, true) != STORE_OK)
		return complain("forgotten, but still in unused parts of the store (%s): run it again", privacy->problem);
	tell_copies(invocation->config);
	puts(outcome == FORGET_DONE ? pseudonym : "nothing is known of that user");
	return EXIT_DONE;
}

static int forget_all_again(const struct invocation *invocation, struct privacy *privacy)
{
	uint32_t count;
	const char *data_dir = invocation->config->systems.data_dir;
	int code = forgotten_apply(data_dir, privacy, &count);
	if (code == EXIT_DONE) /* with its place: in a wrong folder there is no list, and nobody is forgotten */
		printf("%u users of %s/forgotten are forgotten again\n", count, data_dir);
	return code;
}

int run_user_forget(const struct invocation *invocation)
{
	const char *user = NULL;
	bool says_yes = false, is_again = false;
	const struct flag flags[] = {{.name = "--yes", .is_given = &says_yes}, {.name = "--again", .is_given = &is_again}};
	int code = flags_read("user forget", invocation, flags, ARRAY_LENGTH(flags), &user, 1);
	if (code != EXIT_DONE)
		return code;
	if ((user == NULL) != is_again)
		return complain_usage("user forget", "the id of a user is required, or --again alone");
	if (user != NULL && user[0] == '\0')
		return complain_usage("user forget", "the id of a user is required");
	struct privacy *privacy;
	char message[ADAPTERS_MESSAGE_MAX];
	if (!adapters_open_privacy(invocation->config, &privacy, message))
		return complain("%s", message);
	privacy->waits = forgotten_waits;
	if (is_again)
		code = forget_all_again(invocation, privacy);
	else if (!print_plan(privacy, user))
		code = complain("%s", privacy->problem);
	else if (!says_yes && !is_wanted())
		code = complain("nothing was forgotten");
	else
		code = forget(invocation, privacy, user);
	privacy_free(privacy);
	return code;
}
