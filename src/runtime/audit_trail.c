/* audit_trail.c: see audit_trail.h. */
#include "runtime/audit_trail.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "adapters/sqlite/sqlite.h"
#include "adapters/system/system.h"
#include "base/hlc.h"
#include "base/utf8.h"
#include "runtime/adapters.h"
#include "runtime/terminal.h"

struct slice operator_place(void)
{
	static char place[OPERATOR_PLACE_MAX];
	char host[65] = "";
	if (gethostname(host, sizeof host - 1) != 0 || !utf8_is_printable(slice_of(host)))
		host[0] = '\0';
	int length = snprintf(place, sizeof place, "uid %u at %s", (unsigned)geteuid(), host[0] == '\0' ? "a host" : host);
	assert(length > 0 && (size_t)length < sizeof place);
	(void)length;
	return slice_of(place);
}

struct audit_record audit_trail_record(struct slice action, struct slice target, int code)
{
	assert(action.length > 0);
	uint64_t now_ms = clock_now_ms(system_clock());
	return (struct audit_record){
		.id = uuid_v7(hlc_from_milliseconds(now_ms), random_u64(system_random()), 0),
		.at_ms = now_ms,
		.kind = AUDIT_ACTION,
		.actor = SLICE("operator"),
		.action = action,
		.target = utf8_is_printable(target) ? target : SLICE(""),
		.address = operator_place(),
		.result = code == EXIT_DONE ? SLICE("done") : SLICE("failed"),
		.repeats = 1,
	};
}

/* The audit is freed. */
static int write_to(struct audit *audit, struct slice action, struct slice target, int code)
{
	assert(audit != NULL);
	struct audit_record record = audit_trail_record(action, target, code);
	enum store_result result = audit->operations->append(audit, &record, 1);
	audit_free(audit);
	if (result != STORE_OK)
		return complain("%.*s could not be recorded in the audit", SLICE_PRINT(action));
	return code;
}

int audit_trail_write(const struct config *config, struct slice action, struct slice target, int code)
{
	assert(config != NULL);
	struct audit *audit;
	char message[ADAPTERS_MESSAGE_MAX];
	if (!adapters_open_audit(config, &audit, message))
		return complain("%.*s could not be recorded in the audit: %s", SLICE_PRINT(action), message);
	return write_to(audit, action, target, code);
}

int audit_trail_write_at(const char *path, struct slice action, struct slice target, int code)
{
	assert(path != NULL);
	struct audit *audit;
	char message[ADAPTERS_MESSAGE_MAX];
	if (sqlite_audit_open(path, &audit, message) != OK)
		return complain("%.*s could not be recorded in the audit: %s", SLICE_PRINT(action), message);
	return write_to(audit, action, target, code);
}
