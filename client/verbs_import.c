/*
 * The verb `import`: what the administrator sent into the user's configuration.
 * What always holds: everything is judged before the first file is written; what
 * is there and differs is replaced by --force alone, but for a newer certificate of
 * the same key.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/user.h"
#include "client/connect/config.h"
#include "client/config_edit.h"
#include "client/key_bundle.h"
#include "client/connect/key_pkcs11.h"
#include "client/output.h"
#include "client/connect/profile.h"
#include "client/verbs.h"

#define FILE_MAX         (1024 * 1024) /* bytes */
#define MODE_DIRS        0700
#define MODE_KEY         0600
#define MODE_CERTIFICATE 0644
#define SECTION          "defaults"

/* What is installed where; all owned. */
struct import {
	struct key_bundle *bundle;
	char *config;
	char *folder;
	char *certificate;
	char *key;
	char *ca;
	struct tls_peer peer;
	bool by_name;  /* the host needs identity = cn */
	bool differs;  /* [defaults] names something else, and keeps it */
	bool replaces; /* --force */
};

static void clear(struct import *i)
{
	key_bundle_free(i->bundle);
	free(i->config);
	free(i->folder);
	free(i->certificate);
	free(i->key);
	free(i->ca);
}

/* -- reading --------------------------------------------------------------- */

static int add_file(struct command_call *call, struct import *i,
		    const char *path, struct error *err)
{
	autobuf text = {0};
	int rc = file_read(path, FILE_MAX, &text, err);

	if (rc == 0)
		rc = key_bundle_add(i->bundle, &text, path,
				    call_key_sources(call), err);
	if (text.data)
		secret_wipe(text.data, text.cap);
	return rc;
}

/* The CA that is there already, where none came with the certificate. */
static int add_known_ca(struct command_call *call, struct import *i,
			struct error *err)
{
	autofree char *ca = file_join(i->folder, "ca.crt");

	if (!ca)
		return error_set_no_memory(err);
	if (access(ca, R_OK) == 0)
		return add_file(call, i, ca, err);
	return error_set(err, ERROR_KEY,
			 "no CA's certificate came with it, and %s is not "
			 "there: give the administrator's ca.crt, too: virtmux "
			 "import %s ca.crt",
			 ca, call_argument(call, 0));
}

static int read_files(struct command_call *call, struct import *i,
		      struct error *err)
{
	const char *ca = call_text(call, "ca", NULL);

	for (size_t n = 0; n < call_argument_count(call); n++)
		if (add_file(call, i, call_argument(call, n), err) < 0)
			return -1;
	if (ca && add_file(call, i, ca, err) < 0)
		return -1;
	if (!key_bundle_has_user(i->bundle) || key_bundle_cas(i->bundle))
		return 0;
	return add_known_ca(call, i, err);
}

/* -- the key --------------------------------------------------------------- */

/* "FOLDER/NAME.SUFFIX", to free(). */
static char *path_of(const struct import *i, const char *name,
		     const char *suffix)
{
	autobuf text = {0};

	buf_appendf(&text, "%s/%s%s", i->folder, name, suffix);
	return buf_steal_str(&text);
}

/* Whether FILE is "NAME.csr", a request for the certificate's key. */
static bool is_its_request(const struct import *i, const char *file)
{
	const char *dot = strrchr(file, '.');
	autofree char *path = path_of(i, file, "");
	autobuf text = {0};

	return dot && strcmp(dot, ".csr") == 0 && path &&
	       file_read(path, FILE_MAX, &text, NULL) == 0 &&
	       key_bundle_fits_pem(i->bundle, &text);
}

/* The key that enroll made with the request; stays NULL where there is none. */
static void find_key(struct import *i)
{
	DIR *folder = opendir(i->folder);
	struct dirent *entry = NULL;

	while (folder && !i->key && (entry = readdir(folder))) {
		char *name = entry->d_name;

		if (!is_its_request(i, name))
			continue;
		*strrchr(name, '.') = '\0';
		i->key = path_of(i, name, ".key");
		if (i->key && access(i->key, F_OK) < 0)
			free(steal(&i->key));
	}
	if (folder)
		closedir(folder);
}

/* The one that --key names: it is opened, and asked for, to see whether it fits. */
static int use_given_key(struct command_call *call, struct import *i,
			 const char *given, struct error *err)
{
	struct profile profile = {.name = i->peer.identity};
	struct evp_pkey_st *key = NULL;
	bool fits;

	i->key = key_is_pkcs11(given) ? strdup(given) : realpath(given, NULL);
	if (!i->key)
		return error_set_errno(err, ERROR_KEY, errno, "cannot find %s",
				       given);
	profile.key = i->key;
	if (key_load(&key, &profile, call_key_sources(call), err) < 0)
		return -1;
	fits = key_bundle_fits_key(i->bundle, key);
	tls_key_free(key);
	if (fits)
		return 0;
	return error_set(err, ERROR_KEY,
			 "the certificate is for another key than %s", i->key);
}

