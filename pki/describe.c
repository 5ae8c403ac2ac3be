/*
 * The fields of a certificate. Called by report. What always holds: fields
 * stand in one fixed order and have the same names in both forms; one that the
 * certificate lacks is left out.
 */
#include "pki/describe.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/clock.h"
#include "crypt/key.h"
#include "pki/certificate.h"
#include "pki/json.h"

#define LABEL_WIDTH 12

struct printer {
	struct buf *out;
	bool json;
	bool person;
	bool more; /* a field was printed before */
};

static void begin_field(struct printer *p, const char *name)
{
	if (p->json) {
		buf_append_str(p->out, p->more ? ", " : "");
		json_string(p->out, name);
		buf_append_str(p->out, ": ");
	} else {
		buf_appendf(p->out, "%-*s ", LABEL_WIDTH, name);
	}
	p->more = true;
}

static void print_text(struct printer *p, const char *name, const char *text)
{
	begin_field(p, name);
	if (p->json)
		json_string(p->out, text);
	else
		buf_appendf(p->out, "%s\n", text);
}

static void print_time(struct printer *p, const char *name, time_t seconds)
{
	char text[CLOCK_TEXT_SIZE], ago[CLOCK_TEXT_SIZE];

	begin_field(p, name);
	clock_format_s(seconds, text);
	clock_format_ago(seconds, time(NULL), ago);
	if (p->json)
		json_time(p->out, seconds);
	else
		buf_appendf(p->out, "%s%s%s\n", text, p->person ? ", " : "",
			    p->person ? ago : "");
}

static void begin_list(struct printer *p, const char *name)
{
	begin_field(p, name);
	buf_append_str(p->out, p->json ? "[" : "");
}

static void print_item(struct printer *p, bool first, const char *text)
{
	buf_append_str(p->out, first ? "" : ", ");
	if (p->json)
		json_string(p->out, text);
	else
		buf_append_str(p->out, text);
}

static void end_list(struct printer *p)
{
	buf_append_str(p->out, p->json ? "]" : "\n");
}

/* RFC 4514 form, where all that is not printable ASCII is escaped. */
static void print_name(struct printer *p, const char *label,
		       const X509_NAME *name)
{
	autobio *bio = BIO_new(BIO_s_mem());
	autofree char *text = NULL;
	const char *bytes;
	size_t len;

	if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
		return;
	bytes = crypto_bio_bytes(bio, &len);
	text = strndup(bytes ? bytes : "", len);
	if (text)
		print_text(p, label, text);
}

static void print_bytes(struct printer *p, const char *label,
			const unsigned char *bytes, size_t len)
{
	autobuf text = {0};
	autofree char *hex = NULL;

	for (size_t i = 0; i < len; i++)
		buf_appendf(&text, "%02X", bytes[i]);
	hex = buf_steal_str(&text);
	if (hex)
		print_text(p, label, hex);
}

static void print_octets(struct printer *p, const char *label,
			 const ASN1_STRING *octets)
{
	if (octets)
		print_bytes(p, label, ASN1_STRING_get0_data(octets),
			    (size_t)ASN1_STRING_length(octets));
}

static void print_fingerprint(struct printer *p, const X509 *x)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (X509_digest(x, EVP_sha256(), digest, &len) == 1)
		print_bytes(p, "sha256", digest, len);
}

/* RFC 5280 4.2.1.9; no path length means any. */
static void print_constraints(struct printer *p, X509 *x)
{
	bool ca = X509_get_extension_flags(x) & EXFLAG_CA;
	long depth = X509_get_pathlen(x);

	begin_field(p, "ca");
	if (p->json)
		buf_append_str(p->out, ca ? "true" : "false");
	else
		buf_append_str(p->out, ca ? "yes\n" : "no\n");
	if (!ca || depth < 0)
		return;
	begin_field(p, "path-length");
	buf_appendf(p->out, "%ld%s", depth, p->json ? "" : "\n");
}

