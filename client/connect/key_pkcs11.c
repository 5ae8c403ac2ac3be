/*
 * Keys behind OpenSSL's engine (key_pkcs11.h). Engines are deprecated in OpenSSL 3,
 * but the provider for PKCS#11 is not in Debian 12.
 */
#define OPENSSL_SUPPRESS_DEPRECATED 1

#include "client/connect/key_pkcs11.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ui.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "client/connect/key_ask.h"

#define SCHEME      "pkcs11:"
#define ENGINE_ID   "pkcs11"
#define WORDS_MAX   96 /* bytes of what a prompt calls the key */
#define REASON_MAX  512
#define MODULE_PATH "module-path="

bool key_is_pkcs11(const char *key)
{
	return strncmp(key, SCHEME, strlen(SCHEME)) == 0;
}

/* -- the URI --------------------------------------------------------------- */

/* The bytes of the attribute that begins at TEXT. */
static size_t attribute_length(const char *text)
{
	return strcspn(text, ";&?");
}

/* NAME's attribute ("token="), percent-encoded; NULL where it has none. */
static const char *find_attribute(const char *uri, const char *name)
{
	const char *at = uri + strlen(SCHEME);

	while (*at) {
		if (strncmp(at, name, strlen(name)) == 0)
			return at + strlen(name);
		at += attribute_length(at);
		at += strspn(at, ";&?");
	}
	return NULL;
}

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at =
		c ? strchr(digits, c | ('A' <= c && c <= 'F' ? 0x20 : 0))
		  : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Its value decoded, to free(); NULL where there is none. */
static char *attribute(const char *uri, const char *name)
{
	const char *at = find_attribute(uri, name);
	autobuf text = {0};

	if (!at)
		return NULL;
	for (size_t n = attribute_length(at), i = 0; i < n; i++) {
		if (at[i] == '%' && i + 2 < n && hex(at[i + 1]) >= 0 &&
		    hex(at[i + 2]) >= 0) {
			buf_append_char(&text, (char)(hex(at[i + 1]) * 16 +
						      hex(at[i + 2])));
			i += 2;
		} else {
			buf_append_char(&text, at[i]);
		}
	}
	return buf_steal_str(&text);
}

/* What the prompt calls it: "key 'anna' on token 'card'". */
static void describe(const char *uri, char *text, size_t size)
{
	autofree char *token = attribute(uri, "token=");
	autofree char *object = attribute(uri, "object=");

	snprintf(text, size, "the key%s%s%s on %s%s%s", object ? " '" : "",
		 object ? object : "", object ? "'" : "",
		 token ? "token '" : "the token", token ? token : "",
		 token ? "'" : "");
}

/* The URI as the engine understands it: without "module-path". To free(). */
static char *engine_uri(const char *uri)
{
	const char *value = find_attribute(uri, MODULE_PATH);
	const char *begin = value ? value - strlen(MODULE_PATH) : NULL;
	const char *end = value ? value + attribute_length(value) : NULL;
	autobuf text = {0};

	if (!value)
		return strdup(uri);
	if (*end == '&' || *end == ';')
		end++; /* the separator before it stays */
	else
		begin--;
	buf_append(&text, uri, (size_t)(begin - uri));
	buf_append_str(&text, end);
	return buf_steal_str(&text);
}

static int check_uri(const char *uri, struct error *err)
{
	if (find_attribute(uri, "pin-value="))
		return error_set(err, ERROR_KEY,
				 "the URI of the key has a PIN in it, which "
				 "others may read: leave pin-value out; it is "
				 "asked, or taken from --passphrase-fd or "
				 "--passphrase-file");
	return 0;
}

/* -- the PIN --------------------------------------------------------------- */

/* What the engine's question is answered from. */
struct pin {
	struct key_question question;
	struct secret *answer;
	bool again;        /* the one before was wrong */
	bool asked;        /* for this try of the key */
	struct error *err; /* why none was given, NULL once the key is open */
};

/*
 * What lives as long as the key: the engine asks again where a key wants its PIN
 * for each signature (CKA_ALWAYS_AUTHENTICATE), and gets the same answer.
 */
struct token {
	char name[WORDS_MAX];
	struct pin pin;
	UI_METHOD *method;
	ENGINE *engine; /* a functional reference */
};

