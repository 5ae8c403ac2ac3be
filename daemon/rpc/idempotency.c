/*
 * The table of idempotency keys. Called by admit.c and call.c. What always holds:
 * an entry hangs in its bucket; once done also in the list of its owner and in
 * the list of all, both in the order of completion, so that the oldest result
 * goes first; a running entry is never dropped.
 */
#include "daemon/rpc/idempotency.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/secret.h"
#include "daemon/rpc/limits.h"

#define US_PER_NS 1000

#define FNV_START 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

struct idem_entry {
	struct list in_bucket;
	struct list in_owner; /* done only */
	struct list in_all;   /* done only */
	struct idem_owner *owner;
	uint64_t hash;   /* of owner, key and index */
	uint64_t params; /* keyed hash of the parameters; 0: not known */
	size_t params_len;
	enum method_id method;
	unsigned index;
	bool done;
	bool recorded; /* the journal has its begin */
	uint64_t done_ns;
	int64_t begun_us; /* since 1970 */
	int64_t done_us;
	struct list waiters; /* running only */
	struct error error;
	char *json; /* done without error */
	size_t len;
	char key[]; /* NUL-terminated */
};

struct idem_store {
	struct idem_limits limits;
	unsigned count;
	size_t bytes;
	struct list done; /* oldest first */
	struct list open; /* restored, without an end so far; by in_all */
	struct journal *journal;   /* borrowed, or NULL */
	uint8_t key[DIGEST_BYTES]; /* zeros where nothing is written down */
	struct list buckets[RPC_KEYS_BUCKETS];
};

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t n)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * FNV_PRIME;
	return hash;
}

static uint64_t hash_key(const struct idem_owner *owner, const char *key,
			 unsigned index)
{
	uint64_t hash = hash_bytes(FNV_START, &owner, sizeof(owner));

	hash = hash_bytes(hash, &index, sizeof(index));
	return hash_bytes(hash, key, strlen(key));
}

/*
 * Passwords are among the parameters, and the journal keeps this: whoever has not the
 * store's key can try none against it. 64 bits tell two requests of one key apart.
 */
static int hash_params(const struct idem_store *store,
		       const struct idem_request *request, uint64_t *hash,
		       struct error *err)
{
	uint8_t digest[DIGEST_BYTES];

	if (digest_keyed(store->key, request->params, request->params_len,
			 digest) < 0)
		return error_set_no_memory(err);
	memcpy(hash, digest, sizeof(*hash));
	return 0;
}

static struct list *bucket(struct idem_store *store, uint64_t hash)
{
	return &store->buckets[(hash ^ hash >> 32) & (RPC_KEYS_BUCKETS - 1)];
}

int idem_new(struct idem_store **out, const struct idem_limits *limits,
	     struct error *err)
{
	struct idem_store *store = calloc(1, sizeof(*store));

	if (!store)
		return error_set_no_memory(err);
	store->limits = *limits;
	list_init(&store->done);
	list_init(&store->open);
	for (size_t i = 0; i < RPC_KEYS_BUCKETS; i++)
		list_init(&store->buckets[i]);
	*out = store;
	return 0;
}

void idem_set_limits(struct idem_store *store, const struct idem_limits *limits)
{
	store->limits = *limits;
}

static void forget(struct idem_store *store, struct idem_entry *entry)
{
	assert(list_empty(&entry->waiters));
	list_remove(&entry->in_bucket);
	list_remove(&entry->in_owner);
	list_remove(&entry->in_all);
	store->count--;
	entry->owner->count--;
	store->bytes -= entry->len;
	error_clear(&entry->error);
	free(entry->json);
	free(entry);
}

void idem_free(struct idem_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < RPC_KEYS_BUCKETS; i++)
		list_for_each_safe (node, &store->buckets[i])
			forget(store,
			       list_entry(node, struct idem_entry, in_bucket));
	secret_wipe(store->key, sizeof(store->key));
	free(store);
}

void idem_owner_init(struct idem_owner *owner, const char *name)
{
	owner->name = name;
	list_init(&owner->done);
	owner->count = 0;
}