static void print_usage(struct printer *p, X509 *x)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} usages[] = {
		{KU_DIGITAL_SIGNATURE, "digitalSignature"},
		{KU_NON_REPUDIATION, "nonRepudiation"},
		{KU_KEY_ENCIPHERMENT, "keyEncipherment"},
		{KU_DATA_ENCIPHERMENT, "dataEncipherment"},
		{KU_KEY_AGREEMENT, "keyAgreement"},
		{KU_KEY_CERT_SIGN, "keyCertSign"},
		{KU_CRL_SIGN, "cRLSign"},
	};
	bool first = true;

	if (!(X509_get_extension_flags(x) & EXFLAG_KUSAGE))
		return;
	begin_list(p, "usage");
	for (size_t i = 0; i < array_size(usages); i++) {
		if (!(X509_get_key_usage(x) & usages[i].bit))
			continue;
		print_item(p, first, usages[i].name);
		first = false;
	}
	end_list(p);
}

/* Takes USAGES over; NULL prints nothing. */
static void print_extended_usage(struct printer *p, EXTENDED_KEY_USAGE *usages)
{
	char text[80];

	if (!usages)
		return;
	begin_list(p, "purpose");
	for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
		const ASN1_OBJECT *usage = sk_ASN1_OBJECT_value(usages, i);
		int nid = OBJ_obj2nid(usage);

		if (nid == NID_undef)
			OBJ_obj2txt(text, sizeof(text), usage, 1);
		print_item(p, i == 0,
			   nid == NID_undef ? text : OBJ_nid2sn(nid));
	}
	end_list(p);
	EXTENDED_KEY_USAGE_free(usages);
}

/* A NUL or an escape sequence in a name shows as \xNN. */
static void append_printable(struct buf *out, const ASN1_STRING *value)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(value);

	for (int i = 0; i < ASN1_STRING_length(value); i++) {
		if (bytes[i] > 0x20 && bytes[i] < 0x7f && bytes[i] != '\\')
			buf_append_char(out, (char)bytes[i]);
		else
			buf_appendf(out, "\\x%02X", bytes[i]);
	}
}

/* Of a name constraint: ADDRESS/PREFIX. */
static void append_net(struct buf *out, const unsigned char *bytes, int len)
{
	char text[INET6_ADDRSTRLEN];
	int bits = 0;

	inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text));
	for (int i = 0; i < 8 * len; i++)
		bits += bytes[len + i / 8] >> (7 - i % 8) & 1;
	buf_appendf(out, "%s/%d", text, bits);
}

static void append_address(struct buf *out, const ASN1_STRING *value)
{
	int len = ASN1_STRING_length(value);
	char text[INET6_ADDRSTRLEN];

	if (len == 8 || len == 32) {
		append_net(out, ASN1_STRING_get0_data(value), len / 2);
		return;
	}
	if ((len == 4 || len == 16) &&
	    inet_ntop(len == 4 ? AF_INET : AF_INET6,
		      ASN1_STRING_get0_data(value), text, sizeof(text)))
		buf_append_str(out, text);
	else
		buf_appendf(out, "malformed, %d bytes", len);
}

char *describe_name(const GENERAL_NAME *name)
{
	autobuf text = {0};
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);

	switch (type) {
	case GEN_DNS:
		buf_append_str(&text, "DNS:");
		append_printable(&text, value);
		break;
	case GEN_URI:
		buf_append_str(&text, "URI:");
		append_printable(&text, value);
		break;
	case GEN_EMAIL:
		buf_append_str(&text, "email:");
		append_printable(&text, value);
		break;
	case GEN_IPADD:
		buf_append_str(&text, "IP:");
		append_address(&text, value);
		break;
	default:
		buf_append_str(&text, "another kind of name");
		break;
	}
	return buf_steal_str(&text);
}

