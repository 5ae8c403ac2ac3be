/* Base64 into bytes (base64.h). */
#include "base/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

/* The decoder takes blanks and counts padding as bytes. */
static size_t padding_of(const char *text, size_t len)
{
	size_t n = 0;

	while (n < 2 && n < len && text[len - n - 1] == '=')
		n++;
	return n;
}

int base64_decode(const char *text, struct buf *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	size_t len = strlen(text);
	size_t padding = padding_of(text, len);
	int n;

	if (len == 0)
		return 0;
	if (len > INT_MAX || len % 4 != 0 ||
	    strspn(text, digits) != len - padding)
		return -1;
	if (buf_reserve(out, len / 4 * 3) < 0)
		return -1;
	n = EVP_DecodeBlock(buf_end(out), (const unsigned char *)text,
			    (int)len);
	if (n < 0 || (size_t)n < padding)
		return -1;
	buf_added(out, (size_t)n - padding);
	return 0;
}
