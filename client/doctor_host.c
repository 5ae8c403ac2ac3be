/*
 * Doctor's steps beyond the channel, as calls to the host: its clock, our rights,
 * its libvirt, and the displays of its guests.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "base/clock.h"
#include "client/connect/channel.h"
#include "client/doctor_private.h"

/* -- who we are ------------------------------------------------------------ */

/* MIDDLE: our clock when the host answered, or nearly. */
static void tell_clocks(struct doctor *d, const struct session_info *info,
			int64_t middle)
{
	int64_t theirs = 0;
	double apart;

	if (!info->has_time || !clock_parse_us(info->time, &theirs)) {
		doctor_add(d, DOCTOR_CLOCKS, DOCTOR_NOT_TRIED, "%s",
			   "this host's virtmuxd does not tell its time");
		return;
	}
	apart = (double)(theirs - middle) / 1e6;
	if (apart < DOCTOR_CLOCKS_S && apart > -DOCTOR_CLOCKS_S)
		doctor_add(d, DOCTOR_CLOCKS, DOCTOR_OK,
			   "this machine's and the host's are %.2f s apart",
			   apart < 0 ? -apart : apart);
	else
		doctor_add(d, DOCTOR_CLOCKS, DOCTOR_WARNING,
			   "the host's is %.0f s %s this machine's, and each "
			   "judges certificates by its own: set the wrong one",
			   apart < 0 ? -apart : apart,
			   apart < 0 ? "behind" : "ahead of");
}

static void tell_rights(struct doctor *d, const struct session_info *info)
{
	const char *role = enum_text(&api_type_role, (unsigned)info->role);
	autobuf text = {0};
	autofree char *domains = NULL;

	for (size_t i = 0; i < info->domains_count; i++)
		buf_appendf(&text, "%s%s", i ? ", " : "", info->domains[i]);
	domains = buf_steal_str(&text);
	doctor_add(d, DOCTOR_RIGHTS, DOCTOR_OK, "%s is %s, of domains %s",
		   info->identity, role, domains ? domains : "");
}

/* 0, also where the host knows us and lets us do nothing (*KNOWN is false). */
static int ask_who(struct doctor *d, bool *known, struct error *err)
{
	const struct method *m = method_by_id(METHOD_session_whoami);
	struct session_info info = {0};
	int64_t begin = clock_realtime_us();
	autoerror why = {0};

	*known = false;
	if (channel_call_typed(d->channel, METHOD_session_whoami, NULL, &info,
			       &why) < 0) {
		if (why.code == ERROR_INTERRUPTED)
			return error_move(err, &why);
		doctor_skip(d, DOCTOR_CLOCKS, DOCTOR_CLOCKS);
		doctor_fail(d, DOCTOR_RIGHTS, &why);
		return 0;
	}
	*known = true;
	tell_clocks(d, &info, begin + (clock_realtime_us() - begin) / 2);
	tell_rights(d, &info);
	result_free(m, &info);
	return 0;
}

/* -- libvirt --------------------------------------------------------------- */

/* 1: it works; 0: it does not. */
static int ask_libvirt(struct doctor *d, struct error *err)
{
	const struct method *m = method_by_id(METHOD_host_version);
	struct host_version v = {0};
	autoerror why = {0};

	if (channel_call_typed(d->channel, METHOD_host_version, NULL, &v,
			       &why) < 0) {
		if (why.code == ERROR_INTERRUPTED)
			return error_move(err, &why);
		doctor_fail(d, DOCTOR_LIBVIRT, &why);
		return 0;
	}
	doctor_add(d, DOCTOR_LIBVIRT, DOCTOR_OK,
		   "libvirt %s with %s%s%s, behind virtmuxd %s", v.libvirt,
		   v.hypervisor, v.has_hypervisor_version ? " " : "",
		   v.has_hypervisor_version ? v.hypervisor_version : "",
		   v.agent);
	result_free(m, &v);
	return 1;
}

/* -- revocation ------------------------------------------------------------ */

static void tell_revocation(struct doctor *d, const struct host_info *info)
{
	int64_t next = 0;
	autobuf until = {0};
	autofree char *text = NULL;
	enum doctor_result result;

	if (!info->has_crl_next_update ||
	    !clock_parse_us(info->crl_next_update, &next)) {
		doctor_add(d, DOCTOR_REVOCATION, DOCTOR_OK, "%s",
			   "the host checks none");
		return;
	}
	result = doctor_until(next / 1000000, &until);
	text = buf_steal_str(&until);
	doctor_add(d, DOCTOR_REVOCATION, result, "the host's is good %s%s",
		   text ? text : "",
		   result == DOCTOR_OK ? ""
				       : " crl; without it nobody gets in");
}

