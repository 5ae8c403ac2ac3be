/*
 * The content of volumes, read: GET of a volume, and volume.checksum. virt opens the
 * volume; a worker of it writes into one end of a pair of sockets, and a relay joins
 * the other with the stream, so that a peer that reads nothing stops the worker and
 * nobody else.
 *
 * What always holds: the call ends when both the relay and the worker have ended.
 */
#include "daemon/ops/room.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/sparse.h"
#include "daemon/ops/content_range.h"
#include "daemon/ops/transfer.h"
#include "daemon/relay/relay.h"
#include "daemon/virt/content.h"

struct download {
	struct call *call;
	const struct volume_download_params *params;
	struct relay *relay; /* NULL: it has ended */
	bool working;        /* the worker */
	bool sparse;
	enum range_kind range;
	uint64_t offset;
	uint64_t length;
	uint64_t size;
	struct error why;
	uint64_t bytes_out;
};

/* -- what uploads share --------------------------------------------------- */

bool transfer_begin(struct call *call)
{
	struct ops *ops = ops_of(call);
	autoerror err = {0};

	if (ops->transfers < OPS_TRANSFERS_MAX) {
		ops->transfers++;
		return true;
	}
	error_set(&err, ERROR_BUSY,
		  "%u volumes are being moved on this host already: try again "
		  "later",
		  ops->transfers);
	call_fail(call, &err);
	return false;
}

void transfer_end(struct call *call)
{
	ops_of(call)->transfers--;
}

int transfer_sockets(int sockets[2], struct error *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0)
		return 0;
	return error_set_errno(err, ERROR_SYSTEM, errno,
			       "a transfer cannot begin");
}

bool transfer_is_sparse(const char *header)
{
	return header && strncasecmp(header, SPARSE_MEDIA_TYPE,
				     strlen(SPARSE_MEDIA_TYPE)) == 0;
}

/* -- the end -------------------------------------------------------------- */

static void finish(struct download *d)
{
	if (d->relay || d->working)
		return;
	transfer_end(d->call);
	call_finish(d->call, &d->why, 0, d->bytes_out);
	error_clear(&d->why);
	free(d);
}

static void fail(struct download *d, struct error *err)
{
	transfer_end(d->call);
	call_fail(d->call, err);
	free(d);
}

static void on_relay_done(void *context, const struct relay_end *end)
{
	struct download *d = context;

	d->relay = NULL;
	d->bytes_out = end->bytes_out;
	if (!error_is_set(&d->why))
		relay_end_error(end, &d->why);
	finish(d);
}

/*
 * The socket's end follows. Records have told of a failure by then; of plain bytes
 * the peer must not see a proper end.
 */
static void on_sent(void *context, struct virt_reply *reply)
{
	struct download *d = context;

	d->working = false;
	if (error_is_set(&reply->error) && !error_is_set(&d->why))
		error_move(&d->why, &reply->error);
	if (error_is_set(&d->why) && d->relay && !d->sparse)
		relay_cut(d->relay, H2_INTERNAL_ERROR);
	finish(d);
}

static void cut(void *context)
{
	struct download *d = context;

	if (d->relay)
		relay_cut(d->relay, H2_INADEQUATE_SECURITY);
}

/* -- the answer ----------------------------------------------------------- */

