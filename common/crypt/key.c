/*
 * Key types, generation and PEM over OpenSSL's EVP; see key.h. What always holds:
 * OpenSSL never prompts by itself, since a callback is always given.
 */
#include "crypt/key.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

/*
 * scrypt (RFC 7914). N = 2^14 with r = 8 takes 16 MiB, the most that OpenSSL
 * opens without a special limit; p = 5 makes up for it in time (0.2 s).
 */
#define SCRYPT_N          16384
#define SCRYPT_R          8
#define SCRYPT_P          5
#define SCRYPT_SALT_BYTES 16

static const struct {
	const char *name;
	const char *algorithm;
	const char *curve;
	size_t bits;
	const char *text; /* of key_describe() */
} types[KEY_TYPES] = {
	[KEY_P256] = {"p256", "EC", "P-256", 0, "EC P-256"},
	[KEY_P384] = {"p384", "EC", "P-384", 0, "EC P-384"},
	[KEY_ED25519] = {"ed25519", "ED25519", NULL, 0, "Ed25519"},
	[KEY_RSA3072] = {"rsa3072", "RSA", NULL, 3072, "RSA 3072"},
	[KEY_RSA4096] = {"rsa4096", "RSA", NULL, 4096, "RSA 4096"},
};

int key_type_from_name(const char *name, enum key_type *type, struct error *err)
{
	for (unsigned i = 0; i < KEY_TYPES; i++) {
		if (strcmp(types[i].name, name) == 0) {
			*type = (enum key_type)i;
			return 0;
		}
	}
	return error_set(err, ERROR_USAGE,
			 "there is no key type '%s'; there are: %s", name,
			 KEY_TYPE_NAMES);
}

int key_type_of(const EVP_PKEY *key, enum key_type *type)
{
	char text[KEY_TEXT_SIZE];

	key_describe(key, text);
	for (unsigned i = 0; i < KEY_TYPES; i++) {
		if (strcmp(types[i].text, text) == 0) {
			*type = (enum key_type)i;
			return 0;
		}
	}
	return -1;
}

EVP_PKEY *key_generate(enum key_type type, struct error *err)
{
	const char *algorithm = types[type].algorithm;
	EVP_PKEY *key;

	if (types[type].curve)
		key = EVP_PKEY_Q_keygen(NULL, NULL, algorithm,
					types[type].curve);
	else if (types[type].bits)
		key = EVP_PKEY_Q_keygen(NULL, NULL, algorithm,
					types[type].bits);
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, algorithm);
	if (!key)
		crypto_error(err, ERROR_KEY, "cannot make a key of type %s",
			     types[type].name);
	return key;
}

void key_describe(const EVP_PKEY *key, char *text)
{
	char group[24] = "";

	if (EVP_PKEY_is_a(key, "RSA"))
		snprintf(text, KEY_TEXT_SIZE, "RSA %d", EVP_PKEY_get_bits(key));
	else if (EVP_PKEY_is_a(key, "ED25519"))
		snprintf(text, KEY_TEXT_SIZE, "Ed25519");
	else if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
		snprintf(text, KEY_TEXT_SIZE, "EC %s",
			 strcmp(group, "prime256v1") == 0  ? "P-256"
			 : strcmp(group, "secp384r1") == 0 ? "P-384"
			 : strcmp(group, "secp521r1") == 0 ? "P-521"
							   : group);
	else
		snprintf(text, KEY_TEXT_SIZE, "another kind, %d bits",
			 EVP_PKEY_get_bits(key));
}

/* PKCS#8 by PBES2 with scrypt; NULL on error (in OpenSSL's queue). */
static X509_SIG *encrypt(const EVP_PKEY *key, const struct secret *passphrase)
{
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
	X509_ALGOR *scheme =
		PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL,
				      SCRYPT_SALT_BYTES, NULL, SCRYPT_N,
				      SCRYPT_R, SCRYPT_P);
	X509_SIG *sealed = NULL;

	if (plain && scheme)
		sealed = PKCS8_set0_pbe(passphrase->text, (int)passphrase->len,
					plain, scheme);
	if (!sealed) /* else it owns the scheme */
		X509_ALGOR_free(scheme);
	PKCS8_PRIV_KEY_INFO_free(plain);
	return sealed;
}

BIO *key_to_pem(const EVP_PKEY *key, const struct secret *passphrase,
		struct error *err)
{
	autobio *pem = BIO_new(BIO_s_secmem());
	X509_SIG *sealed = NULL;
	bool ok = pem;

	if (ok && passphrase) {
		sealed = encrypt(key, passphrase);
		ok = sealed && PEM_write_bio_PKCS8(pem, sealed) == 1;
		X509_SIG_free(sealed);
	} else if (ok) {
		ok = PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0,
						   NULL, NULL) == 1;
	}
	if (ok)
		return steal(&pem);
	crypto_error(err, ERROR_KEY, "cannot write the private key as PEM");
	return NULL;
}

bool key_pem_is_encrypted(const void *pem, size_t len)
{
	return memmem(pem, len, "-----BEGIN ENCRYPTED PRIVATE KEY-----", 37) ||
	       memmem(pem, len, "Proc-Type: 4,ENCRYPTED", 22);
}

static int on_passphrase(char *text, int size, int writing, void *context)
{
	const struct secret *passphrase = context;

	if (!passphrase || passphrase->len > (size_t)size)
		return -1;
	memcpy(text, passphrase->text, passphrase->len);
	return (int)passphrase->len;
}

EVP_PKEY *key_from_pem(const void *pem, size_t len, const char *name,
		       const struct secret *passphrase, struct error *err)
{
	autobio *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key = NULL;

	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase,
					      (void *)passphrase);
	if (key)
		return key;
	if (key_pem_is_encrypted(pem, len))
		crypto_error(err, ERROR_KEY,
			     "the passphrase does not open %s, or the file is "
			     "damaged. Try again with the right one",
			     name);
	else
		crypto_error(err, ERROR_KEY,
			     "%s holds no private key in PEM form", name);
	return NULL;
}
