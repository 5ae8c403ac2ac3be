/*
 * Doctor's steps on the way to the host: its name, every address, TLS, its
 * certificate, HTTP/2 and its verdict. One real channel is opened, and its story
 * (channel.h) is told step by step; where one of this side's files is missing, as
 * much of the way as can be gone without it.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "client/connect/channel.h"
#include "client/command.h"
#include "client/doctor_private.h"
#include "client/connect/profile.h"
#include "wire/tls.h"

#define VERSION_LEAST 10 /* TLS 1.0; what is asked of a host that we miss */
#define VERSION_MOST  13

struct reach {
	struct doctor *d;
	const char *host; /* of the profile's address */
	bool as_user;     /* with the user's certificate: a verdict will come */
	bool blindly; /* no CA: any certificate is taken, and nothing said */
	struct error why; /* the channel's failure */
	struct channel_story story;
};

/* -- connecting ------------------------------------------------------------ */

static int make_context(const struct reach *r, struct tls_context **context,
			struct error *err)
{
	const struct profile *p = r->d->profile;
	struct tls_config config = {
		.role = TLS_CLIENT,
		.allow_tls12 = p->tls_min == PROFILE_TLS_1_2,
		.ca_file = p->ca,
	};

	if (r->blindly)
		return tls_probe_new(context, VERSION_MOST, err);
	if (r->as_user) {
		config.certificate_file = p->certificate;
		config.key = r->d->key;
	}
	return tls_context_new(context, &config, err);
}

static int connect_by(struct reach *r, const struct profile *profile,
		      struct tls_context *tls, struct channel_story *story,
		      struct channel **channel, struct error *err)
{
	const struct channel_options options = {
		.profile = profile,
		.tls = tls,
		.route = CHANNEL_ROUTE_DIRECT,
		.deadline = call_deadline(r->d->call),
		.log = call_log(r->d->call),
		.story = story,
	};

	return channel_open(channel, &options, err);
}

static int open_channel(struct reach *r)
{
	struct tls_context *tls = NULL;
	int rc = make_context(r, &tls, &r->why);

	if (rc == 0)
		rc = connect_by(r, r->d->profile, tls, &r->story,
				&r->d->channel, &r->why);
	tls_context_unref(tls);
	return rc;
}

/* -- name and addresses ---------------------------------------------------- */

static bool is_address(const char *host)
{
	uint8_t bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 ||
	       inet_pton(AF_INET6, host, bytes) == 1;
}

static void tell_name(const struct reach *r)
{
	const struct conn_dial_story *dial = &r->story.dial;
	autobuf text = {0};
	autofree char *list = NULL;

	if (is_address(r->host)) {
		doctor_add(r->d, DOCTOR_NAME, DOCTOR_OK,
			   "%s is an address by itself", r->host);
		return;
	}
	for (unsigned i = 0; i < dial->count; i++)
		buf_appendf(&text, "%s%s", i ? ", " : "",
			    dial->addresses[i].text);
	list = buf_steal_str(&text);
	doctor_add(r->d, DOCTOR_NAME, DOCTOR_OK, "%s: %s", r->host,
		   list ? list : "");
}

/* One that another address was faster than: reached by itself, all of the way. */
static int try_address(struct reach *r, const struct conn_dial_address *a,
		       struct error *err)
{
	struct profile copy = *r->d->profile;
	struct channel_story story = {0};
	struct channel *channel = NULL;
	struct tls_context *tls = NULL;
	char address[CONN_DIAL_TEXT];
	autoerror why = {0};
	int rc;

	snprintf(address, sizeof(address), "%s", a->text);
	copy.address = address;
	if (!copy.server_name)
		copy.server_name = (char *)r->host;
	rc = make_context(r, &tls, &why);
	if (rc == 0)
		rc = connect_by(r, &copy, tls, &story, &channel, &why);
	channel_free(channel);
	tls_context_unref(tls);
	if (rc == 0)
		doctor_add(r->d, DOCTOR_ADDRESS, DOCTOR_OK,
			   "%s answers in %.1f ms", a->text,
			   (double)story.dial.addresses[0].us / 1000);
	else if (why.code == ERROR_INTERRUPTED)
		return error_move(err, &why);
	else
		doctor_add(r->d, DOCTOR_ADDRESS, DOCTOR_WARNING,
			   "%s is of no use: %s", a->text, error_words(&why));
	return 0;
}

