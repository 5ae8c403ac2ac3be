/*
 * What only core can do for the methods of the host: host.reload, and host.push-crl,
 * which puts a newer revocation list in place and reloads; and who is connected. ops
 * calls these through struct ops_core. What always holds: a list that is in place was
 * signed by our CA and is not older than the one before.
 */
#include "base/file.h"
#include "daemon/core/service_private.h"
#include "wire/tls_crl.h"

#define CRL_FILE_MAX (8 * 1024 * 1024) /* bytes */
#define MODE_CRL     0644              /* no secret */

static void tell_trust(void *context, struct ops_trust *trust)
{
	const struct service *s = context;

	*trust = (struct ops_trust){
		.certificate = s->trust.dates.certificate,
		.crl = s->trust.dates.crl,
	};
}

static void count_connections(void *context, struct ops_connections *now)
{
	const struct service *s = context;
	unsigned all = peers_count(s->peers);

	now->members = peers_members(s->peers);
	now->strangers = all - now->members;
}

static int reload(void *context, struct buf *restart, struct error *err)
{
	return service_reload(context, restart, err);
}

static int read_present(const char *path, struct buf *old, struct error *err)
{
	autoerror why = {0};

	if (file_read(path, CRL_FILE_MAX, old, &why) == 0 ||
	    why.code == ERROR_NOT_FOUND)
		return 0;
	return error_move(err, &why);
}

static int put_in_place(const struct service *s, const char *pem, size_t len,
			struct crl_info *info, struct error *err)
{
	const char *path = s->config->tls_crl;
	autobuf old = {0};
	autobuf merged = {0};

	if (read_present(path, &old, err) < 0 ||
	    crl_merge(s->config->tls_ca, &old, pem, len, &merged, info, err) <
		    0)
		return -1;
	return file_write_atomic(path, buf_bytes(&merged), merged.len, MODE_CRL,
				 err);
}

static int push_crl(void *context, const char *pem, size_t len,
		    struct ops_crl *crl, struct error *err)
{
	struct service *s = context;
	struct crl_info info;

	if (!s->config->tls_crl)
		return error_set(err, ERROR_STATE,
				 "this host checks no revocation list: set crl "
				 "= FILE under [tls] in its virtmuxd.conf, and "
				 "reload it");
	if (put_in_place(s, pem, len, &info, err) < 0)
		return -1;
	log_info(
		s->log,
		"revocation list %s of \"%s\" is in place; certificates in it: "
		"%zu",
		info.number, info.issuer, info.revoked);
	if (service_reload(s, NULL, err) < 0)
		return error_prefix(err, "the revocation list is in place, but "
					 "not in force, since the reload "
					 "failed");
	snprintf(crl->issuer, sizeof(crl->issuer), "%s", info.issuer);
	snprintf(crl->number, sizeof(crl->number), "%s", info.number);
	crl->this_update = info.this_update;
	crl->next_update = info.next_update;
	crl->revoked = info.revoked;
	return 0;
}

static void tell_sessions(void *context, ops_session_fn *each,
			  void *each_context)
{
	const struct service *s = context;

	peers_visit(s->peers, each, each_context);
}

static bool end_session(void *context, uint64_t id)
{
	struct service *s = context;

	return peers_dismiss(s->peers, id);
}

struct ops_core service_for_ops(struct service *s)
{
	return (struct ops_core){
		.context = s,
		.reload = reload,
		.push_crl = push_crl,
		.trust = tell_trust,
		.connections = count_connections,
		.drain = service_drain_soon,
		.sessions = tell_sessions,
		.end_session = end_session,
	};
}
