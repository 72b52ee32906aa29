/* place.c: the parts of a DSN that are no secret. */
#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "adapters/postgres/postgres.h"
#include "base/decimal.h"

/* Of "a,b" the first. */
static void copy_first(const char *list, char *to, size_t size)
{
	int length = (int)strcspn(list, ",");
	(void)snprintf(to, size, "%.*s", length, list);
}

void postgres_place_of(const char *dsn, struct postgres_place *ret_place)
{
	assert(dsn != NULL && ret_place != NULL);
	*ret_place = (struct postgres_place){.port = 0};
	PQconninfoOption *settings = PQconninfoParse(dsn, NULL);
	for (const PQconninfoOption *setting = settings; setting != NULL && setting->keyword != NULL; setting++) {
		char text[8];
		uint64_t port;
		if (setting->val == NULL)
			continue;
		if (strcmp(setting->keyword, "host") == 0)
			copy_first(setting->val, ret_place->host, sizeof ret_place->host);
		else if (strcmp(setting->keyword, "dbname") == 0)
			copy_first(setting->val, ret_place->database, sizeof ret_place->database);
		else if (strcmp(setting->keyword, "port") == 0) {
			copy_first(setting->val, text, sizeof text);
			if (decimal_parse(slice_of(text), UINT16_MAX, &port))
				ret_place->port = (uint16_t)port;
		}
	}
	PQconninfoFree(settings);
}