static int tell_address(struct reach *r, const struct conn_dial_address *a,
			bool any, struct error *err)
{
	if (a->end == CONN_DIAL_REACHED)
		doctor_add(r->d, DOCTOR_ADDRESS, DOCTOR_OK,
			   "%s answers in %.1f ms", a->text,
			   (double)a->us / 1000);
	else if (a->end == CONN_DIAL_FAILED)
		doctor_add(r->d, DOCTOR_ADDRESS, DOCTOR_WARNING, "%s: %s%s",
			   a->text, strerror(a->errnum),
			   any ? "; the others serve" : "");
	else if (r->d->channel)
		return try_address(r, a, err);
	else
		doctor_add(r->d, DOCTOR_ADDRESS, DOCTOR_NOT_TRIED, "%s",
			   a->text);
	return 0;
}

/* 1: one of them is reached; 0: none; -1: interrupted. */
static int tell_addresses(struct reach *r, struct error *err)
{
	const struct conn_dial_story *dial = &r->story.dial;
	bool any = false;

	for (unsigned i = 0; i < dial->count; i++)
		any = any || dial->addresses[i].end == CONN_DIAL_REACHED;
	if (!any) {
		doctor_fail(r->d, DOCTOR_ADDRESS, &r->why);
		return 0;
	}
	for (unsigned i = 0; i < dial->count; i++)
		if (tell_address(r, &dial->addresses[i], any, err) < 0)
			return -1;
	return 1;
}

/* -- TLS ------------------------------------------------------------------- */

/* "TLS 1.2 (secp256r1)" for each version that the host agrees to. */
static void append_versions(struct reach *r, struct buf *text)
{
	bool any = false;

	for (unsigned v = VERSION_MOST; v >= VERSION_LEAST; v--) {
		struct channel_story story = {0};
		struct channel *channel = NULL;
		struct tls_context *tls = NULL;

		if (tls_probe_new(&tls, v, NULL) < 0)
			continue;
		connect_by(r, r->d->profile, tls, &story, &channel, NULL);
		channel_free(channel);
		tls_context_unref(tls);
		/* TLS 1.2 may yet end for want of our certificate. */
		if (!story.secured || !story.tls.version[0])
			continue;
		buf_appendf(text, "%sTLS 1.%u", any ? ", " : "", v % 10);
		if (story.tls.group[0])
			buf_appendf(text, " (%s)", story.tls.group);
		any = true;
	}
	if (!any)
		buf_append_str(text, "no version of TLS");
}

/* The words, and behind them what each side offers. */
static void fail_tls(struct reach *r)
{
	struct tls_context *ours = NULL;
	autobuf text = {0};
	autofree char *both = NULL;
	autoerror full = {0};

	if (r->story.tls.speaks_tls && make_context(r, &ours, NULL) == 0) {
		buf_append_str(&text, ". This side offers ");
		tls_look_offer(ours, &text);
		buf_append_str(&text, "; the host agrees to ");
		append_versions(r, &text);
		tls_context_unref(ours);
	}
	both = buf_steal_str(&text);
	error_set(&full, r->why.code, "%s%s", error_words(&r->why),
		  both ? both : "");
	doctor_fail(r->d, DOCTOR_TLS, &full);
}

static void tell_tls(const struct reach *r)
{
	const struct tls_report *tls = &r->story.tls;

	if (tls->version[0])
		doctor_add(r->d, DOCTOR_TLS, DOCTOR_OK, "%s, %s, %s",
			   tls->version, tls->cipher,
			   tls->group[0] ? tls->group : "no group");
	else
		doctor_add(r->d, DOCTOR_TLS, DOCTOR_OK, "%s",
			   "the host answers in TLS");
}

/* -- certificate and verdict ----------------------------------------------- */

