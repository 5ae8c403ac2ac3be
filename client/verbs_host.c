/*
 * Verbs about the host and the channel to it: nodeinfo as virsh shows it, and
 * speed, which measures calls and bytes both ways.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/clock.h"
#include "client/connect/channel.h"
#include "client/output.h"
#include "client/verbs.h"

#define NODE_COLUMNS    20                /* as virsh nodeinfo */
#define SPEED_CALLS     64                /* timed, one after the other */
#define SPEED_MEGABYTES 256               /* each way, unless told otherwise */
#define MEGABYTE        UINT64_C(1000000) /* as in "MB/s" */

/* -- nodeinfo -------------------------------------------------------------- */

static void print_node(struct output *o, const struct host_info *h)
{
	output_field_columns(o, NODE_COLUMNS);
	output_field(o, "Host", "%s", h->hostname);
	output_field(o, "Hypervisor", "%s (%s)", h->hypervisor, h->uri);
	output_field(o, "CPU model", "%s", h->arch);
	output_field(o, "CPU(s)", "%" PRIu64, h->cpus);
	if (h->cpu_mhz)
		output_field(o, "CPU frequency", "%" PRIu64 " MHz", h->cpu_mhz);
	output_field(o, "CPU socket(s)", "%" PRIu64, h->sockets);
	output_field(o, "Core(s) per socket", "%" PRIu64, h->cores);
	output_field(o, "Thread(s) per core", "%" PRIu64, h->threads);
	output_field(o, "NUMA cell(s)", "%" PRIu64, h->numa_nodes);
	output_field(o, "Memory size", "%" PRIu64 " KiB", h->memory / 1024);
	if (h->has_memory_free)
		output_field(o, "Memory free", "%" PRIu64 " KiB",
			     h->memory_free / 1024);
	output_field(o, "Domains", "%" PRIu64 " active, %" PRIu64 " inactive",
		     h->domains_active, h->domains_inactive);
}

int verb_nodeinfo(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	const struct method *m = method_by_id(METHOD_host_info);
	struct host_info info = {0};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	if (!output_is_text(output))
		return output_value(output, result, err);
	if (result_decode(m, result, &info, err) < 0)
		return -1;
	print_node(output, &info);
	result_free(m, &info);
	return 0;
}

/* -- speed ----------------------------------------------------------------- */

/* Bytes that came or are to go, and when the first came. */
struct flow {
	uint64_t bytes;
	uint64_t begin;
};

struct speed {
	uint64_t call_us; /* the median */
	double down;      /* bytes a second */
	double up;
};

static int compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int time_calls(struct channel *channel, uint64_t *median_us,
		      struct error *err)
{
	uint64_t times[SPEED_CALLS];

	for (size_t i = 0; i < SPEED_CALLS; i++) {
		uint64_t begin = clock_monotonic_ns();

		if (channel_call(channel, "session.whoami", NULL, NULL, err) <
		    0)
			return -1;
		times[i] = clock_monotonic_ns() - begin;
	}
	qsort(times, SPEED_CALLS, sizeof(times[0]), compare_times);
	*median_us = times[SPEED_CALLS / 2] / 1000;
	return 0;
}

static double rate(uint64_t bytes, uint64_t ns)
{
	return ns ? (double)bytes * 1e9 / (double)ns : 0;
}

static int count_sink(void *context, const uint8_t *data, size_t len,
		      struct error *err)
{
	struct flow *flow = context;

	if (!flow->begin)
		flow->begin = clock_monotonic_ns();
	flow->bytes += len;
	return 0;
}

static int measure_down(struct channel *channel, uint64_t bytes, double *result,
			struct error *err)
{
	struct flow flow = {0};
	char path[64];

	snprintf(path, sizeof(path), "/speed?bytes=%" PRIu64, bytes);
	if (channel_get(channel, path, count_sink, &flow, NULL, err) < 0)
		return -1;
	if (flow.bytes != bytes)
		return error_set(err, ERROR_FAILED,
				 "the host sent %" PRIu64
				 " bytes, not %" PRIu64,
				 flow.bytes, bytes);
	*result = rate(bytes, clock_monotonic_ns() - flow.begin);
	return 0;
}

static size_t source_ready(void *context, bool *end)
{
	const struct flow *flow = context;

	*end = true;
	return flow->bytes;
}

static void source_take(void *context, uint8_t *to, size_t n)
{
	struct flow *flow = context;

	memset(to, 0, n);
	flow->bytes -= n;
}

static int measure_up(struct channel *channel, uint64_t bytes, double *result,
		      struct error *err)
{
	static const struct h2_source source = {.ready = source_ready,
						.take = source_take};
	const struct method *m = method_by_id(METHOD_host_speed_upload);
	struct flow flow = {.bytes = bytes};
	uint64_t begin = clock_monotonic_ns();
	struct host_speed got = {0};
	autojson answer = NULL;

	if (channel_put(channel, "/speed", &source, &flow, &answer, err) < 0 ||
	    result_decode(m, answer, &got, err) < 0)
		return -1;
	*result = rate(bytes, clock_monotonic_ns() - begin);
	result_free(m, &got);
	return 0;
}

static int speed_json(struct json_object **json, const struct speed *s,
		      uint64_t bytes, struct error *err)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return error_set_no_memory(err);
	json_object_object_add(o, "call_us",
			       json_object_new_int64((int64_t)s->call_us));
	json_object_object_add(o, "bytes",
			       json_object_new_int64((int64_t)bytes));
	json_object_object_add(o, "download_bytes_per_second",
			       json_object_new_int64((int64_t)s->down));
	json_object_object_add(o, "upload_bytes_per_second",
			       json_object_new_int64((int64_t)s->up));
	*json = o;
	return 0;
}

int verb_speed(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	uint64_t bytes =
		(uint64_t)call_number(call, "megabytes", SPEED_MEGABYTES) *
		MEGABYTE;
	struct channel *channel = NULL;
	struct speed s = {0};
	autojson json = NULL;

	if (call_channel(call, &channel, err) < 0 ||
	    time_calls(channel, &s.call_us, err) < 0 ||
	    measure_down(channel, bytes, &s.down, err) < 0 ||
	    measure_up(channel, bytes, &s.up, err) < 0)
		return -1;
	if (output_is_text(output)) {
		output_field(output, "Call", "%" PRIu64 " us", s.call_us);
		output_field(output, "From the host", "%.1f MB/s",
			     s.down / 1e6);
		output_field(output, "To the host", "%.1f MB/s", s.up / 1e6);
		return 0;
	}
	if (speed_json(&json, &s, bytes, err) < 0)
		return -1;
	return output_value(output, json, err);
}
