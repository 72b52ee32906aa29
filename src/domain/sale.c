/* sale.c: when seats may be held. */
#include "domain/sale.h"

#include <assert.h>
#include <stddef.h>

enum error sale_check_open(const struct sale *sale, uint64_t now_ms)
{
	assert(sale != NULL && sale->row.version != 0);
	if (sale->status == SALE_CANCELLED)
		return ERR_EVENT_CANCELLED;
	if (now_ms < sale->on_sale_from_ms || (sale->on_sale_until_ms != 0 && now_ms >= sale->on_sale_until_ms))
		return ERR_NOT_ON_SALE;
	return sale->status == SALE_PAUSED ? ERR_SALES_PAUSED : OK;
}