/* OpenSSL's reader: 1 answered, 0 error, -1 interrupted. */
static int on_question(UI *ui, UI_STRING *string)
{
	struct pin *pin = UI_get0_user_data(ui);
	enum UI_string_types type = UI_get_string_type(string);

	if (type != UIT_PROMPT && type != UIT_VERIFY)
		return 1;
	/* The engine asks anew for each slot it tries; the person is asked once. */
	if (!pin->asked &&
	    key_ask(pin->answer, &pin->question, pin->again, pin->err) < 0)
		return -1;
	pin->asked = true;
	return UI_set_result_ex(ui, string, pin->answer->text,
				(int)pin->answer->len) == 0;
}

static UI_METHOD *make_method(void)
{
	UI_METHOD *method = UI_create_method("virtmux");

	if (method)
		UI_method_set_reader(method, on_question);
	return method;
}

/* -- the engine ------------------------------------------------------------ */

/* OpenSSL's words, the first that were said. */
static void reason(char *text)
{
	unsigned long code = ERR_peek_error();
	const char *words = code ? ERR_reason_error_string(code) : NULL;

	snprintf(text, REASON_MAX, "%s", words ? words : "no reason given");
}

/*
 * Keeps the engine's code once it is loaded: its methods are static there, made at
 * its first use, and would be lost each time it goes with its last key.
 */
static void keep_code(const ENGINE *engine)
{
	ENGINE_GEN_INT_FUNC_PTR finish = ENGINE_get_finish_function(engine);
	void *address;
	Dl_info info;

	memcpy(&address, &finish, sizeof(address));
	if (finish && dladdr(address, &info) != 0)
		dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_NODELETE | RTLD_NOW);
}

static int open_engine(ENGINE **engine, const char *module, struct error *err)
{
	ENGINE *e;
	char why[REASON_MAX];

	if (module && access(module, R_OK) < 0)
		return error_set_errno(err, ERROR_KEY, errno,
				       "the token's library %s (module-path in "
				       "the key's URI) cannot be read",
				       module);
	ENGINE_load_dynamic();
	e = ENGINE_by_id(ENGINE_ID);
	if (!e)
		return error_set(
			err, ERROR_KEY,
			"keys on smart cards need OpenSSL's engine "
			"\"pkcs11\", which is not installed: on Debian "
			"and Ubuntu, apt install "
			"libengine-pkcs11-openssl");
	keep_code(e);
	/* Off OpenSSL's list, so that it goes, and its PIN, with its last key. */
	ENGINE_remove(e);
	/* It would write to standard error what is told here. */
	ENGINE_ctrl_cmd(e, "QUIET", 0, NULL, NULL, 1);
	if ((!module ||
	     ENGINE_ctrl_cmd_string(e, "MODULE_PATH", module, 0) == 1) &&
	    ENGINE_init(e) == 1) {
		*engine = e;
		return 0;
	}
	reason(why);
	ENGINE_free(e);
	return error_set(err, ERROR_KEY,
			 "OpenSSL's engine \"pkcs11\" does not start with %s: "
			 "%s",
			 module ? module : "p11-kit's modules", why);
}

/* Whether OpenSSL's queue blames the PIN; then in words. */
static bool blames_pin(bool *final)
{
	unsigned long code;
	bool pin = false;

	*final = false;
	while ((code = ERR_get_error())) {
		const char *words = ERR_reason_error_string(code);

		if (!words || !strstr(words, "PIN"))
			continue;
		pin = true;
		*final = *final || strstr(words, "locked");
	}
	return pin;
}

static int not_found(const char *uri, const char *name, struct error *err)
{
	return error_set(err, ERROR_KEY,
			 "%s was not found (%s). Is the card in its reader? "
			 "\"p11tool --list-tokens\" shows the tokens and "
			 "\"p11tool --login --list-keys URI\" their keys",
			 name, uri);
}

