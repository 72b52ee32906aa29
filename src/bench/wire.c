/* wire.c: HTTP/1.1 requests put together from their parts. */
#include "bench/wire.h"

#include <assert.h>
#include <string.h>

#include "auth/callback_signature.h"
#include "auth/jwt.h"
#include "base/json_writer.h"
#include "bench/seat_plan.h"

#define TOKEN_TTL_MS (UINT64_C(24) * 3600 * 1000)
#define STARTS_IN_MS (UINT64_C(30) * 24 * 3600 * 1000)
#define SEATS_PER_PAGE 1000
#define BODY_MAX (64 * 1024)

void wire_user_name(uint32_t user, char name[static WIRE_USER_LENGTH + 1])
{
	assert(user < WIRE_USERS_MAX);
	memcpy(name, "buyer-000000", WIRE_USER_LENGTH + 1);
	for (char *digit = name + WIRE_USER_LENGTH - 1; user > 0; user /= 10)
		*digit-- = (char)('0' + user % 10);
}

static enum error sign_token(struct wire *wire, const struct wire_options *options, struct slice user, struct slice scope,
                             struct slice *ret_token)
{
	const struct jwt_key key = {.algorithm = JWT_HS256, .secret = options->jwt_secret};
	const struct jwt_grant grant = {
		.user = user,
		.scope = scope,
		.issuer = options->jwt_issuer,
		.audience = options->jwt_audience,
		.issued_at_ms = options->now_ms,
		.expires_at_ms = options->now_ms + TOKEN_TTL_MS,
	};
	buffer_clear(&wire->body);
	enum error error = jwt_sign(&key, &grant, &wire->body);
	if (error != OK)
		return error;
	struct slice token = arena_copy(&wire->arena, buffer_slice(&wire->body));
	if (token.data == NULL)
		return ERR_NO_MEMORY;
	*ret_token = token;
	return OK;
}

static enum error sign_tokens(struct wire *wire, const struct wire_options *options)
{
	wire->user_tokens = arena_allocate_array(&wire->arena, options->users, sizeof *wire->user_tokens);
	if (wire->user_tokens == NULL)
		return ERR_NO_MEMORY;
	enum error error = sign_token(wire, options, SLICE("bench-admin"), SLICE("tro:admin"), &wire->admin_token);
	for (uint32_t user = 0; user < options->users && error == OK; user++) {
		char name[WIRE_USER_LENGTH + 1];
		wire_user_name(user, name);
		error = sign_token(wire, options, slice_of(name), (struct slice){0}, &wire->user_tokens[user]);
	}
	return error;
}

enum error wire_init(struct wire *wire, const struct wire_options *options)
{
	assert(wire != NULL && options != NULL);
	assert(options->users >= 1 && options->users <= WIRE_USERS_MAX);

	*wire = (struct wire){.users = options->users};
	arena_init(&wire->arena, 64 * 1024, (size_t)1024 * 1024 * 1024);
	buffer_init(&wire->body, NULL, BODY_MAX);
	buffer_init(&wire->header, NULL, BODY_MAX);
	wire->host = arena_copy(&wire->arena, options->host);
	wire->payment_secret = arena_copy(&wire->arena, options->payment_secret);
	bool is_copied = wire->host.data != NULL && wire->payment_secret.data != NULL;
	enum error error = is_copied ? sign_tokens(wire, options) : ERR_NO_MEMORY;
	if (error != OK)
		wire_release(wire);
	return error;
}

void wire_release(struct wire *wire)
{
	if (wire == NULL)
		return;
	arena_release(&wire->arena);
	buffer_release(&wire->body);
	buffer_release(&wire->header);
}

