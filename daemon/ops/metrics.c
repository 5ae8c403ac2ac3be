/*
 * GET /metrics: the handler, which asks libvirt for its domains and waits for that no
 * longer than METRICS_WAIT_MS, and the families of the agent itself. The text format is
 * that of prometheus.io/docs/instrumenting/exposition_formats.
 *
 * What always holds: a scrape is freed when libvirt has answered and its timer has
 * closed, whichever comes last; it answers its call once.
 */
#include "daemon/ops/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "daemon/ops/room.h"
#include "daemon/rpc/counts.h"
#include "daemon/virt/stats.h"

#define METRICS_WAIT_MS 5000 /* for libvirt; a scrape's own limit is 10 s */
#define METRICS_GROUPS                                                         \
	(VIRT_STATS_STATE | VIRT_STATS_CPU | VIRT_STATS_BALLOON |              \
	 VIRT_STATS_VCPU | VIRT_STATS_INTERFACE | VIRT_STATS_BLOCK)

static const struct {
	const char *name;
	const char *type;
	const char *help;
} families[METRICS] = {
#define TYPE_OF_GAUGE             "gauge"
#define TYPE_OF_COUNTER           "counter"
#define TYPE_OF_HISTOGRAM         "histogram"
#define OWN(id, name, type, help) [METRIC_##id] = {name, TYPE_OF_##type, help},
#define DOMAIN(id, name, type, field, unit, help)                              \
	[METRIC_##id] = {name, TYPE_OF_##type, help},
#include "daemon/ops/metrics.def"
};

/* -- samples --------------------------------------------------------------- */

const char *metric_name(enum metric metric)
{
	return families[metric].name;
}

struct buf *metrics_begin(struct metrics *m, enum metric metric)
{
	buf_append_str(&m->samples[metric], families[metric].name);
	return &m->samples[metric];
}

/* Backslash, quote and newline are escaped; what is no UTF-8 becomes U+FFFD. */
static void append_escaped(struct buf *to, const char *value)
{
	size_t n = strlen(value);

	for (size_t i = 0; i < n;) {
		uint32_t code_point;
		size_t len = utf8_sequence((const uint8_t *)value + i, n - i,
					   &code_point);

		if (len == 0)
			buf_append_str(to, "\xef\xbf\xbd");
		else if (value[i] == '\n')
			buf_append_str(to, "\\n");
		else if (value[i] == '"' || value[i] == '\\')
			buf_appendf(to, "\\%c", value[i]);
		else
			buf_append(to, value + i, len);
		i += len ? len : 1;
	}
}

void metrics_label(struct buf *to, bool first, const char *name,
		   const char *value)
{
	buf_appendf(to, "%c%s=\"", first ? '{' : ',', name);
	append_escaped(to, value);
	buf_append_char(to, '"');
}

void metrics_value(struct buf *to, bool labels, uint64_t value)
{
	buf_appendf(to, "%s %" PRIu64 "\n", labels ? "}" : "", value);
}

void metrics_seconds(struct buf *to, bool labels, uint64_t ns)
{
	buf_appendf(to, "%s %" PRIu64 ".%09" PRIu64 "\n", labels ? "}" : "",
		    (uint64_t)(ns / CLOCK_NS_PER_S),
		    (uint64_t)(ns % CLOCK_NS_PER_S));
}

void metrics_plain(struct metrics *m, enum metric metric, uint64_t value)
{
	metrics_value(metrics_begin(m, metric), false, value);
}

int metrics_write(const struct metrics *m, struct buf *out)
{
	for (size_t i = 0; i < METRICS; i++) {
		const struct buf *samples = &m->samples[i];

		if (!buf_ok(samples))
			return -1;
		if (samples->len == 0)
			continue;
		buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n",
			    families[i].name, families[i].help,
			    families[i].name, families[i].type);
		buf_append(out, buf_bytes(samples), samples->len);
	}
	return buf_ok(out) ? 0 : -1;
}

void metrics_clear(struct metrics *m)
{
	for (size_t i = 0; i < METRICS; i++)
		buf_free(&m->samples[i]);
}

/* -- the agent's own ------------------------------------------------------- */

static void add_labelled(struct metrics *m, enum metric metric,
			 const char *label, const char *value, uint64_t number)
{
	struct buf *to = metrics_begin(m, metric);

	metrics_label(to, true, label, value);
	metrics_value(to, true, number);
}

static void add_bucket(struct metrics *m, const char *method, const char *le,
		       uint64_t count)
{
	struct buf *to = metrics_begin(m, METRIC_DURATION);

	buf_append_str(to, "_bucket");
	metrics_label(to, true, "method", method);
	metrics_label(to, false, "le", le);
	metrics_value(to, true, count);
}

static void add_durations(struct metrics *m, const struct rpc_counts *counts,
			  const struct method *method)
{
	static const uint64_t bounds_us[] = RPC_DURATIONS;
	const uint64_t *durations = counts->durations[method->id];
	struct buf *to = &m->samples[METRIC_DURATION];
	uint64_t sum = 0;

	for (size_t i = 0; i < array_size(bounds_us); i++) {
		char le[32];

		sum += durations[i];
		snprintf(le, sizeof(le), "%g", (double)bounds_us[i] / 1e6);
		add_bucket(m, method->name, le, sum);
	}
	sum += durations[array_size(bounds_us)];
	add_bucket(m, method->name, "+Inf", sum);
	buf_appendf(to, "%s_sum", metric_name(METRIC_DURATION));
	metrics_label(to, true, "method", method->name);
	metrics_seconds(to, true, counts->duration_ns[method->id]);
	buf_appendf(to, "%s_count", metric_name(METRIC_DURATION));
	metrics_label(to, true, "method", method->name);
	metrics_value(to, true, sum);
}

