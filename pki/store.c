/*
 * The folder of an authority. Called by authority and the commands. What always
 * holds: only the owner of the lock writes, every write is fsynced before the
 * next step relies on it, and private keys are never in a file that others can
 * read, not even for a moment.
 */
#include "pki/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define MODE_FOLDER      0700
#define MODE_PRIVATE     0600
#define MODE_CERTIFICATE 0644

#define CRL_SUFFIX  ".crl"  /* of a list in pending/ */
#define GONE_SUFFIX ".gone" /* there: the key in place goes */

struct store {
	char *dir;
	struct index index;
	int lock; /* descriptor, -1 while not locked */
};

static const char *const folders[CERTIFICATE_KINDS] = {
	[CERTIFICATE_AUTHORITY] = NULL,
	[CERTIFICATE_HOST] = "hosts",
	[CERTIFICATE_USER] = "users",
};

static char *path_of(const struct store *store, const char *folder,
		     const char *name, const char *suffix)
{
	autobuf path = {0};

	buf_appendf(&path, "%s/%s%s%s%s", store->dir, folder ? folder : "",
		    folder ? "/" : "", name, suffix);
	return buf_steal_str(&path);
}

static char *index_path(const struct store *store)
{
	return path_of(store, NULL, "index", ".tsv");
}

static const char *suffix_of(enum store_file file)
{
	return file == STORE_KEY ? ".key" : ".crt";
}

static char *pending_path(const struct store *store, const char *serial,
			  enum store_file file)
{
	return path_of(store, "pending", serial, suffix_of(file));
}

char *store_path(const struct store *store, enum certificate_kind kind,
		 const char *name, enum store_file file)
{
	return path_of(store, folders[kind],
		       kind == CERTIFICATE_AUTHORITY ? "ca" : name,
		       suffix_of(file));
}

char *store_crl_path(const struct store *store)
{
	return path_of(store, NULL, "crl", ".pem");
}

/* "pending/NUMBER.crl": the list that the index with that number asks for. */
static char *pending_crl_path(const struct store *store)
{
	autobuf name = {0};
	autofree char *text = NULL;

	buf_appendf(&name, "%ju", (uintmax_t)store->index.crl.number);
	text = buf_steal_str(&name);
	return text ? path_of(store, "pending", text, CRL_SUFFIX) : NULL;
}

static int read_index(struct store *store, struct error *err)
{
	autofree char *path = index_path(store);
	autoerror failure = {0};
	autobuf text = {0};

	if (!path)
		return error_set_no_memory(err);
	index_clear(&store->index);
	if (file_read(path, INDEX_FILE_MAX, &text, &failure) < 0)
		return failure.code == ERROR_NOT_FOUND
			       ? 0
			       : error_move(err, &failure);
	if (text.len == 0)
		return error_set(err, ERROR_CONFIG,
				 "%s is empty. Put back a copy of it", path);
	return index_parse(&store->index, (const char *)buf_bytes(&text),
			   text.len, path, err);
}

struct store *store_open(const char *dir, struct error *err)
{
	autoptr(store) store = calloc(1, sizeof(*store));

	if (!store) {
		error_set_no_memory(err);
		return NULL;
	}
	store->lock = -1;
	store->dir = strdup(dir);
	if (!store->dir) {
		error_set_no_memory(err);
		return NULL;
	}
	return read_index(store, err) < 0 ? NULL : steal(&store);
}

void store_free(struct store *store)
{
	if (!store)
		return;
	if (store->lock >= 0)
		close(store->lock);
	index_clear(&store->index);
	free(store->dir);
	free(store);
}

const char *store_dir(const struct store *store)
{
	return store->dir;
}

