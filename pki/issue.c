/*
 * The commands that make a key and a certificate: init, host, user; and the ways
 * of issuing that sign and renew share. Called by the command table, sign and
 * renew.
 */
#include "pki/issue.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/user.h"
#include "pki/name.h"
#include "pki/settings.h"

/* A new key and its PEM form. */
struct made_key {
	EVP_PKEY *key;
	BIO *pem;
};

static void clear_key(struct made_key *made)
{
	EVP_PKEY_free(made->key);
	BIO_free_all(made->pem);
}

static int make_key(enum key_type type, const struct secret *passphrase,
		    struct made_key *made, struct error *err)
{
	made->key = key_generate(type, err);
	if (!made->key)
		return -1;
	made->pem = key_to_pem(made->key, passphrase, err);
	return made->pem ? 0 : -1;
}

/* Options that are wrong must not be found after the questions. */
static int read_options(const struct arguments *arguments, enum key_type *type,
			struct authority_request *request, struct error *err)
{
	request->replace = arguments_given(arguments, ARGUMENT_REPLACE);
	if (settings_key_type(arguments, type, err) < 0)
		return -1;
	return settings_days(arguments, &request->days, err);
}

/* *SECRET stays NULL where the CA key shall have no passphrase. */
static int get_ca_passphrase(const struct command_call *call,
			     struct secret **secret, struct error *err)
{
	const struct arguments *arguments = call->arguments;
	struct passphrase_source source;

	if (settings_ca_passphrase(arguments, &source, err) < 0)
		return -1;
	if (!arguments_given(arguments, ARGUMENT_NO_CA_PASSPHRASE)) {
		*secret = passphrase_get_new(&source, err);
		return *secret ? 0 : -1;
	}
	if (source.fd >= 0 || source.file)
		return error_set(err, ERROR_USAGE,
				 "--no-ca-passphrase contradicts the option "
				 "that gives one");
	fputs("virtmux-pki: warning: the CA key gets no passphrase: whoever "
	      "can read ca.key can make any user and any host\n",
	      call->messages);
	return 0;
}

static int init_authority(const struct command_call *call, struct store *store,
			  struct authority_request *request, enum key_type type,
			  struct index_entry *entry, struct error *err)
{
	autoptr(secret) passphrase = NULL;
	cleanup(clear_key) struct made_key made = {0};

	if (store_make(store, err) < 0 ||
	    get_ca_passphrase(call, &passphrase, err) < 0 ||
	    make_key(type, passphrase, &made, err) < 0 ||
	    store_lock(store, err) < 0)
		return -1;
	request->key = made.key;
	request->key_pem = made.pem;
	return authority_create(store, request, entry, err);
}

static void report_authority(FILE *out, const char *dir,
			     const struct index_entry *entry)
{
	char end[CLOCK_TEXT_SIZE];

	clock_format_s(entry->expires, end);
	fprintf(out,
		"Made the certificate authority '%s' in %s, valid until %s.\n"
		"%s/ca.crt goes to every host and every user; %s/ca.key stays "
		"here. Keep a copy of the folder in a safe place.\n"
		"Next: 'virtmux-pki host NAME' and 'virtmux-pki user NAME'.\n",
		entry->name, dir, end, dir, dir);
}

/* --permit, each; to free(). NULL: ERROR_USAGE. */
static struct permit *read_permits(const struct arguments *arguments,
				   size_t *count, struct error *err)
{
	autofree struct permit *permits = NULL;

	*count = arguments_count(arguments, ARGUMENT_PERMIT);
	if (*count > PERMIT_MAX) {
		error_set(err, ERROR_USAGE,
			  "an authority has at most %d times --permit",
			  PERMIT_MAX);
		return NULL;
	}
	permits = calloc(*count + 1, sizeof(*permits));
	if (!permits) {
		error_set_no_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < *count; i++) {
		if (name_parse_permit(arguments_nth(arguments, ARGUMENT_PERMIT,
						    i),
				      &permits[i], err) < 0) {
			error_prefix(err, "--permit");
			return NULL;
		}
	}
	return steal(&permits);
}