/* 0; 1 where the PIN was wrong and may be tried again; -1. */
static int try_key(EVP_PKEY **key, ENGINE *engine, const char *uri,
		   UI_METHOD *method, struct pin *pin, struct error *err)
{
	autoerror why = {0};
	bool final = false;

	pin->asked = false;
	pin->err = &why;
	ERR_clear_error();
	*key = ENGINE_load_private_key(engine, uri, method, pin);
	pin->err = NULL;
	if (*key)
		return 0;
	if (error_is_set(&why)) {
		ERR_clear_error();
		return error_move(err, &why);
	}
	if (!blames_pin(&final))
		return not_found(uri, pin->question.name, err);
	error_set(err, ERROR_KEY,
		  final ? "the PIN of %s is locked: unlock it with the token's "
			  "own tool and its PUK"
			: "the PIN does not open %s",
		  pin->question.name);
	return final ? -1 : 1;
}

static int load(EVP_PKEY **key, struct token *t, const char *uri,
		struct error *err)
{
	int tries = key_ask_tries(t->pin.question.sources);
	int rc = 1;

	for (int i = 0; rc == 1 && i < tries; i++) {
		t->pin.again = i > 0;
		rc = try_key(key, t->engine, uri, t->method, &t->pin, err);
	}
	return rc == 0 ? 0 : -1;
}

/* -- the key's end --------------------------------------------------------- */

static void token_free(struct token *t)
{
	if (!t)
		return;
	if (t->engine) {
		ENGINE_GEN_INT_FUNC_PTR finish =
			ENGINE_get_finish_function(t->engine);

		/*
		 * libp11 holds keys, and these the engine, which would thus
		 * never end by itself: this ends its keys, slots and their PIN.
		 */
		if (finish)
			finish(t->engine);
		ENGINE_finish(t->engine);
		ENGINE_free(t->engine);
	}
	UI_destroy_method(t->method);
	secret_free(t->pin.answer);
	free(t);
}

/* OpenSSL's, of every key that is freed; TOKEN of those that were made here. */
static void on_key_freed(void *key, void *token, CRYPTO_EX_DATA *data,
			 int index, long number, void *pointer)
{
	token_free(token);
}

/*
 * A key of our own on the token's RSA or EC object, since FOUND is libp11's and is
 * freed when the engine ends. T ends with it.
 */
static EVP_PKEY *own_key(EVP_PKEY *found, struct token *t)
{
	int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL,
					    NULL, NULL, on_key_freed);
	EVP_PKEY *own = EVP_PKEY_new();
	int ok = 0;

	if (own && EVP_PKEY_get_base_id(found) == EVP_PKEY_RSA)
		ok = EVP_PKEY_set1_RSA(own, (RSA *)EVP_PKEY_get0_RSA(found));
	else if (own && EVP_PKEY_get_base_id(found) == EVP_PKEY_EC)
		ok = EVP_PKEY_set1_EC_KEY(
			own, (EC_KEY *)EVP_PKEY_get0_EC_KEY(found));
	if (ok && EVP_PKEY_set1_engine(own, t->engine) && index >= 0 &&
	    EVP_PKEY_set_ex_data(own, index, t))
		return own;
	EVP_PKEY_free(own);
	return NULL;
}

static struct token *token_new(const char *uri,
			       const struct key_sources *sources)
{
	struct token *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	describe(uri, t->name, sizeof(t->name));
	t->pin.question = (struct key_question){sources, "PIN", t->name};
	t->pin.answer = secret_new();
	t->method = make_method();
	if (t->pin.answer && t->method)
		return t;
	token_free(t);
	return NULL;
}

static int open_key(EVP_PKEY **key, struct token *t, const char *uri,
		    struct error *err)
{
	autofree char *module = attribute(uri, MODULE_PATH);
	autofree char *bare = engine_uri(uri);
	EVP_PKEY *found = NULL;

	if (!bare)
		return error_set_no_memory(err);
	if (check_uri(uri, err) < 0 ||
	    open_engine(&t->engine, module, err) < 0 ||
	    load(&found, t, bare, err) < 0)
		return -1;
	*key = own_key(found, t);
	EVP_PKEY_free(found);
	if (*key)
		return 0;
	ERR_clear_error();
	return error_set(err, ERROR_KEY,
			 "%s is neither RSA nor EC, which alone can be used",
			 t->name);
}

int key_pkcs11_load(struct evp_pkey_st **key, const char *uri,
		    const struct key_sources *sources, struct error *err)
{
	struct token *t = token_new(uri, sources);

	if (!t)
		return error_set_no_memory(err);
	if (open_key(key, t, uri, err) == 0)
		return 0;
	token_free(t);
	return -1;
}