const struct index *store_index(const struct store *store)
{
	return &store->index;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_empty_folder(const char *path)
{
	cleanup(close_dir) DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (!is_dot(entry->d_name))
			return false;
	return dir != NULL;
}

int store_make(struct store *store, struct error *err)
{
	struct stat st;

	if (file_make_dirs(store->dir, MODE_FOLDER, err) < 0)
		return -1;
	if (stat(store->dir, &st) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot examine %s", store->dir);
	if ((st.st_mode & 077) == 0)
		return 0;
	if (!is_empty_folder(store->dir))
		return error_set(err, ERROR_KEY,
				 "%s is open to others and not empty. An "
				 "authority wants a folder of its own: name a "
				 "new or an empty one with --dir",
				 store->dir);
	if (chmod(store->dir, MODE_FOLDER) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot close %s to others", store->dir);
	return 0;
}

static int make_folder(const struct store *store, const char *name,
		       struct error *err)
{
	autofree char *path = path_of(store, NULL, name, "");

	if (!path)
		return error_set_no_memory(err);
	if (mkdir(path, MODE_FOLDER) < 0 && errno != EEXIST)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make the folder %s", path);
	return 0;
}

static int sync_folder(const char *path, struct error *err)
{
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot sync the folder %s", path);
	return 0;
}

static int remove_file(const char *path, struct error *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot remove %s", path);
	return 0;
}

/* FROM to TO (which is used up); what is not there has moved already. */
static int move(const char *from, char *to, struct error *err)
{
	char *slash;

	if (!from || !to)
		return error_set_no_memory(err);
	if (rename(from, to) < 0)
		return errno == ENOENT
			       ? 0
			       : error_set_errno(err, ERROR_SYSTEM, errno,
						 "cannot move %s to %s", from,
						 to);
	slash = strrchr(to, '/');
	*slash = '\0';
	return sync_folder(to, err);
}

static int move_file(const struct store *store, const struct index_entry *entry,
		     enum store_file file, struct error *err)
{
	autofree char *from = pending_path(store, entry->serial, file);
	autofree char *to = store_path(store, entry->kind, entry->name, file);

	return move(from, to, err);
}

static int finish_crl(const struct store *store, struct error *err)
{
	autofree char *from = pending_crl_path(store);
	autofree char *to = store_crl_path(store);

	return move(from, to, err);
}

static char *gone_path(const struct store *store, const char *serial)
{
	return path_of(store, "pending", serial, GONE_SUFFIX);
}

/* Where it is marked as gone, the key of an older certificate. */
static int remove_key(const struct store *store,
		      const struct index_entry *entry, struct error *err)
{
	autofree char *mark = gone_path(store, entry->serial);
	autofree char *key =
		store_path(store, entry->kind, entry->name, STORE_KEY);

	if (!mark || !key)
		return error_set_no_memory(err);
	if (access(mark, F_OK) < 0)
		return 0;
	return remove_file(key, err) < 0 ? -1 : remove_file(mark, err);
}

/* The key first: a certificate in its place has its key beside it. */
static int finish(const struct store *store, const struct index_entry *entry,
		  struct error *err)
{
	if (remove_key(store, entry, err) < 0)
		return -1;
	if (move_file(store, entry, STORE_KEY, err) < 0)
		return -1;
	return move_file(store, entry, STORE_CERTIFICATE, err);
}

/* A list counts where the index has its number, else it was never written. */
static int settle_crl(const struct store *store, const char *path,
		      struct error *err)
{
	autofree char *counts = pending_crl_path(store);

	if (!counts)
		return error_set_no_memory(err);
	return strcmp(path, counts) == 0 ? finish_crl(store, err)
					 : remove_file(path, err);
}

/* Of an interrupted write: SERIAL.SUFFIX.XXXXXX. */
static bool is_temporary(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && strchr(dot + 1, '.');
}

/* What the index does not know as valid was never issued, or is outdated. */
static int settle(const struct store *store, const char *folder,
		  const char *name, struct error *err)
{
	char serial[SERIAL_TEXT_SIZE] = "";
	autofree char *path = file_join(folder, name);
	const struct index_entry *entry;

	if (!path)
		return error_set_no_memory(err);
	if (strstr(name, CRL_SUFFIX))
		return settle_crl(store, path, err);
	memcpy(serial, name, strnlen(name, sizeof(serial) - 1));
	entry = index_find_serial(&store->index, serial);
	if (entry && entry->state == INDEX_VALID && !is_temporary(name))
		return finish(store, entry, err);
	return remove_file(path, err);
}

/* A temporary file of an index that was never renamed. */
static int sweep(const struct store *store, const char *folder,
		 const char *name, struct error *err)
{
	static const char begin[] = "index.tsv.";
	autofree char *path = NULL;

	if (strncmp(name, begin, sizeof(begin) - 1) != 0)
		return 0;
	path = file_join(folder, name);
	return path ? remove_file(path, err) : error_set_no_memory(err);
}

typedef int visit_fn(const struct store *store, const char *folder,
		     const char *name, struct error *err);

static int visit_all(const struct store *store, const char *name,
		     visit_fn *visit, struct error *err)
{
	autofree char *folder = path_of(store, NULL, name, "");
	cleanup(close_dir) DIR *dir = folder ? opendir(folder) : NULL;
	struct dirent *entry;

	if (!folder)
		return error_set_no_memory(err);
	if (!dir)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot read the folder %s", folder);
	while ((entry = readdir(dir)))
		if (!is_dot(entry->d_name) &&
		    visit(store, folder, entry->d_name, err) < 0)
			return -1;
	return 0;
}

/* Finishes or removes what a killed command has left. */
static int recover(const struct store *store, struct error *err)
{
	if (visit_all(store, "pending", settle, err) < 0)
		return -1;
	return visit_all(store, "", sweep, err);
}

static int wait_for_lock(struct store *store, struct error *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	autofree char *path = path_of(store, NULL, "lock", "");
	autoclose int fd = -1;

	if (!path)
		return error_set_no_memory(err);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		  MODE_PRIVATE);
	if (fd < 0)
		return error_set_errno(
			err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_SYSTEM,
			errno, "cannot open %s", path);
	while (fcntl(fd, F_SETLKW, &whole) < 0)
		if (errno != EINTR)
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "cannot lock %s", path);
	store->lock = steal_fd(&fd);
	return 0;
}

int store_lock(struct store *store, struct error *err)
{
	if (wait_for_lock(store, err) < 0 || read_index(store, err) < 0)
		return -1;
	if (make_folder(store, "hosts", err) < 0 ||
	    make_folder(store, "users", err) < 0 ||
	    make_folder(store, "pending", err) < 0)
		return -1;
	return recover(store, err);
}

static int stage(const struct store *store, const struct index_entry *entry,
		 enum store_file file, BIO *pem, struct error *err)
{
	autofree char *path = pending_path(store, entry->serial, file);
	size_t len;
	const char *bytes = crypto_bio_bytes(pem, &len);

	if (!path)
		return error_set_no_memory(err);
	return file_write_new(
		path, bytes, len,
		file == STORE_KEY ? MODE_PRIVATE : MODE_CERTIFICATE, err);
}

static int write_index(const struct store *store, struct error *err)
{
	autofree char *path = index_path(store);
	autobuf text = {0};

	index_print(&store->index, &text);
	if (!path || !buf_ok(&text))
		return error_set_no_memory(err);
	return file_write_atomic(path, buf_bytes(&text), text.len, MODE_PRIVATE,
				 err);
}

static int stage_gone(const struct store *store,
		      const struct index_entry *entry, struct error *err)
{
	autofree char *mark = gone_path(store, entry->serial);
	autofree char *key =
		store_path(store, entry->kind, entry->name, STORE_KEY);

	if (!mark || !key)
		return error_set_no_memory(err);
	if (access(key, F_OK) < 0)
		return 0;
	return file_write_new(mark, "", 0, MODE_PRIVATE, err);
}

static int enter(struct store *store, const struct index_entry *entry,
		 BIO *certificate, enum store_key where, BIO *key,
		 struct error *err)
{
	/* First, since pending files of a serial in the index would count. */
	if (index_add(&store->index, entry, err) < 0)
		return -1;
	if (stage(store, entry, STORE_CERTIFICATE, certificate, err) < 0)
		return -1;
	if (where == STORE_KEY_GIVEN &&
	    stage(store, entry, STORE_KEY, key, err) < 0)
		return -1;
	if (where == STORE_KEY_ELSEWHERE && stage_gone(store, entry, err) < 0)
		return -1;
	return write_index(store, err);
}

/* After a failed write: the index on disk tells what counts. */
static void return_to_disk(struct store *store)
{
	if (read_index(store, NULL) == 0)
		(void)recover(store, NULL);
}

int store_commit(struct store *store, const struct index_entry *entry,
		 BIO *certificate, enum store_key where, BIO *key,
		 struct error *err)
{
	if (enter(store, entry, certificate, where, key, err) < 0) {
		return_to_disk(store);
		return -1;
	}
	if (finish(store, entry, err) == 0)
		return 0;
	error_prefix(err,
		     "the certificate with serial %s was issued, but its "
		     "files are still in %s/pending; the next command that "
		     "issues one moves them",
		     entry->serial, store->dir);
	return -1;
}

int store_revoke(struct store *store, const char *serial, time_t since,
		 const char *reason, struct error *err)
{
	return index_revoke(&store->index, serial, since, reason, err);
}

void store_next_crl(struct store *store, time_t issued, time_t expires)
{
	struct index_crl *crl = &store->index.crl;
	uint64_t next = crl->number + 1;
	time_t now = time(NULL);

	*crl = (struct index_crl){
		.number =
			now > 0 && (uint64_t)now > next ? (uint64_t)now : next,
		.issued = issued,
		.expires = expires,
	};
}

static int enter_crl(const struct store *store, BIO *pem, struct error *err)
{
	autofree char *path = pending_crl_path(store);
	size_t len;
	const char *bytes = crypto_bio_bytes(pem, &len);

	if (!path)
		return error_set_no_memory(err);
	if (file_write_new(path, bytes, len, MODE_CERTIFICATE, err) < 0)
		return -1;
	return write_index(store, err);
}

int store_commit_crl(struct store *store, BIO *pem, struct error *err)
{
	if (enter_crl(store, pem, err) < 0) {
		return_to_disk(store);
		return -1;
	}
	if (finish_crl(store, err) == 0)
		return 0;
	error_prefix(err,
		     "the revocation counts, but the new list is still in "
		     "%s/pending; the next command that writes moves it",
		     store->dir);
	return -1;
}

/* NULL, with ERR unchanged, where the file is not there or is another's. */
static X509 *read_if_serial(const char *path, const char *serial)
{
	autobuf data = {0};
	autox509 *x = NULL;
	char text[SERIAL_TEXT_SIZE];

	if (file_read(path, PEM_FILE_MAX, &data, NULL) < 0 || data.len == 0)
		return NULL;
	x = certificate_from_bytes(buf_bytes(&data), data.len, path, NULL);
	if (!x || certificate_read_serial(x, text) < 0)
		return NULL;
	return strcmp(text, serial) == 0 ? steal(&x) : NULL;
}

X509 *store_certificate(const struct store *store,
			const struct index_entry *entry, struct error *err)
{
	autofree char *pending =
		pending_path(store, entry->serial, STORE_CERTIFICATE);
	autofree char *placed =
		store_path(store, entry->kind, entry->name, STORE_CERTIFICATE);
	X509 *x;

	if (!pending || !placed) {
		error_set_no_memory(err);
		return NULL;
	}
	x = read_if_serial(pending, entry->serial);
	if (!x)
		x = read_if_serial(placed, entry->serial);
	if (!x)
		error_set(err, ERROR_NOT_FOUND,
			  "the certificate with serial %s is not in %s (any "
			  "more)",
			  entry->serial, placed);
	return x;
}
