/* report.c: nothing is computed here that is not in the report. */
#include "bench/report.h"

#include <assert.h>

#include "base/json_writer.h"

static double to_ms(uint64_t us)
{
	return (double)us / 1000;
}

static void print_steps(const struct bench_report *report, FILE *out)
{
	fprintf(out, "%-8s %10s %11s %9s %9s %9s %9s %9s  %s\n", "", "answers", "per second", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms",
	        "max ms", "statuses");
	for (uint32_t i = 0; i < report->step_count; i++) {
		const struct bench_step *step = &report->steps[i];
		fprintf(out, "%-8s %10llu %11.1f %9.3f %9.3f %9.3f %9.3f %9.3f ", step->name, (unsigned long long)step->count,
		        step->per_second, to_ms(step->p50_us), to_ms(step->p90_us), to_ms(step->p99_us), to_ms(step->p999_us),
		        to_ms(step->maximum_us));
		for (uint32_t j = 0; j < step->status_count; j++)
			fprintf(out, " %u: %llu", step->statuses[j].status, (unsigned long long)step->statuses[j].count);
		fputc('\n', out);
	}
}

static void print_load(const struct bench_options *options, const struct bench_report *report, FILE *out)
{
	fprintf(out, "%s: %u connections, ", options->scenario, options->connections);
	if (options->rate > 0)
		fprintf(out, "%llu journeys a second", (unsigned long long)options->rate);
	else
		fprintf(out, "closed loop");
	fprintf(out, ", %.1f s, %s\n", report->seconds, options->url);
	print_steps(report, out);
	if (report->missed > 0)
		fprintf(out, "%llu journeys never began: the rate was too high for the server or for %u connections\n",
		        (unsigned long long)report->missed, options->connections);
	if (report->ran_out)
		fprintf(out, "ended early: all seats were taken (see --seats and --events)\n");
	fprintf(out, "%llu requests repeated, %llu time-outs, %llu connections made again; the generator took %.0f %% of a core\n",
	        (unsigned long long)report->repeats, (unsigned long long)report->timeouts, (unsigned long long)report->reconnects,
	        report->processor * 100);
	fprintf(out, "timers of this machine were late by up to %.1f ms, 99 %% by up to %.1f", to_ms(report->timer_maximum_us),
	        to_ms(report->timer_p99_us));
	if (options->rate > 0)
		fprintf(out, "; journeys began late by up to %.1f ms, 99 %% by up to %.1f", to_ms(report->begun_maximum_us),
		        to_ms(report->begun_p99_us));
	fputc('\n', out);
	if (options->idle > 0)
		fprintf(out, "idle connections: %u wanted, %u opened, %u open at the end\n", options->idle, report->idle_opened,
		        report->idle_open);
}

static void print_check(const struct bench_report *report, FILE *out)
{
	fprintf(out, "check: %llu of %llu holds and %llu orders read back, %llu seats in seat maps, %llu requests replayed, in %.1f s\n",
	        (unsigned long long)report->holds_read, (unsigned long long)report->claims, (unsigned long long)report->orders_read,
	        (unsigned long long)report->seats_read, (unsigned long long)report->replays, report->check_seconds);
	if (bench_passed(report))
		fprintf(out, "no violation\n");
}

static void print_violations(const struct violations *violations, FILE *out)
{
	if (violations->count == 0)
		return;
	fprintf(out, "%llu VIOLATIONS\n", (unsigned long long)violations->count);
	for (size_t i = 0; i < VIOLATIONS_KEPT_MAX && violations->texts[i] != NULL; i++)
		fprintf(out, "  %s\n", violations->texts[i]);
}

void bench_report_print(const struct bench_options *options, const struct bench_report *report, FILE *out)
{
	assert(options != NULL && report != NULL && out != NULL);

	if (report->seconds > 0)
		print_load(options, report, out);
	if (report->check_seconds > 0)
		print_check(report, out);
	else
		fprintf(out, "nothing was checked\n");
	print_violations(&report->violations, out);
	if (report->failure[0] != '\0')
		fprintf(out, "FAILED: %s\n", report->failure);
}

