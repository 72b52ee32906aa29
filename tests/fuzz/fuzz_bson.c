/* fuzz_bson.c: any bytes as a document of the catalog; a document that is taken is written and read back the same. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "adapters/mongodb/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bson_t document, written;
	struct arena arena;
	struct catalog_entry entry, again;
	if (!bson_init_static(&document, data, size) || !bson_validate(&document, BSON_VALIDATE_NONE, NULL))
		return 0; /* libmongoc takes no other from a server */
	arena_init(&arena, 4096, (size_t)1 << 20);
	if (mongodb_document_read(&document, &arena, &entry)) {
		bson_init(&written);
		if (mongodb_document_write(&written, &entry)) {
			bool is_read = mongodb_document_read(&written, &arena, &again);
			assert(is_read && memcmp(&again.event_id, &entry.event_id, sizeof entry.event_id) == 0);
			assert(slice_equal(again.details.name, entry.details.name) && again.version == entry.version);
			assert(again.status == entry.status && again.seat_count == entry.seat_count);
		}
		bson_destroy(&written);
	}
	arena_release(&arena);
	return 0;
}
