/* test_otlp.c: messages, addresses, and the meaning of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/otlp/answer.h"
#include "adapters/otlp/encode.h"
#include "adapters/otlp/endpoint.h"
#include "base/gzip.h"
#include "otlp.pb-c.h"

static const struct otlp_attribute attributes[] = {{"service.name", "tro"}, {"a", "b"}};
static const struct otlp_resource resource = {.attributes = attributes, .count = 2, .version = "1.2.3"};

static void a_batch_is_encoded_whole(void **state)
{
	(void)state;
	const struct trace_context context = {.trace_id = {1, 2}, .span_id = {3}, .parent_id = {4}, .flags = TRACE_SAMPLED};
	struct trace_context other = context;
	other.span_id[0] = 9;
	struct span first, second;
	span_init(&first, &context, SPAN_SERVER, "one", 100, 250);
	span_add_text(&first, "text", SLICE("value"));
	span_add_int(&first, "number", -7);
	first.is_error = true;
	first.link = span_link_to(&other);
	first.trace_state = strdup("congo=1");
	first.links = calloc(200, sizeof *first.links);
	first.link_count = 200;
	first.links_dropped = 3;
	for (uint32_t i = 0; i < first.link_count; i++)
		first.links[i] = span_link_to(&context);
	span_add_bool(&first, "true", true);
	span_add_bool(&first, "false", false);
	span_add_word(&first, "word", "");
	span_init(&second, &other, SPAN_PRODUCER, "two", 100, 250);
	memset(second.context.parent_id, 0, sizeof second.context.parent_id);
	second.began_unix_ms = 3;
	struct otlp_room room;
	struct buffer buffer;
	arena_init(&room.arena, 4096, 1 << 20);
	buffer_init(&room.spans, NULL, 1 << 20);
	buffer_init(&buffer, NULL, 1 << 20);
	assert_int_equal(otlp_encode(&resource, (const struct span *const[]){&first, &second}, 2, 5000000, &room, &buffer), OK);

	Otlp__ExportTraceServiceRequest *read =
		otlp__export_trace_service_request__unpack(NULL, buffer.length, (const uint8_t *)buffer.data);
	assert_non_null(read);
	const Otlp__ResourceSpans *of = read->resource_spans[0];
	assert_int_equal(of->resource->n_attributes, 2);
	assert_string_equal(of->resource->attributes[0]->value->string_value, "tro");
	assert_string_equal(of->scope_spans[0]->scope->version, "1.2.3");
	assert_int_equal(of->scope_spans[0]->n_spans, 2);
	const Otlp__Span *one = of->scope_spans[0]->spans[0], *two = of->scope_spans[0]->spans[1];
	assert_string_equal(one->name, "one");
	assert_int_equal(one->kind, OTLP__SPAN__SPAN_KIND__SPAN_KIND_SERVER);
	assert_int_equal(one->trace_id.len, 16);
	assert_memory_equal(one->trace_id.data, context.trace_id, 16);
	assert_memory_equal(one->parent_span_id.data, context.parent_id, 8);
	assert_int_equal(one->start_time_unix_nano, 5000100);
	assert_int_equal(one->end_time_unix_nano, 5000250);
	assert_int_equal(one->status->code, OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR);
	assert_int_equal(one->n_attributes, 5);
	assert_string_equal(one->attributes[0]->value->string_value, "value");
	assert_int_equal(one->attributes[1]->value->int_value, -7);
	assert_int_equal(one->attributes[2]->value->value_case, OTLP__ANY_VALUE__VALUE_BOOL_VALUE);
	assert_true(one->attributes[2]->value->bool_value && !one->attributes[3]->value->bool_value);
	assert_int_equal(one->attributes[3]->value->value_case, OTLP__ANY_VALUE__VALUE_BOOL_VALUE);
	assert_string_equal(one->attributes[4]->key, "word");
	assert_string_equal(one->attributes[4]->value->string_value, "");
	assert_string_equal(one->trace_state, "congo=1");
	assert_int_equal(one->flags, TRACE_SAMPLED);
	assert_int_equal(one->n_links, 201);
	assert_int_equal(one->dropped_links_count, 3);
	assert_memory_equal(one->links[0]->span_id.data, context.span_id, 8);
	assert_memory_equal(one->links[200]->span_id.data, other.span_id, 8);
	assert_memory_equal(one->links[200]->trace_id.data, other.trace_id, 16);
	assert_int_equal(one->links[200]->flags, TRACE_SAMPLED);
	assert_null(two->status);
	assert_int_equal(two->parent_span_id.len, 0); /* a root */
	assert_int_equal(two->start_time_unix_nano, 3000000);
	otlp__export_trace_service_request__free_unpacked(read, NULL);
	buffer_release(&buffer);
	buffer_release(&room.spans);
	arena_release(&room.arena);
	span_release(&first);
}