static int choose_key(struct command_call *call, struct import *i,
		      const char *name, struct error *err)
{
	const char *given = call_text(call, "key", NULL);

	if (given)
		return use_given_key(call, i, given, err);
	if (key_bundle_has_key(i->bundle)) {
		i->key = path_of(i, name, ".key");
		return i->key ? 0 : error_set_no_memory(err);
	}
	find_key(i);
	if (i->key)
		return 0;
	return error_set(err, ERROR_KEY,
			 "the certificate of %s is for a key that is not here: "
			 "no request in %s was made for it. Was \"virtmux "
			 "enroll\" run on another machine, or again since? A "
			 "key of another place is named by --key",
			 i->peer.identity, i->folder);
}

/* -- where to -------------------------------------------------------------- */

/* The identity as a file's name. */
static void file_name(const char *identity, char *name)
{
	autoerror why = {0};

	snprintf(name, USER_NAME_MAX + 1, "%.*s", USER_NAME_MAX, identity);
	if (user_check_name(name, &why) == 0)
		return;
	for (char *p = name; *p; p++)
		if (!strchr("._@-", *p) && !(*p >= '0' && *p <= '9') &&
		    !(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z'))
			*p = '_';
	if (!*name || strchr(".-@", *name))
		*name = '_';
}

/* Whether the file at PATH has exactly TEXT. */
static bool is_same(const char *path, const struct buf *text)
{
	autobuf there = {0};

	return file_read(path, FILE_MAX, &there, NULL) == 0 &&
	       there.len == text->len &&
	       memcmp(buf_bytes(&there), buf_bytes(text), text->len) == 0;
}

static int may_replace(const struct import *i, const char *path,
		       const char *what, struct error *err)
{
	if (i->replaces || access(path, F_OK) < 0)
		return 0;
	return error_set(err, ERROR_EXISTS,
			 "%s is there already with another %s: --force "
			 "replaces it",
			 path, what);
}

/* "ca.crt", or where that is another CA's, "NAME-ca.crt". */
static int choose_ca(struct import *i, const char *name, struct error *err)
{
	autobuf text = {0};

	i->ca = path_of(i, "ca", ".crt");
	if (!i->ca)
		return error_set_no_memory(err);
	if (key_bundle_write_cas(i->bundle, &text, err) < 0)
		return -1;
	if (i->replaces || access(i->ca, F_OK) < 0 || is_same(i->ca, &text))
		return 0;
	if (!name)
		return may_replace(i, i->ca, "CA", err);
	free(steal(&i->ca));
	i->ca = path_of(i, name, "-ca.crt");
	if (!i->ca)
		return error_set_no_memory(err);
	return is_same(i->ca, &text) ? 0 : may_replace(i, i->ca, "CA", err);
}

static int choose_certificate(struct import *i, const char *name,
			      struct error *err)
{
	autobuf there = {0};

	i->certificate = path_of(i, name, ".crt");
	if (!i->certificate)
		return error_set_no_memory(err);
	if (file_read(i->certificate, FILE_MAX, &there, NULL) == 0 &&
	    key_bundle_fits_pem(i->bundle, &there))
		return 0; /* an older one of the same key */
	return may_replace(i, i->certificate, "key's certificate", err);
}

static int choose(struct command_call *call, struct import *i,
		  struct error *err)
{
	char name[USER_NAME_MAX + 1];

	if (!key_bundle_has_user(i->bundle))
		return choose_ca(i, NULL, err);
	if (key_bundle_judge(i->bundle, &i->peer, &i->by_name, err) < 0)
		return -1;
	file_name(i->peer.identity, name);
	if (choose_key(call, i, name, err) < 0 ||
	    choose_certificate(i, name, err) < 0 || choose_ca(i, name, err) < 0)
		return -1;
	if (key_bundle_has_key(i->bundle))
		return may_replace(i, i->key, "key", err);
	return 0;
}

/* -- writing --------------------------------------------------------------- */

static int write_key(struct command_call *call, struct import *i,
		     struct error *err)
{
	autobuf text = {0};

	if (key_bundle_write_key(i->bundle, call_key_sources(call), i->key,
				 &text, err) < 0)
		return -1;
	return file_write_atomic(i->key, buf_bytes(&text), text.len, MODE_KEY,
				 err);
}

static int write_files(struct command_call *call, struct import *i,
		       struct error *err)
{
	bool with_key =
		key_bundle_has_key(i->bundle) && !call_given(call, "key");
	autobuf ca = {0};
	autobuf user = {0};

	if (file_make_dirs(i->folder, MODE_DIRS, err) < 0 ||
	    (with_key && write_key(call, i, err) < 0) ||
	    key_bundle_write_cas(i->bundle, &ca, err) < 0 ||
	    file_write_atomic(i->ca, buf_bytes(&ca), ca.len, MODE_CERTIFICATE,
			      err) < 0)
		return -1;
	if (!i->certificate)
		return 0;
	if (key_bundle_write_user(i->bundle, &user, err) < 0)
		return -1;
	return file_write_atomic(i->certificate, buf_bytes(&user), user.len,
				 MODE_CERTIFICATE, err);
}

/* How the configuration names PATH: what lies beside it, without the folder. */
static const char *shown(const struct import *i, const char *path)
{
	size_t n = strlen(i->folder);

	return strncmp(path, i->folder, n) == 0 && path[n] == '/' &&
			       !strchr(path + n + 1, '/')
		       ? path + n + 1
		       : path;
}

/* Puts KEY = PATH into [defaults], unless something else stands there. */
static int configure(struct import *i, struct config_edit *edit,
		     const char *key, const char *path, struct error *err)
{
	autofree char *there = config_edit_get(edit, SECTION, key);

	if (!path)
		return 0;
	if (there && !i->replaces && strcmp(there, path) != 0 &&
	    strcmp(there, shown(i, path)) != 0) {
		i->differs = true;
		return 0;
	}
	return config_edit_set(edit, SECTION, key, shown(i, path), err);
}

static int write_config(struct import *i, struct error *err)
{
	autoptr(config_edit) edit = NULL;

	if (config_edit_open(&edit, i->config, err) < 0 ||
	    configure(i, edit, "certificate", i->certificate, err) < 0 ||
	    configure(i, edit, "key", i->key, err) < 0 ||
	    configure(i, edit, "ca", i->ca, err) < 0)
		return -1;
	/* Half of two identities would be none. */
	return i->differs ? 0 : config_edit_save(edit, err);
}

/* -- words ----------------------------------------------------------------- */

static void tell_next(struct command_call *call, const struct import *i)
{
	struct output *output = call_output(call);
	const char *config = call_config_file(call);
	autoptr(config) all = NULL;
	size_t hosts = 0;

	if (i->by_name)
		output_say(output,
			   "It names no virtmux://user/ URI: a host needs "
			   "identity = cn to admit it.");
	if (i->differs) {
		output_say(output,
			   "[defaults] in %s names others, which stay. To use "
			   "these for a host:",
			   i->config);
		output_say(output,
			   "    virtmux host add NAME ADDRESS --certificate=%s "
			   "--key=%s --ca=%s",
			   i->certificate ? i->certificate : "FILE",
			   i->key ? i->key : "FILE", i->ca);
		return;
	}
	output_say(output, "Named in %s under [defaults].", i->config);
	if (config_load(&all, config, CONFIG_SYSTEM_FILE, NULL) == 0)
		config_hosts(all, &hosts);
	output_say(output, "Next:        %s",
		   !i->certificate ? "virtmux enroll"
		   : hosts         ? "virtmux list"
				   : "virtmux host add NAME ADDRESS");
}

static void tell_text(struct command_call *call, const struct import *i)
{
	struct output *output = call_output(call);
	char end[CLOCK_TEXT_SIZE];
	autobuf text = {0};
	autofree char *ca = NULL;

	key_bundle_ca_name(i->bundle, &text);
	ca = buf_steal_str(&text);
	if (i->certificate) {
		clock_format_s((time_t)i->peer.not_after, end);
		output_say(output, "Certificate: %s (user %s, valid until %s)",
			   i->certificate, i->peer.identity, end);
		output_say(output, "Key:         %s", i->key);
	}
	output_say(output, "CA:          %s (%s)", i->ca, ca ? ca : "");
	tell_next(call, i);
}

static int tell(struct command_call *call, const struct import *i,
		struct error *err)
{
	autojson json = NULL;

	if (output_is_text(call_output(call))) {
		tell_text(call, i);
		return 0;
	}
	json = json_object_new_object();
	json_add_text(json, "identity",
		      i->certificate ? i->peer.identity : NULL);
	json_add_text(json, "certificate", i->certificate);
	json_add_text(json, "key", i->key);
	json_add_text(json, "ca", i->ca);
	json_object_object_add(json, "configured",
			       json_object_new_boolean(!i->differs));
	return output_value(call_output(call), json, err);
}

int verb_import(struct command_call *call, struct error *err)
{
	struct import i = {.replaces = call_flag(call, "force")};
	int rc = 0;

	i.bundle = key_bundle_new();
	i.config = config_user_path(call_config_file(call));
	i.folder = i.config ? file_folder(i.config) : NULL;
	if (!i.bundle || !i.folder)
		rc = error_set_no_memory(err);
	else if (read_files(call, &i, err) < 0 || choose(call, &i, err) < 0 ||
		 write_files(call, &i, err) < 0 || write_config(&i, err) < 0 ||
		 tell(call, &i, err) < 0)
		rc = -1;
	clear(&i);
	return rc;
}
