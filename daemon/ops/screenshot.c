/*
 * Pictures of screens. The handler of GET /domains/{domain}/screenshot. What
 * always holds: the answer names the domain that is shown, and says that it is
 * not to be kept.
 */
#include "daemon/ops/room.h"

static void answer(struct call *call, struct virt_reply *reply)
{
	struct buf body = {
		.data = steal(&reply->value.picture.png),
		.len = reply->value.picture.len,
		.cap = reply->value.picture.len,
	};
	struct ops_domain_headers store;
	struct h2_header headers[OPS_DOMAIN_HEADERS + 1];

	ops_domain_headers(reply, &store, headers);
	headers[OPS_DOMAIN_HEADERS] =
		(struct h2_header){"cache-control", "no-store"};
	call_respond(call, 200, "image/png", headers, array_size(headers),
		     &body);
}

static void on_picture(void *context, struct virt_reply *reply)
{
	if (ops_succeeded(context, reply))
		answer(context, reply);
}

void op_domain_screenshot(struct call *call,
			  const struct domain_screenshot_params *params)
{
	struct virt_domain_ref ref = ops_ref(call, params->domain);
	autoerror err = {0};

	ops_submitted(call,
		      virt_domain_screenshot(ops_virt(call), &ref,
					     (unsigned)params->screen,
					     ops_then(call, on_picture), &err),
		      &err);
}
