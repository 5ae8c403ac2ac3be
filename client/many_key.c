/*
 * The keys of a run on many hosts, asked for and unlocked once each and before the
 * first host is begun: processes that run at the same time cannot share a terminal, and
 * scrypt is made to cost. A process of its own does it, so that neither OpenSSL's nor a
 * token's state is carried over a fork; it leaves the key (of a token, which keeps it,
 * the PIN) in memory that all have, and that is locked and wiped like any secret.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "client/connect/channel.h"
#include "client/connect/session.h"
#include "client/many_private.h"
#include "client/connect/profile.h"
#include "wire/tls.h"

/* A session that serves has opened its key long ago. */
static bool has_session(const struct command_call *call,
			const struct profile *profile)
{
	return channel_wants_session(profile) &&
	       !call_flag(call, "no-session") && session_serves(profile);
}

static void tell(int to, const struct error *why)
{
	autobuf text = {0};

	buf_appendf(&text, "%d %s", (int)why->code, error_words(why));
	file_write_all(to, buf_bytes(&text), text.len, NULL);
}

/* In a process of its own: 0 where the key was opened. Does not return. */
static void open_key(struct many *many, const struct profile *profile,
		     struct many_lock *lock, int to)
{
	struct key_sources sources = *call_key_sources(many->call);
	struct evp_pkey_st *key = NULL;
	autoerror why = {0};
	int rc;

	sources.keep = lock->secret;
	sources.keep_key = lock->opened;
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
			   struct many_lock *lock, struct error *err)
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
		open_key(many, profile, lock, ends[1]);
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

static struct many_lock *find_lock(struct many *many, const char *key)
{
	for (size_t i = 0; i < many->locks_count; i++)
		if (strcmp(many->locks[i].key, key) == 0)
			return &many->locks[i];
	return NULL;
}

void many_lock_free(struct many_lock *lock)
{
	secret_free(lock->secret);
	secret_unmap(lock->opened, sizeof(*lock->opened));
	error_clear(&lock->why);
	free(lock->key);
}

/* Unlocks PROFILE's key; many->locks has room. NULL without memory. */
static struct many_lock *new_lock(struct many *many,
				  const struct profile *profile)
{
	struct many_lock *lock = &many->locks[many->locks_count];

	lock->key = strdup(profile->key);
	lock->secret = secret_new_shared();
	lock->opened = secret_map(sizeof(*lock->opened), true);
	if (!lock->key || !lock->secret || !lock->opened) {
		many_lock_free(lock);
		*lock = (struct many_lock){0};
		return NULL;
	}
	many->locks_count++;
	open_in_process(many, profile, lock, &lock->why);
	/* Who has the key needs no passphrase. */
	if (lock->opened->len)
		secret_free(steal(&lock->secret));
	return lock;
}

/* Asks where PROFILE's key was not opened yet, and gives HOST what came of it. */
static int unlock_host(struct many *many, struct many_host *host,
		       const struct profile *profile)
{
	struct many_lock *lock = find_lock(many, profile->key);

	if (!lock)
		lock = new_lock(many, profile);
	host->refused = !lock || error_is_set(&lock->why);
	if (!lock)
		return error_set_no_memory(&host->why);
	if (host->refused)
		return error_copy(&host->why, &lock->why);
	if (lock->opened->len)
		host->opened = lock->opened;
	else if (lock->secret->len)
		host->passphrase = lock->secret;
	return 0;
}

static int unlock_all(struct many *many, struct profile **profiles,
		      struct error *err)
{
	for (size_t i = 0; i < many->count; i++) {
		struct many_host *host = &many->hosts[i];
		const struct profile *p = profiles[i];

		if (!p->key || has_session(many->call, p))
			continue;
		if (unlock_host(many, host, p) < 0 &&
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
	int rc;

	many->locks = calloc(many->count, sizeof(*many->locks));
	if (!profiles || !many->locks)
		return error_set_no_memory(err);
	rc = load_profiles(many, profiles, err);
	/* It is in other processes that a person is asked. */
	deadline_hold(&many->call->deadline);
	if (rc == 0)
		rc = unlock_all(many, profiles, err);
	deadline_go_on(&many->call->deadline, 0);
	for (size_t i = 0; i < many->count; i++)
		profile_free(profiles[i]);
	return rc;
}
