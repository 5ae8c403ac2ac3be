/*
 * The passphrases of a run on many hosts, asked once for each key and before the
 * first host is begun, since processes that run at the same time cannot share a
 * terminal. A process of its own asks and opens the key, so that neither OpenSSL's
 * nor a token's state is carried over a fork; it leaves the answer in memory that
 * both have, and that is locked and wiped like any secret.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "client/connect/channel.h"
#include "client/connect/local.h"
#include "client/many_private.h"
#include "client/connect/profile.h"
#include "wire/tls.h"

/* Hosts of one key. */
struct lock {
	const char *key;
	struct secret *secret;
	struct error why; /* the key could not be opened */
};

/* A session that serves has opened its key long ago. */
static bool has_session(const struct command_call *call,
			const struct profile *profile)
{
	autofree char *path = NULL;

	return channel_wants_session(profile) &&
	       !call_flag(call, "no-session") &&
	       channel_session_path(&path, profile, NULL) == 0 &&
	       local_answers(path);
}

static void tell(int to, const struct error *why)
{
	autobuf text = {0};

	buf_appendf(&text, "%d %s", (int)why->code, error_words(why));
	file_write_all(to, buf_bytes(&text), text.len, NULL);
}

/* In a process of its own: 0 where the key was opened. Does not return. */
static void open_key(struct many *many, const struct profile *profile,
		     struct secret *secret, int to)
{
	struct key_sources sources = *call_key_sources(many->call);
	struct evp_pkey_st *key = NULL;
	autoerror why = {0};
	int rc;

	sources.keep = secret;
	rc = key_load(&key, profile, &sources, &why);
	tls_key_free(key);
	if (rc < 0)
		tell(to, &why);
	error_clear(&why);
	_exit(rc < 0);
}

int many_read_error(const char *text, struct error *err)
{
	char *words = NULL;
	unsigned long code = strtoul(text, &words, 10);

	return error_set(err, (enum error_code)code, "%s",
			 *words ? words + 1 : "");
}

static int read_answer(int from, struct error *err)
{
	autobuf text = {0};
	autofree char *line = NULL;

	if (file_read_fd(from, "the key's report", MANY_WORDS_MAX, &text, err) <
	    0)
		return -1;
	line = buf_steal_str(&text);
	if (!line)
		return error_set_no_memory(err);
	return line[0] ? many_read_error(line, err) : 0;
}

/*
 * Ctrl-C is for the process that asks, which has the terminal in its hands; its
 * end tells of it.
 */
static int await(pid_t child, int from, struct error *err)
{
	sigset_t keys, before;
	int status = 0;
	int rc;

	sigemptyset(&keys);
	sigaddset(&keys, SIGINT);
	sigaddset(&keys, SIGQUIT);
	sigprocmask(SIG_BLOCK, &keys, &before);
	rc = read_answer(from, err);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (rc == 0 && status != 0)
		return error_set(err, ERROR_INTERRUPTED,
				 "asking for the passphrase was interrupted");
	return rc;
}

static int open_in_process(struct many *many, const struct profile *profile,
			   struct secret *secret, struct error *err)
{
	int ends[2];
	pid_t child;
	int rc;

	if (pipe(ends) < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot make a pipe");
	child = fork();
	if (child == 0) {
		close(ends[0]);
		open_key(many, profile, secret, ends[1]);
	}
	close(ends[1]);
	if (child < 0)
		rc = error_set_errno(err, ERROR_SYSTEM, errno,
				     "cannot start a process");
	else
		rc = await(child, ends[0], err);
	close(ends[0]);
	return rc;
}

static struct lock *find_lock(struct lock *locks, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(locks[i].key, key) == 0)
			return &locks[i];
	return NULL;
}

static int copy_error(struct error *to, const struct error *from)
{
	return error_set(to, from->code, "%s", error_words(from));
}

/* Asks where PROFILE's key was not opened yet, and gives HOST what came of it. */
static int unlock_host(struct many *many, struct many_host *host,
		       const struct profile *profile, struct lock *locks,
		       size_t *n)
{
	struct lock *lock = find_lock(locks, *n, profile->key);

	if (!lock) {
		lock = &locks[(*n)++];
		lock->key = profile->key;
		lock->secret = secret_new_shared();
		if (!lock->secret)
			return error_set_no_memory(&host->why);
		many->secrets[many->secrets_count++] = lock->secret;
		open_in_process(many, profile, lock->secret, &lock->why);
	}
	if (error_is_set(&lock->why)) {
		host->refused = true;
		return copy_error(&host->why, &lock->why);
	}
	host->passphrase = lock->secret->len ? lock->secret : NULL;
	return 0;
}

/* What reads its file by itself, or asks nobody, needs no help. */
static bool must_ask(struct many *many)
{
	const struct key_sources *sources = call_key_sources(many->call);

	return sources->passphrase_fd >= 0 ||
	       (!sources->passphrase_file && !sources->batch);
}

static int unlock_all(struct many *many, struct profile **profiles,
		      struct lock *locks, struct error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < many->count; i++) {
		struct many_host *host = &many->hosts[i];
		const struct profile *p = profiles[i];

		if (!p->key || has_session(many->call, p))
			continue;
		if (unlock_host(many, host, p, locks, &n) < 0 &&
		    host->why.code == ERROR_INTERRUPTED)
			return error_move(err, &host->why);
	}
	return 0;
}

static int load_profiles(struct many *many, struct profile **profiles,
			 struct error *err)
{
	for (size_t i = 0; i < many->count; i++)
		if (command_load_profile(many->call, many->names[i],
					 &profiles[i], err) < 0)
			return -1;
	return 0;
}

int many_unlock(struct many *many, struct error *err)
{
	autofree struct profile **profiles =
		calloc(many->count, sizeof(struct profile *));
	autofree struct lock *locks = calloc(many->count, sizeof(*locks));
	int rc;

	many->secrets = calloc(many->count, sizeof(struct secret *));
	if (!profiles || !locks || !many->secrets)
		return error_set_no_memory(err);
	rc = load_profiles(many, profiles, err);
	/* It is in other processes that a person is asked. */
	deadline_hold(&many->call->deadline);
	if (rc == 0 && must_ask(many))
		rc = unlock_all(many, profiles, locks, err);
	deadline_go_on(&many->call->deadline, 0);
	for (size_t i = 0; i < many->count; i++) {
		profile_free(profiles[i]);
		error_clear(&locks[i].why);
	}
	return rc;
}
