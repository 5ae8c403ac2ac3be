/*
 * Every queue, buffer, count and time-out of daemon/virt, with its reason.
 * Those that an administrator may want to change are fields of struct
 * virt_config; what stands here is then the value for 0.
 */
#ifndef VIRTMUX_VIRT_LIMITS_H
#define VIRTMUX_VIRT_LIMITS_H

/* Threads of each lane; a list must never wait behind a start. */
#define VIRT_QUICK_WORKERS 4
#define VIRT_SLOW_WORKERS  8
#define VIRT_LONG_WORKERS  16
#define VIRT_WORKERS_MAX   64
/* One domain has at most one in so many of a lane's threads, and at least one. */
#define VIRT_DOMAIN_SHARE 4

/* Requests of one lane that wait; the next one is refused (ERROR_BUSY). */
#define VIRT_QUEUE_LIMIT 1024

/* Pause between two attempts to reach libvirt. */
#define VIRT_RETRY_MS     250
#define VIRT_RETRY_MS_MAX 500 /* works again within 2 s after a restart */

/* Requests wait this long for the very first connection, then fail. */
#define VIRT_FIRST_CONNECT_MS 15000

/* libvirt's keep-alive: a dead libvirtd is noticed after 5 s x (2 + 1). */
#define VIRT_KEEPALIVE_S     5
#define VIRT_KEEPALIVE_COUNT 2

/* virt_free() waits this long for calls that block inside libvirt. */
#define VIRT_FREE_WAIT_MS 5000
/* And this much longer for the connection to close. */
#define VIRT_FREE_REST_MS 2000

/* Domain XML from a caller. */
#define VIRT_XML_MAX   (1024 * 1024) /* bytes */
#define VIRT_XML_DEPTH 64            /* nested elements */

/* Names, aliases and UUIDs as a caller gives them, bytes without NUL. */
#define VIRT_NAME_MAX 255

/* Paths of the host as a caller gives them, bytes without NUL. */
#define VIRT_PATH_MAX 4095

/* What a floppy drive takes from one who may not name paths: 2.88 MB. */
#define VIRT_FLOPPY_MAX 2949120

/* A picture: bytes that QEMU may send, and pixels on a side. */
#define VIRT_SCREENSHOT_BYTES_MAX (128 * 1024 * 1024)
#define VIRT_SCREENSHOT_SIDE_MAX  16384

/* What a serial line's guest wrote last is kept, bytes; a power of two. */
#define VIRT_HISTORY (64 * 1024)
/* Where libvirt receives in any case, what the slowest console may be behind. */
#define VIRT_HISTORY_PUSHED (1024 * 1024)
/* Bytes on their way to the guest that the line has taken. */
#define VIRT_HUB_INPUT 4096
/* Bytes that the kernel holds for a console, which takes them at its pace. */
#define VIRT_HUB_SOCKET (64 * 1024)
/* Bytes that one line reads before the others have their turn. */
#define VIRT_HUB_TURN (64 * 1024)
/* Pause between two reads of a line that nobody watches. */
#define VIRT_HUB_REST_MS 20
/* A console that takes nothing for so long no longer holds back the others. */
#define VIRT_HUB_STALL_MS 10000
/* A writer has closed its console: time for the guest to take the rest. */
#define VIRT_HUB_LINGER_MS 5000
/* A line has ended: so long libvirt may take to tell why, or to come back. */
#define VIRT_HUB_SETTLE_MS 3000
/* Writers whose count of input is remembered, for each line. */
#define VIRT_HUB_WRITERS 8
/* Consoles on one line, and in all. */
#define VIRT_HUB_CONSOLES 64
#define VIRT_CONSOLES_MAX 1024
/* Lines; libvirtd has a connection for each, and allows 5,000 by itself. */
#define VIRT_HUBS_MAX 4096
/* Guests whose start or stop waits to be looked at; beyond it all are. */
#define VIRT_HUB_NEWS 256
/* libvirtd's answers on a line's own socket: time and bytes. */
#define VIRT_RPC_MS         10000
#define VIRT_RPC_ANSWER_MAX (256 * 1024)
/* Bytes to the guest in one message. */
#define VIRT_RPC_CHUNK (16 * 1024)

/* Titles remembered; those of further domains are asked for each time. */
#define VIRT_TITLES_MAX 65536

/* What no event tells of domains (autostart, sizes) is read anew after this. */
#define VIRT_INVENTORY_AGE_MS 10000
/* Domains that are read one by one; with more all are, in one call. */
#define VIRT_INVENTORY_MARKS 32

/* Events that wait for the caller; above it some are missed, and it is told. */
#define VIRT_NEWS_MAX 4096

/* Between two questions to an agent about a program: a worker is held so long. */
#define VIRT_AGENT_PAUSE_MS 250

/* Host, socket path: connecting to a display by its address. */
#define VIRT_GRAPHICS_CONNECT_MS 5000

#endif
