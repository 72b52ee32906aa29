/* request_log.h: the line of the log for each request. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/hash.h"
#include "config/config.h"
#include "http/server_options.h"
#include "obs/log.h"

struct request_log {
	struct logger *logger; /* borrowed */
	bool names_users;
	struct hash_seed seed; /* of what stands for users' names: a secret, and the same in all processes that share PAYMENT_SECRET */
};

/* config: with its secrets. ERR_NO_MEMORY. */
must_check enum error request_log_init(struct request_log *log, const struct config *config, struct logger *logger);
/* Safe from any thread. */
void request_log_write(const struct request_log *log, const struct http_request_summary *summary);
