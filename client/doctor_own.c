/*
 * Doctor's steps on this machine: the user's certificate, key and passphrase, and
 * the CA's certificate. What seems wrong with the own certificate stands open until
 * the host, who alone decides, has given its verdict.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/user.h"
#include "client/command.h"
#include "client/doctor_private.h"
#include "client/connect/key.h"
#include "client/connect/key_pkcs11.h"
#include "client/connect/profile.h"

#define DATE_SIZE 11 /* of "2026-11-21" with NUL */

/* -- dates ----------------------------------------------------------------- */

static int64_t now_s(void)
{
	return clock_realtime_us() / 1000000;
}

static void append_date(struct buf *text, int64_t seconds)
{
	char date[CLOCK_TEXT_SIZE];

	clock_format_s((time_t)seconds, date);
	date[DATE_SIZE - 1] = '\0';
	buf_append_str(text, date);
}

enum doctor_result doctor_until(int64_t not_after, struct buf *text)
{
	int64_t left = not_after - now_s();

	buf_append_str(text, "until ");
	append_date(text, not_after);
	if (left < 0)
		buf_append_str(text, ", which is over: renew it with "
				     "virtmux-pki");
	else if (left < DOCTOR_NEAR_END_S)
		buf_appendf(text,
			    ", which is in %d days: renew it with "
			    "virtmux-pki",
			    (int)(left / CLOCK_S_PER_DAY));
	return left < DOCTOR_NEAR_END_S ? DOCTOR_WARNING : DOCTOR_OK;
}

/* -- certificate ----------------------------------------------------------- */

/* What the host will hardly accept, or NULL. */
static const char *doubt(const struct tls_certificate *c)
{
	if (c->not_after < now_s())
		return "has expired, by this machine's clock";
	if (c->not_before > now_s())
		return "is not valid yet, by this machine's clock";
	if (c->is_ca)
		return "is a CA's, not a user's";
	if (!c->for_clients)
		return "is not a user's: its usage lacks clientAuth";
	if (!strstr(c->names, "URI:" USER_URI_PREFIX))
		return "names no user as " USER_URI_PREFIX "NAME";
	return NULL;
}

static void look_at_own(struct doctor *d)
{
	const char *file = d->profile->certificate;
	const char *why = NULL;
	autobuf until = {0};
	autofree char *text = NULL;
	enum doctor_result result;
	autoerror err = {0};

	if (tls_look_file(file, "the certificate", &d->own, &err) < 0) {
		if (err.code == ERROR_NOT_FOUND)
			err.code = ERROR_TLS;
		doctor_fail(d, DOCTOR_CERTIFICATE, &err);
		return;
	}
	d->has_own = true;
	result = doctor_until(d->own.not_after, &until);
	text = buf_steal_str(&until);
	why = doubt(&d->own);
	if (why)
		doctor_add(d, DOCTOR_CERTIFICATE, DOCTOR_OPEN,
			   "the certificate of %s in %s %s", d->own.subject,
			   file, why);
	else
		doctor_add(d, DOCTOR_CERTIFICATE, result, "%s, %s",
			   d->own.subject, text ? text : "");
}

/* -- key and passphrase ---------------------------------------------------- */

/* As key_load() will judge it. *ENCRYPTED: it needs a passphrase. */
static int look_at_file(struct doctor *d, bool *encrypted, struct buf *text)
{
	const char *file = d->profile->key;
	autoerror err = {0};
	autobuf pem = {0};
	struct stat st = {0};

	if (file_read_private(file, KEY_FILE_MAX, &pem, &err) < 0) {
		if (err.code == ERROR_NOT_FOUND)
			err.code = ERROR_KEY;
		error_prefix(&err, "the key of host '%s'", d->profile->name);
		doctor_fail(d, DOCTOR_KEY, &err);
		return -1;
	}
	*encrypted =
		tls_key_is_encrypted((const char *)buf_bytes(&pem), pem.len);
	secret_wipe(pem.data, pem.cap);
	stat(file, &st);
	buf_appendf(text, "%s, for its owner alone (%04o)", file,
		    (unsigned)st.st_mode & 07777);
	return 0;
}

