/* auditing.h: records the refused requests of clients, and the failed ones of operators, in the audit. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "http/server_options.h"
#include "runtime/adapters.h"

struct auditing;

/* The adapters are borrowed; without an audit *ret_auditing is NULL. ERR_NO_MEMORY, ERR_SYSTEM. */
must_check enum error auditing_start(const struct adapters *adapters, struct auditing **ret_auditing);
/* Safe from any thread; never waits. Takes NULL. */
void auditing_request(struct auditing *auditing, const struct http_request_summary *summary);
/* Call it when no request is served any more: writes the waiting records, and frees. Takes NULL. */
void auditing_stop(struct auditing *auditing);