int command_init(const struct command_call *call, struct error *err)
{
	const char *name = arguments_value(call->arguments, ARGUMENT_NAME);
	struct authority_request request = {
		.kind = CERTIFICATE_AUTHORITY,
		.name = name ? name : "virtmux CA",
	};
	autofree struct permit *permits = NULL;
	autoptr(store) store = NULL;
	struct index_entry entry;
	enum key_type type;

	if (name_check_authority(request.name, err) < 0 ||
	    read_options(call->arguments, &type, &request, err) < 0)
		return -1;
	permits = read_permits(call->arguments, &request.permit_count, err);
	if (!permits)
		return -1;
	request.permits = permits;
	store = settings_open_store(call->arguments, err);
	if (!store || authority_check_absent(store, err) < 0 ||
	    init_authority(call, store, &request, type, &entry, err) < 0)
		return -1;
	report_authority(call->out, store_dir(store), &entry);
	return 0;
}

static void note_cut(const struct command_call *call, time_t end)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_s(end, text);
	fprintf(call->messages,
		"virtmux-pki: note: the certificate ends with its authority, "
		"at %s\n",
		text);
}

static void note_replaced(const struct command_call *call,
			  const struct index_entry *old)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_s(old->expires, text);
	fprintf(call->messages,
		"virtmux-pki: note: whoever has the key of the replaced "
		"certificate (serial %s) can use it until %s, or until "
		"'virtmux-pki revoke %s' and the new list on the hosts\n",
		old->serial, text, old->serial);
}

static struct index_entry *valid_entry(const struct store *store,
				       const struct authority_request *request)
{
	struct index_entry *old =
		index_find(store_index(store), request->kind, request->name);

	return old && old->expires > time(NULL) ? old : NULL;
}

/* With the authority open and the key made: the part under the lock. */
static int enter(const struct command_call *call, struct store *store,
		 const struct authority *authority,
		 const struct authority_request *request,
		 struct index_entry *entry, struct error *err)
{
	struct index_entry *found;
	struct index_entry old = {0}; /* its strings are not used */
	time_t end;
	bool cut;

	if (store_lock(store, err) < 0 ||
	    authority_end(authority, request->days, &end, &cut, err) < 0)
		return -1;
	found = valid_entry(store, request);
	if (found)
		old = *found;
	if (authority_issue(authority, store, request, entry, err) < 0)
		return -1;
	if (cut)
		note_cut(call, entry->expires);
	if (found && !(request->renews && !request->key_pem))
		note_replaced(call, &old);
	return 0;
}

int issue_for_key(const struct command_call *call, struct store *store,
		  const struct authority_request *request,
		  struct index_entry *entry, struct error *err)
{
	struct passphrase_source ca_source;
	autoptr(authority) authority = NULL;
	time_t end;
	bool cut;

	if (authority_check_present(store, err) < 0 ||
	    authority_check_free(store, request->kind, request->name,
				 request->replace, err) < 0 ||
	    settings_ca_passphrase(call->arguments, &ca_source, err) < 0)
		return -1;
	authority = authority_open(store, &ca_source, err);
	if (!authority ||
	    authority_end(authority, request->days, &end, &cut, err) < 0)
		return -1;
	return enter(call, store, authority, request, entry, err);
}

int issue_with_new_key(const struct command_call *call, struct store *store,
		       struct authority_request *request, enum key_type type,
		       struct index_entry *entry, struct error *err)
{
	struct passphrase_source ca_source, source;
	autoptr(authority) authority = NULL;
	autoptr(secret) passphrase = NULL;
	cleanup(clear_key) struct made_key made = {0};
	time_t end;
	bool cut;

	if (authority_check_present(store, err) < 0 ||
	    authority_check_free(store, request->kind, request->name,
				 request->replace, err) < 0 ||
	    settings_ca_passphrase(call->arguments, &ca_source, err) < 0 ||
	    settings_user_passphrase(call->arguments, &source, err) < 0)
		return -1;
	authority = authority_open(store, &ca_source, err);
	if (!authority ||
	    authority_end(authority, request->days, &end, &cut, err) < 0)
		return -1;
	if (request->kind == CERTIFICATE_USER) {
		passphrase = passphrase_get_new(&source, err);
		if (!passphrase)
			return -1;
	}
	if (make_key(type, passphrase, &made, err) < 0)
		return -1;
	request->key = made.key;
	request->key_pem = made.pem;
	return enter(call, store, authority, request, entry, err);
}