static void tell_key(struct doctor *d, const char *text)
{
	autoerror why = {0};

	if (d->key && d->has_own &&
	    tls_look_pair(d->profile->certificate, d->key, &why) < 0) {
		error_prefix(&why, "%s", d->profile->key);
		doctor_fail(d, DOCTOR_KEY, &why);
		tls_key_free(steal(&d->key));
	} else {
		doctor_add(d, DOCTOR_KEY, DOCTOR_OK, "%s", text ? text : "");
	}
}

static int look_at_key(struct doctor *d, struct error *err)
{
	bool module = key_is_pkcs11(d->profile->key);
	bool encrypted = false;
	autobuf text = {0};
	autofree char *found = NULL;
	autoerror why = {0};

	if (module) {
		buf_append_str(&text, d->profile->key);
	} else if (look_at_file(d, &encrypted, &text) < 0) {
		doctor_skip(d, DOCTOR_PASSPHRASE, DOCTOR_PASSPHRASE);
		return 0;
	}
	found = buf_steal_str(&text);
	if (key_load(&d->key, d->profile, call_key_sources(d->call), &why) <
		    0 &&
	    why.code == ERROR_INTERRUPTED)
		return error_move(err, &why);
	/* A token is found and opened in one. */
	if (error_is_set(&why) && module) {
		doctor_fail(d, DOCTOR_KEY, &why);
		doctor_skip(d, DOCTOR_PASSPHRASE, DOCTOR_PASSPHRASE);
		return 0;
	}
	tell_key(d, found);
	if (error_is_set(&why))
		doctor_fail(d, DOCTOR_PASSPHRASE, &why);
	else
		doctor_add(d, DOCTOR_PASSPHRASE, DOCTOR_OK, "%s",
			   module      ? "the PIN opens the key"
			   : encrypted ? "opens the key"
				       : "the key has none");
	return 0;
}

/* -- CA -------------------------------------------------------------------- */

static void look_at_ca(struct doctor *d)
{
	struct tls_config config = {.role = TLS_CLIENT,
				    .ca_file = d->profile->ca};
	struct tls_context *context = NULL;
	struct tls_certificate ca = {0};
	autobuf until = {0};
	autofree char *text = NULL;
	enum doctor_result result;
	autoerror err = {0};

	if (tls_context_new(&context, &config, &err) < 0 ||
	    tls_look_file(d->profile->ca, "the CA certificate", &ca, &err) <
		    0) {
		tls_context_unref(context);
		if (err.code == ERROR_NOT_FOUND)
			err.code = ERROR_TLS;
		doctor_fail(d, DOCTOR_CA, &err);
		return;
	}
	tls_context_unref(context);
	d->has_ca = true;
	result = doctor_until(ca.not_after, &until);
	text = buf_steal_str(&until);
	doctor_add(d, DOCTOR_CA, result, "%s, %s", ca.subject,
		   text ? text : "");
}

/* key_check() names the first thing that is missing; the others are skipped. */
int doctor_walk_own(struct doctor *d, struct error *err)
{
	const struct profile *p = d->profile;
	autoerror why = {0};
	bool complete = key_check(p, &why) == 0;

	if (!p->certificate)
		doctor_fail(d, DOCTOR_CERTIFICATE, &why);
	else
		look_at_own(d);
	if (!p->key && p->certificate)
		doctor_fail(d, DOCTOR_KEY, &why);
	if (!p->key)
		doctor_skip(d, p->certificate ? DOCTOR_PASSPHRASE : DOCTOR_KEY,
			    DOCTOR_PASSPHRASE);
	else if (look_at_key(d, err) < 0)
		return -1;
	if (p->ca)
		look_at_ca(d);
	else if (!complete && p->certificate && p->key)
		doctor_fail(d, DOCTOR_CA, &why);
	else
		doctor_skip(d, DOCTOR_CA, DOCTOR_CA);
	return 0;
}
