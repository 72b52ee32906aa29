/* command_user_export.c: `tro user export`: everything that the store has about a user, as one JSON object. */
#include <stdio.h>

#include "app/forgetter.h"
#include "codec/event_json.h"
#include "ports/privacy.h"
#include "ports/reader.h"
#include "runtime/adapters.h"
#include "runtime/audit_trail.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/terminal.h"

#define ITEM_MAX ((size_t)256 * 1024 * 1024)

struct export
{
	struct buffer item;
	uint64_t now_ms;
	bool needs_comma;
	bool has_found; /* something of the user */
};

static void write_payment(struct buffer *buffer, const struct payment *payment)
{
	struct json_writer writer = json_writer_on(buffer);
	json_writer_object_begin(&writer, NULL);
	json_writer_string(&writer, "transaction_id", short_text_slice(&payment->transaction_id));
	json_writer_uuid(&writer, "order_id", &payment->order_id);
	json_writer_string(&writer, "status", payment->status == PAYMENT_SUCCEEDED ? SLICE("SUCCEEDED") : SLICE("FAILED"));
	json_writer_int(&writer, "amount", payment->amount);
	json_writer_string(&writer, "currency", slice_of(payment->currency.code));
	json_writer_object_end(&writer);
}

static void write_event(struct buffer *buffer, const struct event_record *record)
{
	struct json_writer writer = json_writer_on(buffer);
	json_writer_object_begin(&writer, NULL);
	json_writer_uuid(&writer, "id", &record->id);
	json_writer_string(&writer, "type", slice_of(event_type_name(record->type)));
	json_writer_uuid(&writer, "stream_id", &record->stream_id);
	json_writer_uint(&writer, "version", record->sequence);
	json_writer_time(&writer, "occurred_at", record->occurred_at_ms);
	json_writer_string(&writer, "actor", record->actor);
	json_writer_raw(&writer, "data", record->data);
	json_writer_object_end(&writer);
}

static void write_audit(struct buffer *buffer, const struct audit_record *record)
{
	struct json_writer writer = json_writer_on(buffer);
	json_writer_object_begin(&writer, NULL);
	json_writer_uuid(&writer, "id", &record->id);
	json_writer_time(&writer, "time", record->at_ms);
	json_writer_string(&writer, "kind", record->kind == AUDIT_ACTION ? SLICE("action") : SLICE("refused"));
	json_writer_string(&writer, "actor", record->actor);
	json_writer_string(&writer, "action", record->action);
	json_writer_string(&writer, "target", record->target);
	json_writer_string(&writer, "address", record->address);
	json_writer_string(&writer, "result", record->result);
	json_writer_uint(&writer, "repeats", record->repeats);
	json_writer_object_end(&writer);
}

static void write_item(struct export *export, enum privacy_part part, const void *item)
{
	struct json_writer writer = json_writer_on(&export->item);
	if (part == PRIVACY_HOLDS)
		hold_write(&export->item, item, export->now_ms);
	else if (part == PRIVACY_ORDERS)
		order_write(&export->item, item, export->now_ms);
	else if (part == PRIVACY_PAYMENTS)
		write_payment(&export->item, item);
	else if (part == PRIVACY_REFUNDS)
		refund_write(&writer, item);
	else if (part == PRIVACY_AUDIT)
		write_audit(&export->item, item);
	else
		write_event(&export->item, item);
}

static bool print_item(void *context, enum privacy_part part, const void *item)
{
	struct export *export = context;
	buffer_clear(&export->item);
	write_item(export, part, item);
	if (export->item.failed)
		return false;
	printf("%s\n  %.*s", export->needs_comma ? "," : "", SLICE_PRINT(buffer_slice(&export->item)));
	export->needs_comma = true;
	export->has_found = true;
	return true;
}

static enum store_result print_all(struct privacy *privacy, struct export *export, struct slice user)
{
	static const struct {
		const char *name;
		enum privacy_part parts[2];
	} lists[] = {{"holds", {PRIVACY_HOLDS, PRIVACY_HOLDS}},          {"orders", {PRIVACY_ORDERS, PRIVACY_ORDERS}},
	             {"payments", {PRIVACY_PAYMENTS, PRIVACY_PAYMENTS}}, {"refunds", {PRIVACY_REFUNDS, PRIVACY_REFUNDS}},
	             {"events", {PRIVACY_EVENTS, PRIVACY_ACTS}},         {"audit", {PRIVACY_AUDIT, PRIVACY_AUDIT}}};
	enum store_result result = privacy->operations->begin(privacy, false);
	bool is_program = forget_is_program(user);
	for (size_t i = 0; result == STORE_OK && i < ARRAY_LENGTH(lists); i++) {
		printf(",\n \"%s\": [", lists[i].name);
		export->needs_comma = false;
		if (is_program && lists[i].parts[0] == PRIVACY_AUDIT) {
			putchar(']');
			continue; /* the program's, which name other users */
		}
		result = privacy->operations->each(privacy, lists[i].parts[0], user, print_item, export);
		if (result == STORE_OK && lists[i].parts[1] != lists[i].parts[0] && !is_program)
			result = privacy->operations->each(privacy, lists[i].parts[1], user, print_item, export);
		putchar(']');
	}
	(void)privacy->operations->end(privacy, false);
	return result;
}

static int export_user(const struct config *config, struct privacy *privacy, struct slice user)
{
	struct export export = {.now_ms = audit_trail_record(SLICE(PRIVACY_EXPORT_ACTION), user, EXIT_DONE).at_ms};
	buffer_init(&export.item, NULL, ITEM_MAX);
	struct json_writer writer = json_writer_on(&export.item);
	json_writer_string(&writer, "user_id", user);
	json_writer_time(&writer, "exported_at", export.now_ms);
	printf("{%.*s", SLICE_PRINT(buffer_slice(&export.item)));
	enum store_result result = print_all(privacy, &export, user);
	buffer_release(&export.item);
	fputs("\n}\n", stdout);
	if (result != STORE_OK)
		return complain("the export is not whole: %s", privacy->problem);
	/* Of somebody who was forgotten, and of a misspelt id, the record must not be the first to have the name. */
	return audit_trail_write(config, SLICE(PRIVACY_EXPORT_ACTION), export.has_found ? user : SLICE(""), EXIT_DONE);
}

int run_user_export(const struct invocation *invocation)
{
	const char *user = NULL;
	int code = flags_read("user export", invocation, NULL, 0, &user, 1);
	if (code != EXIT_DONE)
		return code;
	if (user == NULL || user[0] == '\0')
		return complain_usage("user export", "the id of a user is required");
	struct privacy *privacy;
	char message[ADAPTERS_MESSAGE_MAX];
	if (!adapters_open_privacy(invocation->config, &privacy, message))
		return complain("%s", message);
	code = export_user(invocation->config, privacy, slice_of(user));
	privacy_free(privacy);
	return code;
}
