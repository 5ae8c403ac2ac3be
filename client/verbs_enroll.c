/*
 * The verb `enroll`: a key of the user's own on this machine, and the request that
 * his administrator signs. What always holds: the key is on the disk, sealed and
 * whole, before the request that names it; nothing that stands there is replaced
 * without --force.
 */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json.h"
#include "base/file.h"
#include "base/user.h"
#include "client/connect/config.h"
#include "client/connect/key_ask.h"
#include "client/key_request.h"
#include "client/connect/key_memory.h"
#include "client/connect/key_pkcs11.h"
#include "client/output.h"
#include "client/connect/profile.h"
#include "client/verbs.h"
#include "crypt/key.h"
#include "wire/tls.h"

#define MODE_DIRS    0700
#define MODE_KEY     0600
#define MODE_REQUEST 0644

/* What is being made; all owned. */
struct enrolment {
	char *name;
	char *key;     /* path, or pkcs11: URI */
	char *request; /* path */
};

static void clear(struct enrolment *e)
{
	free(e->name);
	free(e->key);
	free(e->request);
}

/* "FOLDER/NAME.SUFFIX", beside the configuration, to free(). */
static char *path_of(const char *folder, const char *name, const char *suffix)
{
	autobuf text = {0};

	buf_appendf(&text, "%s/%s.%s", folder, name, suffix);
	return buf_steal_str(&text);
}

static int choose_paths(struct command_call *call, struct enrolment *e,
			struct error *err)
{
	const struct passwd *own = getpwuid(geteuid());
	const char *name = call_argument(call, 0);
	const char *key = call_text(call, "key", NULL);
	autofree char *config = config_user_path(call_config_file(call));
	autofree char *folder = config ? file_folder(config) : NULL;

	if (!folder)
		return error_set_no_memory(err);
	if (!name)
		name = own ? own->pw_name : "";
	if (user_check_name(name, err) < 0 ||
	    file_make_dirs(folder, MODE_DIRS, err) < 0)
		return -1;
	e->name = strdup(name);
	e->key = key ? strdup(key) : path_of(folder, name, "key");
	e->request = path_of(folder, name, "csr");
	return e->name && e->key && e->request ? 0 : error_set_no_memory(err);
}

static int refuse_existing(const struct enrolment *e, struct error *err)
{
	if (access(e->key, F_OK) < 0)
		return 0;
	return error_set(err, ERROR_EXISTS,
			 "%s is there already and may be in use. --force "
			 "replaces it by a new key; the certificate of the old "
			 "one is then of no more use",
			 e->key);
}

/* -- the key --------------------------------------------------------------- */

/* One that is there, in a file or on a token: its request alone is made. */
static int open_key(struct command_call *call, const struct enrolment *e,
		    struct evp_pkey_st **key, struct error *err)
{
	const struct profile profile = {.name = e->name, .key = e->key};

	return key_load(key, &profile, call_key_sources(call), err);
}

static int write_key(struct command_call *call, const struct enrolment *e,
		     const struct buf *pem, struct error *err)
{
	if (call_flag(call, "force"))
		return file_write_atomic(e->key, buf_bytes(pem), pem->len,
					 MODE_KEY, err);
	return file_write_new(e->key, buf_bytes(pem), pem->len, MODE_KEY, err);
}

static int make_key(struct command_call *call, const struct enrolment *e,
		    struct evp_pkey_st **key, struct error *err)
{
	const struct key_question question = {call_key_sources(call),
					      "passphrase", e->key};
	autoptr(secret) passphrase = secret_new();
	autobuf pem = {0};

	if (!passphrase)
		return error_set_no_memory(err);
	key_memory_protect(true);
	if (!call_flag(call, "force") && refuse_existing(e, err) < 0)
		return -1;
	if (key_ask_new(passphrase, &question, err) < 0)
		return -1;
	*key = key_generate(
		(enum key_type)call_choice(call, "algorithm", KEY_P256), err);
	if (!*key || key_seal(*key, passphrase, &pem, err) < 0)
		return -1;
	return write_key(call, e, &pem, err);
}

static int make(struct command_call *call, const struct enrolment *e,
		struct error *err)
{
	bool own = !call_given(call, "key");
	struct evp_pkey_st *key = NULL;
	autobuf request = {0};
	int rc = own ? make_key(call, e, &key, err)
		     : open_key(call, e, &key, err);

	if (rc == 0)
		rc = key_request(key, e->name, &request, err);
	tls_key_free(key);
	if (rc < 0)
		return -1;
	return file_write_atomic(e->request, buf_bytes(&request), request.len,
				 MODE_REQUEST, err);
}

/* -- words ----------------------------------------------------------------- */

static void tell_people(struct output *output, const struct enrolment *e,
			bool key_given)
{
	output_say(output, "Key:      %s", e->key);
	output_say(
		output,
		"          It stays here, and is good for nothing without %s.",
		key_is_pkcs11(e->key) ? "its PIN" : "its passphrase");
	output_say(output, "Request:  %s", e->request);
	output_say(output, "          It is no secret: send it to the "
			   "administrator, who runs");
	output_say(output, "              virtmux-pki sign %s.csr --user %s",
		   e->name, e->name);
	output_say(output, "          and sends back %s.crt and ca.crt. Then:",
		   e->name);
	output_say(output, "              virtmux import %s.crt ca.crt%s",
		   e->name, key_given ? " --key=KEY" : "");
}

static int tell(struct command_call *call, const struct enrolment *e,
		struct error *err)
{
	struct output *output = call_output(call);
	autojson json = NULL;

	if (output_is_text(output)) {
		tell_people(output, e, call_given(call, "key"));
		return 0;
	}
	json = json_object_new_object();
	json_object_object_add(json, "name", json_object_new_string(e->name));
	json_object_object_add(json, "key", json_object_new_string(e->key));
	json_object_object_add(json, "request",
			       json_object_new_string(e->request));
	return output_value(output, json, err);
}

int verb_enroll(struct command_call *call, struct error *err)
{
	struct enrolment e = {0};
	int rc = choose_paths(call, &e, err);

	if (rc == 0)
		rc = make(call, &e, err);
	if (rc == 0)
		rc = tell(call, &e, err);
	clear(&e);
	return rc;
}