static bool forget_first(struct idem_store *store, struct list *done,
			 bool by_owner)
{
	struct list *first = done->next;

	if (list_empty(done))
		return false;
	forget(store, by_owner ? list_entry(first, struct idem_entry, in_owner)
			       : list_entry(first, struct idem_entry, in_all));
	return true;
}

void idem_forget_owner(struct idem_store *store, struct idem_owner *owner)
{
	while (forget_first(store, &owner->done, true))
		;
	assert(owner->count == 0);
}

static void forget_old(struct idem_store *store, uint64_t now)
{
	while (!list_empty(&store->done)) {
		struct idem_entry *oldest =
			list_entry(store->done.next, struct idem_entry, in_all);

		if (now - oldest->done_ns <
		    store->limits.age_ms * CLOCK_NS_PER_MS)
			return;
		forget(store, oldest);
	}
}

static struct idem_entry *find(struct idem_store *store,
			       const struct idem_owner *owner, const char *key,
			       unsigned index, uint64_t hash)
{
	list_for_each (node, bucket(store, hash)) {
		struct idem_entry *entry =
			list_entry(node, struct idem_entry, in_bucket);

		if (entry->hash == hash && entry->owner == owner &&
		    entry->index == index && strcmp(entry->key, key) == 0)
			return entry;
	}
	return NULL;
}

static bool valid_key(const char *key)
{
	size_t n = strnlen(key, RPC_KEY_MAX + 1);

	if (n == 0 || n > RPC_KEY_MAX)
		return false;
	for (; *key; key++)
		if (*key <= 0x20 || *key >= 0x7f)
			return false;
	return true;
}

static int make_room(struct idem_store *store, struct idem_owner *owner,
		     struct error *err)
{
	while (owner->count >= store->limits.keys_identity)
		if (!forget_first(store, &owner->done, true))
			return error_set(err, ERROR_BUSY,
					 "too many calls with an "
					 "idempotency-key are running; try "
					 "again later");
	while (store->count >= store->limits.keys)
		if (!forget_first(store, &store->done, false))
			return error_set(err, ERROR_BUSY,
					 "the host remembers too many running "
					 "calls; try again later");
	return 0;
}

/* Without a method and parameters yet. */
static struct idem_entry *add(struct idem_store *store,
			      struct idem_owner *owner, const char *key,
			      unsigned index, uint64_t hash)
{
	size_t n = strlen(key) + 1;
	struct idem_entry *entry = calloc(1, sizeof(*entry) + n);

	if (!entry)
		return NULL;
	memcpy(entry->key, key, n);
	entry->owner = owner;
	entry->hash = hash;
	entry->index = index;
	list_init(&entry->in_owner);
	list_init(&entry->in_all);
	list_init(&entry->waiters);
	list_append(bucket(store, hash), &entry->in_bucket);
	store->count++;
	owner->count++;
	return entry;
}

static enum idem_found judge_known(const struct idem_entry *entry,
				   const struct idem_request *request,
				   uint64_t params, struct error *err)
{
	if (entry->method == request->method &&
	    entry->params_len == request->params_len &&
	    (entry->params == params || entry->params == 0))
		return entry->done ? IDEM_DONE : IDEM_RUNNING;
	error_set(
		err, ERROR_INVALID_REQUEST,
		"this idempotency-key was used for another request (%s); take "
		"a new key for each change",
		method_by_id(entry->method)->name);
	return IDEM_REFUSED;
}

enum idem_found idem_begin(struct idem_store *store, struct idem_owner *owner,
			   const struct idem_request *request, uint64_t now,
			   struct idem_entry **entry, struct error *err)
{
	uint64_t hash, params;

	if (!valid_key(request->key)) {
		error_set(err, ERROR_INVALID_REQUEST,
			  "an idempotency-key has 1 to %u visible ASCII "
			  "characters",
			  RPC_KEY_MAX);
		return IDEM_REFUSED;
	}
	if (hash_params(store, request, &params, err) < 0)
		return IDEM_REFUSED;
	forget_old(store, now);
	hash = hash_key(owner, request->key, request->index);
	*entry = find(store, owner, request->key, request->index, hash);
	if (*entry)
		return judge_known(*entry, request, params, err);
	if (make_room(store, owner, err) < 0)
		return IDEM_REFUSED;
	*entry = add(store, owner, request->key, request->index, hash);
	if (!*entry) {
		error_set_no_memory(err);
		return IDEM_REFUSED;
	}
	(*entry)->method = request->method;
	(*entry)->params = params;
	(*entry)->params_len = request->params_len;
	return IDEM_NEW;
}