static void add_san(struct san *sans, size_t *count, const struct san *san)
{
	for (size_t i = 0; i < *count; i++)
		if (name_same_san(&sans[i], san))
			return;
	sans[(*count)++] = *san;
}

struct san *issue_sans(const struct arguments *arguments, const char *name,
		       size_t *count, struct error *err)
{
	size_t given = arguments_count(arguments, ARGUMENT_SAN);
	autofree struct san *sans = calloc(given + 1, sizeof(*sans));
	struct san san;

	*count = 0;
	if (!sans) {
		error_set_no_memory(err);
		return NULL;
	}
	if (given >= SAN_MAX) {
		error_set(err, ERROR_USAGE,
			  "a host certificate has at most %d names", SAN_MAX);
		return NULL;
	}
	if (name_parse_host(name, &san, err) < 0)
		return NULL;
	add_san(sans, count, &san);
	for (size_t i = 0; i < given; i++) {
		if (name_parse_san(arguments_nth(arguments, ARGUMENT_SAN, i),
				   &san, err) < 0) {
			error_prefix(err, "--san");
			return NULL;
		}
		add_san(sans, count, &san);
	}
	return steal(&sans);
}

void issue_print_sans(FILE *out, const struct authority_request *request)
{
	for (size_t i = 0; i < request->san_count; i++)
		fprintf(out, "%s%s:%s", i ? ", " : "",
			request->sans[i].type == SAN_IP ? "IP" : "DNS",
			request->sans[i].text);
}

/* Where virtmuxd looks for them is the default of its options. */
static void report_host(FILE *out, const char *dir,
			const struct authority_request *request,
			const struct index_entry *entry)
{
	char end[CLOCK_TEXT_SIZE];

	clock_format_s(entry->expires, end);
	fprintf(out, "Made key and certificate of the host %s (", entry->name);
	issue_print_sans(out, request);
	fprintf(out,
		"), valid until %s.\n"
		"Copy to the host: %s/ca.crt to /etc/virtmux/ca.crt, "
		"%s/hosts/%s.crt to /etc/virtmux/host.crt,\n"
		"and, over a safe way and with mode 0600, %s/hosts/%s.key to "
		"/etc/virtmux/host.key.\n",
		end, dir, dir, entry->name, dir, entry->name);
}

int command_host(const struct command_call *call, struct error *err)
{
	struct authority_request request = {.kind = CERTIFICATE_HOST};
	autofree struct san *sans = NULL;
	autoptr(store) store = NULL;
	struct index_entry entry;
	enum key_type type;

	if (read_options(call->arguments, &type, &request, err) < 0)
		return -1;
	sans = issue_sans(call->arguments, arguments_word(call->arguments, 1),
			  &request.san_count, err);
	if (!sans)
		return -1;
	request.sans = sans;
	request.name = sans[0].text;
	store = settings_open_store(call->arguments, err);
	if (!store ||
	    issue_with_new_key(call, store, &request, type, &entry, err) < 0)
		return -1;
	report_host(call->out, store_dir(store), &request, &entry);
	return 0;
}

static void report_user(FILE *out, const char *dir,
			const struct index_entry *entry)
{
	char end[CLOCK_TEXT_SIZE];

	clock_format_s(entry->expires, end);
	fprintf(out,
		"Made key and certificate of the user %s, valid until %s.\n"
		"Give %s/ca.crt, %s/users/%s.crt and %s/users/%s.key to %s "
		"(ca, certificate and key in ~/.config/virtmux/config), and "
		"the passphrase by another way.\n"
		"On each host, a section [%s] with a role in "
		"/etc/virtmux/access.conf lets %s in.\n",
		entry->name, end, dir, dir, entry->name, dir, entry->name,
		entry->name, entry->name, entry->name);
}

int command_user(const struct command_call *call, struct error *err)
{
	struct authority_request request = {
		.kind = CERTIFICATE_USER,
		.name = arguments_word(call->arguments, 1),
	};
	autoptr(store) store = NULL;
	struct index_entry entry;
	enum key_type type;

	if (user_check_name(request.name, err) < 0 ||
	    read_options(call->arguments, &type, &request, err) < 0)
		return -1;
	store = settings_open_store(call->arguments, err);
	if (!store ||
	    issue_with_new_key(call, store, &request, type, &entry, err) < 0)
		return -1;
	report_user(call->out, store_dir(store), &entry);
	return 0;
}
