/*
 * libmicrohttpd, which is loaded when the page's server starts, and not with every
 * command: with GnuTLS, which it brings along and we do not use, it would take as long
 * as all else that a command does before it begins. Loop thread only.
 */
#ifndef VIRTMUX_CLIENT_WEB_HTTP_LIBRARY_H
#define VIRTMUX_CLIENT_WEB_HTTP_LIBRARY_H

#include <microhttpd.h>

#include "base/error.h"

#define HTTP_LIBRARY(FUNCTION)                                                 \
	FUNCTION(add_connection)                                               \
	FUNCTION(add_response_header)                                          \
	FUNCTION(create_response_for_upgrade)                                  \
	FUNCTION(create_response_from_buffer)                                  \
	FUNCTION(destroy_response)                                             \
	FUNCTION(get_connection_values)                                        \
	FUNCTION(get_daemon_info)                                              \
	FUNCTION(get_timeout)                                                  \
	FUNCTION(is_feature_supported)                                         \
	FUNCTION(lookup_connection_value)                                      \
	FUNCTION(queue_response)                                               \
	FUNCTION(resume_connection)                                            \
	FUNCTION(run)                                                          \
	FUNCTION(start_daemon)                                                 \
	FUNCTION(stop_daemon)                                                  \
	FUNCTION(suspend_connection)                                           \
	FUNCTION(upgrade_action)

/* Each is MHD_NAME() of the header. */
struct http_library {
#define FUNCTION(name) __typeof__(&MHD_##name) name;
	HTTP_LIBRARY(FUNCTION)
#undef FUNCTION
};

/*
 * Loads it; it stays until the process ends. ERROR_UNSUPPORTED where it is not
 * installed, or is not the one that we were built with.
 */
int http_library_load(struct http_library *library, struct error *err);

#endif
