/*
 * Where the requests of network_verbs.c keep what network.c reads.
 */
#ifndef VIRTMUX_VIRT_NETWORK_PRIVATE_H
#define VIRTMUX_VIRT_NETWORK_PRIVATE_H

/* names[] */
enum { NETWORK_NAME, NETWORK_MAC };

/* numbers[]; the parent is one more than its index, 0: where it fits */
enum { NETWORK_COMMAND, NETWORK_SECTION, NETWORK_PARENT };

/* flags */
enum { NETWORK_LIVE = 1 << 0, NETWORK_CONFIG = 1 << 1 };

#endif
