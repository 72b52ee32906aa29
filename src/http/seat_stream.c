/* seat_stream.c: /v1/events/{id}/stream: the seats that change, as Server-Sent Events (WHATWG HTML, section 9.2).
 *
 * Each event is an answer of ?since= as a client that polls would get it; its id is the version to go on from. A stream asks the maps in
 * memory 10 times a second on its loop; all streams of an event share one page. It ends when the maps do not know the changes; the
 * status of the next answer then tells a client that comes back with Last-Event-ID. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "app/seat_maps.h"
#include "base/now.h"
#include "http/api.h"
#include "http/call_submit.h"
#include "http/handlers.h"
#include "http/seat_version.h"

#define PIECE_MAX ((size_t)1 << 20)
#define HEARTBEAT_MS 15000 /* a comment: proxies keep the connection, and a client that has gone is found */
#define SEATS_MAX 1000     /* of one event of the stream */

static const char stream_type[] = "text/event-stream";

/* On the heap: it lives as long as the answer. */
struct stream_state {
	struct api *api;
	struct uuid event_id;
	struct seat_page_query query;        /* the next page: of `since`, behind `after` */
	uint64_t version;                    /* to go on from when all pages of `since` were told */
	char told[SEAT_PAGE_TAG_LENGTH + 1]; /* of the seats that were told last: a commit may show twice */
	uint64_t sent_ms;
	struct buffer piece;
};

struct stream_request {
	struct call *call;
	struct stream_state *state;
	bool has_version; /* the client says what it has */
	struct seat_maps_wait wait;
};

static void stream_state_free(void *context)
{
	struct stream_state *state = context;
	atomic_fetch_sub(&state->api->streams, 1);
	buffer_release(&state->piece);
	free(state);
}

static void append_event(struct stream_state *state, bool is_last, struct slice data)
{
	struct buffer *piece = &state->piece;
	if (is_last) {
		buffer_append_string(piece, "id: ");
		buffer_append_uint(piece, state->version);
		buffer_append_string(piece, "\n");
	}
	buffer_append_string(piece, "event: seats\ndata: ");
	buffer_append_slice(piece, data);
	buffer_append_string(piece, "\n\n");
	state->sent_ms = monotonic_now_ms();
}

static bool is_news(const struct stream_state *state, const struct seat_page *page)
{
	static const struct slice nothing = SLICE("{\"data\":[]");
	bool is_empty = page->body.length > nothing.length && memcmp(page->body.data, nothing.data, nothing.length) == 0;
	return !is_empty && strcmp(page->tag, state->told) != 0;
}

/* Takes the page's text and the place of the next one. */
static void take_page(struct stream_state *state, const struct seat_page *page)
{
	assert(page->query.kind == SEAT_PAGE_CHANGES);
	if (state->query.after == 0)
		state->version = page->position;
	bool is_last = page->next_after == 0;
	if (is_news(state, page)) {
		append_event(state, is_last, page->body);
		memcpy(state->told, page->tag, sizeof state->told);
	}
	state->query.after = page->next_after;
	if (is_last)
		state->query.since = state->version;
}

/* Makes the next piece; false: the stream ends. */
static bool next_piece(void *context, struct slice *ret_piece)
{
	struct stream_state *state = context;
	struct seat_maps *maps = state->api->options.maps;
	struct seat_maps_wait wait = {.is_over = true}; /* it waits for nothing: a map that has left the memory ends the stream */
	struct seat_page *page = NULL;
	buffer_release(&state->piece);
	buffer_init(&state->piece, NULL, PIECE_MAX);
	enum seat_maps_answer answer = seat_maps_ask(maps, &state->event_id, &state->query, false, &wait, &page);
	if (answer == SEAT_MAPS_PAGE) {
		take_page(state, page);
		seat_page_unref(page);
	} else if (answer != SEAT_MAPS_STALE || seat_maps_are_fresh(maps)) {
		return false;
	}
	if (state->piece.length == 0 && monotonic_now_ms() > state->sent_ms + HEARTBEAT_MS) {
		buffer_append_string(&state->piece, ":\n\n");
		state->sent_ms = monotonic_now_ms();
	}
	*ret_piece = buffer_slice(&state->piece);
	return !state->piece.failed;
}

