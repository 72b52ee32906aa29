/* operator_event.c: the body of an event becomes a command, and the event goes to the catalog. */
#include "runtime/operator_event.h"

#include "app/catalog_sync.h"
#include "codec/sale_json.h"
#include "runtime/terminal.h"

static int complain_body(const char *name, enum error error, const struct json_violations *violations)
{
	if (error == ERR_JSON_INVALID)
		return complain("%s: %.*s", name, SLICE_PRINT(violations->detail));
	if (error != ERR_VALIDATION)
		return complain("%s: %s", name, error_title(error));
	for (uint32_t i = 0; i < violations->count; i++)
		complain("%s: %.*s: %.*s", name, SLICE_PRINT(violations->items[i].pointer), SLICE_PRINT(violations->items[i].detail));
	return EXIT_FAILED;
}

int operator_event_create(struct operator_session *session, const char *name, struct slice body, struct uuid *ret_event_id)
{
	struct json_violations violations;
	json_violations_init(&violations, session->arena);
	struct command command = {.kind = COMMAND_SALE_CREATE};
	enum error error = sale_body_read(body, clock_now_ms(session->adapters.clock), &violations, &command.sale_create);
	if (error != OK)
		return complain_body(name, error, &violations);
	struct outcome outcome;
	char message[ADAPTERS_MESSAGE_MAX];
	command.sale_create.event_id = operator_session_event_id(session);
	operator_session_execute(session, &command, &outcome);
	if (outcome.error != OK)
		return complain("%s: %s", name, adapters_explain(&session->adapters, outcome.error, message));
	/* A running server finds it by itself; without one nobody would. */
	error = catalog_sync_event(session->adapters.catalog_reader, session->adapters.catalog, &outcome.resource_id);
	if (error != OK)
		complain("the event is on sale, and will be in the catalog when that can be reached: %s",
		         adapters_explain(&session->adapters, error, message));
	*ret_event_id = outcome.resource_id;
	return EXIT_DONE;
}
