/* request_log.c: see request_log.h. Users are told apart and not named, unless LOG_PERSONAL_DATA says otherwise. */
#include "runtime/request_log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auth/digest.h"

#define FIELDS_ALWAYS 15
#define PSEUDONYM_LENGTH 17 /* "~" and 16 hexadecimal digits */

enum error request_log_init(struct request_log *log, const struct config *config, struct logger *logger)
{
	assert(log != NULL && logger != NULL);
	struct digest digest;
	uint8_t hash[DIGEST_LENGTH];
	bool has_secret = config->auth.payment_secrets.count > 0; /* a process that serves no clients has neither secrets nor users */
	const struct slice parts[] = {SLICE("users in the log"), has_secret ? config->auth.payment_secrets.items[0] : (struct slice){0}};
	enum error error = digest_init(&digest);
	if (error != OK)
		return error;
	digest_compute(&digest, parts, ARRAY_LENGTH(parts), hash);
	digest_release(&digest);
	*log = (struct request_log){.logger = logger, .names_users = config->log_personal_data};
	static_assert(sizeof log->seed <= sizeof hash, "the hash fills the seed");
	memcpy(&log->seed, hash, sizeof log->seed);
	return OK;
}

/* Nobody stays nobody. */
static struct slice pseudonym_of(const struct request_log *log, struct slice user, char text[static PSEUDONYM_LENGTH + 1])
{
	if (slice_is_empty(user))
		return user;
	(void)snprintf(text, PSEUDONYM_LENGTH + 1, "~%016" PRIx64, hash_bytes(&log->seed, user.data, user.length));
	return slice_of(text);
}

static const char *outcome_of(const struct http_request_summary *summary)
{
	return summary->status < 400 ? "ok" : summary->status < 500 ? "refused" : "failed";
}

void request_log_write(const struct request_log *log, const struct http_request_summary *summary)
{
	enum log_level level = summary->status == 500 ? LOG_ERROR : LOG_INFO;
	if (level < logger_level(log->logger))
		return;
	char client[IP_ADDRESS_TEXT_MAX + 1], trace_id[TRACE_ID_TEXT_LENGTH + 1];
	ip_address_format(&summary->client, client);
	trace_id_format(summary->trace, trace_id);
	char pseudonym[PSEUDONYM_LENGTH + 1];
	struct slice user = log->names_users ? summary->user : pseudonym_of(log, summary->user, pseudonym);
	struct log_field fields[FIELDS_ALWAYS + 1 + HTTP_STAGES_MAX] = {
		log_slice("request_id", summary->id),
		log_slice("method", summary->method),
		log_slice("path", summary->path),
		log_string("route", summary->route == NULL ? "none" : summary->route),
		log_uint("status", summary->status),
		log_string("outcome", outcome_of(summary)),
		log_string("reason", summary->error == OK ? "none" : error_slug(summary->error)), /* as in the metrics */
		log_string("error", summary->error == OK ? "none" : error_title(summary->error)),
		log_double("duration_ms", (double)summary->duration_ns / 1e6),
		log_slice("user", user),
		log_string("client", client),
		log_string("trace_id", trace_id),
		log_uint("bytes_received", summary->bytes_received),
		log_uint("bytes_sent", summary->bytes_sent),
		log_bool("delivered", summary->is_delivered),
	};
	uint32_t count = FIELDS_ALWAYS;
	if (!slice_is_empty(summary->detail))
		fields[count++] = log_slice("detail", summary->detail);
	for (uint32_t i = 0; i < summary->stage_count; i++)
		fields[count++] = log_double(summary->stages[i].field, (double)summary->stages[i].duration_ns / 1e6);
	assert(count <= ARRAY_LENGTH(fields));
	log_write_each(log->logger, level, "request", fields, count);
}

void request_log_decided(const struct request_log *log, enum command_kind kind, const struct outcome *outcome)
{
	assert(log != NULL && outcome != NULL);
	if (kind != COMMAND_PAYMENT || (outcome->error != ERR_PAYMENT_CONFLICT && outcome->error != ERR_ORDER_NOT_PAYABLE))
		return;
	char order_id[UUID_TEXT_LENGTH + 1];
	uuid_format(&outcome->resource_id, order_id);
	log_event(log->logger, LOG_WARN, "a payment report contradicts an earlier one", log_string("error", error_title(outcome->error)),
	          log_string("order_id", uuid_is_nil(&outcome->resource_id) ? "unknown" : order_id));
}