static void tell_certificate(const struct reach *r)
{
	const struct tls_certificate *c = &r->story.tls.peer;
	autobuf until = {0};
	autofree char *text = NULL;
	enum doctor_result result;

	if (!r->story.tls.has_peer || r->blindly) {
		doctor_skip(r->d, DOCTOR_HOST_CERTIFICATE,
			    DOCTOR_HOST_CERTIFICATE);
		return;
	}
	result = doctor_until(c->not_after, &until);
	text = buf_steal_str(&until);
	doctor_add(r->d, DOCTOR_HOST_CERTIFICATE, result,
		   "%s (%s), issued by %s, %s", c->subject, c->names, c->issuer,
		   text ? text : "");
}

/*
 * The host judges our certificate: where a fault of it was seen before, that is
 * the step that failed.
 */
static void tell_verdict(struct reach *r)
{
	struct doctor *d = r->d;

	if (!r->as_user) {
		doctor_skip(d, DOCTOR_VERDICT, DOCTOR_VERDICT);
	} else if (d->channel) {
		doctor_settle(d, DOCTOR_WARNING, NULL);
		doctor_add(d, DOCTOR_VERDICT, DOCTOR_OK, "the host accepts %s",
			   d->own.subject);
	} else if (doctor_is_open(d) && r->why.code == ERROR_TLS) {
		doctor_settle(d, DOCTOR_FAILED, &r->why);
		doctor_add(d, DOCTOR_VERDICT, DOCTOR_FAILED, "%s",
			   "the host does not accept the certificate");
	} else {
		doctor_fail(d, DOCTOR_VERDICT, &r->why);
	}
}

static void tell_secured(struct reach *r)
{
	struct doctor *d = r->d;
	enum tls_stage stage = r->story.tls.stage;

	if (!r->story.secured || stage == TLS_STAGE_HELLO) {
		fail_tls(r);
		doctor_skip(d, DOCTOR_HOST_CERTIFICATE, DOCTOR_VERDICT);
		return;
	}
	tell_tls(r);
	if (stage == TLS_STAGE_CERTIFICATE) {
		doctor_fail(d, DOCTOR_HOST_CERTIFICATE, &r->why);
		doctor_skip(d, DOCTOR_ALPN, DOCTOR_VERDICT);
		return;
	}
	tell_certificate(r);
	if (stage == TLS_STAGE_ALPN) {
		doctor_fail(d, DOCTOR_ALPN, &r->why);
		doctor_skip(d, DOCTOR_VERDICT, DOCTOR_VERDICT);
		return;
	}
	if (r->blindly)
		doctor_skip(d, DOCTOR_ALPN, DOCTOR_ALPN);
	else
		doctor_add(d, DOCTOR_ALPN, DOCTOR_OK, "%s", "h2");
	tell_verdict(r);
}

/* -- the way --------------------------------------------------------------- */

static int walk(struct reach *r, struct error *err)
{
	int rc = open_channel(r);

	if (rc < 0 && r->why.code == ERROR_INTERRUPTED)
		return error_move(err, &r->why);
	if (!r->story.dial.resolved) {
		doctor_fail(r->d, DOCTOR_NAME, &r->why);
		doctor_skip(r->d, DOCTOR_ADDRESS, DOCTOR_VERDICT);
		return 0;
	}
	tell_name(r);
	rc = tell_addresses(r, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		doctor_skip(r->d, DOCTOR_TLS, DOCTOR_VERDICT);
	else
		tell_secured(r);
	return 0;
}

int doctor_walk_reach(struct doctor *d, struct error *err)
{
	struct reach r = {
		.d = d,
		.as_user = d->key && d->has_own && d->has_ca,
		.blindly = !d->has_ca,
	};
	autofree char *host = NULL;
	autofree char *port = NULL;
	int rc;

	if (conn_split_address(d->profile->address, PROFILE_PORT, &host, &port,
			       &r.why) < 0) {
		doctor_fail(d, DOCTOR_NAME, &r.why);
		doctor_skip(d, DOCTOR_ADDRESS, DOCTOR_VERDICT);
		error_clear(&r.why);
		return 0;
	}
	r.host = host;
	rc = walk(&r, err);
	error_clear(&r.why);
	return rc;
}
