/* media_type.c: reads Accept: types with commas between, each with parameters, of which q is its weight. */
#include "http/media_type.h"

#include "http/field.h"

/* In thousandths; a weight that cannot be read counts as 1. */
static uint32_t read_weight(struct slice text)
{
	uint32_t weight = 0, place = 1000;
	for (size_t i = 0; i < text.length; i++) {
		if (i == 1 && text.data[i] == '.')
			continue;
		if (text.data[i] < '0' || text.data[i] > '9' || place == 0)
			return 1000;
		weight += (uint32_t)(text.data[i] - '0') * place;
		place /= 10;
	}
	return weight > 1000 ? 1000 : weight;
}

static uint32_t weight_of(struct slice parameters)
{
	while (parameters.length > 0) {
		struct slice value = slice_trim(field_cut(&parameters, ';'));
		struct slice name = slice_trim(field_cut(&value, '='));
		if (field_equal(name, SLICE("q")))
			return read_weight(slice_trim(value));
	}
	return 1000;
}

bool media_type_prefers(const struct http_request *request, struct slice other, struct slice usual)
{
	uint32_t other_weight = 0, usual_weight = 0;
	for (uint32_t i = 0; i < request->header_count; i++) {
		struct slice list = request->headers[i].value, member;
		if (!field_equal(request->headers[i].name, SLICE("accept")))
			continue;
		while (field_list_next(&list, &member)) {
			struct slice type = slice_trim(field_cut(&member, ';'));
			uint32_t weight = weight_of(member);
			if (field_equal(type, other) && weight > other_weight)
				other_weight = weight;
			if (field_equal(type, usual) && weight > usual_weight)
				usual_weight = weight;
		}
	}
	return other_weight > 0 && other_weight >= usual_weight;
}
