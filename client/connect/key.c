/*
 * The user's key and the TLS context made of it (key.h). A passphrase comes from
 * the first source that is given; only people get several tries. Words name the
 * profile's files and the command that makes what is missing.
 */
#include "client/connect/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "client/connect/key_ask.h"
#include "client/connect/key_memory.h"
#include "client/connect/key_pkcs11.h"
#include "client/connect/libvirt_pki.h"
#include "client/connect/profile.h"
#include "wire/tls.h"

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

/* -- the key --------------------------------------------------------------- */

/* Asks until the answer opens the key, as often as the source allows. */
static int unlock(struct evp_pkey_st **key, const struct buf *pem,
		  const char *name, const struct key_sources *sources,
		  struct error *err)
{
	const struct key_question question = {sources, "passphrase", name};
	autoptr(secret) passphrase = secret_new();
	int tries = key_ask_tries(sources);
	bool wrong = false;

	if (!passphrase)
		return error_set_no_memory(err);
	for (int i = 0; i < tries; i++) {
		if (key_ask(passphrase, &question, i > 0, err) < 0)
			return -1;
		if (tls_key_from_pem(key, (const char *)buf_bytes(pem),
				     pem->len, name, passphrase, &wrong,
				     err) == 0)
			return 0;
		if (!wrong)
			return -1;
	}
	return -1;
}

static int no_key(const struct profile *profile, const char *what,
		  struct error *err)
{
	autobuf text = {0};
	autofree char *hint = NULL;

	libvirt_pki_hint(&text, profile);
	hint = buf_steal_str(&text);
	return error_set(err, ERROR_KEY,
			 "no %s is configured for host '%s': the host admits "
			 "only users with a certificate. \"virtmux enroll\" "
			 "makes a key and what the administrator signs; or "
			 "name what you have in %s, under [host %s] or "
			 "[defaults]: certificate = FILE and key = FILE%s%s",
			 what, profile->name, profile->file, profile->name,
			 hint && hint[0] ? ". " : "", hint ? hint : "");
}

static int load_file(struct evp_pkey_st **key, const struct profile *profile,
		     const struct key_sources *sources, struct error *err)
{
	autobuf pem = {0};
	int rc = 0;

	if (file_read_private(profile->key, KEY_FILE_MAX, &pem, err) < 0) {
		if (err && err->code == ERROR_NOT_FOUND)
			err->code = ERROR_KEY;
		return error_prefix(err, "the key of host '%s'", profile->name);
	}
	if (tls_key_is_encrypted((const char *)buf_bytes(&pem), pem.len))
		rc = unlock(key, &pem, profile->key, sources, err);
	else
		rc = tls_key_from_pem(key, (const char *)buf_bytes(&pem),
				      pem.len, profile->key, NULL, NULL, err);
	secret_wipe(pem.data, pem.cap);
	return rc;
}

static int read_opened(struct evp_pkey_st **key, int fd, struct error *err)
{
	struct key_opened *opened = secret_map(sizeof(*opened), false);
	ssize_t n = 1;
	int rc = -1;

	if (!opened)
		return error_set_no_memory(err);
	while (n > 0 && opened->len < sizeof(opened->der)) {
		n = read(fd, opened->der + opened->len,
			 sizeof(opened->der) - opened->len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			opened->len += (size_t)n;
	}
	if (n < 0)
		error_set_errno(err, ERROR_KEY, errno,
				"cannot read the key from descriptor %d", fd);
	else
		rc = tls_key_from_der(key, opened->der, opened->len, err);
	secret_unmap(opened, sizeof(*opened));
	return rc;
}

static int load_any(struct evp_pkey_st **key, const struct profile *profile,
		    const struct key_sources *sources, struct error *err)
{
	const struct key_opened *opened = sources->opened;

	if (opened)
		return tls_key_from_der(key, opened->der, opened->len, err);
	if (sources->key_fd > 0)
		return read_opened(key, sources->key_fd, err);
	if (key_is_pkcs11(profile->key))
		return key_pkcs11_load(key, profile->key, sources, err);
	return load_file(key, profile, sources, err);
}

int key_load(struct evp_pkey_st **key, const struct profile *profile,
	     const struct key_sources *sources, struct error *err)
{
	int rc;

	if (!profile->key)
		return no_key(profile, "key", err);
	key_memory_protect(!sources->embedded);
	rc = load_any(key, profile, sources, err);
	if (rc == 0 && sources->keep_key)
		sources->keep_key->len =
			tls_key_to_der(*key, sources->keep_key->der,
				       sizeof(sources->keep_key->der));
	key_memory_wipe_stack();
	return rc;
}

/* -- the context ----------------------------------------------------------- */

static const char *keylog_file(const struct key_sources *sources)
{
	const char *file = environment("SSLKEYLOGFILE");

	if (file)
		log_warning(sources->log,
			    "SSLKEYLOGFILE is set: the secrets of this "
			    "connection are written to %s; whoever reads it "
			    "can read all that is sent",
			    file);
	return file;
}

int key_check(const struct profile *profile, struct error *err)
{
	if (!profile->certificate)
		return no_key(profile, "certificate", err);
	if (!profile->key)
		return no_key(profile, "key", err);
	if (profile->ca)
		return 0;
	return error_set(err, ERROR_TLS,
			 "no CA is configured for host '%s', so its "
			 "certificate cannot be judged: have the ca.crt that "
			 "virtmux-pki made and \"virtmux import ca.crt\", or "
			 "name it in %s, under [host %s] or [defaults]: ca = "
			 "FILE",
			 profile->name, profile->file, profile->name);
}

int key_tls_context(struct tls_context **context, const struct profile *profile,
		    const struct key_sources *sources, struct error *err)
{
	struct evp_pkey_st *key = NULL;
	struct tls_config config = {
		.role = TLS_CLIENT,
		.allow_tls12 = profile->tls_min == PROFILE_TLS_1_2,
		.ca_file = profile->ca,
		.crl_file = profile->crl,
		.certificate_file = profile->certificate,
		.keylog_file = keylog_file(sources),
	};
	int rc = key_check(profile, err);

	if (rc == 0)
		rc = key_load(&key, profile, sources, err);
	config.key = key;
	if (rc == 0 && tls_context_new(context, &config, err) < 0) {
		rc = -1;
		if (err && err->code == ERROR_KEY)
			error_prefix(err, "%s", profile->key);
	}
	tls_key_free(key);
	if (rc < 0 && err && err->code == ERROR_NOT_FOUND)
		err->code = ERROR_TLS;
	return rc;
}
