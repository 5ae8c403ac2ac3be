/* The journal's key (journal_key.h). What always holds: a key is used that the
 * folder has, or one that nothing was hashed with before. */
#include "daemon/rpc/journal_key.h"

#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "base/secret.h"

#define FILE_NAME "keys.secret"
#define FILE_MODE 0600

static int make(const char *path, struct log *log, uint8_t key[DIGEST_BYTES],
		struct error *err)
{
	autoerror why = {0};

	if (random_bytes(key, DIGEST_BYTES, err) < 0)
		return -1;
	if (file_write_atomic(path, key, DIGEST_BYTES, FILE_MODE, &why) < 0)
		log_error(log,
			  "%s; until it can be written, each start makes "
			  "another one, and a retry of a call from before is "
			  "known by its key and method alone",
			  error_words(&why));
	return 0;
}

int journal_key_take(const char *folder, struct log *log,
		     uint8_t key[DIGEST_BYTES], bool *made, struct error *err)
{
	autofree char *path = file_join(folder, FILE_NAME);
	autoerror why = {0};
	autobuf file = {0};

	if (!path)
		return error_set_no_memory(err);
	*made = false;
	if (file_read_private(path, DIGEST_BYTES, &file, &why) < 0) {
		if (why.code != ERROR_NOT_FOUND && why.code != ERROR_TOO_LARGE)
			return error_move(err, &why);
	} else if (file.len == DIGEST_BYTES) {
		memcpy(key, buf_bytes(&file), DIGEST_BYTES);
		secret_wipe(buf_bytes(&file), file.len);
		return 0;
	}
	if (why.code != ERROR_NOT_FOUND)
		log_warning(log, "%s has not %d bytes: it is made anew", path,
			    DIGEST_BYTES);
	*made = true;
	return make(path, log, key, err);
}
