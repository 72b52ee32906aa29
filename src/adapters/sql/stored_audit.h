/* stored_audit.h: records of the audit as SQL databases have them. */
#pragma once

#include "adapters/sql/stored_write.h"
#include "base/attributes.h"
#include "ports/audit.h"

#define AUDIT_COLUMNS "id, occurred_at, kind, actor, action, target, address, result, repeats"

/* In the order of the columns. Values are borrowed until the statement has run. */
void stored_audit_put(struct places places, const struct audit_record *record);
/* Texts are copied into the arena. False: the row cannot be right, or the arena is full. */
must_check bool stored_audit_read(struct columns columns, struct arena *arena, struct audit_record *ret_record);
