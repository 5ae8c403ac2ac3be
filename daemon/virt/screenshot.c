/*
 * The screenshot verb: libvirt's stream of a picture, read with a limit, then
 * made a PNG. The stream blocks; it runs in the slow lane.
 */
#include "daemon/virt/job.h"

#include <string.h>

#include "base/buf.h"
#include "daemon/virt/error.h"
#include "daemon/virt/picture.h"

#define CHUNK ((size_t)256 * 1024)

static void cleanup_stream(virStreamPtr *stream)
{
	if (*stream)
		virStreamFree(*stream);
}

static int receive(struct job *job, virStreamPtr stream, struct buf *data,
		   struct error *err)
{
	int n;

	do {
		if (data->len > VIRT_SCREENSHOT_BYTES_MAX) {
			virStreamAbort(stream);
			return error_set(err, ERROR_TOO_LARGE,
					 "the picture has too many bytes");
		}
		if (buf_reserve(data, CHUNK) < 0) {
			virStreamAbort(stream);
			return error_set_no_memory(err);
		}
		n = virStreamRecv(stream, (char *)buf_end(data), CHUNK);
		if (n > 0)
			buf_added(data, (size_t)n);
	} while (n > 0);
	if (n < 0 || virStreamFinish(stream) < 0) {
		failure_set(job, err);
		virStreamAbort(stream);
		return -1;
	}
	return 0;
}

int run_screenshot(struct job *job, struct error *err)
{
	cleanup(cleanup_stream) virStreamPtr stream = NULL;
	autofree char *type = NULL;
	autobuf data = {0};
	struct picture picture = {0};

	if (virDomainIsActive(job->domain) == 0)
		return error_set(err, ERROR_STATE,
				 "domain '%s' is not running: start it first",
				 job->reply->domain.name);
	stream = virStreamNew(job->conn, 0);
	if (!stream)
		return failure_set(job, err);
	type = virDomainScreenshot(job->domain, stream, job->request->number,
				   0);
	if (!type)
		return failure_set(job, err);
	if (receive(job, stream, &data, err) < 0)
		return -1;
	if (picture_from_screenshot(buf_bytes(&data), data.len, &picture, err) <
	    0)
		return error_prefix(err, "domain '%s'",
				    job->reply->domain.name);
	job->reply->kind = VIRT_VALUE_PICTURE;
	job->reply->value.picture.png = picture.png;
	job->reply->value.picture.len = picture.len;
	job->reply->value.picture.width = picture.width;
	job->reply->value.picture.height = picture.height;
	return 0;
}
