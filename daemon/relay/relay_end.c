/*
 * The end of a relay in words, for the audit and the log. Called by daemon/ops
 * when a console is over. What always holds: an end that somebody wished for is
 * no error.
 */
#include "daemon/relay/relay.h"

#include <inttypes.h>

static int peer_error(const struct relay_end *end, struct error *err)
{
	if (end->code == H2_NO_ERROR || end->code == H2_CANCEL)
		return 0;
	return error_set(err, ERROR_DISCONNECTED,
			 "the peer ended the stream (HTTP/2 code %" PRIu32 ")",
			 end->code);
}

int relay_end_error(const struct relay_end *end, struct error *err)
{
	switch (end->reason) {
	case RELAY_ENDED:
		return 0;
	case RELAY_PEER:
		return peer_error(end, err);
	case RELAY_DESCRIPTOR:
		return error_set_errno(err, ERROR_SYSTEM, end->errnum,
				       "the other end of the stream failed");
	case RELAY_SILENT:
		return error_set(err, ERROR_TIMED_OUT,
				 "the other end of the stream never said a "
				 "word");
	case RELAY_CUT:
		return error_set(err, ERROR_INTERRUPTED,
				 "the host ended the stream");
	}
	return error_set(err, ERROR_INTERNAL, "a relay ended without reason");
}
