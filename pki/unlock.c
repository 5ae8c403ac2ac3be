/*
 * Opening key files. Called by authority and export.
 */
#include "pki/unlock.h"

#include "base/file.h"
#include "crypt/key.h"
#include "pki/limits.h"

static EVP_PKEY *open_key(const char *path, const struct buf *pem,
			  const struct passphrase_source *source,
			  struct error *err)
{
	const void *bytes = buf_bytes(pem);
	unsigned tries = passphrase_is_asked(source) ? PASSPHRASE_TRIES : 1;
	EVP_PKEY *key = NULL;

	if (!key_pem_is_encrypted(bytes, pem->len))
		return key_from_pem(bytes, pem->len, path, NULL, err);
	for (unsigned i = 0; !key && i < tries; i++) {
		autoptr(secret) secret = passphrase_get(source, i, err);

		if (!secret)
			return NULL;
		key = key_from_pem(bytes, pem->len, path, secret, err);
	}
	return key;
}

EVP_PKEY *unlock_key(const char *path, const struct passphrase_source *source,
		     struct error *err)
{
	autobuf pem = {0};
	EVP_PKEY *key = NULL;

	if (file_read_private(path, PEM_FILE_MAX, &pem, err) < 0)
		return NULL;
	if (pem.len == 0)
		error_set(err, ERROR_KEY, "%s is empty. Put back a copy of it",
			  path);
	else
		key = open_key(path, &pem, source, err);
	if (pem.data)
		secret_wipe(pem.data, pem.cap);
	return key;
}
