/*
 * Reading requests with OpenSSL's structures. Called by sign. What always holds:
 * bytes of a request reach the terminal only as printable characters, and a name
 * with a NUL or another odd byte is no name.
 */
#include "pki/request.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/user.h"
#include "crypt/key.h"
#include "pki/describe.h"

struct request {
	X509_REQ *asked;
	STACK_OF(X509_EXTENSION) * extensions; /* may be NULL */
	GENERAL_NAMES *names;                  /* may be NULL */
};

void request_free(struct request *request)
{
	if (!request)
		return;
	GENERAL_NAMES_free(request->names);
	sk_X509_EXTENSION_pop_free(request->extensions, X509_EXTENSION_free);
	X509_REQ_free(request->asked);
	free(request);
}

static X509_REQ *parse(const void *data, size_t len)
{
	autobio *bio = len ? BIO_new_mem_buf(data, (int)len) : NULL;
	const unsigned char *der = data;
	X509_REQ *asked =
		bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;

	if (!asked && len)
		asked = d2i_X509_REQ(NULL, &der, (long)len);
	return asked;
}

/* Whether a key that was made elsewhere is strong enough to be certified. */
static int check_key(const EVP_PKEY *key, struct error *err)
{
	char text[KEY_TEXT_SIZE];
	enum key_type type;
	int bits = EVP_PKEY_get_bits(key);

	key_describe(key, text);
	if (key_type_of(key, &type) == 0 || strcmp(text, "EC P-521") == 0)
		return 0;
	if (EVP_PKEY_is_a(key, "RSA") && bits >= RSA_BITS_MIN &&
	    bits <= RSA_BITS_MAX)
		return 0;
	return error_set(
		err, ERROR_KEY,
		"a key of the kind '%s' gets no certificate. Make one "
		"of EC P-256, P-384 or P-521, Ed25519, or RSA of %d to "
		"%d bits",
		text, RSA_BITS_MIN, RSA_BITS_MAX);
}

/* The proof that whoever sent it has the key. */
static int check_signature(X509_REQ *asked, const char *name, struct error *err)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(asked);

	if (!key)
		return crypto_error(err, ERROR_KEY,
				    "the key in %s cannot be read", name);
	if (check_key(key, err) < 0)
		return error_prefix(err, "%s", name);
	if (X509_REQ_verify(asked, key) != 1)
		return crypto_error(err, ERROR_KEY,
				    "the request in %s is not signed by its "
				    "own key: it was changed or damaged. Ask "
				    "for it again",
				    name);
	return 0;
}

struct request *request_from_bytes(const void *data, size_t len,
				   const char *name, struct error *err)
{
	autoptr(request) request = calloc(1, sizeof(*request));

	if (!request) {
		error_set_no_memory(err);
		return NULL;
	}
	request->asked = parse(data, len);
	if (!request->asked) {
		crypto_error(err, ERROR_KEY,
			     "%s holds no certificate request in PEM or DER "
			     "form",
			     name);
		return NULL;
	}
	ERR_clear_error();
	if (check_signature(request->asked, name, err) < 0)
		return NULL;
	request->extensions = X509_REQ_get_extensions(request->asked);
	request->names = X509V3_get_d2i(request->extensions,
					NID_subject_alt_name, NULL, NULL);
	ERR_clear_error();
	return steal(&request);
}

EVP_PKEY *request_key(const struct request *request)
{
	return X509_REQ_get0_pubkey(request->asked);
}

void request_print(const struct request *request, struct buf *out)
{
	request_describe(request->asked, out);
}

/* ASN.1 bytes as a user's name, after PREFIX; false where they are none. */
static bool user_name(const ASN1_STRING *value, const char *prefix, char *name)
{
	const char *bytes = (const char *)ASN1_STRING_get0_data(value);
	size_t len = (size_t)ASN1_STRING_length(value);
	size_t skip = strlen(prefix);

	if (len < skip || len - skip > USER_NAME_MAX ||
	    memcmp(bytes, prefix, skip) != 0 || memchr(bytes, '\0', len))
		return false;
	memcpy(name, bytes + skip, len - skip);
	name[len - skip] = '\0';
	return user_check_name(name, NULL) == 0;
}

static const ASN1_STRING *common_name(const struct request *request)
{
	const X509_NAME *subject = X509_REQ_get_subject_name(request->asked);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0)
		return NULL;
	return X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
}

static bool wants_server(const struct request *request)
{
	EXTENDED_KEY_USAGE *usages = X509V3_get_d2i(
		request->extensions, NID_ext_key_usage, NULL, NULL);
	bool wants = false;

	for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++)
		wants |= OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i)) ==
			 NID_server_auth;
	EXTENDED_KEY_USAGE_free(usages);
	return wants;
}

