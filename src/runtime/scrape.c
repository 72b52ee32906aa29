/* scrape.c: see scrape.h. */
#include "runtime/scrape.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MAX 64
#define LINE_VALUE_MAX 64

static bool read_value(struct slice text, double *ret_value)
{
	char copy[LINE_VALUE_MAX + 1], *end;
	if (text.length == 0 || text.length > LINE_VALUE_MAX)
		return false;
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	*ret_value = strtod(copy, &end);
	return *end == '\0';
}

/* NAME VALUE, or NAME{LABELS} VALUE; a label's value may have blanks and braces in it. */
static bool read_sample(struct slice line, struct sample *ret_sample)
{
	struct sample sample = {0};
	size_t name = 0;
	while (name < line.length && line.data[name] != '{' && line.data[name] != ' ')
		name++;
	if (name == 0 || name == line.length || line.data[0] == '#')
		return false;
	size_t at = name;
	if (line.data[at] == '{') {
		bool is_quoted = false;
		for (at++; at < line.length && (is_quoted || line.data[at] != '}'); at++) {
			if (line.data[at] == '\\' && is_quoted)
				at++;
			else if (line.data[at] == '"')
				is_quoted = !is_quoted;
		}
		if (at >= line.length)
			return false;
		sample.labels = (struct slice){.data = line.data + name + 1, .length = at - name - 1};
		at++;
	}
	sample.name = (struct slice){.data = line.data, .length = name};
	*ret_sample = sample;
	struct slice value = slice_trim((struct slice){.data = line.data + at, .length = line.length - at});
	return read_value(value, &ret_sample->value);
}

enum error scrape_parse(struct slice text, struct arena *arena, struct scrape *ret_scrape)
{
	assert(arena != NULL && ret_scrape != NULL);
	size_t lines = 1;
	for (size_t i = 0; i < text.length; i++)
		lines += text.data[i] == '\n';
	*ret_scrape = (struct scrape){.samples = arena_allocate_array(arena, lines, sizeof *ret_scrape->samples)};
	if (ret_scrape->samples == NULL)
		return ERR_NO_MEMORY;
	struct slice line;
	while (text.length > 0 && slice_cut(&text, '\n', &line))
		if (read_sample(line, &ret_scrape->samples[ret_scrape->count]))
			ret_scrape->count++;
	return OK;
}

struct slice sample_label(const struct sample *sample, const char *label)
{
	size_t length = strlen(label);
	const struct slice labels = sample->labels;
	for (size_t at = 0; at + length + 2 < labels.length;) {
		bool is_it = memcmp(labels.data + at, label, length) == 0 && memcmp(labels.data + at + length, "=\"", 2) == 0;
		while (at < labels.length && labels.data[at] != '"')
			at++;
		size_t begin = ++at;
		for (; at < labels.length && labels.data[at] != '"'; at++)
			at += labels.data[at] == '\\';
		if (is_it && at < labels.length)
			return (struct slice){.data = labels.data + begin, .length = at - begin};
		at += 2; /* the quote and the comma */
	}
	return (struct slice){0};
}

static bool is_of(const struct sample *sample, const char *name, const char *label, struct slice value)
{
	return slice_equal_string(sample->name, name) && (label == NULL || slice_equal(sample_label(sample, label), value));
}

double scrape_sum(const struct scrape *scrape, const char *name, const char *label, struct slice value)
{
	double sum = 0;
	for (uint32_t i = 0; i < scrape->count; i++)
		if (is_of(&scrape->samples[i], name, label, value))
			sum += scrape->samples[i].value;
	return sum;
}

double scrape_rate(const struct scrape *before, const struct scrape *now, const char *name, const char *label, struct slice value)
{
	double increase = scrape_sum(now, name, label, value) - scrape_sum(before, name, label, value);
	return now->taken_ns <= before->taken_ns || increase < 0 ? 0 : increase * 1e9 / (double)(now->taken_ns - before->taken_ns);
}

struct bucket {
	double limit, count; /* at most so much: so often */
};

static int compare_limits(const void *a, const void *b)
{
	double left = ((const struct bucket *)a)->limit, right = ((const struct bucket *)b)->limit;
	return (left > right) - (left < right);
}

static void count_in(struct bucket *buckets, uint32_t *count, const struct scrape *scrape, const char *name, double sign)
{
	for (uint32_t i = 0; i < scrape->count; i++) {
		const struct sample *sample = &scrape->samples[i];
		double limit;
		uint32_t at = 0;
		if (!slice_equal_string(sample->name, name) || !read_value(sample_label(sample, "le"), &limit))
			continue;
		while (at < *count && buckets[at].limit != limit && !(isinf(buckets[at].limit) && isinf(limit)))
			at++;
		if (at == BUCKETS_MAX)
			continue;
		if (at == *count)
			buckets[(*count)++] = (struct bucket){.limit = limit};
		buckets[at].count += sign * sample->value;
	}
}

double scrape_quantile(const struct scrape *before, const struct scrape *now, const char *name, double quantile)
{
	assert(quantile >= 0 && quantile <= 1);
	struct bucket buckets[BUCKETS_MAX];
	char bucket_name[128];
	uint32_t count = 0;
	(void)snprintf(bucket_name, sizeof bucket_name, "%s_bucket", name);
	count_in(buckets, &count, now, bucket_name, 1);
	count_in(buckets, &count, before, bucket_name, -1);
	qsort(buckets, count, sizeof buckets[0], compare_limits);
	if (count == 0 || buckets[count - 1].count <= 0)
		return -1;
	double rank = quantile * buckets[count - 1].count, low = 0, counted = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (buckets[i].count >= rank && buckets[i].count > counted)
			return isinf(buckets[i].limit) ? low
			                               : low + (buckets[i].limit - low) * (rank - counted) / (buckets[i].count - counted);
		low = buckets[i].limit;
		counted = buckets[i].count;
	}
	return low;
}
