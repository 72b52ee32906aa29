/* seat_list.h: the seats that a body names, as the domain has them. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "codec/json_fields.h"
#include "domain/text.h"

/* Labels in the order of the body, in violations->arena. More than `maximum` is a violation at /seats. ERR_VALIDATION, ERR_NO_MEMORY. */
must_check enum error seat_list_read(const struct json_strings *strings, uint32_t maximum, struct json_violations *violations,
                                     const struct seat_label **ret_seats);
