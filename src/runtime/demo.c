/* demo.c: the demo event, and the text that leads through a purchase. */
#include "runtime/demo.h"

#include <stdio.h>

#include "auth/jwt.h"
#include "app/job.h"
#include "base/version.h"
#include "ports/reader.h"
#include "runtime/operator_event.h"
#include "runtime/server_url.h"
#include "runtime/terminal.h"
#include "runtime/token.h"

#define TOKEN_TTL_MS (24ULL * 60 * 60 * 1000)

struct slice demo_event_body(void)
{
	return SLICE("{\"name\":\"The Demo Orchestra plays Beethoven's Ninth\",\"venue\":\"Main Hall\","
	             "\"description\":\"An event to try TRO with.\",\"starts_at\":\"2030-06-01T19:30:00Z\",\"currency\":\"EUR\","
	             "\"sections\":[{\"name\":\"A\",\"price\":8900,\"rows\":10,\"seats_per_row\":20},"
	             "{\"name\":\"B\",\"price\":5400,\"rows\":15,\"seats_per_row\":20}]}");
}

/* The newest event that is on sale; false when there is none. */
static bool find_event(struct operator_session *session, struct uuid *ret_event_id, int *ret_code)
{
	struct reader *reader = session->adapters.readers[0];
	char message[ADAPTERS_MESSAGE_MAX];
	const struct row **rows = NULL;
	uint32_t count = 0;
	*ret_code = EXIT_DONE;
	if (reader->operations->scan(reader, ROW_SALE, NULL, QUERY_LIMIT_MAX, session->arena, &rows, &count) != STORE_OK) {
		*ret_code = complain("%s", adapters_explain(&session->adapters, ERR_STORE_UNAVAILABLE, message));
		return false;
	}
	bool is_found = false;
	for (uint32_t i = 0; i < count; i++) {
		const struct sale *sale = (const struct sale *)(const void *)rows[i];
		if (sale->status != SALE_ON_SALE)
			continue;
		*ret_event_id = sale->event_id;
		is_found = true;
	}
	return is_found;
}

int demo_prepare(void *context)
{
	struct demo *demo = context;
	struct operator_session session;
	char message[ADAPTERS_MESSAGE_MAX];
	if (demo->config->systems.crdb_dsn == NULL && !adapters_migrate(demo->config, NULL, message))
		return complain("%s", message); /* this is a server's start: it makes the store */
	int code = operator_session_open(demo->config, demo->arena, &session);
	if (code != EXIT_DONE)
		return code;
	if (!find_event(&session, &demo->event_id, &code) && code == EXIT_DONE)
		code = operator_event_create(&session, "the demo event", demo_event_body(), &demo->event_id);
	operator_session_close(&session);
	return code;
}

static struct slice make_token(const struct demo *demo, struct slice user, struct slice scope)
{
	struct buffer token;
	buffer_init(&token, demo->arena, JWT_TOKEN_LENGTH_MAX);
	return token_make(demo->config, user, scope, TOKEN_TTL_MS, &token) == OK ? buffer_slice(&token) : SLICE("(no token)");
}

static const char *listening_url(const struct demo *demo, uint16_t port)
{
	struct config_address address = demo->config->http.listen.items[0];
	address.port = port;
	const char *url = server_url(&address, demo->config->http.tls_certificate != NULL, demo->arena);
	return url == NULL ? "(out of memory)" : url;
}

void serving_print(void *context, uint16_t port)
{
	printf("TRO " TRO_VERSION " serves %s\n", listening_url(context, port));
	fflush(stdout);
}

void demo_print(void *context, uint16_t port)
{
	const struct demo *demo = context;
	const char *url = listening_url(demo, port);
	char event_id[UUID_TEXT_LENGTH + 1];
	uuid_format(&demo->event_id, event_id);
	struct slice token = make_token(demo, SLICE("alice"), SLICE(""));
	struct slice admin = make_token(demo, SLICE("admin"), SLICE("tro:admin"));
	printf("\nTRO " TRO_VERSION " serves %s\n\n"
	       "  demo event   %s\n"
	       "  data         %s\n"
	       "  your token   %.*s\n"
	       "  admin token  %.*s\n\n"
	       "Buy two tickets, in another terminal:\n\n"
	       "  URL=%s\n"
	       "  TOKEN=%.*s\n"
	       "  EVENT=%s\n"
	       "  SEATS=$(curl -s \"$URL/v1/events/$EVENT/seats?status=available&limit=2\" |\n"
	       "    grep -o '\"seat\":\"[^\"]*\"' | cut -d : -f 2 | paste -sd ,)\n"
	       "  HOLD=$(curl -s $URL/v1/holds -H \"Authorization: Bearer $TOKEN\" -H \"Idempotency-Key: $(date +%%s%%N)\" \\\n"
	       "    --json '{\"event_id\":\"'$EVENT'\",\"seats\":['$SEATS']}' -w '\\n' |\n"
	       "    sed -n -e 'w /dev/stderr' -e 's/.*\"hold_id\":\"\\([^\"]*\\).*/\\1/p')\n"
	       "  ORDER=$(curl -s $URL/v1/orders -H \"Authorization: Bearer $TOKEN\" -H \"Idempotency-Key: $(date +%%s%%N)\" \\\n"
	       "    --json '{\"hold_id\":\"'$HOLD'\",\"payment_method\":\"card\"}' -w '\\n' |\n"
	       "    sed -n -e 'w /dev/stderr' -e 's/.*\"order_id\":\"\\([^\"]*\\).*/\\1/p')\n"
	       "  build/bin/tro pay $ORDER --succeed --url $URL --data-dir %s\n"
	       "  curl -s $URL/v1/orders/$ORDER -H \"Authorization: Bearer $TOKEN\" -w '\\n'\n\n",
	       url, event_id, demo->config->systems.data_dir, SLICE_PRINT(token), SLICE_PRINT(admin), url, SLICE_PRINT(token), event_id,
	       demo->config->systems.data_dir);
	fflush(stdout);
}
