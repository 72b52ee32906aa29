/* command_event_cancel.c: `tro event cancel`: says what it is about to do, asks, does it, and shows how the worker gets on with the
 * rest. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/now.h"
#include "domain/money.h"
#include "runtime/commands.h"
#include "runtime/operator_session.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"

#define POLL_MS 200
#define STALL_POLLS_MAX 50 /* ten seconds without progress: nobody works on it */

/* The number of holds and orders that cancelling the sale changes. */
static uint64_t left_of(const struct sale_account *account)
{
	return account->active_holds + account->pending_orders + account->paid_orders;
}

static bool ask_account(struct operator_session *session, const struct uuid *event_id, struct sale_account *ret_account)
{
	struct reader *reader = session->adapters.readers[0];
	return reader->operations->account(reader, event_id, ret_account) == STORE_OK;
}

/* Whether the event is there; the complaint is made if not. */
static int check_event(struct operator_session *session, const char *id, const struct uuid *event_id, struct sale_account *ret_account)
{
	struct reader *reader = session->adapters.readers[0];
	char message[ADAPTERS_MESSAGE_MAX];
	const struct row *sale = NULL;
	bool is_read = reader->operations->find(reader, ROW_SALE, event_id, session->arena, &sale) == STORE_OK;
	if (is_read && sale == NULL)
		return complain("%s: %s", id, error_title(ERR_EVENT_UNKNOWN));
	if (!is_read || !ask_account(session, event_id, ret_account))
		return complain("%s: %s", id, adapters_explain(&session->adapters, ERR_STORE_UNAVAILABLE, message));
	return EXIT_DONE;
}

/* "3 paid orders, EUR 105.00; 2 pending orders; 5 open holds" */
static void print_plan(const char *id, const struct sale_account *account)
{
	char money[MONEY_TEXT_MAX + 1];
	money_format(account->paid, &account->currency, money);
	printf("cancelling %s: %" PRIu64 " paid order%s, %s; %" PRIu64 " pending order%s; %" PRIu64 " open hold%s\n", id,
	       account->paid_orders, account->paid_orders == 1 ? "" : "s", money, account->pending_orders,
	       account->pending_orders == 1 ? "" : "s", account->active_holds, account->active_holds == 1 ? "" : "s");
	fflush(stdout);
}

/* An operator at a terminal is asked; a script is not. */
static bool is_wanted(bool says_yes)
{
	if (says_yes || isatty(STDIN_FILENO) != 1)
		return true;
	char answer[16] = "";
	fputs("Nobody can undo this. Cancel the event? [y/N] ", stderr);
	fflush(stderr);
	bool is_answered = fgets(answer, sizeof answer, stdin) != NULL;
	return is_answered && (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0);
}

/* Waits until nothing is left, and shows the progress. */
static int follow(struct operator_session *session, const struct uuid *event_id, uint64_t planned)
{
	uint64_t shown = UINT64_MAX;
	for (uint32_t stalled = 0; stalled < STALL_POLLS_MAX; stalled++) {
		struct sale_account account;
		bool is_read = ask_account(session, event_id, &account);
		uint64_t left = is_read ? left_of(&account) : shown;
		uint64_t total = left > planned ? left : planned;
		if (left != shown) {
			fprintf(stderr, "%" PRIu64 " of %" PRIu64 " holds and orders done\n", total - left, total);
			shown = left;
			stalled = 0;
		}
		if (is_read && left == 0)
			return EXIT_DONE;
		pause_ms(POLL_MS);
	}
	fprintf(stderr, "the event is cancelled; no expiry worker ends its holds and orders: start 'tro serve' or tro-expiry-worker\n");
	return EXIT_DONE;
}

static int cancel(struct operator_session *session, const char *id, struct command *command, bool says_yes)
{
	struct sale_account account;
	struct outcome outcome;
	char message[ADAPTERS_MESSAGE_MAX];
	int code = check_event(session, id, &command->event_id, &account);
	if (code != EXIT_DONE)
		return code;
	print_plan(id, &account);
	if (!is_wanted(says_yes))
		return complain("nothing was done");
	operator_session_execute(session, command, &outcome);
	if (outcome.error != OK)
		return complain("%s: %s", id, adapters_explain(&session->adapters, outcome.error, message));
	code = follow(session, &command->event_id, left_of(&account));
	if (code == EXIT_DONE)
		puts(id);
	return code;
}

int run_event_cancel(const struct invocation *invocation)
{
	const char *id = NULL;
	bool says_yes = false;
	struct command command = {.kind = COMMAND_SALE_CANCEL};
	const struct flag flags[] = {{.name = "--yes", .is_given = &says_yes}};
	int code = flags_read("event cancel", invocation, flags, ARRAY_LENGTH(flags), &id, 1);
	if (code != EXIT_DONE)
		return code;
	if (id == NULL || !uuid_parse(slice_of(id), &command.event_id))
		return complain_usage("event cancel", "the id of an event is required");
	struct operator_session session;
	code = operator_session_open(invocation->config, invocation->arena, &session);
	if (code != EXIT_DONE)
		return code;
	code = cancel(&session, id, &command, says_yes);
	operator_session_close(&session);
	return code;
}