/* Of every length of the messages around the spans there is one whose length takes one byte more. */
static void batches_of_every_size_are_read_back(void **state)
{
	(void)state;
	const struct trace_context context = {.trace_id = {1}, .span_id = {3}, .flags = TRACE_SAMPLED};
	struct span span;
	span_init(&span, &context, SPAN_INTERNAL, "x", 1, 2);
	const struct span *spans[600];
	for (uint32_t i = 0; i < 600; i++)
		spans[i] = &span;
	struct otlp_room room;
	struct buffer buffer;
	arena_init(&room.arena, 4096, 1 << 20);
	buffer_init(&room.spans, NULL, 1 << 20);
	buffer_init(&buffer, NULL, 1 << 20);
	for (uint32_t count = 1; count <= 600; count++) {
		buffer_clear(&buffer);
		assert_int_equal(otlp_encode(&resource, spans, count, 0, &room, &buffer), OK);
		Otlp__ExportTraceServiceRequest *read =
			otlp__export_trace_service_request__unpack(NULL, buffer.length, (const uint8_t *)buffer.data);
		assert_non_null(read);
		assert_int_equal(read->n_resource_spans, 1);
		assert_int_equal(read->resource_spans[0]->scope_spans[0]->n_spans, count);
		otlp__export_trace_service_request__free_unpacked(read, NULL);
	}
	buffer_release(&buffer);
	buffer_release(&room.spans);
	arena_release(&room.arena);
}

static void a_port_tells_the_protocol_and_the_path_is_put_behind(void **state)
{
	(void)state;
	assert_int_equal(otlp_protocol_of("http://localhost:4317"), OTLP_GRPC);
	assert_int_equal(otlp_protocol_of("https://collector:4317/"), OTLP_GRPC);
	assert_int_equal(otlp_protocol_of("http://localhost:4318"), OTLP_HTTP);
	assert_int_equal(otlp_protocol_of("https://otlp.example"), OTLP_HTTP);
	static const struct {
		const char *endpoint;
		enum otlp_protocol protocol;
		const char *url;
	} cases[] = {
		{"http://localhost:4318", OTLP_HTTP, "http://localhost:4318/v1/traces"},
		{"http://localhost:4318/", OTLP_HTTP, "http://localhost:4318/v1/traces"},
		{"https://otlp.example/api/otlp", OTLP_HTTP, "https://otlp.example/api/otlp/v1/traces"},
		{"http://localhost:4317/x", OTLP_GRPC, "http://localhost:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char message[OTLP_MESSAGE_MAX], *url = NULL;
		assert_int_equal(otlp_url(cases[i].endpoint, cases[i].protocol, &url, message), OK);
		assert_string_equal(url, cases[i].url);
		curl_free(url);
	}
}

static bool has_line(const struct curl_slist *list, const char *line)
{
	for (; list != NULL; list = list->next)
		if (strcmp(list->data, line) == 0)
			return true;
	return false;
}

static void header_fields_are_decoded_and_cannot_smuggle(void **state)
{
	(void)state;
	char message[OTLP_MESSAGE_MAX];
	struct curl_slist *list = NULL;
	struct otlp_options options = {
		.protocol = OTLP_GRPC, .headers = SLICE("Authorization=Basic%20eA==, x-team=a%2Cb,"), .is_compressed = true};
	assert_int_equal(otlp_headers(&options, &list, message), OK);
	assert_true(has_line(list, "authorization: Basic eA=="));
	assert_true(has_line(list, "x-team: a,b"));
	assert_true(has_line(list, "te: trailers"));
	assert_true(has_line(list, "grpc-encoding: gzip"));
	curl_slist_free_all(list);
	static const char *const refused[] = {"x", "=v", "x y=v", "x=", "x=a%0d%0ay: z", "x=%4", "x=%zz", "x=a\x01", "x:=v"};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		options.headers = slice_of(refused[i]);
		if (otlp_headers(&options, &list, message) != ERR_VALIDATION)
			fail_msg("taken: %s", refused[i]);
		assert_non_null(strstr(message, "OTEL_EXPORTER_OTLP_HEADERS"));
	}
}

static enum export_result judge(long status, enum otlp_protocol protocol, struct slice body, const char *const *lines,
                                struct span_export *export)
{
	struct otlp_answer answer = {.status = status};
	buffer_init(&answer.body, NULL, OTLP_ANSWER_BYTES_MAX);
	buffer_append_slice(&answer.body, body);
	for (; lines != NULL && *lines != NULL; lines++)
		otlp_answer_line(&answer, slice_of(*lines));
	*export = (struct span_export){.count = 10};
	enum export_result result = otlp_answer_judge(&answer, protocol, export);
	buffer_release(&answer.body);
	return result;
}

