/* request_log.h: the line of the log for each request. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/hash.h"
#include "config/config.h"
#include "domain/command.h"
#include "domain/outcome.h"
#include "http/server_options.h"
#include "obs/log.h"

struct request_log {
	struct logger *logger; /* borrowed */
	bool names_users;
	struct hash_seed seed; /* for users' pseudonyms: a secret, the same in all processes that share PAYMENT_SECRET */
};

/* config: with its secrets. ERR_NO_MEMORY. */
must_check enum error request_log_init(struct request_log *log, const struct config *config, struct logger *logger);
/* Safe from any thread. */
void request_log_write(const struct request_log *log, const struct http_request_summary *summary);
/* The outcome of a command: a line when it is a payment report that contradicts an earlier one. Safe from any thread. */
void request_log_decided(const struct request_log *log, enum command_kind kind, const struct outcome *outcome);