static int unclear(const char *why, struct error *err)
{
	return error_set(err, ERROR_USAGE,
			 "%s. Say what you grant: --user NAME, or --host NAME "
			 "with a --san for each further name",
			 why);
}

static void add_san(struct request_wish *wish, const struct san *san)
{
	for (size_t i = 0; i < wish->san_count; i++)
		if (name_same_san(&wish->sans[i], san))
			return;
	if (wish->san_count < SAN_MAX)
		wish->sans[wish->san_count++] = *san;
}

/* The names of a host and of users among the alternative names. */
static size_t collect(const struct request *request, struct request_wish *wish)
{
	size_t users = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(request->names); i++) {
		const GENERAL_NAME *name =
			sk_GENERAL_NAME_value(request->names, i);
		struct san san;
		int type;
		const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);

		if (certificate_san(name, &san))
			add_san(wish, &san);
		else if (type == GEN_URI &&
			 user_name(value, USER_URI_PREFIX, wish->name))
			users++;
	}
	return users;
}

/* The common name where it is a host's, first among the others. */
static void add_common_name(const struct request *request,
			    struct request_wish *wish)
{
	const ASN1_STRING *value = common_name(request);
	char text[SAN_TEXT_SIZE] = "";
	struct san san;
	size_t len = value ? (size_t)ASN1_STRING_length(value) : 0;

	if (len == 0 || len >= sizeof(text) ||
	    memchr(ASN1_STRING_get0_data(value), '\0', len))
		return;
	memcpy(text, ASN1_STRING_get0_data(value), len);
	if (name_parse_host(text, &san, NULL) == 0)
		add_san(wish, &san);
}

static int wish_host(struct request_wish *wish, struct error *err)
{
	if (wish->san_count == 0)
		return unclear("the request names no host", err);
	wish->kind = CERTIFICATE_HOST;
	strcpy(wish->name, wish->sans[0].text);
	return 0;
}

int request_wish(const struct request *request, struct request_wish *wish,
		 struct error *err)
{
	const ASN1_STRING *common = common_name(request);
	size_t users;

	*wish = (struct request_wish){.kind = CERTIFICATE_USER};
	wish->sans = calloc(SAN_MAX, sizeof(*wish->sans));
	if (!wish->sans)
		return error_set_no_memory(err);
	if (sk_GENERAL_NAME_num(request->names) <= 0 && wants_server(request))
		add_common_name(request, wish);
	users = collect(request, wish);
	if (users > 1)
		return unclear("the request names several users", err);
	if (users == 1 && (wish->san_count > 0 || wants_server(request)))
		return unclear("the request names a user and a host", err);
	if (users == 1)
		return 0;
	if (wish->san_count > 0 || wants_server(request))
		return wish_host(wish, err);
	if (sk_GENERAL_NAME_num(request->names) <= 0 && common &&
	    user_name(common, "", wish->name))
		return 0;
	return unclear("the request names neither a user nor a host", err);
}

void request_wish_clear(struct request_wish *wish)
{
	free(wish->sans);
	*wish = (struct request_wish){0};
}

static bool is_granted(const GENERAL_NAME *name,
		       const struct request_wish *granted)
{
	char user[SAN_TEXT_SIZE];
	struct san san;
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);

	if (granted->kind == CERTIFICATE_USER)
		return type == GEN_URI &&
		       user_name(value, USER_URI_PREFIX, user) &&
		       strcmp(user, granted->name) == 0;
	if (!certificate_san(name, &san))
		return false;
	for (size_t i = 0; i < granted->san_count; i++)
		if (name_same_san(&granted->sans[i], &san))
			return true;
	return false;
}

void request_print_denied(const struct request *request,
			  const struct request_wish *granted, struct buf *out)
{
	BASIC_CONSTRAINTS *basic = X509V3_get_d2i(
		request->extensions, NID_basic_constraints, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(request->names); i++) {
		const GENERAL_NAME *name =
			sk_GENERAL_NAME_value(request->names, i);
		autofree char *text = describe_name(name);

		if (text && !is_granted(name, granted))
			buf_appendf(out, "%s\n", text);
	}
	if (basic && basic->ca)
		buf_append_str(out, "to be an authority\n");
	if (granted->kind == CERTIFICATE_USER && wants_server(request))
		buf_append_str(out, "to be a server\n");
	BASIC_CONSTRAINTS_free(basic);
	ERR_clear_error();
}
