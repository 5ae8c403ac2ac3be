/*
 * The name that was meant, where a person has mistyped one: after an error that the host
 * knows no such domain, network or pool, its list is asked for once more.
 */
#ifndef VIRTMUX_CLIENT_SUGGEST_H
#define VIRTMUX_CLIENT_SUGGEST_H

#include "client/command.h"

#define SUGGEST_NAMES 32768 /* that are looked at */

/*
 * WHY, the error of CALL, gets "; did you mean 'NAME'?" where it is ERROR_NOT_FOUND, names
 * an argument, and one that CALL's user may see is near to it. Only for a person:
 * where messages are text and go to a terminal, so that scripts pay nothing. CHANNEL is
 * the one that was used; NULL: nothing is asked.
 */
void suggest_name(const struct command_call *call, struct channel *channel,
		  struct error *why);

#endif
