/* row_compare.h: rows side by side, as the store's order and verify need them. */
#pragma once

#include "base/uuid.h"
#include "domain/row.h"

/* The order of the keys' bytes: seats by event and label, payments by transaction id, the others by id. Both are of one kind, not ROW_KEY. */
int row_key_compare(const struct row *a, const struct row *b);
/* The name of the first field that differs, its version included; NULL when the rows are the same. Of one kind and key, not ROW_KEY;
 * a payment's and a refund's answer do not count. */
const char *row_difference(const struct row *a, const struct row *b);
/* The stream that explains the row: the hold's, the order's, the event's; of a seat its holder's, or its event's when nobody has it. */
struct uuid row_stream(const struct row *row);
