/*
 * The gate's rules (gate.h). A cookie does not know ports: any server on 127.0.0.1
 * may be sent ours, and its pages count as "same site". So a request must also name
 * this page's own host and port, come from this page where a browser says whence,
 * and from our own user's process.
 */
#include "client/web/gate.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/random.h"

#define SECRET_BYTES 32
#define SECRET_SIZE  (2 * SECRET_BYTES + 1)
#define NAME_SIZE    32

struct gate {
	unsigned port;
	char token[SECRET_SIZE];
	char cookie[SECRET_SIZE];
	char name[NAME_SIZE]; /* of the cookie */
	bool used;
};

const char *const gate_headers[] = {
	"content-security-policy",
	"default-src 'none'; script-src 'self'; style-src 'self'; "
	"img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; "
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"x-content-type-options",
	"nosniff",
	"x-frame-options",
	"DENY",
	"referrer-policy",
	"no-referrer",
	"cross-origin-opener-policy",
	"same-origin",
	"cross-origin-resource-policy",
	"same-origin",
	"cross-origin-embedder-policy",
	"require-corp",
	"permissions-policy",
	"camera=(), microphone=(), geolocation=(), usb=(), payment=()",
	"cache-control",
	"no-store",
	NULL,
};

int gate_new(struct gate **gate, unsigned port, struct error *err)
{
	autoptr(gate) g = calloc(1, sizeof(*g));

	if (!g)
		return error_set_no_memory(err);
	g->port = port;
	/* Two pages of one user must not take each other's cookie. */
	if (port)
		snprintf(g->name, sizeof(g->name), "virtmux-%u", port);
	if (random_hex(g->token, sizeof(g->token), err) < 0 ||
	    random_hex(g->cookie, sizeof(g->cookie), err) < 0)
		return -1;
	if (!port)
		snprintf(g->name, sizeof(g->name), "virtmux-s%.8s", g->cookie);
	*gate = steal(&g);
	return 0;
}

void gate_free(struct gate *g)
{
	free(g);
}

const char *gate_token(const struct gate *g)
{
	return g->token;
}

int gate_cookie(const struct gate *g, struct buf *out)
{
	return buf_appendf(out, "%s=%s; Path=/; HttpOnly; SameSite=Strict",
			   g->name, g->cookie);
}

/* Whether TEXT, N bytes, is SECRET; takes as long for each wrong one. */
static bool is_secret(const char *secret, const char *text, size_t n)
{
	unsigned different = 0;

	if (n != SECRET_SIZE - 1)
		return false;
	for (size_t i = 0; i < n; i++)
		different |= (unsigned char)secret[i] ^ (unsigned char)text[i];
	return different == 0;
}

/* Whether one of the cookies "a=b; c=d" is ours. */
static bool has_cookie(const struct gate *g, const char *text)
{
	size_t name = strlen(g->name);

	while (text && *text) {
		size_t n;

		text += strspn(text, "; \t");
		n = strcspn(text, ";");
		if (n > name && strncmp(text, g->name, name) == 0 &&
		    text[name] == '=' &&
		    is_secret(g->cookie, text + name + 1, n - name - 1))
			return true;
		text += n;
	}
	return false;
}

/* "127.0.0.1:PORT" or "localhost:PORT"; behind a socket any port, or none. */
static bool is_our_host(const struct gate *g, const char *host)
{
	static const char *const names[] = {"127.0.0.1", "localhost"};

	for (size_t i = 0; host && i < array_size(names); i++) {
		size_t n = strlen(names[i]);
		const char *port = host + n + 1;

		if (strncasecmp(host, names[i], n) != 0)
			continue;
		if (host[n] == '\0')
			return g->port == 0;
		if (host[n] != ':' || !*port ||
		    strspn(port, "0123456789") != strlen(port))
			continue;
		if (g->port == 0 || strtoul(port, NULL, 10) == g->port)
			return true;
	}
	return false;
}

static bool is_own_origin(const char *origin, const char *host)
{
	static const char scheme[] = "http://";

	return origin && strncmp(origin, scheme, sizeof(scheme) - 1) == 0 &&
	       strcasecmp(origin + sizeof(scheme) - 1, host) == 0;
}

static bool only_reads(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* The page itself may be opened from anywhere; all else by the page alone. */
static bool is_foreign(const struct gate_request *r)
{
	const char *site = r->fetch_site;
	bool entrance = strcmp(r->path, "/") == 0 && only_reads(r->method) &&
			!r->upgrade;

	if (r->origin && !is_own_origin(r->origin, r->host))
		return true;
	if (!r->origin && (r->upgrade || !only_reads(r->method)))
		return true;
	return site && !entrance && strcmp(site, "same-origin") != 0 &&
	       strcmp(site, "none") != 0;
}

enum gate_verdict gate_judge(struct gate *g, const struct gate_request *r)
{
	bool token;

	if (!is_our_host(g, r->host))
		return GATE_WRONG_HOST;
	if (is_foreign(r))
		return GATE_FOREIGN;
	token = r->token && strcmp(r->path, "/") == 0 &&
		strcmp(r->method, "GET") == 0 &&
		is_secret(g->token, r->token, strlen(r->token));
	if (token && !g->used) {
		g->used = true;
		return GATE_ENTER;
	}
	if (has_cookie(g, r->cookie))
		return GATE_IN;
	return token ? GATE_USED : GATE_STRANGER;
}

const char *gate_words(enum gate_verdict verdict)
{
	switch (verdict) {
	case GATE_STRANGER:
		return "This page opens only with the address that \"virtmux "
		       "web\" prints when it starts, which works once. Start "
		       "\"virtmux web\" in a terminal, and open what it "
		       "prints.";
	case GATE_USED:
		return "This address was used already: it opens one browser, "
		       "once. If that was not you, end \"virtmux web\" with "
		       "Ctrl-C. Start it again for a new address.";
	case GATE_WRONG_HOST:
		return "This page answers only to the address that \"virtmux "
		       "web\" prints when it starts.";
	case GATE_FOREIGN:
		return "This was asked by a page from elsewhere, and is "
		       "refused.";
	default:
		return NULL;
	}
}