static void answer(struct download *d, struct h2_stream *stream,
		   const char *etag)
{
	char length[24], size[24], range[80];
	struct h2_header headers[8];
	size_t n = 0;
	bool part = d->range == RANGE_PART;

	snprintf(length, sizeof(length), "%" PRIu64, d->length);
	snprintf(size, sizeof(size), "%" PRIu64, d->size);
	snprintf(range, sizeof(range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
		 d->offset, d->offset + d->length - 1, d->size);
	headers[n++] = (struct h2_header){
		"content-type",
		d->sparse ? SPARSE_MEDIA_TYPE : "application/octet-stream"};
	headers[n++] = (struct h2_header){"accept-ranges", "bytes"};
	headers[n++] = (struct h2_header){"cache-control", "no-store"};
	headers[n++] = (struct h2_header){"vary", "accept"};
	headers[n++] = (struct h2_header){"virtmux-volume-size", size};
	if (!d->sparse)
		headers[n++] = (struct h2_header){"content-length", length};
	if (part)
		headers[n++] = (struct h2_header){"content-range", range};
	if (*etag)
		headers[n++] = (struct h2_header){"etag", etag};
	h2_respond(stream, part ? 206 : 200, headers, n, &relay_source,
		   d->relay);
}

static void begin_work(struct download *d, struct virt_content *content,
		       int socket)
{
	const struct virt_content_plan plan = {
		.ref = {d->params->pool, d->params->volume},
		.file = steal_fd(&content->file),
		.socket = socket,
		.offset = d->offset,
		.length = d->length,
		.sparse = d->sparse,
	};
	struct virt_done done = {.fn = on_sent, .context = d};

	if (virt_content_send(ops_virt(d->call), &plan, done, &d->why) == 0)
		d->working = true;
	else
		relay_cut(d->relay, H2_INTERNAL_ERROR);
}

static void begin(struct download *d, struct virt_content *content)
{
	struct ops *ops = ops_of(d->call);
	const struct relay_options options = {
		.uv = ops->uv,
		.blocks = &ops->blocks,
		.log = ops->log,
		.done = on_relay_done,
		.context = d,
	};
	struct h2_stream *stream;
	struct call_early early;
	int sockets[2];
	autoclose int far = -1;
	autoerror err = {0};

	if (transfer_sockets(sockets, &err) < 0) {
		fail(d, &err);
		return;
	}
	far = sockets[1];
	if (relay_new(&d->relay, &options, sockets[0], &err) < 0) {
		fail(d, &err);
		return;
	}
	stream = call_take_stream(d->call, &relay_handler, d->relay, &early);
	if (!stream) {
		relay_cancel(d->relay);
		error_set(&err, ERROR_DISCONNECTED, "the peer has gone");
		fail(d, &err);
		return;
	}
	call_set_cut(d->call, cut, d);
	answer(d, stream, content->etag);
	relay_start(d->relay, stream, NULL, 0, true);
	buf_free(&early.data);
	begin_work(d, content, steal_fd(&far));
}

static void refuse_range(struct download *d)
{
	char range[40];
	const struct h2_header header = {"content-range", range};
	struct call *call = d->call;

	snprintf(range, sizeof(range), "bytes */%" PRIu64, d->size);
	transfer_end(call);
	free(d);
	call_respond(call, 416, NULL, &header, 1, NULL);
}

/* RFC 9110 section 13.1.5: another ETag, or a date, asks for the whole. */
static enum range_kind wanted_range(struct download *d, const char *etag)
{
	const char *condition = call_header(d->call, "if-range");

	d->offset = 0;
	d->length = d->size;
	if (condition && (!*etag || strcmp(condition, etag) != 0))
		return RANGE_WHOLE;
	return range_parse(call_header(d->call, "range"), d->size, &d->offset,
			   &d->length);
}

static void on_opened(void *context, struct virt_reply *reply)
{
	struct download *d = context;
	struct virt_content *content = reply->value.noun.data;

	if (error_is_set(&reply->error)) {
		fail(d, &reply->error);
		return;
	}
	d->size = content->size;
	d->range = wanted_range(d, content->etag);
	if (d->range == RANGE_UNSATISFIABLE) {
		refuse_range(d);
		return;
	}
	if (d->range == RANGE_WHOLE) {
		d->offset = 0;
		d->length = d->size;
	}
	begin(d, content);
}

void op_volume_download(struct call *call,
			const struct volume_download_params *params)
{
	struct virt_volume_ref ref = {params->pool, params->volume};
	struct download *d = NULL;
	struct virt_done done = {.fn = on_opened};
	autoerror err = {0};

	if (!transfer_begin(call))
		return;
	d = calloc(1, sizeof(*d));
	if (!d) {
		error_set_no_memory(&err);
		transfer_end(call);
		call_fail(call, &err);
		return;
	}
	d->call = call;
	d->params = params;
	d->sparse = transfer_is_sparse(call_header(call, "accept"));
	done.context = d;
	if (virt_content_open(ops_virt(call), &ref, false, done, &err) < 0)
		fail(d, &err);
}

/* -- checksums ------------------------------------------------------------ */

static void on_sums(void *context, struct virt_reply *reply)
{
	const struct virt_content_sums *sums = reply->value.noun.data;
	struct volume_checksum result;
	autofree char **blocks = NULL;
	autoerror err = {0};

	if (!ops_succeeded(context, reply))
		return;
	result = (struct volume_checksum){.offset = sums->offset,
					  .length = sums->length};
	blocks = calloc(sums->count + 1, sizeof(*blocks));
	if (!blocks) {
		error_set_no_memory(&err);
		call_fail(context, &err);
		return;
	}
	for (size_t i = 0; i < sums->count; i++)
		blocks[i] = sums->texts[i];
	if (sums->blocks) {
		result.blocks = blocks;
		result.blocks_count = sums->count;
	} else {
		result.sha256 = blocks[0];
		result.has_sha256 = true;
	}
	call_return(context, &result);
}

void op_volume_checksum(struct call *call,
			const struct volume_checksum_params *p)
{
	struct virt_volume_ref ref = {p->pool, p->volume};
	autoerror err = {0};

	ops_submitted(call,
		      virt_content_sum(ops_virt(call), &ref, p->offset,
				       p->has_length ? p->length : UINT64_MAX,
				       p->block, ops_then(call, on_sums), &err),
		      &err);
}