/* A client that says no version has what is there now. */
static void begin_stream(struct stream_request *stream, const struct seat_page *page)
{
	struct stream_state *state = stream->state;
	struct http_response *response = &stream->call->request->response;
	char text[80];
	buffer_append_string(&state->piece, "retry: 1000\n\n");
	if (stream->has_version) {
		take_page(state, page);
	} else {
		state->version = page->position;
		state->query = (struct seat_page_query){.kind = SEAT_PAGE_CHANGES, .limit = SEATS_MAX, .since = page->position};
		(void)snprintf(text, sizeof text, "{\"data\":[],\"version\":\"%" PRIu64 "\",\"next_cursor\":null}", page->position);
		append_event(state, true, slice_of(text));
	}
	call_add_headers(stream->call);
	http_respond(stream->call->request, 200, stream_type, buffer_slice(&state->piece));
	response->more = next_piece;
	response->release = stream_state_free;
	response->release_context = state;
	http_response_header(response, SLICE("X-Accel-Buffering"), SLICE("no")); /* nginx would keep events back */
}

static enum http_progress refuse_stream(struct stream_request *stream, enum error error)
{
	stream_state_free(stream->state);
	return call_refuse_admitted(stream->call, error);
}

static enum http_progress ask(struct stream_request *stream)
{
	struct stream_state *state = stream->state;
	struct seat_maps *maps = state->api->options.maps;
	struct seat_page *page = NULL;
	enum seat_maps_answer answer =
		maps == NULL ? SEAT_MAPS_TOO_LARGE : seat_maps_ask(maps, &state->event_id, &state->query, false, &stream->wait, &page);
	switch (answer) {
	case SEAT_MAPS_PAGE:
		begin_stream(stream, page);
		seat_page_unref(page);
		return HTTP_ANSWERED;
	case SEAT_MAPS_LOADING:
		return HTTP_SUSPENDED; /* and the request may be gone */
	case SEAT_MAPS_UNKNOWN_EVENT:
		return refuse_stream(stream, ERR_EVENT_UNKNOWN);
	case SEAT_MAPS_UNKNOWN_VERSION:
		return refuse_stream(stream, ERR_VERSION_GONE);
	case SEAT_MAPS_STOPPED:
		return refuse_stream(stream, ERR_SHUTTING_DOWN);
	case SEAT_MAPS_STALE:
		return refuse_stream(stream, ERR_STORE_UNAVAILABLE);
	case SEAT_MAPS_TOO_LARGE:
		return refuse_stream(stream, ERR_OVERLOADED);
	case SEAT_MAPS_NO_MEMORY:
		break;
	}
	return refuse_stream(stream, ERR_NO_MEMORY);
}

static enum http_progress ask_again(struct http_request *request)
{
	return ask(((struct call *)request->state)->context);
}

static void on_loaded(struct seat_maps_wait *wait)
{
	http_request_complete(container_of(wait, struct stream_request, wait)->call->request);
}

/* Admitted: from here on it counts as a stream. */
static enum http_progress on_admitted(struct call *call)
{
	struct stream_request *stream = call->context;
	struct api *api = api_of(call->request);
	struct stream_state *state = malloc(sizeof *state);
	if (state == NULL)
		return call_refuse_admitted(call, ERR_NO_MEMORY);
	*state = *stream->state;
	state->api = api;
	buffer_init(&state->piece, NULL, PIECE_MAX);
	stream->state = state;
	if (atomic_fetch_add(&api->streams, 1) >= api->options.streams_max)
		return refuse_stream(stream, ERR_OVERLOADED);
	call->request->resume = ask_again;
	return ask(stream);
}

/* The version that the client has: Last-Event-ID when it comes back, else ?since=. */
static enum error read_version(struct http_request *request, struct stream_request *stream)
{
	struct slice text;
	enum error error = seat_version_query(request, &text);
	if (error != OK)
		return error;
	struct slice header = http_request_header(request, SLICE("last-event-id"));
	if (!slice_is_empty(header))
		text = header;
	stream->has_version = text.data != NULL;
	stream->state->query = (struct seat_page_query){.kind = SEAT_PAGE_MAP, .limit = 1};
	if (stream->has_version)
		stream->state->query =
			(struct seat_page_query){.kind = SEAT_PAGE_CHANGES, .limit = SEATS_MAX, .since = seat_version_parse(text)};
	return OK;
}

enum http_progress seats_stream(struct http_request *request)
{
	struct call *call = call_begin(request, 200);
	if (call == NULL)
		return HTTP_ANSWERED;
	struct stream_request *stream = arena_allocate_array(&request->arena, 1, sizeof *stream);
	struct stream_state *state = arena_allocate_array(&request->arena, 1, sizeof *state); /* until it is admitted */
	if (stream == NULL || state == NULL)
		return call_refuse(call, ERR_NO_MEMORY);
	*stream = (struct stream_request){.call = call, .state = state, .wait.ready = on_loaded};
	call->context = stream;
	if (!call_read_id(call, &state->event_id))
		return call_refuse(call, ERR_EVENT_UNKNOWN);
	enum error error = read_version(request, stream);
	return error == OK ? call_admit(call, on_admitted) : call_refuse(call, error);
}
