/* faulty_store.h: a decorator around any store that makes it fail as it is told. */
#pragma once

#include "base/attributes.h"
#include "ports/store.h"

enum fault {
	FAULT_NONE,
	FAULT_REFUSED,     /* the operation is not done and answers `result` */
	FAULT_ANSWER_LOST, /* it is done and answers `result` */
};

enum store_call {
	STORE_CALL_LOAD,
	STORE_CALL_COMMIT,
	STORE_CALL_RESOLVE,
};

struct faulty_store {
	struct store port;
	struct store *inner; /* borrowed */
	/* Asked before every call. *ret_result is STORE_UNKNOWN unless it is set. */
	enum fault (*choose)(void *context, enum store_call call, enum store_result *ret_result);
	void *context;
};

/* Freed with store_free as any, which changes nothing; the inner one is the caller's. */
void faulty_store_init(struct faulty_store *store, struct store *inner, enum fault (*choose)(void *, enum store_call, enum store_result *),
                       void *context);
