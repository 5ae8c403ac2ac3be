/*
 * The user's key and the TLS context made of it (key.h). A passphrase comes from
 * the first source that is given; only people get several tries. Words name the
 * profile's files and the command that makes what is missing.
 */
#include "client/key.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"
#include "client/libvirt_pki.h"
#include "client/profile.h"
#include "client/prompt.h"
#include "wire/tls.h"

#define PROMPT_MAX 512 /* bytes */

enum source {
	SOURCE_NONE, /* batch, or nobody is there */
	SOURCE_FD,
	SOURCE_FILE,
	SOURCE_ASKPASS,
	SOURCE_TERMINAL,
};

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

/* -- who is asked ---------------------------------------------------------- */

/*
 * SSH_ASKPASS by ssh's rules (readpass.c): always with "force", before the
 * terminal with "prefer" and without a terminal otherwise where there is a
 * display, not at all with "never".
 */
static const char *ssh_askpass(void)
{
	const char *program = environment("SSH_ASKPASS");
	const char *require = environment("SSH_ASKPASS_REQUIRE");
	bool display = environment("DISPLAY") || environment("WAYLAND_DISPLAY");

	if (!program)
		return NULL;
	if (require && strcasecmp(require, "never") == 0)
		return NULL;
	if (require && strcasecmp(require, "force") == 0)
		return program;
	if (!display)
		return NULL;
	if (require && strcasecmp(require, "prefer") == 0)
		return program;
	return prompt_has_terminal() ? NULL : program;
}

static enum source find_person(const char **askpass)
{
	*askpass = environment("VIRTMUX_ASKPASS");
	if (!*askpass)
		*askpass = ssh_askpass();
	if (*askpass)
		return SOURCE_ASKPASS;
	return prompt_has_terminal() ? SOURCE_TERMINAL : SOURCE_NONE;
}

static enum source find_source(const struct key_sources *sources,
			       const char **askpass)
{
	if (sources->passphrase_fd >= 0)
		return SOURCE_FD;
	if (sources->passphrase_file)
		return SOURCE_FILE;
	return sources->batch ? SOURCE_NONE : find_person(askpass);
}

int key_ask(struct secret *answer, const char *prompt, struct error *err)
{
	const char *askpass = NULL;

	switch (find_person(&askpass)) {
	case SOURCE_ASKPASS:
		return prompt_askpass(answer, askpass, prompt, err);
	case SOURCE_TERMINAL:
		return prompt_terminal(answer, prompt, err);
	default:
		return error_set(err, ERROR_KEY,
				 "there is no terminal and no askpass program "
				 "to ask at");
	}
}

/* -- the passphrase -------------------------------------------------------- */

static int take_first_line(struct secret *answer, const struct buf *text,
			   const char *path, struct error *err)
{
	const char *begin = (const char *)buf_bytes(text);
	const char *end = text->len ? memchr(begin, '\n', text->len) : NULL;
	size_t n = end ? (size_t)(end - begin) : text->len;

	if (n > 0 && begin[n - 1] == '\r')
		n--;
	if (n >= SECRET_MAX || (n && memchr(begin, '\0', n)))
		return error_set(err, ERROR_KEY,
				 "what stands in %s is no passphrase: it has a "
				 "NUL or more than %d bytes",
				 path, SECRET_MAX - 1);
	memcpy(answer->text, n ? begin : "", n);
	answer->text[n] = '\0';
	answer->len = n;
	return 0;
}

static int read_passphrase_file(struct secret *answer, const char *path,
				struct error *err)
{
	autobuf text = {0};
	autoerror why = {0};
	int rc = 0;

	if (file_read_private(path, SECRET_MAX, &text, &why) < 0)
		return error_set(err, ERROR_KEY,
				 "the file of the passphrase: %s",
				 error_words(&why));
	rc = take_first_line(answer, &text, path, err);
	if (text.data)
		secret_wipe(text.data, text.cap);
	return rc;
}

static int nobody_to_ask(const struct key_sources *sources, const char *name,
			 struct error *err)
{
	return error_set(err, ERROR_KEY,
			 "%s needs a passphrase, and %s: give it by "
			 "--passphrase-fd or --passphrase-file, or name an "
			 "askpass program in VIRTMUX_ASKPASS",
			 name,
			 sources->batch ? "--batch asks nobody"
					: "there is no terminal to ask at");
}

static int get_passphrase(struct secret *answer, enum source source,
			  const struct key_sources *sources,
			  const char *askpass, const char *name, bool again,
			  struct error *err)
{
	char prompt[PROMPT_MAX];
	char fd_name[32];

	snprintf(prompt, sizeof(prompt),
		 "%sPassphrase for %s: ", again ? "That was wrong. " : "",
		 name);
	snprintf(fd_name, sizeof(fd_name), "descriptor %d",
		 sources->passphrase_fd);
	switch (source) {
	case SOURCE_FD:
		return prompt_read_line(answer, sources->passphrase_fd, fd_name,
					err);
	case SOURCE_FILE:
		return read_passphrase_file(answer, sources->passphrase_file,
					    err);
	case SOURCE_ASKPASS:
		return prompt_askpass(answer, askpass, prompt, err);
	case SOURCE_TERMINAL:
		return prompt_terminal(answer, prompt, err);
	case SOURCE_NONE:
		break;
	}
	return nobody_to_ask(sources, name, err);
}

/* -- the key --------------------------------------------------------------- */

static int unlock(struct evp_pkey_st **key, const struct buf *pem,
		  const char *name, const struct key_sources *sources,
		  struct error *err)
{
	autoptr(secret) passphrase = secret_new();
	const char *askpass = NULL;
	enum source source = find_source(sources, &askpass);
	bool person = source == SOURCE_ASKPASS || source == SOURCE_TERMINAL;
	int tries = person ? KEY_TRIES : 1;
	bool wrong = false;

	if (!passphrase)
		return error_set_no_memory(err);
	for (int i = 0; i < tries; i++) {
		if (get_passphrase(passphrase, source, sources, askpass, name,
				   i > 0, err) < 0)
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

int key_load(struct evp_pkey_st **key, const struct profile *profile,
	     const struct key_sources *sources, struct error *err)
{
	autobuf pem = {0};
	int rc = 0;

	if (!profile->key)
		return no_key(profile, "key", err);
	if (strncmp(profile->key, "pkcs11:", 7) == 0)
		return error_set(err, ERROR_UNSUPPORTED,
				 "this virtmux cannot use keys on a smart card "
				 "(%s): name a file",
				 profile->key);
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

static int check_profile(const struct profile *profile, struct error *err)
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
		.certificate_file = profile->certificate,
		.keylog_file = keylog_file(sources),
	};
	int rc = check_profile(profile, err);

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
