/* paging.h: ?limit= and ?cursor= of the lists. */
#pragma once

#include "app/job.h"
#include "base/attributes.h"
#include "base/error.h"
#include "http/call.h"

/* Reads both into the query, whose kind and id are set. ERR_BAD_REQUEST or ERR_CURSOR_INVALID, with
 * the violation, ERR_NO_MEMORY. */
must_check enum error paging_read(struct call *call, struct query *query);