static void write_step(struct json_writer *writer, const struct bench_step *step)
{
	json_writer_object_begin(writer, step->name);
	json_writer_uint(writer, "count", step->count);
	json_writer_double(writer, "per_second", step->per_second);
	json_writer_double(writer, "p50_ms", to_ms(step->p50_us));
	json_writer_double(writer, "p90_ms", to_ms(step->p90_us));
	json_writer_double(writer, "p99_ms", to_ms(step->p99_us));
	json_writer_double(writer, "p99_9_ms", to_ms(step->p999_us));
	json_writer_double(writer, "max_ms", to_ms(step->maximum_us));
	json_writer_object_begin(writer, "statuses");
	for (uint32_t i = 0; i < step->status_count; i++) {
		char name[8];
		snprintf(name, sizeof name, "%u", step->statuses[i].status);
		json_writer_uint(writer, name, step->statuses[i].count);
	}
	json_writer_object_end(writer);
	json_writer_object_end(writer);
}

static void write_check(struct json_writer *writer, const struct bench_report *report)
{
	json_writer_object_begin(writer, "check");
	json_writer_uint(writer, "holds_acknowledged", report->claims);
	json_writer_uint(writer, "holds_read", report->holds_read);
	json_writer_uint(writer, "orders_read", report->orders_read);
	json_writer_uint(writer, "seats_read", report->seats_read);
	json_writer_uint(writer, "replays", report->replays);
	json_writer_double(writer, "seconds", report->check_seconds);
	json_writer_uint(writer, "violations", report->violations.count);
	json_writer_array_begin(writer, "evidence");
	for (size_t i = 0; i < VIOLATIONS_KEPT_MAX && report->violations.texts[i] != NULL; i++)
		json_writer_string(writer, NULL, slice_of(report->violations.texts[i]));
	json_writer_array_end(writer);
	json_writer_object_end(writer);
}

void bench_report_json(const struct bench_options *options, const struct bench_report *report, struct buffer *json)
{
	assert(options != NULL && report != NULL && json != NULL);

	struct json_writer writer = json_writer_on(json);
	json_writer_object_begin(&writer, NULL);
	json_writer_string(&writer, "scenario", slice_of(options->scenario));
	json_writer_string(&writer, "url", slice_of(options->url));
	json_writer_uint(&writer, "connections", options->connections);
	json_writer_uint(&writer, "rate", options->rate);
	json_writer_uint(&writer, "seed", options->seed);
	json_writer_bool(&writer, "passed", bench_passed(report));
	if (report->failure[0] != '\0')
		json_writer_string(&writer, "failure", slice_of(report->failure));
	json_writer_double(&writer, "seconds", report->seconds);
	json_writer_double(&writer, "requests_per_second", report->requests_per_second);
	json_writer_object_begin(&writer, "steps");
	for (uint32_t i = 0; i < report->step_count; i++)
		write_step(&writer, &report->steps[i]);
	json_writer_object_end(&writer);
	json_writer_uint(&writer, "missed", report->missed);
	json_writer_bool(&writer, "ran_out_of_seats", report->ran_out);
	json_writer_uint(&writer, "repeats", report->repeats);
	json_writer_uint(&writer, "reconnects", report->reconnects);
	json_writer_uint(&writer, "timeouts", report->timeouts);
	json_writer_double(&writer, "generator_cores", report->processor);
	json_writer_double(&writer, "timer_late_p99_ms", to_ms(report->timer_p99_us));
	json_writer_double(&writer, "timer_late_max_ms", to_ms(report->timer_maximum_us));
	json_writer_double(&writer, "begun_late_p99_ms", to_ms(report->begun_p99_us));
	json_writer_double(&writer, "begun_late_max_ms", to_ms(report->begun_maximum_us));
	json_writer_uint(&writer, "idle_opened", report->idle_opened);
	json_writer_uint(&writer, "idle_open", report->idle_open);
	write_check(&writer, report);
	json_writer_object_end(&writer);
}

void bench_table_head(FILE *out)
{
	fprintf(out, "%-11s %-8s %11s %9s %9s %9s %9s %9s\n", "connections", "step", "per second", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms",
	        "max ms");
}

void bench_table_row(const struct bench_options *options, const struct bench_report *report, FILE *out)
{
	assert(options != NULL && report != NULL);

	if (report->headline >= report->step_count) {
		fprintf(out, "%-11u no answers\n", options->connections);
		return;
	}
	const struct bench_step *step = &report->steps[report->headline];
	fprintf(out, "%-11u %-8s %11.1f %9.3f %9.3f %9.3f %9.3f %9.3f%s\n", options->connections, step->name, step->per_second,
	        to_ms(step->p50_us), to_ms(step->p90_us), to_ms(step->p99_us), to_ms(step->p999_us), to_ms(step->maximum_us),
	        bench_passed(report) ? "" : "  FAILED");
}
