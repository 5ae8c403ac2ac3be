/*
 * The limits of the page's server, each with its unit. What goes beyond one ends
 * that request or that console alone.
 */
#ifndef VIRTMUX_CLIENT_WEB_LIMITS_H
#define VIRTMUX_CLIENT_WEB_LIMITS_H

#define WEB_CONNECTIONS  128u         /* at once, consoles among them */
#define WEB_BACKLOG      64           /* connections that wait to be taken */
#define WEB_HEADER_BYTES (32u * 1024) /* a request's line and headers */
#define WEB_BODY_BYTES   4096u        /* a request's body; none needs more */
#define WEB_IDLE_S       60u          /* a connection without a request */
#define WEB_PATH_BYTES   2048u        /* of a request */

#define WEB_MESSAGE_BYTES (64u * 1024) /* one WebSocket message, each way */
#define WEB_PING_MS       30000u       /* silence before a ping */
#define WEB_DEAD_MS       90000u       /* silence before the end */
#define WEB_CLOSE_MS      2000u        /* for the page to say goodbye, too */
#define WEB_CLOSE_WORDS   120u         /* bytes; RFC 6455 5.5 allows 123 */

#define WEB_ASSETS       512u               /* files of the page */
#define WEB_ASSET_BYTES  (8u * 1024 * 1024) /* one of them */
#define WEB_ASSETS_BYTES (32u * 1024 * 1024)
#define WEB_ASSETS_DEPTH 8u /* folders within each other */

#endif