/* Takes NAMES over; NULL prints nothing. */
static void print_alternative_names(struct printer *p, GENERAL_NAMES *names)
{
	if (!names)
		return;
	begin_list(p, "names");
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		autofree char *text =
			describe_name(sk_GENERAL_NAME_value(names, i));

		if (text)
			print_item(p, i == 0, text);
	}
	end_list(p);
	GENERAL_NAMES_free(names);
}

static void print_subtrees(struct printer *p, const char *label,
			   const STACK_OF(GENERAL_SUBTREE) * trees)
{
	if (sk_GENERAL_SUBTREE_num(trees) <= 0)
		return;
	begin_list(p, label);
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		autofree char *text =
			describe_name(sk_GENERAL_SUBTREE_value(trees, i)->base);

		if (text)
			print_item(p, i == 0, text);
	}
	end_list(p);
}

/* RFC 5280 4.2.1.10 */
static void print_name_constraints(struct printer *p, X509 *x)
{
	NAME_CONSTRAINTS *value =
		X509_get_ext_d2i(x, NID_name_constraints, NULL, NULL);

	if (!value)
		return;
	print_subtrees(p, "permitted", value->permittedSubtrees);
	print_subtrees(p, "excluded", value->excludedSubtrees);
	NAME_CONSTRAINTS_free(value);
}

static void print_key(struct printer *p, const EVP_PKEY *key)
{
	char text[KEY_TEXT_SIZE];

	if (!key)
		return;
	key_describe(key, text);
	print_text(p, "key", text);
}

static void print_algorithms(struct printer *p, const X509 *x)
{
	print_key(p, X509_get0_pubkey(x));
	print_text(p, "signature", OBJ_nid2sn(X509_get_signature_nid(x)));
}

void certificate_describe(X509 *x, const char *state, enum describe_form form,
			  struct buf *out)
{
	bool json = form == DESCRIBE_JSON;
	struct printer p = {
		.out = out, .json = json, .person = form == DESCRIBE_PERSON};

	buf_append_str(out, json ? "{" : "");
	print_name(&p, "subject", X509_get_subject_name(x));
	print_name(&p, "issuer", X509_get_issuer_name(x));
	print_octets(&p, "serial", X509_get0_serialNumber(x));
	if (state)
		print_text(&p, "state", state);
	print_time(&p, "begins", certificate_not_before(x));
	print_time(&p, "expires", certificate_not_after(x));
	print_alternative_names(&p, X509_get_ext_d2i(x, NID_subject_alt_name,
						     NULL, NULL));
	print_constraints(&p, x);
	print_name_constraints(&p, x);
	print_usage(&p, x);
	print_extended_usage(&p, X509_get_ext_d2i(x, NID_ext_key_usage, NULL,
						  NULL));
	print_algorithms(&p, x);
	print_octets(&p, "key-id", X509_get0_subject_key_id(x));
	print_octets(&p, "issuer-id", X509_get0_authority_key_id(x));
	print_fingerprint(&p, x);
	buf_append_str(out, json ? "}" : "");
	ERR_clear_error();
}

/* RFC 2986: what is asked for; whether it is granted, others decide. */
void request_describe(X509_REQ *request, struct buf *out)
{
	struct printer p = {.out = out};
	STACK_OF(X509_EXTENSION) *asked = X509_REQ_get_extensions(request);
	BASIC_CONSTRAINTS *basic =
		X509V3_get_d2i(asked, NID_basic_constraints, NULL, NULL);

	print_name(&p, "subject", X509_REQ_get_subject_name(request));
	print_alternative_names(&p, X509V3_get_d2i(asked, NID_subject_alt_name,
						   NULL, NULL));
	if (basic && basic->ca)
		print_text(&p, "ca", "yes");
	print_extended_usage(&p, X509V3_get_d2i(asked, NID_ext_key_usage, NULL,
						NULL));
	print_key(&p, X509_REQ_get0_pubkey(request));
	BASIC_CONSTRAINTS_free(basic);
	sk_X509_EXTENSION_pop_free(asked, X509_EXTENSION_free);
	ERR_clear_error();
}
