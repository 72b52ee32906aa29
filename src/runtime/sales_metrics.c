/* sales_metrics.c: see sales_metrics.h. Amounts are in minor units: cents of EUR, yen of JPY. */
#include "runtime/sales_metrics.h"

#include <assert.h>
#include <stdlib.h>

#include "domain/money.h"
#include "domain/refund.h"

#define REASONS (REFUND_EVENT_CANCELLED + 1)

static const char *const types[EVENT_TYPE_COUNT] = {[EVENT_NONE] = "none",
#define X(name, text, stream, is_published) [name] = text,
                                                    EVENT_TYPES(X)
#undef X
};
static const char *const reasons[REASONS] = {"none", "late_payment", "overpayment", "mismatch", "duplicate_payment", "event_cancelled"};

enum error sales_metrics_declare(struct sales_metrics *sales, struct metrics *metrics)
{
	uint32_t count = currency_count();
	sales->currencies = calloc(count, sizeof *sales->currencies);
	if (sales->currencies == NULL)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < count; i++)
		sales->currencies[i] = currency_code_at(i);
	const struct metric_label currency = {"currency", sales->currencies, count};
	const struct metric_options events = {.name = "tro_domain_events_total",
	                                      .help = "Domain events that were committed, by type.",
	                                      .labels = {{"type", types, EVENT_TYPE_COUNT}}};
	const struct metric_options seats = {.name = "tro_seats_sold_total", .help = "Seats of orders that were confirmed."};
	const struct metric_options revenue = {
		.name = "tro_revenue_minor_units_total", .help = "Totals of the orders that were confirmed.", .labels = {currency}};
	const struct metric_options required = {.name = "tro_refunds_required_minor_units_total",
	                                        .help = "Payments that became due for refund.",
	                                        .labels = {currency, {"reason", reasons, REASONS}}};
	const struct metric_options done = {
		.name = "tro_refunds_done_minor_units_total", .help = "Money that was refunded.", .labels = {currency}};
	enum error error = metrics_counter(metrics, &events, &sales->events);
	if (error == OK)
		error = metrics_counter(metrics, &seats, &sales->seats_sold);
	if (error == OK)
		error = metrics_counter(metrics, &revenue, &sales->revenue);
	if (error == OK)
		error = metrics_counter(metrics, &required, &sales->refunds_required);
	if (error == OK)
		error = metrics_counter(metrics, &done, &sales->refunds_done);
	return error;
}

void sales_metrics_release(struct sales_metrics *sales)
{
	free(sales->currencies);
	*sales = (struct sales_metrics){0};
}

void sales_metrics_show(struct sales_metrics *sales)
{
	assert(sales->events != NULL);
	for (uint32_t type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
		metric_show(sales->events, metric_series(sales->events, type, 0, 0));
}

void sales_metrics_show_currency(struct sales_metrics *sales, uint32_t currency)
{
	assert(currency < currency_count());
	metric_show(sales->revenue, metric_series(sales->revenue, currency, 0, 0));
	metric_show(sales->refunds_done, metric_series(sales->refunds_done, currency, 0, 0));
	for (uint32_t reason = 1; reason < REASONS; reason++) /* 0 is none */
		metric_show(sales->refunds_required, metric_series(sales->refunds_required, currency, reason, 0));
}

static void count_refunds(struct sales_metrics *sales, const struct event *event)
{
	for (uint32_t i = 0; i < event->refund_count; i++) {
		const struct event_refund *refund = &event->refunds[i];
		uint32_t currency = currency_index(&refund->currency);
		assert(refund->amount >= 0 && refund->reason < REASONS);
		if (refund->status == REFUND_DONE)
			metric_add(sales->refunds_done, metric_series(sales->refunds_done, currency, 0, 0), refund->amount);
		else
			metric_add(sales->refunds_required, metric_series(sales->refunds_required, currency, refund->reason, 0),
			           refund->amount);
	}
}

void sales_metrics_committed(struct sales_metrics *sales, const struct changes *changes)
{
	uint32_t counts[EVENT_TYPE_COUNT] = {0};
	for (uint32_t i = 0; i < changes->event_count; i++) {
		const struct event *event = &changes->events[i];
		counts[event->type]++;
		count_refunds(sales, event);
		if (event->type == EVENT_SALE_CREATED || event->type == EVENT_ORDER_CREATED)
			sales_metrics_show_currency(sales, currency_index(&event->currency));
		if (event->type != EVENT_ORDER_CONFIRMED)
			continue;
		metric_add(sales->seats_sold, 0, event->item_count);
		metric_add(sales->revenue, metric_series(sales->revenue, currency_index(&event->currency), 0, 0), event->total);
	}
	for (uint32_t type = 0; type < EVENT_TYPE_COUNT; type++)
		if (counts[type] > 0)
			metric_add(sales->events, metric_series(sales->events, type, 0, 0), counts[type]);
}
