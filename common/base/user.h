/*
 * What a user may be called, and how a certificate says it. Used by those who make
 * certificates and requests, and by those who read them. No state; any thread.
 */
#ifndef VIRTMUX_BASE_USER_H
#define VIRTMUX_BASE_USER_H

#include "base/error.h"

#define USER_NAME_MAX   64 /* bytes; also X.520's limit of a CN */
#define USER_URI_PREFIX "virtmux://user/" /* of the SAN URI, before the name */

/*
 * [A-Za-z0-9._@-]{1,64}, first character a letter, digit or '_': ERROR_USAGE. It is
 * then also a file's name that hides nothing and no option of any tool.
 */
int user_check_name(const char *name, struct error *err);

#endif