static void add_outcomes(struct metrics *m, const struct rpc_counts *counts,
			 const struct method *method)
{
	bool any = false;

	for (unsigned code = 0; code < ERROR_CODES; code++) {
		uint64_t n = counts->calls[method->id][code];
		const char *outcome =
			code ? error_code_name((enum error_code)code) : "ok";
		struct buf *to;

		if (n == 0)
			continue;
		any = true;
		to = metrics_begin(m, METRIC_CALLS);
		metrics_label(to, true, "method", method->name);
		metrics_label(to, false, "outcome", outcome);
		metrics_value(to, true, n);
	}
	if (any)
		add_durations(m, counts, method);
}

static void add_calls(struct metrics *m, const struct call *call)
{
	const struct rpc_counts *counts = call_counts(call);

	for (unsigned id = 0; id < METHODS; id++)
		add_outcomes(m, counts, method_by_id((enum method_id)id));
	metrics_plain(m, METRIC_OPEN, call_open_calls(call));
	metrics_plain(m, METRIC_JOBS, counts->jobs);
	metrics_plain(m, METRIC_STREAMS, counts->streams);
	metrics_plain(m, METRIC_NAMELESS, counts->nameless);
	metrics_plain(m, METRIC_REPLAYED, counts->replayed);
	metrics_plain(m, METRIC_AUDIT, counts->audit_failures);
	add_labelled(m, METRIC_BYTES, "direction", "in", counts->bytes_in);
	add_labelled(m, METRIC_BYTES, "direction", "out", counts->bytes_out);
}

static void add_core(struct metrics *m, const struct ops *ops)
{
	struct ops_connections connections = {0};
	struct ops_trust trust = {0};

	ops->core.trust(ops->core.context, &trust);
	ops->core.connections(ops->core.context, &connections);
	add_labelled(m, METRIC_CONNECTIONS, "state", "member",
		     connections.members);
	add_labelled(m, METRIC_CONNECTIONS, "state", "stranger",
		     connections.strangers);
	if (trust.certificate)
		metrics_plain(m, METRIC_CERTIFICATE,
			      (uint64_t)trust.certificate);
	if (trust.crl)
		metrics_plain(m, METRIC_CRL, (uint64_t)trust.crl);
}

static void add_own(struct metrics *m, const struct call *call)
{
	struct ops *ops = ops_of(call);

	add_labelled(m, METRIC_BUILD, "version", VIRTMUX_VERSION, 1);
	metrics_plain(m, METRIC_START, (uint64_t)ops->started);
	metrics_plain(m, METRIC_LIBVIRT, ops_connected(ops));
	metrics_plain(m, METRIC_PENDING, ops_pending(ops));
	add_core(m, ops);
	add_calls(m, call);
}

/* -- a scrape -------------------------------------------------------------- */

struct scrape {
	struct call *call; /* NULL: it is answered */
	uv_timer_t timer;
	bool asked;  /* libvirt has not answered */
	bool closed; /* the timer is */
};

static void answer(struct scrape *s, const struct virt_records *records)
{
	struct call *call = steal(&s->call);
	struct metrics m = {0};
	autobuf body = {0};
	autoerror err = {0};

	metrics_plain(&m, METRIC_UP, records != NULL);
	if (records)
		metrics_add_domains(&m, records);
	add_own(&m, call);
	if (metrics_write(&m, &body) == 0) {
		call_respond(call, 200,
			     "text/plain; version=0.0.4; charset=utf-8", NULL,
			     0, &body);
	} else {
		error_set_no_memory(&err);
		call_fail(call, &err);
	}
	metrics_clear(&m);
}

static void free_if_over(struct scrape *s)
{
	if (!s->asked && s->closed)
		free(s);
}

static void on_closed(uv_handle_t *handle)
{
	struct scrape *s = handle->data;

	s->closed = true;
	free_if_over(s);
}

static void end(struct scrape *s, const struct virt_records *records)
{
	answer(s, records);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}

static void on_late(uv_timer_t *timer)
{
	end(timer->data, NULL);
}

static void on_stats(void *context, struct virt_reply *reply)
{
	struct scrape *s = context;
	bool failed = error_is_set(&reply->error);

	s->asked = false;
	if (s->call)
		end(s, failed ? NULL : reply->value.noun.data);
	else
		free_if_over(s);
}

void op_metrics_read(struct call *call,
		     const struct metrics_read_params *params)
{
	struct virt_domain_ref all = ops_ref(call, NULL);
	struct scrape *s = calloc(1, sizeof(*s));
	autoerror err = {0};

	if (!s) {
		error_set_no_memory(&err);
		call_fail(call, &err);
		return;
	}
	s->call = call;
	uv_timer_init(ops_of(call)->uv, &s->timer);
	s->timer.data = s;
	uv_timer_start(&s->timer, on_late, METRICS_WAIT_MS, 0);
	s->asked =
		virt_domain_stats(ops_virt(call), &all, METRICS_GROUPS,
				  VIRT_STATS_NOWAIT,
				  (struct virt_done){on_stats, s}, NULL) == 0;
	if (!s->asked)
		end(s, NULL);
}
