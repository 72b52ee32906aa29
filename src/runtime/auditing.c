/* auditing.c: see auditing.h. */
#include "runtime/auditing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/audit_recorder.h"
#include "base/cidr.h"
#include "pipeline/worker.h"

struct auditing {
	struct audit_recorder *recorder;
	struct worker *worker;
};

static void wake(void *context)
{
	const struct auditing *auditing = context;
	if (auditing->worker != NULL)
		worker_wake(auditing->worker);
}

enum error auditing_start(const struct adapters *adapters, struct auditing **ret_auditing)
{
	assert(adapters != NULL && ret_auditing != NULL);
	*ret_auditing = NULL;
	if (adapters->audit == NULL)
		return OK;
	struct auditing *auditing = calloc(1, sizeof *auditing);
	if (auditing == NULL)
		return ERR_NO_MEMORY;
	const struct audit_recorder_options options = {
		.audit = adapters->audit, .clock = adapters->clock, .random = adapters->random, .wake = wake, .context = auditing};
	enum error error = audit_recorder_new(&options, &auditing->recorder);
	const struct worker_options worker = {
		.name = "audit", .step = audit_recorder_step, .context = auditing->recorder, .spacing_ms = AUDIT_PAUSE_MS};
	if (error == OK)
		error = worker_new(&worker, &auditing->worker);
	if (error != OK) {
		audit_recorder_free(auditing->recorder);
		free(auditing);
		return error;
	}
	*ret_auditing = auditing;
	return OK;
}

/* An action that was done is recorded by the store, with the change. */
static bool is_refused_action(const struct http_request_summary *summary)
{
	return summary->is_operators_action && summary->status >= 400;
}

void auditing_request(struct auditing *auditing, const struct http_request_summary *summary)
{
	assert(summary != NULL);
	bool is_refused = summary->status == 401 || summary->status == 403;
	if (auditing == NULL || summary->route == NULL || (!is_refused && !is_refused_action(summary)))
		return;
	char address[IP_ADDRESS_TEXT_MAX + 1], action[AUDIT_TEXT_MAX + 1], result[AUDIT_TEXT_MAX + 1];
	ip_address_format(&summary->client, address);
	(void)snprintf(action, sizeof action, "%.*s %s", SLICE_PRINT(summary->method), summary->route);
	(void)snprintf(result, sizeof result, "%u %s%s%.*s", summary->status, error_slug(summary->error),
	               slice_is_empty(summary->detail) ? "" : ": ", SLICE_PRINT(summary->detail));
	const struct audit_record record = {
		.kind = is_refused ? AUDIT_REFUSED : AUDIT_ACTION,
		.actor = summary->user,
		.action = slice_of(action),
		.target = is_refused ? SLICE("") : summary->path,
		.address = slice_of(address),
		.result = slice_of(result),
		.repeats = 1,
	};
	audit_recorder_note(auditing->recorder, &record);
}

void auditing_stop(struct auditing *auditing)
{
	if (auditing == NULL)
		return;
	assert(auditing->worker != NULL);
	worker_stop(auditing->worker);
	audit_recorder_finish(auditing->recorder);
	worker_free(auditing->worker);
	audit_recorder_free(auditing->recorder);
	free(auditing);
}
