/*
 * One verb on many hosts: "-H a,b,c" or "-H @group". Each host has a process of its
 * own, forked from this one, which runs the verb as it would for that host alone;
 * so every verb can do it, and none knows. Called by command_main() alone.
 *
 * What always holds: all hosts are known, and every passphrase was asked, once for
 * each key, before the first process begins; nobody waits for a slow host to show
 * what came of the others (but JSON and CSV are one document); what fails is told
 * with its host. One thread.
 */
#ifndef VIRTMUX_CLIENT_MANY_H
#define VIRTMUX_CLIENT_MANY_H

#include "client/command.h"

#define MANY_HOSTS_MAX 200 /* each takes a process and three descriptors */

/*
 * Whether the host that the call names is a list or a group, and the verb does not
 * see to that itself (GATHERS).
 */
bool many_wanted(const struct command_call *call);

/*
 * Runs RUN for each host in a process of its own. When all have ended: 0 where all
 * have done it, or where what failed was told, call_told() being its status: that
 * which all have in common, else ERROR_PARTIAL. -1 where nothing was begun
 * (ERROR_USAGE, ERROR_CONFIG), or with ERROR_INTERRUPTED.
 */
int many_run(struct command_call *call, command_fn *run, struct error *err);

#endif
