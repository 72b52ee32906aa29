/* command_pay.c: `tro pay`: plays the payment provider, for development: signs a callback and sends it to the running server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "auth/callback_signature.h"
#include "base/json_writer.h"
#include "base/now.h"
#include "runtime/commands.h"
#include "runtime/flags.h"
#include "runtime/http_client.h"
#include "runtime/secrets.h"
#include "runtime/server_url.h"
#include "runtime/terminal.h"

#define BODY_MAX 4096
#define SIGNATURE_MAX 256
#define TIMEOUT_S 10

struct report {
	struct uuid order_id;
	const char *status;
	struct slice transaction_id;
	const char *amount;    /* decimal digits; NULL: not said */
	const char *currency;  /* NULL: not said */
	const char *refund_id; /* NULL: not said */
};

static void write_body(struct buffer *body, const struct report *report)
{
	struct json_writer writer = json_writer_on(body);
	json_writer_object_begin(&writer, NULL);
	json_writer_uuid(&writer, "order_id", &report->order_id);
	json_writer_string(&writer, "status", slice_of(report->status));
	json_writer_string(&writer, "transaction_id", report->transaction_id);
	if (report->amount != NULL)
		json_writer_raw(&writer, "amount", slice_of(report->amount));
	if (report->currency != NULL)
		json_writer_string(&writer, "currency", slice_of(report->currency));
	if (report->refund_id != NULL)
		json_writer_string(&writer, "refund_id", slice_of(report->refund_id));
	json_writer_object_end(&writer);
}

/* Answers an exit code; the server's answer goes to stdout, or to stderr when it refuses. */
static int post(const char *url, const char *trusted, const struct curl_slist *headers, struct slice body)
{
	struct http_answer answer;
	int code = http_call(url, trusted, headers, body, TIMEOUT_S, &answer);
	if (code != EXIT_DONE)
		return code;
	if (answer.status != 200)
		code = complain("the server answered %ld: %s", answer.status, answer.body);
	else
		printf("%s\n", answer.body);
	free(answer.body);
	return code;
}

static int send_report(const struct invocation *invocation, const char *url, const char *trusted, const struct report *report)
{
	struct buffer body, signature;
	buffer_init(&body, invocation->arena, BODY_MAX);
	buffer_init(&signature, invocation->arena, SIGNATURE_MAX);
	write_body(&body, report);
	enum error error = callback_sign(invocation->config->auth.payment_secrets.items[0], buffer_slice(&body), wall_now_ms(), &signature);
	struct slice header = arena_format(invocation->arena, "TRO-Signature: %.*s", SLICE_PRINT(buffer_slice(&signature)));
	struct slice target = arena_format(invocation->arena, "%s/v1/payments/callback", url);
	if (error != OK || body.failed || header.data == NULL || target.data == NULL)
		return complain("the callback cannot be signed");
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct curl_slist *with_signature = headers == NULL ? NULL : curl_slist_append(headers, header.data);
	int code = with_signature == NULL ? complain("out of memory") : post(target.data, trusted, headers, buffer_slice(&body));
	curl_slist_free_all(headers);
	return code;
}

/* A JSON integer of at most 16 digits. */
static bool is_amount(const char *text)
{
	size_t length = strspn(text, "0123456789");
	return length > 0 && length <= 16 && text[length] == '\0' && (text[0] != '0' || length == 1);
}

/* Reads the command line into the report. Answers an exit code, with the complaint made. */
static int read_report(const struct invocation *invocation, struct report *report, const char **ret_url)
{
	const char *order = NULL, *transaction = NULL;
	bool succeeds = false, fails = false, refunds = false;
	const struct flag flags[] = {
		{.name = "--succeed", .is_given = &succeeds},         {.name = "--fail", .is_given = &fails},
		{.name = "--refund-id", .value = &report->refund_id}, {.name = "--refund", .is_given = &refunds},
		{.name = "--transaction", .value = &transaction},     {.name = "--amount", .value = &report->amount},
		{.name = "--currency", .value = &report->currency},   {.name = "--url", .value = ret_url},
	};
	int code = flags_read("pay", invocation, flags, ARRAY_LENGTH(flags), &order, 1);
	if (code != EXIT_DONE)
		return code;
	struct uuid refund_id;
	if (order == NULL || !uuid_parse(slice_of(order), &report->order_id))
		return complain_usage("pay", "the id of an order is required");
	if (succeeds + fails + refunds != 1)
		return complain_usage("pay", "one of --succeed, --fail and --refund is required");
	if (refunds && transaction == NULL)
		return complain_usage("pay", "--refund needs the --transaction that was given back");
	if (report->refund_id != NULL && (!refunds || !uuid_parse(slice_of(report->refund_id), &refund_id)))
		return complain_usage("pay", "--refund-id is the id of a refund, with --refund");
	if (report->amount != NULL && !is_amount(report->amount))
		return complain_usage("pay", "--amount is a whole number of minor units");
	report->status = succeeds ? "SUCCEEDED" : fails ? "FAILED" : "REFUNDED";
	report->transaction_id = slice_of(transaction);
	return EXIT_DONE;
}

int run_pay(const struct invocation *invocation)
{
	const char *url = NULL;
	struct report report = {0};
	int code = read_report(invocation, &report, &url);
	if (code == EXIT_DONE)
		code = secrets_need(invocation);
	if (code != EXIT_DONE)
		return code;
	uint64_t random = 0;
	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		return complain("the system has no random numbers");
	if (report.transaction_id.data == NULL)
		report.transaction_id = arena_format(invocation->arena, "tx-%016llx", (unsigned long long)random);
	const char *trusted = url == NULL ? invocation->config->http.tls_certificate : NULL;
	if (url == NULL)
		url = server_url_of_any(&invocation->config->http, invocation->arena);
	if (url == NULL || report.transaction_id.data == NULL)
		return complain("out of memory");
	return send_report(invocation, url, trusted, &report);
}
