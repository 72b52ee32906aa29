/* seats.c: /v1/events/{id}/seats and …/availability: from the maps in memory, or else from the store. */
#include <assert.h>

#include "app/seat_maps.h"
#include "base/gzip.h"
#include "http/api.h"
#include "http/call_submit.h"
#include "http/content_coding.h"
#include "http/handlers.h"
#include "http/paging.h"
#include "http/seat_version.h"

#define COMPRESSED_MAX ((size_t)1 << 20)

/* May be kept by anybody: the seats are the same for all, and may be a moment old. */
static const char shared[] = "public, max-age=1, stale-while-revalidate=5";
static const char json_type[] = "application/json";

/* A request on its way through the maps. */
struct seats_request {
	struct call *call;
	struct uuid event_id;
	struct seat_page_query query;
	struct query from_store; /* the question to the store instead */
	uint64_t version;        /* of an answer from there */
	bool takes_gzip;
	struct seat_maps_wait wait;
};

/* ?status= of seats. */
static enum error read_status(struct http_request *request, enum seat_status *ret_status)
{
	struct slice text;
	enum error error = http_request_query(request, SLICE("status"), &text);
	if (error != OK || text.data == NULL)
		return error;
	for (enum seat_status status = SEAT_AVAILABLE; status <= SEAT_SOLD; status++) {
		if (slice_equal_string(text, seat_status_name(status))) {
			*ret_status = status;
			return OK;
		}
	}
	return http_request_query_violation(request, SLICE("status"), SLICE("must be available, held, reserved or sold"));
}

/* Reads ?since=. It excludes a filter by status: a client that keeps a part of the map by status must hear of the seats that leave it,
 * too. */
static enum error read_since(struct http_request *request, struct seats_request *seats)
{
	struct slice text;
	enum error error = seat_version_query(request, &text);
	if (error != OK || text.data == NULL)
		return error;
	if (seats->from_store.seat_status != 0)
		return http_request_query_violation(request, SLICE("since"), SLICE("tells of every status: leave out status"));
	seats->query.kind = SEAT_PAGE_CHANGES;
	seats->query.since = seat_version_parse(text);
	return OK;
}

static void respond(struct seats_request *seats, struct seat_page *page)
{
	struct http_request *request = seats->call->request;
	struct http_response *response = &request->response;
	call_add_headers(seats->call);
	http_respond(request, 200, json_type, seats->takes_gzip ? page->compressed : page->body);
	response->cache_control = shared;
	response->etag = slice_of(page->tag);
	response->release = seat_page_unref;
	response->release_context = page;
	http_response_header(response, SLICE("Vary"), SLICE("Accept-Encoding"));
	if (seats->takes_gzip)
		http_response_header(response, SLICE("Content-Encoding"), SLICE("gzip"));
}

/* {data, next_cursor} and the version; compressed for clients that accept it. */
static struct slice render(struct call *call)
{
	struct seats_request *seats = call->context;
	struct http_request *request = call->request;
	struct slice body = call->job.outcome.body;
	assert(body.length > 0 && body.data[body.length - 1] == '}');
	struct slice text = arena_format(&request->arena, "%.*s,\"version\":\"%llu\"}", (int)body.length - 1, body.data,
	                                 (unsigned long long)seats->version);
	http_response_header(&request->response, SLICE("Vary"), SLICE("Accept-Encoding"));
	if (text.data == NULL || !seats->takes_gzip)
		return text;
	struct buffer buffer;
	buffer_init(&buffer, &request->arena, COMPRESSED_MAX);
	if (!gzip_append(&buffer, text))
		return text;
	http_response_header(&request->response, SLICE("Content-Encoding"), SLICE("gzip"));
	return buffer_slice(&buffer);
}

static enum http_progress ask_store(struct seats_request *seats)
{
	struct call *call = seats->call;
	struct seat_maps *maps = api_of(call->request)->options.maps;
	seats->version = maps == NULL ? 0 : seat_maps_version(maps);
	call->job.kind = JOB_QUERY;
	call->job.query = seats->from_store;
	call->render = render;
	return call_submit_admitted(call);
}

static enum http_progress ask(struct seats_request *seats)
{
	struct seat_page *page = NULL;
	struct seat_maps *maps = api_of(seats->call->request)->options.maps;
	bool is_of_changes = seats->query.kind == SEAT_PAGE_CHANGES;
	enum seat_maps_answer answer =
		maps == NULL ? SEAT_MAPS_TOO_LARGE
			     : seat_maps_ask(maps, &seats->event_id, &seats->query, seats->takes_gzip, &seats->wait, &page);
	switch (answer) {
	case SEAT_MAPS_PAGE:
		respond(seats, page);
		return HTTP_ANSWERED;
	case SEAT_MAPS_LOADING:
		return HTTP_SUSPENDED; /* and the request may be gone */
	case SEAT_MAPS_STALE:
		return is_of_changes ? call_refuse_admitted(seats->call, ERR_STORE_UNAVAILABLE) : ask_store(seats);
	case SEAT_MAPS_TOO_LARGE:
		return is_of_changes ? call_refuse_admitted(seats->call, ERR_VERSION_GONE) : ask_store(seats);
	case SEAT_MAPS_UNKNOWN_EVENT:
		return call_refuse_admitted(seats->call, ERR_EVENT_UNKNOWN);
	case SEAT_MAPS_UNKNOWN_VERSION:
		return call_refuse_admitted(seats->call, ERR_VERSION_GONE);
	case SEAT_MAPS_STOPPED:
		return call_refuse_admitted(seats->call, ERR_SHUTTING_DOWN);
	case SEAT_MAPS_NO_MEMORY:
		break;
	}
	return call_refuse_admitted(seats->call, ERR_NO_MEMORY);
}

static enum http_progress ask_again(struct http_request *request)
{
	return ask(((struct call *)request->state)->context);
}

static void on_loaded(struct seat_maps_wait *wait)
{
	http_request_complete(container_of(wait, struct seats_request, wait)->call->request);
}

static enum http_progress on_admitted(struct call *call)
{
	call->request->resume = ask_again;
	return ask(call->context);
}

static enum error read_map_query(struct seats_request *seats)
{
	struct call *call = seats->call;
	struct query *query = &seats->from_store;
	enum error error = paging_read(call, query);
	if (error == OK)
		error = read_status(call->request, &query->seat_status);
	seats->query = (struct seat_page_query){.status = query->seat_status, .limit = query->limit, .after = query->after};
	return error == OK ? read_since(call->request, seats) : error;
}

static enum http_progress begin(struct http_request *request, enum query_kind kind)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct seats_request *seats = arena_allocate_array(&request->arena, 1, sizeof *seats);
	if (seats == NULL)
		return call_refuse(call, ERR_NO_MEMORY);
	*seats = (struct seats_request){
		.call = call,
		.query.kind = SEAT_PAGE_AVAILABILITY,
		.from_store = *call_query(call, kind),
		.takes_gzip = content_coding_accepts_gzip(request),
		.wait.ready = on_loaded,
	};
	call->context = seats;
	call->cache_control = shared;
	if (!call_read_id(call, &seats->event_id))
		return call_refuse(call, ERR_EVENT_UNKNOWN);
	seats->from_store.id = seats->event_id;
	enum error error = kind == QUERY_SEATS ? read_map_query(seats) : OK;
	return error == OK ? call_admit(call, on_admitted) : call_refuse(call, error);
}

enum http_progress seats_map(struct http_request *request)
{
	return begin(request, QUERY_SEATS);
}

enum http_progress seats_availability(struct http_request *request)
{
	return begin(request, QUERY_AVAILABILITY);
}