static void only_four_statuses_are_worth_another_try(void **state)
{
	(void)state;
	struct span_export export;
	static const long again[] = {429, 502, 503, 504}, failed[] = {199, 301, 307, 400, 401, 404, 408, 413, 500, 501, 505};
	for (size_t i = 0; i < ARRAY_LENGTH(again); i++)
		assert_int_equal(judge(again[i], OTLP_HTTP, SLICE(""), (const char *const[]){"Retry-After: 7\r\n", NULL}, &export),
		                 EXPORT_AGAIN);
	assert_int_equal(export.wait_ms, 7000);
	for (size_t i = 0; i < ARRAY_LENGTH(failed); i++)
		assert_int_equal(judge(failed[i], OTLP_HTTP, SLICE(""), NULL, &export), EXPORT_FAILED);
	assert_int_equal(judge(200, OTLP_HTTP, SLICE(""), NULL, &export), EXPORT_DONE);
	assert_int_equal(judge(202, OTLP_HTTP, SLICE("\x0a\x02\x08\x03"), NULL, &export), EXPORT_DONE);
	assert_int_equal(export.rejected, 3);
	assert_int_equal(judge(200, OTLP_HTTP, SLICE("\x0a\x02\x08\x63"), NULL, &export), EXPORT_DONE);
	assert_int_equal(export.rejected, 10); /* it cannot reject more than it was sent */
	assert_int_equal(judge(200, OTLP_HTTP, SLICE("<html>"), NULL, &export), EXPORT_FAILED);
}

static void grpc_answers_with_a_status_of_its_own(void **state)
{
	(void)state;
	struct span_export export;
	const char *const ok[] = {"grpc-status: 0\r\n", NULL}, *const none[] = {NULL};
	assert_int_equal(judge(200, OTLP_GRPC, (struct slice){.data = "\0\0\0\0\0", .length = 5}, ok, &export), EXPORT_DONE);
	assert_int_equal(judge(200, OTLP_GRPC, (struct slice){.data = "\0\0\0\0\4\x0a\x02\x08\x03", .length = 9}, ok, &export),
	                 EXPORT_DONE);
	assert_int_equal(export.rejected, 3);
	assert_int_equal(judge(200, OTLP_GRPC, SLICE("gar"), ok, &export), EXPORT_FAILED);
	assert_int_equal(judge(200, OTLP_GRPC, SLICE("garbage"), ok, &export), EXPORT_FAILED);
	assert_int_equal(judge(200, OTLP_GRPC, SLICE(""), none, &export), EXPORT_FAILED);
	assert_int_equal(judge(503, OTLP_GRPC, SLICE(""), none, &export), EXPORT_AGAIN);
	static const uint32_t again[] = {1, 4, 8, 10, 11, 14, 15};
	for (uint32_t status = 1; status <= 16; status++) {
		char line[32];
		bool is_again = false;
		for (size_t i = 0; i < ARRAY_LENGTH(again); i++)
			is_again |= again[i] == status;
		snprintf(line, sizeof line, "grpc-status: %u", status);
		assert_int_equal(judge(200, OTLP_GRPC, SLICE(""), (const char *const[]){line, "grpc-message: no\x1b[1m", NULL}, &export),
		                 is_again ? EXPORT_AGAIN : EXPORT_FAILED);
		assert_null(strchr(export.problem, '\x1b'));
	}
	struct buffer body;
	buffer_init(&body, NULL, 1024);
	buffer_append(&body, "\1\0\0\0\0", 5);
	assert_true(gzip_append(&body, SLICE("\x0a\x02\x08\x03")));
	assert_int_equal(judge(200, OTLP_GRPC, buffer_slice(&body), ok, &export), EXPORT_DONE);
	assert_int_equal(export.rejected, 3);
	buffer_release(&body);
	assert_int_equal(judge(200, OTLP_GRPC, SLICE("\1\1\1\1\1garbage"), ok, &export), EXPORT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_encoded_whole),
		cmocka_unit_test(batches_of_every_size_are_read_back),
		cmocka_unit_test(a_port_tells_the_protocol_and_the_path_is_put_behind),
		cmocka_unit_test(header_fields_are_decoded_and_cannot_smuggle),
		cmocka_unit_test(only_four_statuses_are_worth_another_try),
		cmocka_unit_test(grpc_answers_with_a_status_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
