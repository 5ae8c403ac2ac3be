/*
 * Verbs about the host's machine and its sessions that show more than a line:
 * nodecpustats, nodememstats, nodedev-list, host sessions.
 */
#include <inttypes.h>
#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/interrupt.h"
#include "client/output.h"
#include "client/show.h"
#include "client/verbs.h"
#include "client/words.h"

#define CPU_COLUMNS    16 /* as virsh nodecpustats */
#define MEMORY_COLUMNS 8
#define SHARES_MS      1000 /* that the percentages are of */

/* -- stats ----------------------------------------------------------------- */

static int read_stats(struct command_call *call, struct host_stats *stats,
		      struct json_object **result, struct error *err)
{
	if (call_method(call, NULL, NULL, result, err) < 0)
		return -1;
	return result_decode(method_by_id(METHOD_host_stats), *result, stats,
			     err);
}

static int missing(const char *what, struct error *err)
{
	return error_set(err, ERROR_UNSUPPORTED,
			 "this host's libvirt does not tell of its %s", what);
}

static void print_times(struct output *o, const struct host_stats *s)
{
	output_field_columns(o, CPU_COLUMNS);
	output_field(o, "user", "%" PRIu64, s->cpu_user);
	output_field(o, "system", "%" PRIu64, s->cpu_system);
	output_field(o, "idle", "%" PRIu64, s->cpu_idle);
	output_field(o, "iowait", "%" PRIu64, s->cpu_iowait);
	output_field(o, "intr", "%" PRIu64, s->cpu_intr);
}

static void print_share(struct output *o, const char *name, uint64_t from,
			uint64_t to, uint64_t all)
{
	output_field(o, name, "%5.1f%%",
		     all ? 100.0 * (double)(to - from) / (double)all : 0);
}

static uint64_t sum(const struct host_stats *s)
{
	return s->cpu_user + s->cpu_system + s->cpu_idle + s->cpu_iowait +
	       s->cpu_intr;
}

static void print_shares(struct output *o, const struct host_stats *a,
			 const struct host_stats *b)
{
	uint64_t all = sum(b) - sum(a);
	uint64_t idle = b->cpu_idle - a->cpu_idle;

	output_field_columns(o, CPU_COLUMNS);
	print_share(o, "usage", idle, all, all);
	print_share(o, "user", a->cpu_user, b->cpu_user, all);
	print_share(o, "system", a->cpu_system, b->cpu_system, all);
	print_share(o, "idle", a->cpu_idle, b->cpu_idle, all);
	print_share(o, "iowait", a->cpu_iowait, b->cpu_iowait, all);
	print_share(o, "intr", a->cpu_intr, b->cpu_intr, all);
}

int verb_nodecpustats(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	struct host_stats a = {0}, b = {0};
	autoptr(interrupt) signals = NULL;
	autojson first = NULL;
	autojson result = NULL;

	if (read_stats(call, &a, &first, err) < 0)
		return -1;
	if (!a.has_cpu_user)
		return missing("processors", err);
	if (!output_is_text(output))
		return output_value(output, first, err);
	if (!call_flag(call, "percent")) {
		print_times(output, &a);
		return 0;
	}
	if (interrupt_watch(&signals, call_deadline(call), err) < 0 ||
	    interrupt_pause(signals, SHARES_MS, err) < 0 ||
	    read_stats(call, &b, &result, err) < 0)
		return -1;
	print_shares(output, &a, &b);
	return 0;
}

int verb_nodememstats(struct command_call *call, struct error *err)
{
	struct output *output = call_output(call);
	struct host_stats s = {0};
	autojson result = NULL;

	if (read_stats(call, &s, &result, err) < 0)
		return -1;
	if (!s.has_memory_total)
		return missing("memory", err);
	if (!output_is_text(output))
		return output_value(output, result, err);
	output_field_columns(output, MEMORY_COLUMNS);
	output_field(output, "total", "%20" PRIu64 " KiB",
		     s.memory_total / 1024);
	output_field(output, "free", "%20" PRIu64 " KiB", s.memory_free / 1024);
	output_field(output, "buffers", "%20" PRIu64 " KiB",
		     s.memory_buffers / 1024);
	output_field(output, "cached", "%20" PRIu64 " KiB",
		     s.memory_cached / 1024);
	return 0;
}

/* -- devices --------------------------------------------------------------- */

static int add_capabilities(struct words *words, const char *list,
			    struct error *err)
{
	autofree char *copy = strdup(list);
	char *save = NULL;

	if (!copy)
		return error_set_no_memory(err);
	for (char *w = strtok_r(copy, ",", &save); w;
	     w = strtok_r(NULL, ",", &save))
		words_add(words, "cap", w);
	return 0;
}

int verb_nodedev_list(struct command_call *call, struct error *err)
{
	const char *cap = call_text(call, "cap", NULL);
	autowords words = {0};
	autojson result = NULL;

	if (cap && call_flag(call, "tree"))
		return error_set(err, ERROR_USAGE,
				 "a tree has all devices: give one of --cap "
				 "and --tree");
	if ((cap && add_capabilities(&words, cap, err) < 0) ||
	    words_call(&words, call, METHOD_nodedev_list, &result, err) < 0)
		return -1;
	if (call_flag(call, "tree"))
		return show_tree(call, result, "devices", "device", err);
	return show_names(call, result, "devices", "device", err);
}

/* -- sessions -------------------------------------------------------------- */

int verb_host_sessions(struct command_call *call, struct error *err)
{
	static const struct show_item items[] = {
		{"Id", "session", SHOW_TEXT},
		{"Identity", "identity", SHOW_TEXT},
		{"Address", "address", SHOW_TEXT},
		{"Since", "since", SHOW_TIME},
		{"Streams", "streams", SHOW_TEXT},
		{"Own", "own", SHOW_YES},
	};
	autojson result = NULL;

	if (call_method(call, NULL, NULL, &result, err) < 0)
		return -1;
	return show_table(call, result, "sessions", items, array_size(items),
			  err);
}