/* -- the journal ---------------------------------------------------------- */

static struct journal_record describe(const struct idem_entry *entry,
				      enum journal_kind kind)
{
	bool failed = error_is_set(&entry->error);

	return (struct journal_record){
		.kind = kind,
		.index = entry->index,
		.time_us =
			kind == JOURNAL_END ? entry->done_us : entry->begun_us,
		.identity = entry->owner->name,
		.key = entry->key,
		.method = method_by_id(entry->method)->name,
		.params = entry->params,
		.params_len = entry->params_len,
		.error = failed ? error_code_name(entry->error.code) : "",
		.text = failed ? error_words(&entry->error) : entry->json,
		.text_len = failed ? strlen(error_words(&entry->error))
				   : entry->len,
	};
}

/* A failure is the journal's to tell of; the next begin is refused for it. */
static void write_end(struct idem_store *store, const struct idem_entry *entry,
		      enum journal_kind kind)
{
	struct journal_record record = describe(entry, kind);

	if (store->journal && entry->recorded)
		journal_append(store->journal, &record, NULL);
}

int idem_record(struct idem_store *store, struct idem_entry *entry,
		struct journal_wait *wait, journal_written_fn *fn,
		struct error *err)
{
	struct journal_record record;

	if (!store->journal)
		return 1;
	entry->begun_us = clock_realtime_us();
	record = describe(entry, JOURNAL_BEGIN);
	if (journal_append(store->journal, &record, err) < 0)
		return -1;
	entry->recorded = true;
	journal_sync(store->journal, wait, fn);
	return 0;
}

static void encode(struct buf *out, const struct idem_entry *entry)
{
	struct journal_record begin = describe(entry, JOURNAL_BEGIN);
	struct journal_record end = describe(entry, JOURNAL_END);

	if (!entry->recorded)
		return;
	journal_encode(out, &begin);
	if (entry->done)
		journal_encode(out, &end);
}

/* The done ones in their order, which is that in which they are forgotten. */
static int snapshot(void *context, struct buf *out)
{
	struct idem_store *store = context;

	list_for_each (node, &store->done)
		encode(out, list_entry(node, struct idem_entry, in_all));
	for (size_t i = 0; i < RPC_KEYS_BUCKETS; i++)
		list_for_each (node, &store->buckets[i]) {
			struct idem_entry *entry =
				list_entry(node, struct idem_entry, in_bucket);

			if (!entry->done)
				encode(out, entry);
		}
	return buf_ok(out) ? 0 : -1;
}

void idem_set_journal(struct idem_store *store, struct journal *journal)
{
	store->journal = journal;
	if (!journal)
		return;
	memcpy(store->key, journal_key(journal), sizeof(store->key));
	journal_set_snapshot(journal, snapshot, store);
}

void idem_wait(struct idem_entry *entry, struct list *node)
{
	assert(!entry->done);
	list_append(&entry->waiters, node);
}

/* Memory may run out: then that the outcome is not known, which needs none. */
static void copy_outcome(struct idem_entry *entry, const struct error *error,
			 const char *json, size_t len)
{
	if (error && error_is_set(error)) {
		error_set(&entry->error, error->code, "%s", error_words(error));
		return;
	}
	entry->json = malloc(len + 1);
	if (!entry->json) {
		entry->error.code = ERROR_UNKNOWN_OUTCOME;
		return;
	}
	memcpy(entry->json, json, len);
	entry->json[len] = '\0';
	entry->len = len;
}

static void finish(struct idem_store *store, struct idem_entry *entry,
		   uint64_t now)
{
	store->bytes += entry->len;
	entry->done = true;
	entry->done_ns = now;
	list_append(&entry->owner->done, &entry->in_owner);
	list_remove(&entry->in_all);
	list_append(&store->done, &entry->in_all);
}

