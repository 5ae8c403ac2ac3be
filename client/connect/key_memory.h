/*
 * OpenSSL's memory in the client, so that no copy of a key or passphrase outlives
 * its use: what OpenSSL frees is wiped, and private numbers stand in its secure
 * heap (locked, out of core dumps). Called by command_main() and key.c.
 *
 * Why: OpenSSL decodes a key through buffers that it frees as they are. Blocks above
 * KEY_MEMORY_WIPED hold records and not keys; wiping them would cost throughput.
 */
#ifndef VIRTMUX_CLIENT_KEY_MEMORY_H
#define VIRTMUX_CLIENT_KEY_MEMORY_H

#include <stdbool.h>

#define KEY_MEMORY_WIPED  (16 * 1024)  /* bytes of a block, at most */
#define KEY_MEMORY_SECURE (256 * 1024) /* bytes of the secure heap */

/*
 * Before OpenSSL is used for the first time, or it has no effect. Once a process.
 */
void key_memory_begin(void);

/*
 * Before a key is opened: makes the secure heap; where the process is ours ALONE, core
 * dumps end, too. Where the system does not lock so much memory, it is used without. May
 * be called again.
 */
void key_memory_protect(bool alone);

/* After it was: wipes the part of the stack that opening it has used. */
void key_memory_wipe_stack(void);

#endif