/* "POST /v1/orders/ID/cancel HTTP/1.1" and the Host; the parts of the path may be empty. */
static void begin(const struct wire *wire, struct buffer *request, const char *route, const struct uuid *id, struct slice rest)
{
	buffer_append_string(request, route);
	if (id != NULL) {
		char text[UUID_TEXT_LENGTH + 1];
		uuid_format(id, text);
		buffer_append(request, text, UUID_TEXT_LENGTH);
	}
	buffer_append_slice(request, rest);
	buffer_append_string(request, " HTTP/1.1\r\nHost: ");
	buffer_append_slice(request, wire->host);
	buffer_append_string(request, "\r\n");
}

static void authorize(struct buffer *request, struct slice token)
{
	buffer_append_string(request, "Authorization: Bearer ");
	buffer_append_slice(request, token);
	buffer_append_string(request, "\r\n");
}

static void add_key(struct buffer *request, const struct uuid *key, const char *kind)
{
	char text[UUID_TEXT_LENGTH + 1];
	uuid_format(key, text);
	buffer_append_string(request, "Idempotency-Key: ");
	buffer_append(request, text, UUID_TEXT_LENGTH);
	buffer_append_string(request, kind);
	buffer_append_string(request, "\r\n");
}

static void end_without_body(struct buffer *request)
{
	buffer_append_string(request, "\r\n");
}

static void end_with_body(struct wire *wire, struct buffer *request)
{
	buffer_append_string(request, "Content-Type: application/json\r\nContent-Length: ");
	buffer_append_uint(request, wire->body.length);
	buffer_append_string(request, "\r\n\r\n");
	buffer_append_slice(request, buffer_slice(&wire->body));
	request->failed |= wire->body.failed;
}

static struct json_writer begin_body(struct wire *wire)
{
	buffer_clear(&wire->body);
	struct json_writer writer = json_writer_on(&wire->body);
	json_writer_object_begin(&writer, NULL);
	return writer;
}

static struct slice token_of(const struct wire *wire, uint32_t user)
{
	assert(user < wire->users);
	return wire->user_tokens[user];
}

void wire_event_create(struct wire *wire, uint32_t seats, uint64_t now_ms, struct buffer *request)
{
	struct json_writer writer = begin_body(wire);
	json_writer_string(&writer, "name", SLICE("Load test"));
	json_writer_string(&writer, "venue", SLICE("tro bench"));
	json_writer_time(&writer, "starts_at", now_ms + STARTS_IN_MS);
	json_writer_string(&writer, "currency", SLICE("EUR"));
	buffer_clear(&wire->header);
	seat_plan_write(&wire->header, seats);
	json_writer_raw(&writer, "sections", buffer_slice(&wire->header));
	json_writer_object_end(&writer);

	begin(wire, request, "POST /v1/events", NULL, (struct slice){0});
	authorize(request, wire->admin_token);
	end_with_body(wire, request);
}

void wire_hold_create(struct wire *wire, uint32_t user, const struct uuid *key, const struct uuid *event_id, struct wire_seats seats,
                      struct buffer *request)
{
	assert(seats.count >= 1);

	struct json_writer writer = begin_body(wire);
	json_writer_uuid(&writer, "event_id", event_id);
	json_writer_array_begin(&writer, "seats");
	for (uint32_t i = 0; i < seats.count; i++) {
		struct seat_label_text label = seat_plan_label(seats.first + i);
		json_writer_string(&writer, NULL, (struct slice){.data = label.text, .length = label.length});
	}
	json_writer_array_end(&writer);
	json_writer_object_end(&writer);

	begin(wire, request, "POST /v1/holds", NULL, (struct slice){0});
	authorize(request, token_of(wire, user));
	add_key(request, key, "-hold");
	end_with_body(wire, request);
}

void wire_hold_get(struct wire *wire, uint32_t user, const struct uuid *hold_id, struct buffer *request)
{
	begin(wire, request, "GET /v1/holds/", hold_id, (struct slice){0});
	authorize(request, token_of(wire, user));
	end_without_body(request);
}