static int ask_revocation(struct doctor *d, struct error *err)
{
	const struct method *m = method_by_id(METHOD_host_info);
	struct host_info info = {0};
	autoerror why = {0};

	if (channel_call_typed(d->channel, METHOD_host_info, NULL, &info,
			       &why) < 0) {
		if (why.code == ERROR_INTERRUPTED)
			return error_move(err, &why);
		doctor_fail(d, DOCTOR_REVOCATION, &why);
		return 0;
	}
	tell_revocation(d, &info);
	result_free(m, &info);
	return 0;
}

/* -- displays -------------------------------------------------------------- */

struct displays {
	size_t all;
	size_t listening;
	struct buf named;
};

static bool listens(const struct graphics_info *g)
{
	return strcmp(g->listen, "address") == 0 ||
	       strcmp(g->listen, "network") == 0;
}

static void count_displays(struct displays *s, const struct domain_info *info)
{
	for (size_t i = 0; i < info->graphics_count; i++) {
		const struct graphics_info *g = &info->graphics[i];
		uint64_t port = g->has_port ? g->port : g->tls_port;

		s->all++;
		if (!listens(g) || s->listening++ >= DOCTOR_NAMED_MAX)
			continue;
		buf_appendf(&s->named, "%s%s (%s", s->named.len ? ", " : "",
			    info->name, g->type);
		if (port)
			buf_appendf(&s->named, ", port %" PRIu64 " of %s", port,
				    g->has_address ? g->address : "the host");
		buf_append_char(&s->named, ')');
	}
}

static int look_at_domain(struct doctor *d, char *uuid, struct displays *s,
			  struct error *err)
{
	const struct method *m = method_by_id(METHOD_domain_info);
	const struct domain_info_params params = {.domain = uuid};
	struct domain_info info = {0};
	autoerror why = {0};

	if (channel_call_typed(d->channel, METHOD_domain_info, &params, &info,
			       &why) < 0)
		/* It may have gone meanwhile. */
		return why.code == ERROR_NOT_FOUND ? 0 : error_move(err, &why);
	count_displays(s, &info);
	result_free(m, &info);
	return 0;
}

static void tell_displays(struct doctor *d, struct displays *s, size_t looked,
			  size_t domains)
{
	size_t more = s->listening > DOCTOR_NAMED_MAX
			      ? s->listening - DOCTOR_NAMED_MAX
			      : 0;
	autofree char *named = NULL;
	autobuf rest = {0};
	autofree char *others = NULL;

	if (more)
		buf_appendf(&rest, " and %zu more", more);
	if (looked < domains)
		buf_appendf(&rest, " (the first %zu of %zu domains)", looked,
			    domains);
	named = buf_steal_str(&s->named);
	others = buf_steal_str(&rest);
	if (s->listening)
		doctor_add(d, DOCTOR_DISPLAYS, DOCTOR_WARNING,
			   "TCP ports that nobody needs are open for %zu of "
			   "%zu: %s%s. virtmux reaches displays without one: "
			   "give <graphics> the line <listen type='none'/> "
			   "(virtmux dumpxml --inactive, virtmux define)",
			   s->listening, s->all, named ? named : "",
			   others ? others : "");
	else
		doctor_add(d, DOCTOR_DISPLAYS, DOCTOR_OK,
			   "%zu of %zu domain%s; none listens on a TCP port%s",
			   s->all, domains, domains == 1 ? "" : "s",
			   others ? others : "");
}

static int look_at_all(struct doctor *d, struct displays *s, struct error *err)
{
	const struct method *m = method_by_id(METHOD_domain_list);
	struct domain_list list = {0};
	size_t looked = 0;
	int rc = channel_call_typed(d->channel, METHOD_domain_list, NULL, &list,
				    err);

	if (rc < 0)
		return -1;
	while (rc == 0 && looked < list.domains_count &&
	       looked < DOCTOR_DOMAINS_MAX)
		rc = look_at_domain(d, list.domains[looked++].uuid, s, err);
	if (rc == 0)
		tell_displays(d, s, looked, list.domains_count);
	result_free(m, &list);
	return rc;
}

static int ask_displays(struct doctor *d, struct error *err)
{
	struct displays s = {0};
	autoerror why = {0};
	int rc = look_at_all(d, &s, &why);

	buf_free(&s.named);
	if (rc == 0)
		return 0;
	if (why.code == ERROR_INTERRUPTED)
		return error_move(err, &why);
	doctor_fail(d, DOCTOR_DISPLAYS, &why);
	return 0;
}

int doctor_walk_host(struct doctor *d, struct error *err)
{
	bool known = false;
	int rc;

	if (ask_who(d, &known, err) < 0)
		return -1;
	if (!known) {
		doctor_skip(d, DOCTOR_LIBVIRT, DOCTOR_DISPLAYS);
		return 0;
	}
	rc = ask_libvirt(d, err);
	if (rc == 0)
		doctor_skip(d, DOCTOR_REVOCATION, DOCTOR_DISPLAYS);
	if (rc <= 0)
		return rc;
	return ask_revocation(d, err) < 0 ? -1 : ask_displays(d, err);
}
