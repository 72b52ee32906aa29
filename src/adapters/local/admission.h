/* admission.h: the admission port (ports/admission.h) in the memory of this process: a server by itself needs no other. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/hash.h"
#include "ports/admission.h"

struct local_admission_options {
	uint32_t user_quota; /* requests of a user in a window; 0: not limited */
	uint32_t user_window_ms;
	uint32_t service_quota; /* requests of a service in a window; 0: not limited */
	uint32_t service_window_ms;
	uint32_t address_quota; /* requests of a client IP in a window; 0: not limited */
	uint32_t address_window_ms;
	uint32_t callers_max;  /* users, and addresses, that are kept account of */
	uint32_t keys_max;     /* idempotency keys in use or remembered */
	struct hash_seed seed; /* random: nobody outside may guess it */
};

/* ERR_NO_MEMORY. */
must_check enum error local_admission_new(const struct local_admission_options *options, struct admission **ret_admission);
