/* content_coding.c: reads Accept-Encoding: codings with commas between, each with a weight if it likes. */
#include "http/content_coding.h"

#include "http/field.h"

/* A weight of 0, 0.0, 0.00 or 0.000. */
static bool is_refused(struct slice parameters)
{
	while (parameters.length > 0) {
		struct slice value = slice_trim(field_cut(&parameters, ';'));
		struct slice name = slice_trim(field_cut(&value, '='));
		if (!field_equal(name, SLICE("q")))
			continue;
		value = slice_trim(value);
		for (size_t i = 0; i < value.length; i++)
			if (value.data[i] != '0' && value.data[i] != '.')
				return false;
		return value.length > 0;
	}
	return false;
}

bool content_coding_accepts_gzip(const struct http_request *request)
{
	bool takes_all = false;
	for (uint32_t i = 0; i < request->header_count; i++) {
		struct slice list = request->headers[i].value, member;
		if (!field_equal(request->headers[i].name, SLICE("accept-encoding")))
			continue;
		while (field_list_next(&list, &member)) {
			struct slice coding = slice_trim(field_cut(&member, ';'));
			if (field_equal(coding, SLICE("gzip")) || field_equal(coding, SLICE("x-gzip")))
				return !is_refused(member);
			if (slice_equal(coding, SLICE("*")))
				takes_all = !is_refused(member);
		}
	}
	return takes_all;
}
