/* import_identity.h: which events of an import are the same: those of one event_id, or, of those without, of one name, venue and start.
 *
 * The identity is the idempotency key of the event's command, too: so the store makes the event once, however many imports run. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/hash_table.h"
#include "base/uuid.h"
#include "domain/command.h"
#include "domain/key.h"

struct import_identity {
	uint8_t bytes[KEY_HASH_LENGTH];
};

struct import_identity import_identity_of_id(struct digest *digest, const struct uuid *event_id);
struct import_identity import_identity_of_details(struct digest *digest, const struct sale_details *details);
static inline struct import_identity import_identity_of(struct digest *digest, const struct sale_create *create)
{
	return uuid_is_nil(&create->event_id) ? import_identity_of_details(digest, &create->details)
	                                      : import_identity_of_id(digest, &create->event_id);
}

/* The entry of one identity. */
struct import_entry {
	struct hash_node node;
	struct import_identity identity;
	union {
		struct uuid event_id; /* in the store */
		uint64_t line;        /* in the file */
	};
};

/* Entries by their identities. Starts zeroed. */
struct import_index {
	struct hash_table table;
	struct arena arena;
};

/* ERR_NO_MEMORY; nothing to release then. */
must_check enum error import_index_init(struct import_index *index);
void import_index_release(struct import_index *index);
/* NULL: there is none. */
struct import_entry *import_index_find(const struct import_index *index, const struct import_identity *identity);
/* A new entry; NULL: out of memory. */
must_check struct import_entry *import_index_add(struct import_index *index, const struct import_identity *identity);
