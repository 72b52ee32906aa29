/* handlers.h: the handlers of api_routes, each in the file of its subject. */
#pragma once

#include "http/request.h"

/* holds.c */
enum http_progress holds_post(struct http_request *request);
enum http_progress holds_get(struct http_request *request);
enum http_progress holds_delete(struct http_request *request);

/* orders.c */
enum http_progress orders_post(struct http_request *request);
enum http_progress orders_get(struct http_request *request);
enum http_progress orders_cancel(struct http_request *request);

/* payments.c */
enum http_progress payments_callback(struct http_request *request);

/* refunds.c */
enum http_progress refunds_list(struct http_request *request);
enum http_progress refunds_done(struct http_request *request);

/* events.c */
enum http_progress events_post(struct http_request *request);
enum http_progress events_list(struct http_request *request);
enum http_progress events_get(struct http_request *request);
enum http_progress events_pause(struct http_request *request);
enum http_progress events_resume(struct http_request *request);
enum http_progress events_cancel(struct http_request *request);

/* seats.c */
enum http_progress seats_map(struct http_request *request);
enum http_progress seats_availability(struct http_request *request);

/* seat_stream.c */
enum http_progress seats_stream(struct http_request *request);

/* histories.c */
enum http_progress holds_history(struct http_request *request);
enum http_progress orders_history(struct http_request *request);

/* service_pages.c */
enum http_progress health_get(struct http_request *request);
enum http_progress ready_get(struct http_request *request);
enum http_progress startup_get(struct http_request *request);
enum http_progress metrics_get(struct http_request *request);
enum http_progress docs_get(struct http_request *request);
enum http_progress openapi_get(struct http_request *request);
