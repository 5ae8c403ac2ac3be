/*
 * Building X.509v3 with OpenSSL's structures, never from configuration strings,
 * so that a name cannot bring a second one along. Called by authority. What
 * always holds: a certificate that is returned is complete and signed.
 */
#include "pki/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/user.h"

static const char *const kind_names[CERTIFICATE_KINDS] = {
	[CERTIFICATE_AUTHORITY] = "ca",
	[CERTIFICATE_HOST] = "host",
	[CERTIFICATE_USER] = "user",
};

const char *certificate_kind_name(enum certificate_kind kind)
{
	return kind_names[kind];
}

int certificate_kind_from_name(const char *name)
{
	for (int i = 0; i < CERTIFICATE_KINDS; i++)
		if (strcmp(kind_names[i], name) == 0)
			return i;
	return -1;
}

int certificate_random_serial(unsigned char *serial, struct error *err)
{
	/* A first byte of 0 would not be printed alike by all tools. */
	do {
		if (RAND_bytes(serial, SERIAL_BYTES) != 1)
			return crypto_error(err, ERROR_SYSTEM,
					    "there are no random numbers");
	} while (serial[0] == 0);
	return 0;
}

void certificate_serial_text(const unsigned char *serial, char *text)
{
	for (size_t i = 0; i < SERIAL_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02X", serial[i]);
}

int certificate_read_serial(const X509 *certificate, char *text)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);

	if (ASN1_STRING_type(serial) != V_ASN1_INTEGER ||
	    ASN1_STRING_length(serial) != SERIAL_BYTES)
		return -1;
	certificate_serial_text(ASN1_STRING_get0_data(serial), text);
	return 0;
}

static int add_extension(X509 *x, int nid, void *value, int critical)
{
	return value && X509_add1_ext_i2d(x, nid, value, critical,
					  X509V3_ADD_DEFAULT) == 1;
}

/* CA:TRUE with path length 0, or CA:FALSE; critical (RFC 5280 4.2.1.9). */
static int add_basic_constraints(X509 *x, const struct certificate_plan *plan)
{
	BASIC_CONSTRAINTS *value = BASIC_CONSTRAINTS_new();
	int ok = value != NULL;

	if (ok && plan->kind == CERTIFICATE_AUTHORITY) {
		value->ca = 0xff;
		value->pathlen = ASN1_INTEGER_new();
		ok = value->pathlen && ASN1_INTEGER_set(value->pathlen, 0);
	}
	ok = ok && add_extension(x, NID_basic_constraints, value, 1);
	BASIC_CONSTRAINTS_free(value);
	return ok;
}

/* Bit numbers of RFC 5280 4.2.1.3. */
enum { DIGITAL_SIGNATURE = 0, KEY_ENCIPHERMENT = 2, CERT_SIGN = 5, CRL_SIGN };

/*
 * An EC key may not claim keyEncipherment (RFC 8813 3), yet libvirt refuses a
 * critical key usage without it and only warns about one that is not critical.
 * So it is critical for the authority and for RSA hosts, and not for the rest:
 * our certificates then serve libvirt's own TLS as well.
 */
static int add_key_usage(X509 *x, const struct certificate_plan *plan)
{
	int rsa_host = plan->kind == CERTIFICATE_HOST &&
		       EVP_PKEY_is_a(plan->key, "RSA");
	int authority = plan->kind == CERTIFICATE_AUTHORITY;
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	int ok = bits != NULL;

	if (ok && authority)
		ok = ASN1_BIT_STRING_set_bit(bits, CERT_SIGN, 1) &&
		     ASN1_BIT_STRING_set_bit(bits, CRL_SIGN, 1);
	else if (ok)
		ok = ASN1_BIT_STRING_set_bit(bits, DIGITAL_SIGNATURE, 1);
	if (ok && rsa_host)
		ok = ASN1_BIT_STRING_set_bit(bits, KEY_ENCIPHERMENT, 1);
	ok = ok && add_extension(x, NID_key_usage, bits, authority || rsa_host);
	ASN1_BIT_STRING_free(bits);
	return ok;
}

/* Exactly one: serverAuth or clientAuth. */
static int add_extended_usage(X509 *x, const struct certificate_plan *plan)
{
	EXTENDED_KEY_USAGE *usages;
	int nid = plan->kind == CERTIFICATE_HOST ? NID_server_auth
						 : NID_client_auth;
	int ok;

	if (plan->kind == CERTIFICATE_AUTHORITY)
		return 1;
	usages = sk_ASN1_OBJECT_new_null();
	ok = usages && sk_ASN1_OBJECT_push(usages, OBJ_nid2obj(nid)) > 0 &&
	     add_extension(x, NID_ext_key_usage, usages, 0);
	sk_ASN1_OBJECT_free(usages);
	return ok;
}

bool certificate_san(const GENERAL_NAME *name, struct san *san)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	size_t len = (size_t)ASN1_STRING_length(value);
	const unsigned char *bytes = ASN1_STRING_get0_data(value);
	char text[SAN_TEXT_SIZE] = "";

	if (type == GEN_IPADD && (len == 4 || len == 16)) {
		inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text,
			  sizeof(text));
	} else if (type == GEN_DNS && len < sizeof(text) &&
		   !memchr(bytes, '\0', len)) {
		memcpy(text, bytes, len);
	}
	return *text && name_parse_host(text, san, NULL) == 0 &&
	       (san->type == SAN_IP) == (type == GEN_IPADD);
}

