/* test_callback_signature.c: TRO-Signature. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "auth/callback_signature.h"

#define NOW_S UINT64_C(1767323045)
#define NOW_MS (NOW_S * 1000)
#define BODY "{\"order_id\":\"01920000-0000-7000-8000-000000000001\",\"status\":\"SUCCEEDED\",\"transaction_id\":\"t-1\"}"
/* printf '1767323045.%s' BODY | openssl dgst -sha256 -hmac SECRET */
#define CODE "c7b9b2b41c01393e5bba2a705d7de1241ea5003b3c30d067b6ce332ae2598bf4"
#define OTHER_CODE "0000000000000000000000000000000000000000000000000000000000000000"

static const struct slice secret = SLICE("payment-secret-0123456789abcdef-1");
static const struct slice old_secret = SLICE("payment-secret-0123456789abcdef-0");

static enum callback_verdict verdict_at(const char *header, const char *body, uint64_t now_ms)
{
	struct callback_verifier *verifier;
	const struct slice secrets[] = {secret, old_secret};
	assert_int_equal(callback_verifier_new(secrets, 2, &verifier), OK);
	enum callback_verdict verdict = callback_verify(verifier, slice_of(header), slice_of(body), now_ms);
	assert_int_equal(callback_verify(verifier, slice_of(header), slice_of(body), now_ms), verdict);
	callback_verifier_free(verifier);
	assert_true(strlen(callback_verdict_text(verdict)) > 0);
	return verdict;
}

static bool verify_at(const char *header, const char *body, uint64_t now_ms)
{
	return verdict_at(header, body, now_ms) == CALLBACK_RIGHT;
}

static void the_signature_is_that_of_the_documentation(void **state)
{
	(void)state;
	struct buffer header;
	buffer_init(&header, NULL, 256);
	assert_int_equal(callback_sign(secret, SLICE(BODY), NOW_MS + 999, &header), OK);
	assert_true(slice_equal_string(buffer_slice(&header), "t=1767323045,v1=" CODE));
	buffer_release(&header);
	assert_true(verify_at("t=1767323045,v1=" CODE, BODY, NOW_MS));
}

static void either_secret_and_any_v1_will_do(void **state)
{
	(void)state;
	char text[256];
	struct buffer header;
	buffer_init(&header, NULL, 256);
	assert_int_equal(callback_sign(old_secret, SLICE(BODY), NOW_MS, &header), OK);
	snprintf(text, sizeof text, "%.*s,v1=" OTHER_CODE, SLICE_PRINT(buffer_slice(&header)));
	assert_true(verify_at(text, BODY, NOW_MS));
	buffer_clear(&header);
	assert_int_equal(callback_sign(SLICE("somebody else's secret, as long as ours"), SLICE(BODY), NOW_MS, &header), OK);
	snprintf(text, sizeof text, "%.*s", SLICE_PRINT(buffer_slice(&header)));
	assert_false(verify_at(text, BODY, NOW_MS));
	buffer_release(&header);

	assert_true(verify_at("v1=" OTHER_CODE ",v1=" CODE ",t=1767323045", BODY, NOW_MS));
	assert_true(verify_at("t=1767323045, v1=" CODE, BODY, NOW_MS));
}

static void a_changed_body_or_time_fails_verification(void **state)
{
	(void)state;
	assert_false(verify_at("t=1767323045,v1=" CODE, BODY " ", NOW_MS));
	assert_false(verify_at("t=1767323045,v1=" CODE, "", NOW_MS));
	assert_false(verify_at("t=1767323046,v1=" CODE, BODY, NOW_MS));
	assert_false(verify_at("t=1767323045,v1=" OTHER_CODE, BODY, NOW_MS));
}

static void five_minutes_are_tolerated_either_way(void **state)
{
	(void)state;
	assert_true(verify_at("t=1767323045,v1=" CODE, BODY, NOW_MS + 300999));
	assert_false(verify_at("t=1767323045,v1=" CODE, BODY, NOW_MS + 301000));
	assert_true(verify_at("t=1767323045,v1=" CODE, BODY, NOW_MS - 300000));
	assert_false(verify_at("t=1767323045,v1=" CODE, BODY, NOW_MS - 301000));
}

static void unknown_elements_are_ignored(void **state)
{
	(void)state;
	assert_true(verify_at("t=1767323045,v1=" CODE ",x=1", BODY, NOW_MS));
	assert_true(verify_at("v0=00,t=1767323045,v2=" OTHER_CODE ",v1=" CODE, BODY, NOW_MS));
	assert_true(verify_at("t=1767323045,v1=" CODE ",", BODY, NOW_MS));
	assert_true(verify_at(",t=1767323045,, ,v1=" CODE, BODY, NOW_MS));
	assert_true(verify_at("new,t=1767323045,v1=" CODE ",=", BODY, NOW_MS));
}

static void a_refusal_says_why(void **state)
{
	(void)state;
	assert_int_equal(verdict_at("t=1767323045", BODY, NOW_MS), CALLBACK_MALFORMED);
	assert_int_equal(verdict_at("t=1767323045,v2=" CODE, BODY, NOW_MS), CALLBACK_MALFORMED);
	assert_int_equal(verdict_at("t=1767323045,v1=" CODE, BODY, NOW_MS + 301000), CALLBACK_TOO_OLD);
	assert_int_equal(verdict_at("t=1767323045,v1=" CODE, BODY, NOW_MS - 301000), CALLBACK_TOO_NEW);
	assert_int_equal(verdict_at("t=1767323045,v1=" OTHER_CODE, BODY, NOW_MS), CALLBACK_WRONG);
}

static void other_headers_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {"",
	                                      "t",
	                                      "t=",
	                                      "v1=" CODE,
	                                      "t=1767323045",
	                                      "t=1767323045,",
	                                      "t=1767323045,v1",
	                                      "t=1767323045,v1=",
	                                      "t=1767323045,v1=00",
	                                      "t=1767323045,v1=" CODE "00",
	                                      "t=1767323045,v1=g" CODE,
	                                      "t=1767323045,v2=" CODE,
	                                      ",",
	                                      "=1767323045,v1=" CODE,
	                                      "t=1767323045,t=1767323045,v1=" CODE,
	                                      "t=+1767323045,v1=" CODE,
	                                      "t=01767323045,v1=" CODE,
	                                      "t=1767323045.0,v1=" CODE,
	                                      "t=-1767323045,v1=" CODE,
	                                      "t=99999999999999999999,v1=" CODE,
	                                      "t= 1767323045,v1=" CODE,
	                                      "T=1767323045,V1=" CODE,
	                                      "t=1767323045;v1=" CODE,
	                                      "t=1767323045,v1=" CODE ",v1=" CODE ",v1=" CODE ",v1=" CODE ",v1=" CODE ",v1=" CODE
	                                      ",v1=" CODE ",v1=" CODE ",v1=" CODE};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		if (verify_at(refused[i], BODY, NOW_MS))
			fail_msg("taken: %s", refused[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_signature_is_that_of_the_documentation),
		cmocka_unit_test(either_secret_and_any_v1_will_do),
		cmocka_unit_test(a_changed_body_or_time_fails_verification),
		cmocka_unit_test(five_minutes_are_tolerated_either_way),
		cmocka_unit_test(unknown_elements_are_ignored),
		cmocka_unit_test(a_refusal_says_why),
		cmocka_unit_test(other_headers_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
