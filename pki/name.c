/*
 * The rules for names. Called by the commands before anything is opened or
 * asked. What always holds: text that comes from outside and breaks a rule is
 * refused as a whole; nothing is repaired but case and a final dot.
 */
#include "pki/name.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

static const char letters_and_digits[] = "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789";

int name_check_authority(const char *name, struct error *err)
{
	size_t len = strlen(name);
	bool ok = len >= 1 && len <= AUTHORITY_NAME_MAX &&
		  utf8_valid((const uint8_t *)name, len);

	for (size_t i = 0; ok && i < len; i++)
		ok = (unsigned char)name[i] >= 0x20 && name[i] != 0x7f;
	if (ok)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "the authority's name has 1 to %d bytes of UTF-8 "
			 "without control characters",
			 AUTHORITY_NAME_MAX);
}

static bool parse_address(const char *text, struct san *san)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, san->address) != 1)
		return false;
	san->type = SAN_IP;
	san->address_len = family == AF_INET6 ? 16 : 4;
	return inet_ntop(family, san->address, san->text, SAN_TEXT_SIZE);
}

static bool is_label(const char *label, size_t len)
{
	if (len < 1 || len > LABEL_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (label[i] != '-' && !strchr(letters_and_digits, label[i]))
			return false;
	return label[0] != '-' && label[len - 1] != '-';
}

/* "10.1.2" and "300.1.1.1" are addresses gone wrong, not names. */
static bool is_number(const char *label, size_t len)
{
	return strspn(label, "0123456789") >= len;
}

static bool parse_dns(const char *text, struct san *san)
{
	size_t len = strlen(text);
	size_t label = 0, start = 0;

	if (len > 1 && text[len - 1] == '.')
		len--;
	if (len < 1 || len > HOST_NAME_LONGEST)
		return false;
	for (start = 0; start <= len; start += label + 1) {
		label = strcspn(text + start, ".");
		if (label > len - start)
			label = len - start;
		if (!is_label(text + start, label))
			return false;
		if (start + label == len && is_number(text + start, label))
			return false;
	}
	san->type = SAN_DNS;
	for (size_t i = 0; i < len; i++)
		san->text[i] = (char)tolower((unsigned char)text[i]);
	san->text[len] = '\0';
	return true;
}

static int refuse_dns(const char *text, struct error *err)
{
	if (strchr(text, '*'))
		return error_set(err, ERROR_USAGE,
				 "'%s' is a wildcard: a certificate is for one "
				 "host. List its names with --san",
				 text);
	return error_set(err, ERROR_USAGE,
			 "'%s' is no name of a host: give an IPv4 or IPv6 "
			 "address, or labels of letters, digits and hyphens "
			 "joined by dots, at most %d characters",
			 text, HOST_NAME_LONGEST);
}

int name_parse_host(const char *name, struct san *san, struct error *err)
{
	*san = (struct san){0};
	if (parse_address(name, san) || parse_dns(name, san))
		return 0;
	return refuse_dns(name, err);
}

int name_parse_san(const char *text, struct san *san, struct error *err)
{
	*san = (struct san){0};
	if (strncasecmp(text, "DNS:", 4) == 0)
		return parse_dns(text + 4, san) ? 0 : refuse_dns(text + 4, err);
	if (strncasecmp(text, "IP:", 3) != 0)
		return name_parse_host(text, san, err);
	if (parse_address(text + 3, san))
		return 0;
	return error_set(err, ERROR_USAGE,
			 "'%s' is no IPv4 or IPv6 address; a name would be "
			 "--san DNS:NAME",
			 text + 3);
}

/* Whether TEXT is "", or "/BITS" with at most MOST; into *BITS. */
static bool parse_prefix(const char *text, size_t most, size_t *bits)
{
	char *end = NULL;
	unsigned long value;

	*bits = most;
	if (!*text)
		return true;
	if (strspn(text + 1, "0123456789") != strlen(text + 1) || !text[1])
		return false;
	value = strtoul(text + 1, &end, 10);
	*bits = value;
	return !*end && value <= most;
}

/* An address and its mask; what is behind the prefix becomes 0. */
static bool parse_net(const char *text, struct permit *permit)
{
	char address[SAN_TEXT_SIZE] = "";
	struct san san = {0};
	size_t len = strcspn(text, "/");
	size_t bits;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	if (!parse_address(address, &san) ||
	    !parse_prefix(text + len, 8 * san.address_len, &bits))
		return false;
	permit->type = SAN_IP;
	permit->net_len = 2 * san.address_len;
	for (size_t i = 0; i < san.address_len; i++) {
		size_t left = bits > 8 * i ? bits - 8 * i : 0;
		unsigned mask = left >= 8 ? 0xff : 0xff00 >> left & 0xff;

		permit->net[i] = (unsigned char)(san.address[i] & mask);
		permit->net[san.address_len + i] = (unsigned char)mask;
	}
	return true;
}

int name_parse_permit(const char *text, struct permit *permit,
		      struct error *err)
{
	bool dns = strncasecmp(text, "DNS:", 4) == 0;
	bool ip = strncasecmp(text, "IP:", 3) == 0;
	struct san san = {0};

	*permit = (struct permit){0};
	if (!dns && parse_net(text + (ip ? 3 : 0), permit))
		return 0;
	if (!ip && parse_dns(text + (dns ? 4 : 0), &san)) {
		permit->type = SAN_DNS;
		strcpy(permit->text, san.text);
		return 0;
	}
	return error_set(err, ERROR_USAGE,
			 "'%s' is neither a domain, as example.org, nor a net, "
			 "as 192.0.2.0/24 or 2001:db8::/32",
			 text);
}

bool name_same_san(const struct san *a, const struct san *b)
{
	return a->type == b->type && strcmp(a->text, b->text) == 0;
}
