/*
 * SIGHUP and host.reload: the configuration, the certificate with its key, the CA, the revocation
 * list and the rights are read anew, all or nothing: on any fault the daemon goes
 * on with what it had, and one line says why. Called by service.c.
 */
#include <string.h>

#include "base/clock.h"
#include "daemon/core/notify.h"
#include "daemon/core/service_private.h"

int service_files_read(struct service_files *files, const struct config *config,
		       struct error *err)
{
	if (config_tls_context(config, &files->tls, err) < 0)
		return -1;
	return access_load(&files->access, config->daemon_access, err);
}

void service_files_clear(struct service_files *files)
{
	tls_context_unref(files->tls);
	access_unref(files->access);
}

/* What a reload has read; complete before any of it is used. */
struct reloaded {
	struct config *config;
	struct service_files files;
};

static int read_all(const struct service *s, struct reloaded *new,
		    struct error *err)
{
	if (config_load(&new->config, s->options.config_path, err) < 0 ||
	    service_files_read(&new->files, new->config, err) < 0)
		return -1;
	/* Last, since it alone changes something when it succeeds. */
	return audit_reopen(s->audit, err);
}

void service_set_log_level(struct service *s, const struct config *config)
{
	if (s->options.log_level >= 0)
		log_set_level(s->log, (enum log_level)s->options.log_level);
	else
		log_set_level(s->log, config_log_level(config));
}

void service_peers_limits(const struct config *config,
			  struct peers_limits *limits)
{
	*limits = (struct peers_limits){
		.all = (unsigned)config->limits_connections,
		.strangers = (unsigned)config->limits_unauthenticated,
		.strangers_source = (unsigned)config->limits_per_source,
		.identity = (unsigned)config->limits_per_identity,
	};
}

void service_warn_of_keylog(struct log *log, const struct config *config)
{
	if (config->tls_keylog)
		log_warning(log,
			    "[tls] tls-keylog: the secrets of ALL connections "
			    "are written to %s; whoever reads it reads "
			    "everything, consoles and passwords included",
			    config->tls_keylog);
}

static void warn_of_restart(const struct service *s,
			    const struct config *config, struct buf *restart)
{
	autobuf names = {0};
	autofree char *text = NULL;

	if (config_restart_needed(s->config, config, &names) < 0 ||
	    names.len == 0)
		return;
	if (restart)
		buf_append(restart, buf_bytes(&names), names.len);
	text = buf_steal_str(&names);
	log_warning(s->log, "%s: changed, but only a restart applies it",
		    text ? text : "an option");
}

static void use_limits(struct service *s, const struct config *config)
{
	struct peers_limits peers_limits;
	struct conn_limits conn_limits;
	struct rpc_limits rpc_limits;

	service_peers_limits(config, &peers_limits);
	config_conn_limits(config, &conn_limits);
	config_rpc_limits(config, &rpc_limits);
	peers_set_limits(s->peers, &peers_limits);
	conn_loop_set_limits(s->conns, &conn_limits);
	rpc_set_limits(s->rpc, &rpc_limits);
}

static void use_files(struct service *s, const struct service_files *files)
{
	struct peers_ended ended;

	trust_set(&s->trust, files->tls);
	peers_set_tls(s->peers, files->tls);
	rpc_set_access(s->rpc, files->access);
	ended = peers_renew(s->peers);
	if (ended.connections > 0 || ended.streams > 0)
		log_info(s->log,
			 "rights were taken away: %u connections and %u "
			 "streams are ended",
			 ended.connections, ended.streams);
}

static void use_all(struct service *s, struct reloaded *new,
		    struct buf *restart)
{
	warn_of_restart(s, new->config, restart);
	service_set_log_level(s, new->config);
	service_warn_of_keylog(s->log, new->config);
	use_limits(s, new->config);
	use_files(s, &new->files);
	config_free(s->config);
	s->config = new->config;
	new->config = NULL;
}

static int reload(struct service *s, struct buf *restart, struct error *err)
{
	struct reloaded new = {0};
	int result = read_all(s, &new, err);

	if (result == 0)
		use_all(s, &new, restart);
	service_files_clear(&new.files);
	config_free(new.config);
	return result;
}

int service_reload(struct service *s, struct buf *restart, struct error *err)
{
	autoerror why = {0};
	int result;

	notify_send(s->log, "RELOADING=1\nMONOTONIC_USEC=%llu",
		    (unsigned long long)(clock_monotonic_ns() / 1000));
	result = reload(s, restart, &why);
	if (result < 0)
		log_error(s->log,
			  "the reload failed, and nothing has changed: %s",
			  error_words(&why));
	else
		log_info(s->log, "reloaded %s", s->options.config_path);
	notify_send(s->log, "READY=1");
	if (result < 0)
		error_move(err, &why);
	return result;
}