void idem_complete(struct idem_store *store, struct idem_entry *entry,
		   const struct error *error, const char *json, size_t len,
		   uint64_t now, struct list *waiters)
{
	assert(!entry->done);
	copy_outcome(entry, error, json, len);
	entry->done_us = clock_realtime_us();
	finish(store, entry, now);
	write_end(store, entry, JOURNAL_END);
	list_take(waiters, &entry->waiters);
	while (store->bytes > store->limits.bytes &&
	       store->done.next != &entry->in_all)
		forget_first(store, &store->done, false);
}

void idem_withdraw(struct idem_store *store, struct idem_entry *entry,
		   struct list *waiters)
{
	assert(!entry->done);
	write_end(store, entry, JOURNAL_WITHDRAWN);
	list_take(waiters, &entry->waiters);
	forget(store, entry);
}

/* -- what the journal has of an earlier daemon ----------------------------- */

static int restore_begin(struct idem_store *store, struct idem_owner *owner,
			 const struct journal_record *record, uint64_t hash,
			 struct error *err)
{
	const struct method *method =
		method_find(record->method, strlen(record->method));
	struct idem_entry *entry;

	/* A method that this version has not: a retry is refused for that. */
	if (!method || !valid_key(record->key) ||
	    make_room(store, owner, NULL) < 0)
		return 0;
	entry = add(store, owner, record->key, record->index, hash);
	if (!entry)
		return error_set_no_memory(err);
	entry->method = method->id;
	entry->params = record->params;
	entry->params_len = record->params_len;
	entry->begun_us = record->time_us;
	entry->recorded = true;
	list_append(&store->open, &entry->in_all);
	return 0;
}

/* Of the monotonic clock, when the wall clock showed TIME_US. */
static uint64_t as_monotonic(int64_t time_us, uint64_t now)
{
	int64_t age = clock_realtime_us() - time_us;

	if (age <= 0)
		return now;
	return (uint64_t)age < now / US_PER_NS ? now - (uint64_t)age * US_PER_NS
					       : 0;
}

static void restore_end(struct idem_store *store, struct idem_entry *entry,
			const struct journal_record *record, uint64_t now)
{
	struct error error = {0};

	if (*record->error)
		error_set(&error, error_code_from_name(record->error), "%s",
			  record->text);
	copy_outcome(entry, &error, record->text, record->text_len);
	error_clear(&error);
	entry->done_us = record->time_us;
	finish(store, entry, as_monotonic(record->time_us, now));
}

int idem_restore(struct idem_store *store, struct idem_owner *owner,
		 const struct journal_record *record, uint64_t now,
		 struct error *err)
{
	uint64_t hash = hash_key(owner, record->key, record->index);
	struct idem_entry *entry =
		find(store, owner, record->key, record->index, hash);

	/* Begun once more after it was forgotten: the last one counts. */
	if (entry && (record->kind != JOURNAL_END || entry->done)) {
		forget(store, entry);
		entry = NULL;
	}
	if (record->kind == JOURNAL_BEGIN)
		return restore_begin(store, owner, record, hash, err);
	if (record->kind == JOURNAL_END && entry)
		restore_end(store, entry, record, now);
	return 0;
}

void idem_restored(struct idem_store *store, uint64_t now)
{
	while (!list_empty(&store->open)) {
		struct idem_entry *entry =
			list_entry(store->open.next, struct idem_entry, in_all);
		char time[CLOCK_TEXT_SIZE];

		clock_format_s((time_t)(entry->begun_us / 1000000), time);
		error_set(&entry->error, ERROR_UNKNOWN_OUTCOME,
			  "%s was begun at %s, and virtmuxd ended before its "
			  "outcome was written down: whether it took place is "
			  "not known",
			  method_by_id(entry->method)->name, time);
		entry->done_us = clock_realtime_us();
		finish(store, entry, now);
		write_end(store, entry, JOURNAL_END);
	}
	forget_old(store, now);
}

const struct error *idem_error(const struct idem_entry *entry)
{
	return error_is_set(&entry->error) ? &entry->error : NULL;
}

const char *idem_result(const struct idem_entry *entry, size_t *len)
{
	*len = entry->len;
	return entry->json;
}

bool idem_nothing_done(enum error_code code)
{
	return code == ERROR_BUSY || code == ERROR_UNAVAILABLE ||
	       code == ERROR_DRAINING;
}
