/*
 * Sec-WebSocket-Accept (accept.h). SHA-1 is the protocol's choice and keeps no
 * secret: it shows that the server has understood the question.
 */
#include "client/web/accept.h"

#include <openssl/evp.h>
#include <string.h>

#define GUID      "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_CHARS 24 /* base64 of 16 bytes */
#define KEY_DATA  22 /* of them without padding */

bool accept_is_key(const char *key)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				       "nopqrstuvwxyz0123456789+/";

	return key && strlen(key) == KEY_CHARS &&
	       strspn(key, alphabet) == KEY_DATA &&
	       strcmp(key + KEY_DATA, "==") == 0;
}

int accept_of_key(const char *key, char out[ACCEPT_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[KEY_CHARS + sizeof(GUID)];
	unsigned n = 0;

	memcpy(text, key, KEY_CHARS);
	memcpy(text + KEY_CHARS, GUID, sizeof(GUID));
	if (!EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL))
		return -1;
	EVP_EncodeBlock((unsigned char *)out, digest, (int)n);
	return 0;
}
