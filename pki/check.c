/*
 * The command check: the whole folder against its index. Called by the command
 * table. What always holds: it repairs nothing but what any command that writes
 * would finish, and each fault that is told comes with its cure.
 */
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "pki/authority.h"
#include "pki/commands.h"
#include "pki/crl.h"
#include "pki/settings.h"
#include "pki/verify.h"

struct check {
	const struct command_call *call;
	struct store *store;
	X509 *authority; /* NULL: could not be read */
	size_t faults, certificates, keys;
};

__attribute__((format(printf, 3, 4))) static void
say(struct check *check, const char *kind, const char *format, ...)
{
	va_list args;

	fprintf(check->call->out, "%s: ", kind);
	va_start(args, format);
	vfprintf(check->call->out, format, args);
	va_end(args);
	fputs("\n", check->call->out);
}

#define note(check, ...) say(check, "note", __VA_ARGS__)
#define broken(check, ...)                                                     \
	do {                                                                   \
		say(check, "broken", __VA_ARGS__);                             \
		(check)->faults++;                                             \
	} while (0)

static const char *const cure = "put back a copy from before it changed";

static void check_folder(struct check *check)
{
	const char *dir = store_dir(check->store);
	struct stat st;

	if (stat(dir, &st) < 0)
		broken(check, "%s: %s", dir, strerror(errno));
	else if (st.st_mode & 077)
		broken(check,
		       "%s is open to others (mode %04o). Close it: chmod 700 "
		       "%s",
		       dir, (unsigned)st.st_mode & 07777, dir);
}

/* PATH's key, whose passphrase nobody asks for. */
static void check_key(struct check *check, const char *path, X509 *x,
		      bool sealed)
{
	autobuf pem = {0};
	autoerror err = {0};
	autopkey *key = NULL;

	if (file_read_private(path, PEM_FILE_MAX, &pem, &err) < 0) {
		broken(check, "%s", error_words(&err));
		return;
	}
	check->keys++;
	if (pem.len && key_pem_is_encrypted(buf_bytes(&pem), pem.len)) {
		if (!sealed)
			note(check,
			     "%s has a passphrase: a host cannot start "
			     "alone with it",
			     path);
		return;
	}
	key = pem.len ? key_from_pem(buf_bytes(&pem), pem.len, path, NULL, &err)
		      : NULL;
	if (pem.data)
		secret_wipe(pem.data, pem.cap);
	if (!key)
		broken(check, "%s holds no private key; %s", path, cure);
	else if (X509_check_private_key(x, key) != 1)
		broken(check,
		       "%s is not the key of the certificate beside it; %s",
		       path, cure);
	else if (sealed)
		note(check, "%s has no passphrase", path);
	ERR_clear_error();
}

static void check_certificate(struct check *check,
			      const struct index_entry *entry)
{
	autoerror err = {0};
	autofree char *path = store_path(check->store, entry->kind, entry->name,
					 STORE_CERTIFICATE);
	autofree char *key =
		store_path(check->store, entry->kind, entry->name, STORE_KEY);
	autox509 *x = store_certificate(check->store, entry, &err);

	if (!x || !path || !key) {
		broken(check, "%s; %s", error_words(&err), cure);
		return;
	}
	check->certificates++;
	if (verify_fields(x, entry, &err) < 0)
		broken(check, "%s: %s; %s", path, error_words(&err), cure);
	if (check->authority &&
	    verify_chain(x, check->authority, entry->kind, &err) < 0)
		broken(check, "%s: %s; %s", path, error_words(&err), cure);
	if (access(key, F_OK) == 0)
		check_key(check, key, x, entry->kind != CERTIFICATE_HOST);
	else if (entry->kind == CERTIFICATE_AUTHORITY)
		broken(check, "%s is not there; %s", key, cure);
}

/* Of a name, what was issued last lies in the place. */
static bool is_in_place(const struct index *index,
			const struct index_entry *entry)
{
	if (entry->state == INDEX_VALID)
		return true;
	return entry->state == INDEX_REVOKED &&
	       index_find_last(index, entry->kind, entry->name) == entry;
}

static void check_entries(struct check *check)
{
	const struct index *index = store_index(check->store);

	for (size_t i = 0; i < index->count; i++)
		if (is_in_place(index, &index->entries[i]))
			check_certificate(check, &index->entries[i]);
}