int certificate_sans(const X509 *certificate, struct san **sans, size_t *count,
		     struct error *err)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int total = names ? sk_GENERAL_NAME_num(names) : 0;
	autofree struct san *found = calloc((size_t)total + 1, sizeof(*found));
	size_t n = 0;

	for (int i = 0; found && i < total; i++)
		n += certificate_san(sk_GENERAL_NAME_value(names, i),
				     &found[n]);
	GENERAL_NAMES_free(names);
	if (!found)
		return error_set_no_memory(err);
	*sans = steal(&found);
	*count = n;
	return 0;
}

/* Takes VALUE over, also where it fails. */
static int push_name(GENERAL_NAMES *names, int type, ASN1_STRING *value,
		     const void *data, size_t len)
{
	GENERAL_NAME *name = GENERAL_NAME_new();

	if (!name || !value || !ASN1_STRING_set(value, data, (int)len)) {
		ASN1_STRING_free(value);
		GENERAL_NAME_free(name);
		return 0;
	}
	GENERAL_NAME_set0_value(name, type, value);
	if (sk_GENERAL_NAME_push(names, name) > 0)
		return 1;
	GENERAL_NAME_free(name);
	return 0;
}

static int push_san(GENERAL_NAMES *names, const struct san *san)
{
	if (san->type == SAN_IP)
		return push_name(names, GEN_IPADD, ASN1_OCTET_STRING_new(),
				 san->address, san->address_len);
	return push_name(names, GEN_DNS, ASN1_IA5STRING_new(), san->text,
			 strlen(san->text));
}

/* Hosts: DNS and IP names. Users: one URI, which is the identity. */
static int add_alternative_names(X509 *x, const struct certificate_plan *plan)
{
	char uri[sizeof(USER_URI_PREFIX) + USER_NAME_MAX];
	GENERAL_NAMES *names;
	int ok;

	if (plan->kind == CERTIFICATE_AUTHORITY)
		return 1;
	names = sk_GENERAL_NAME_new_null();
	ok = names != NULL;
	for (size_t i = 0; ok && i < plan->san_count; i++)
		ok = push_san(names, &plan->sans[i]);
	if (ok && plan->kind == CERTIFICATE_USER) {
		snprintf(uri, sizeof(uri), USER_URI_PREFIX "%s", plan->name);
		ok = push_name(names, GEN_URI, ASN1_IA5STRING_new(), uri,
			       strlen(uri));
	}
	ok = ok && add_extension(x, NID_subject_alt_name, names, 0);
	GENERAL_NAMES_free(names);
	return ok;
}

static int add_constant(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	int ok = ext && X509_add_ext(x, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	return ok;
}

/* Subject and authority key identifier (RFC 5280 4.2.1.1 and 4.2.1.2). */
static int add_key_identifiers(X509 *x, const struct certificate_plan *plan)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, plan->issuer ? plan->issuer : x, x, NULL, NULL, 0);
	if (!add_constant(x, &ctx, NID_subject_key_identifier, "hash"))
		return 0;
	/* Self-signed, it would only repeat the line above. */
	return !plan->issuer ||
	       add_constant(x, &ctx, NID_authority_key_identifier,
			    "keyid:always");
}

/* Takes VALUE over, also where it fails. */
static int push_subtree(STACK_OF(GENERAL_SUBTREE) * *trees, int type,
			ASN1_STRING *value, const void *data, size_t len)
{
	GENERAL_SUBTREE *tree = GENERAL_SUBTREE_new();

	if (!*trees)
		*trees = sk_GENERAL_SUBTREE_new_null();
	if (tree && *trees && value && ASN1_STRING_set(value, data, (int)len)) {
		GENERAL_NAME_set0_value(tree->base, type, steal(&value));
		if (sk_GENERAL_SUBTREE_push(*trees, tree) > 0)
			return 1;
	}
	ASN1_STRING_free(value);
	GENERAL_SUBTREE_free(tree);
	return 0;
}

static int push_permit(NAME_CONSTRAINTS *value, const struct permit *permit)
{
	if (permit->type == SAN_IP)
		return push_subtree(&value->permittedSubtrees, GEN_IPADD,
				    ASN1_OCTET_STRING_new(), permit->net,
				    permit->net_len);
	return push_subtree(&value->permittedSubtrees, GEN_DNS,
			    ASN1_IA5STRING_new(), permit->text,
			    strlen(permit->text));
}

/*
 * RFC 5280 4.2.1.10: a kind of name without a constraint is free, so where no
 * net is permitted every address is excluded.
 */
static int exclude_addresses(NAME_CONSTRAINTS *value)
{
	static const unsigned char any[32];

	return push_subtree(&value->excludedSubtrees, GEN_IPADD,
			    ASN1_OCTET_STRING_new(), any, 8) &&
	       push_subtree(&value->excludedSubtrees, GEN_IPADD,
			    ASN1_OCTET_STRING_new(), any, 32);
}

