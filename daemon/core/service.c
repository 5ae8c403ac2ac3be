/*
 * Puts the parts together, and takes them apart. Called by main.c. What always
 * holds: service_free() copes with what a failed service_new() has made so far.
 */
#include "daemon/core/service_private.h"

#include <signal.h>
#include <stdlib.h>

#include "daemon/core/handlers.h"
#include "daemon/core/loop.h"
#include "daemon/core/notify.h"

static const char *const state_names[SERVICE_STATES] = {
	[SERVICE_STARTING] = "starting", [SERVICE_SERVING] = "serving",
	[SERVICE_DRAINING] = "draining", [SERVICE_CLOSING] = "closing",
	[SERVICE_ABORTED] = "aborted",
};

#define BIT(state) (1u << (state))

static const unsigned transitions[SERVICE_STATES] = {
	[SERVICE_STARTING] = BIT(SERVICE_SERVING) | BIT(SERVICE_CLOSING),
	[SERVICE_SERVING] = BIT(SERVICE_DRAINING),
	[SERVICE_DRAINING] = BIT(SERVICE_CLOSING) | BIT(SERVICE_ABORTED),
	[SERVICE_CLOSING] = BIT(SERVICE_ABORTED),
	[SERVICE_ABORTED] = 0,
};

void service_set_state(struct service *s, enum service_state state)
{
	if (!(transitions[s->state] & BIT(state))) {
		log_error(s->log, "%s cannot follow %s", state_names[state],
			  state_names[s->state]);
		return;
	}
	log_debug(s->log, "%s, then %s", state_names[s->state],
		  state_names[state]);
	s->state = state;
}

/* -- signals -------------------------------------------------------------- */

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP};

static void on_signal(uv_signal_t *handle, int number)
{
	struct service *s = handle->data;

	if (number == SIGHUP) {
		if (s->state == SERVICE_SERVING)
			service_reload(s, NULL, NULL);
		return;
	}
	if (s->state == SERVICE_SERVING) {
		service_drain(s);
		return;
	}
	if (s->state == SERVICE_ABORTED)
		return;
	log_warning(s->log, "a second signal: ending at once");
	service_set_state(s, SERVICE_ABORTED);
	uv_stop(&s->uv);
}

static void init_handles(struct service *s)
{
	for (size_t i = 0; i < array_size(signal_numbers); i++) {
		uv_signal_init(&s->uv, &s->signals[i]);
		s->signals[i].data = s;
		uv_signal_start(&s->signals[i], on_signal, signal_numbers[i]);
	}
	uv_timer_init(&s->uv, &s->drain);
	s->drain.data = s;
	trust_init(&s->trust, &s->uv, s->log);
}

/* -- parts ---------------------------------------------------------------- */

static int make_ops(struct service *s, struct error *err)
{
	const struct config *config = s->config;
	const struct ops_config ops = {
		.uv = &s->uv,
		.log = s->log,
		.core = service_for_ops(s),
		.virt = {.uri = config->libvirt_uri,
			 .quick_workers =
				 (unsigned)config->libvirt_quick_workers,
			 .slow_workers = (unsigned)config->libvirt_slow_workers,
			 .queue_limit = (unsigned)config->libvirt_queue,
			 .attach_on_use = config->console_attach == 1},
		.record_folder = config->console_record_directory,
	};

	return ops_new(&s->ops, &ops, err);
}

static int make_rpc(struct service *s, const struct service_files *files,
		    struct error *err)
{
	struct rpc_config rpc = {
		.uv = &s->uv,
		.log = s->log,
		.audit = s->audit,
		.access = files->access,
		.journal = s->journal,
		.handlers = core_handlers,
		.unknown = ops_unknown,
		.context = s->ops,
	};

	config_rpc_limits(s->config, &rpc.limits);
	return rpc_new(&s->rpc, &rpc, err);
}

static int open_journal(struct service *s, struct error *err)
{
	const struct journal_config journal = {
		.folder = s->config->daemon_state,
		.uv = &s->uv,
		.log = s->log,
	};

	return journal_open(&s->journal, &journal, err);
}

