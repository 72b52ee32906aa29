/* parameters.h: the values of one statement in PostgreSQL's binary format, scalars and arrays. Private to the PostgreSQL adapter.
 *
 * A parameter is a scalar or an array, by what is put into it; an array takes one element a call and grows. Used again and again: the
 * storage stays. Indexes begin at 0, for $1. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "base/uuid.h"

#define PARAMETERS_MAX 24

struct parameters {
	struct buffer values[PARAMETERS_MAX];
	uint32_t elements[PARAMETERS_MAX]; /* of an array; 0: a scalar */
	uint32_t count;                    /* the highest index that has a value, plus one */
};

void parameters_init(struct parameters *parameters);
/* Takes one that is all zero. */
void parameters_release(struct parameters *parameters);
/* Forgets the values. */
void parameters_clear(struct parameters *parameters);

/* Integers are int8; one past INT64_MAX is put as that. Text and bytes look the same. */
void scalar_int(struct parameters *parameters, uint32_t index, int64_t value);
void scalar_uint(struct parameters *parameters, uint32_t index, uint64_t value);
void scalar_uuid(struct parameters *parameters, uint32_t index, const struct uuid *value);
void scalar_bytes(struct parameters *parameters, uint32_t index, struct slice value);

void array_int(struct parameters *parameters, uint32_t index, int64_t value);
void array_uint(struct parameters *parameters, uint32_t index, uint64_t value);
void array_uuid(struct parameters *parameters, uint32_t index, const struct uuid *value);
/* Ids that stand one behind the other, 16 bytes each; answers how many. */
uint32_t array_uuids(struct parameters *parameters, uint32_t index, struct slice ids);
void array_null_uuid(struct parameters *parameters, uint32_t index);
void array_text(struct parameters *parameters, uint32_t index, struct slice value);
void array_bytes(struct parameters *parameters, uint32_t index, struct slice value);

/* A value could not be made: parameters_finish will say so. */
void parameters_fail(struct parameters *parameters);
/* Fills libpq's arrays: a pointer and a length for each. False: out of memory, or more than a message can hold. */
must_check bool parameters_finish(struct parameters *parameters, const char *values[static PARAMETERS_MAX],
                                  int lengths[static PARAMETERS_MAX]);