/* A file that no entry of the index asks for. */
static void check_file(struct check *check, enum certificate_kind kind,
		       const char *folder, const char *file)
{
	const struct index *index = store_index(check->store);
	const char *dot = strrchr(file, '.');
	size_t len = dot ? (size_t)(dot - file) : 0;
	autofree char *name = strndup(file, len);

	if (!name || !dot ||
	    (strcmp(dot, ".crt") != 0 && strcmp(dot, ".key") != 0))
		note(check, "%s/%s/%s is no file of the authority",
		     store_dir(check->store), folder, file);
	else if (!index_find_last(index, kind, name))
		broken(check,
		       "%s/%s/%s: the index knows no %s of that name. Where "
		       "the index is an old copy, put back the newest; else "
		       "remove the file",
		       store_dir(check->store), folder, file,
		       certificate_kind_name(kind));
}

static void check_files(struct check *check, enum certificate_kind kind,
			const char *folder)
{
	autofree char *path = file_join(store_dir(check->store), folder);
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *entry;

	if (!dir) {
		broken(check, "%s: %s", path ? path : folder, strerror(errno));
		return;
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			check_file(check, kind, folder, entry->d_name);
	closedir(dir);
}

static size_t count_revoked(const struct index *index)
{
	size_t revoked = 0;

	for (size_t i = 0; i < index->count; i++)
		revoked += index->entries[i].state == INDEX_REVOKED;
	return revoked;
}

static void check_list(struct check *check)
{
	static const char rewrite[] = "'virtmux-pki crl' writes a new one";
	const struct index *index = store_index(check->store);
	autofree char *path = store_crl_path(check->store);
	autoerror err = {0};
	autobuf data = {0};
	autocrl *crl = NULL;

	if (index->crl.number == 0) {
		if (count_revoked(index) > 0)
			broken(check, "there is no revocation list; %s",
			       rewrite);
		else
			note(check, "there is no revocation list yet; %s",
			     rewrite);
		return;
	}
	if (!path || file_read(path, CRL_FILE_MAX, &data, &err) < 0) {
		broken(check, "%s; %s", error_words(&err), rewrite);
		return;
	}
	crl = crl_from_bytes(buf_bytes(&data), data.len, path, &err);
	if (!crl || crl_compare(crl, index, &err) < 0)
		broken(check, "%s: %s; %s", path, error_words(&err), rewrite);
	else if (check->authority &&
		 X509_CRL_verify(crl, X509_get0_pubkey(check->authority)) != 1)
		broken(check, "%s is not signed by the authority; %s", path,
		       rewrite);
	ERR_clear_error();
	if (index->crl.expires < time(NULL))
		note(check,
		     "%s has ended: hosts that want it refuse everybody; %s",
		     path, rewrite);
}

/* Opens the authority's key where that needs no question. */
static void check_authority_key(struct check *check)
{
	autoptr(authority) authority = NULL;
	autoerror err = {0};
	struct passphrase_source source;

	if (settings_ca_passphrase(check->call->arguments, &source, &err) < 0 ||
	    (source.fd < 0 && !source.file))
		return;
	authority = authority_open(check->store, &source, &err);
	if (!authority)
		broken(check, "%s", error_words(&err));
}

/* A folder that cannot be written, as a copy, is checked as it is. */
static void lock(struct check *check)
{
	autoerror err = {0};

	if (store_lock(check->store, &err) < 0)
		note(check, "checked without the lock: %s", error_words(&err));
}

static void check_all(struct check *check)
{
	const struct index_entry *entry;

	check_folder(check);
	entry = authority_entry(check->store);
	check->authority = store_certificate(check->store, entry, NULL);
	check_entries(check);
	check_files(check, CERTIFICATE_HOST, "hosts");
	check_files(check, CERTIFICATE_USER, "users");
	check_list(check);
	check_authority_key(check);
	if (entry->expires < time(NULL))
		note(check, "the authority has ended: nothing that it issued "
			    "is accepted any more");
}

int command_check(const struct command_call *call, struct error *err)
{
	struct check check = {.call = call};
	autoptr(store) store = settings_open_named_store(
		call->arguments, arguments_word(call->arguments, 1), err);

	if (!store || authority_check_present(store, err) < 0)
		return -1;
	check.store = store;
	lock(&check);
	if (authority_check_present(store, err) < 0)
		return -1;
	check_all(&check);
	X509_free(check.authority);
	if (check.faults > 0)
		return error_set(err, ERROR_STATE, "%s has %zu %s",
				 store_dir(store), check.faults,
				 check.faults == 1 ? "fault" : "faults");
	fprintf(call->out,
		"%s is whole: %zu lines in the index, %zu certificates and %zu "
		"keys in their places, revocation list number %ju.\n",
		store_dir(store), store_index(store)->count, check.certificates,
		check.keys, (uintmax_t)store_index(store)->crl.number);
	return 0;
}