/* The same for domains: an empty one is every one. */
static int exclude_domains(NAME_CONSTRAINTS *value)
{
	return push_subtree(&value->excludedSubtrees, GEN_DNS,
			    ASN1_IA5STRING_new(), "", 0);
}

static int add_name_constraints(X509 *x, const struct certificate_plan *plan)
{
	NAME_CONSTRAINTS *value;
	bool net = false, domain = false;
	int ok;

	if (plan->kind != CERTIFICATE_AUTHORITY || plan->permit_count == 0)
		return 1;
	value = NAME_CONSTRAINTS_new();
	ok = value != NULL;
	for (size_t i = 0; ok && i < plan->permit_count; i++) {
		ok = push_permit(value, &plan->permits[i]);
		net |= plan->permits[i].type == SAN_IP;
		domain |= plan->permits[i].type == SAN_DNS;
	}
	ok = ok && (net || exclude_addresses(value)) &&
	     (domain || exclude_domains(value)) &&
	     add_extension(x, NID_name_constraints, value, 1);
	NAME_CONSTRAINTS_free(value);
	return ok;
}

static int add_extensions(X509 *x, const struct certificate_plan *plan)
{
	return add_basic_constraints(x, plan) && add_key_usage(x, plan) &&
	       add_extended_usage(x, plan) && add_alternative_names(x, plan) &&
	       add_name_constraints(x, plan) && add_key_identifiers(x, plan);
}

/*
 * Under an authority with name constraints OpenSSL and GnuTLS take the common
 * name for a host's where there is no DNS name beside it (RFC 6125 6.4.4): an
 * address or a user's name would be judged as a domain. Then the subject says
 * the name in another attribute (RFC 4519 2.31, 2.39).
 */
static int subject_attribute(const struct certificate_plan *plan)
{
	bool constrained = plan->issuer &&
			   X509_get_ext_by_NID(plan->issuer,
					       NID_name_constraints, -1) >= 0;

	for (size_t i = 0; i < plan->san_count; i++)
		if (plan->sans[i].type == SAN_DNS)
			return NID_commonName;
	if (!constrained)
		return NID_commonName;
	return plan->kind == CERTIFICATE_USER ? NID_userId : NID_serialNumber;
}

/* CN=NAME; of a host name longer than a CN may be, its first label. */
static int set_subject(X509 *x, const struct certificate_plan *plan)
{
	size_t len = strlen(plan->name);

	if (len > USER_NAME_MAX)
		len = strcspn(plan->name, ".");
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(x),
					  subject_attribute(plan),
					  MBSTRING_UTF8,
					  (const unsigned char *)plan->name,
					  (int)len, -1, 0);
}

static int set_serial(X509 *x, const unsigned char *serial)
{
	BIGNUM *number = BN_bin2bn(serial, SERIAL_BYTES, NULL);
	int ok = number &&
		 BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;

	BN_free(number);
	return ok;
}

static int set_fields(X509 *x, const struct certificate_plan *plan)
{
	X509 *issuer = plan->issuer ? plan->issuer : x;

	return X509_set_version(x, X509_VERSION_3) &&
	       set_serial(x, plan->serial) && set_subject(x, plan) &&
	       X509_set_issuer_name(x, X509_get_subject_name(issuer)) &&
	       ASN1_TIME_set(X509_getm_notBefore(x), plan->not_before) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), plan->not_after) &&
	       X509_set_pubkey(x, plan->key);
}

X509 *certificate_build(const struct certificate_plan *plan, struct error *err)
{
	autox509 *x = X509_new();
	const EVP_MD *digest = crypto_digest(plan->issuer_key);

	if (x && set_fields(x, plan) && add_extensions(x, plan) &&
	    X509_sign(x, plan->issuer_key, digest) > 0)
		return steal(&x);
	crypto_error(err, ERROR_FAILED, "cannot build the certificate of %s %s",
		     kind_names[plan->kind], plan->name);
	return NULL;
}

BIO *certificate_to_pem(X509 *certificate, struct error *err)
{
	autobio *pem = BIO_new(BIO_s_mem());

	if (pem && PEM_write_bio_X509(pem, certificate) == 1)
		return steal(&pem);
	crypto_error(err, ERROR_FAILED, "cannot write a certificate as PEM");
	return NULL;
}

X509 *certificate_from_bytes(const void *data, size_t len, const char *name,
			     struct error *err)
{
	autobio *bio = len ? BIO_new_mem_buf(data, (int)len) : NULL;
	const unsigned char *der = data;
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	if (!x && len)
		x = d2i_X509(NULL, &der, (long)len);
	if (!x)
		crypto_error(err, ERROR_KEY,
			     "%s holds no certificate in PEM or DER form",
			     name);
	ERR_clear_error();
	return x;
}

time_t certificate_not_before(const X509 *certificate)
{
	return crypto_seconds(X509_get0_notBefore(certificate));
}

time_t certificate_not_after(const X509 *certificate)
{
	return crypto_seconds(X509_get0_notAfter(certificate));
}