void wire_hold_release(struct wire *wire, uint32_t user, const struct uuid *hold_id, struct buffer *request)
{
	begin(wire, request, "DELETE /v1/holds/", hold_id, (struct slice){0});
	authorize(request, token_of(wire, user));
	end_without_body(request);
}

void wire_order_create(struct wire *wire, uint32_t user, const struct uuid *key, const struct uuid *hold_id, struct buffer *request)
{
	struct json_writer writer = begin_body(wire);
	json_writer_uuid(&writer, "hold_id", hold_id);
	json_writer_string(&writer, "payment_method", SLICE("card"));
	json_writer_object_end(&writer);

	begin(wire, request, "POST /v1/orders", NULL, (struct slice){0});
	authorize(request, token_of(wire, user));
	add_key(request, key, "-order");
	end_with_body(wire, request);
}

void wire_order_get(struct wire *wire, uint32_t user, const struct uuid *order_id, struct buffer *request)
{
	begin(wire, request, "GET /v1/orders/", order_id, (struct slice){0});
	authorize(request, token_of(wire, user));
	end_without_body(request);
}

void wire_order_cancel(struct wire *wire, uint32_t user, const struct uuid *key, const struct uuid *order_id, struct buffer *request)
{
	begin(wire, request, "POST /v1/orders/", order_id, SLICE("/cancel"));
	authorize(request, token_of(wire, user));
	add_key(request, key, "-cancel");
	buffer_append_string(request, "Content-Length: 0\r\n");
	end_without_body(request);
}

void wire_payment(struct wire *wire, const struct uuid *key, const struct uuid *order_id, bool succeeded, uint64_t now_ms,
                  struct buffer *request)
{
	struct json_writer writer = begin_body(wire);
	json_writer_uuid(&writer, "order_id", order_id);
	json_writer_string(&writer, "status", succeeded ? SLICE("SUCCEEDED") : SLICE("FAILED"));
	json_writer_uuid(&writer, "transaction_id", key);
	json_writer_object_end(&writer);
	buffer_clear(&wire->header);
	if (callback_sign(wire->payment_secret, buffer_slice(&wire->body), now_ms, &wire->header) != OK)
		request->failed = true;

	begin(wire, request, "POST /v1/payments/callback", NULL, (struct slice){0});
	buffer_append_string(request, "TRO-Signature: ");
	buffer_append_slice(request, buffer_slice(&wire->header));
	buffer_append_string(request, "\r\n");
	end_with_body(wire, request);
}

void wire_seats_page(struct wire *wire, const struct uuid *event_id, struct slice cursor, struct buffer *request)
{
	buffer_clear(&wire->header);
	buffer_append_string(&wire->header, "/seats?limit=");
	buffer_append_uint(&wire->header, SEATS_PER_PAGE);
	if (cursor.length > 0) {
		buffer_append_string(&wire->header, "&cursor=");
		buffer_append_slice(&wire->header, cursor);
	}
	begin(wire, request, "GET /v1/events/", event_id, buffer_slice(&wire->header));
	end_without_body(request);
}

void wire_seats_compressed(struct wire *wire, const struct uuid *event_id, struct buffer *request)
{
	buffer_clear(&wire->header);
	buffer_append_string(&wire->header, "/seats?limit=");
	buffer_append_uint(&wire->header, SEATS_PER_PAGE);
	begin(wire, request, "GET /v1/events/", event_id, buffer_slice(&wire->header));
	buffer_append_string(request, "Accept-Encoding: gzip\r\n");
	end_without_body(request);
}

void wire_availability(struct wire *wire, const struct uuid *event_id, struct buffer *request)
{
	begin(wire, request, "GET /v1/events/", event_id, SLICE("/availability"));
	end_without_body(request);
}

void wire_event_get(struct wire *wire, const struct uuid *event_id, struct buffer *request)
{
	begin(wire, request, "GET /v1/events/", event_id, (struct slice){0});
	end_without_body(request);
}