static int make_peers(struct service *s, const struct service_files *files,
		      struct error *err)
{
	struct peers_config peers = {
		.conns = s->conns,
		.rpc = s->rpc,
		.log = s->log,
		.tls = files->tls,
	};

	service_peers_limits(s->config, &peers.limits);
	return peers_new(&s->peers, &peers, err);
}

/* What is often wrong, files and ports, comes before libvirt is bothered. */
static int make_parts(struct service *s, struct error *err)
{
	struct service_files files = {0};
	struct conn_limits limits;
	int result = -1;

	config_conn_limits(s->config, &limits);
	if (service_files_read(&files, s->config, err) == 0 &&
	    audit_open(&s->audit, s->config->daemon_audit, s->log, err) == 0 &&
	    open_journal(s, err) == 0 &&
	    listener_new(&s->listener, &s->uv, s->config->daemon_listen,
			 notify_take_sockets(), s->log, err) == 0 &&
	    conn_loop_new(&s->conns, &s->uv, &limits, s->log, err) == 0 &&
	    make_ops(s, err) == 0 && make_rpc(s, &files, err) == 0)
		result = make_peers(s, &files, err);
	if (result == 0)
		trust_set(&s->trust, files.tls);
	service_files_clear(&files);
	return result;
}

int service_new(struct service **out, const struct service_options *options,
		struct error *err)
{
	struct service *s = calloc(1, sizeof(*s));

	if (!s) {
		config_free(options->config);
		return error_set_no_memory(err);
	}
	s->options = *options;
	s->config = options->config;
	s->log = options->log;
	service_set_log_level(s, s->config);
	if (loop_init(&s->uv, err) < 0) {
		config_free(s->config);
		free(s);
		return -1;
	}
	init_handles(s);
	if (make_parts(s, err) < 0) {
		service_free(s);
		return -1;
	}
	service_warn_of_keylog(s->log, s->config);
	*out = s;
	return 0;
}

static void tell_ready(struct service *s)
{
	autobuf addresses = {0};
	autofree char *text = NULL;

	listener_describe(s->listener, &addresses);
	text = buf_steal_str(&addresses);
	log_info(s->log,
		 "virtmuxd " VIRTMUX_VERSION " listens on %s and drives %s",
		 text ? text : "?", s->config->libvirt_uri);
	notify_send(s->log, "READY=1\nSTATUS=listening on %s",
		    text ? text : "?");
}

int service_run(struct service *s)
{
	service_set_state(s, SERVICE_SERVING);
	listener_start(s->listener, s->peers);
	tell_ready(s);
	uv_run(&s->uv, UV_RUN_DEFAULT);
	if (s->state != SERVICE_ABORTED)
		return 0;
	audit_flush(s->audit, NULL);
	return 1;
}

/* -- the end -------------------------------------------------------------- */

void service_close_ops(struct service *s)
{
	if (s->ops && !s->ops_closed)
		ops_close(s->ops);
	s->ops_closed = true;
}

void service_close(struct service *s)
{
	service_set_state(s, SERVICE_CLOSING);
	service_close_ops(s);
	if (s->conns)
		conn_loop_close(s->conns);
	if (s->listener)
		listener_close(s->listener);
	if (s->peers)
		peers_close(s->peers);
	if (s->rpc)
		rpc_close(s->rpc);
	if (s->journal)
		journal_close(s->journal);
	for (size_t i = 0; i < array_size(s->signals); i++)
		uv_close((uv_handle_t *)&s->signals[i], NULL);
	uv_close((uv_handle_t *)&s->drain, NULL);
	trust_close(&s->trust);
}

void service_free(struct service *s)
{
	if (!s)
		return;
	if (s->state != SERVICE_CLOSING)
		service_close(s);
	uv_run(&s->uv, UV_RUN_DEFAULT);
	listener_free(s->listener);
	peers_free(s->peers);
	ops_free(s->ops);
	rpc_free(s->rpc);
	journal_free(s->journal);
	audit_free(s->audit);
	conn_loop_free(s->conns);
	uv_loop_close(&s->uv);
	config_free(s->config);
	free(s);
}
