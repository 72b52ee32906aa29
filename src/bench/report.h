/* report.h: a report for people, and one for programs. */
#pragma once

#include <stdio.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "bench/bench.h"

/* The steps as a table, what the check looked at, and the violations with their evidence. */
void bench_report_print(const struct bench_options *options, const struct bench_report *report, FILE *out);
/* One JSON object. */
void bench_report_json(const struct bench_options *options, const struct bench_report *report, struct buffer *json);
/* The headlines of several runs that differ in their connections, as a table: its head, then a row for each. */
void bench_table_head(FILE *out);
void bench_table_row(const struct bench_options *options, const struct bench_report *report, FILE *out);
