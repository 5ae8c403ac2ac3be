/*
 * The content of volumes (content.h): opening, and the loops between a volume and a
 * socket, with the checksum. Verbs of verbs/storage.def: names[0] the pool, text the
 * volume, numbers[0] the offset, numbers[1] the length, fds[0] the file, fds[1] the
 * socket, force: in the form of base/sparse.h.
 *
 * What always holds: a worker's wait for the socket ends with the socket, which the
 * caller closes; a file is opened by the path that libvirt tells, and never through
 * a link of that name.
 */
#include "daemon/virt/content_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/sparse.h"
#include "daemon/virt/error.h"

/* -- opening -------------------------------------------------------------- */

static void free_content(void *data)
{
	struct virt_content *content = data;

	cleanup_close(&content->file);
	free(content->pool);
	free(content->name);
	free(content->key);
	free(content);
}

/*
 * -1 where it is no plain file, or not ours to open: libvirt's stream does it then,
 * or tells why not. A FIFO of that name must not hold the worker.
 */
static int open_file(const char *path, bool write, struct stat *st)
{
	autoclose int fd =
		open(path, (write ? O_WRONLY : O_RDONLY) | O_NOFOLLOW |
				   O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode))
		return -1;
	return steal_fd(&fd);
}

static int measure(struct job *job, virStorageVolPtr volume, bool write,
		   struct virt_content *content, struct error *err)
{
	autofree char *path = virStorageVolGetPath(volume);
	virStorageVolInfo info;
	struct stat st;

	if (!path ||
	    (virStorageVolGetInfoFlags(volume, &info,
				       VIR_STORAGE_VOL_GET_PHYSICAL) < 0 &&
	     virStorageVolGetInfo(volume, &info) < 0))
		return failure_set(job, err);
	if (info.type == VIR_STORAGE_VOL_DIR ||
	    info.type == VIR_STORAGE_VOL_NETDIR ||
	    info.type == VIR_STORAGE_VOL_PLOOP)
		return error_set(
			err, ERROR_UNSUPPORTED,
			"volume '%s' is a folder: it has no content of "
			"its own",
			content->name);
	content->size = info.type == VIR_STORAGE_VOL_NETWORK ? info.capacity
							     : info.allocation;
	if (info.type == VIR_STORAGE_VOL_FILE && job_is_this_host(job))
		content->file = open_file(path, write, &st);
	if (content->file < 0)
		return 0;
	content->size = (uint64_t)st.st_size;
	snprintf(content->etag, sizeof(content->etag),
		 "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%lx-%" PRIx64 ".%lx\"",
		 (uint64_t)st.st_ino, (uint64_t)st.st_size,
		 (uint64_t)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec,
		 (uint64_t)st.st_ctim.tv_sec,
		 (unsigned long)st.st_ctim.tv_nsec);
	return 0;
}

int run_content_open(struct job *job, struct error *err)
{
	autovolume volume = storage_find_volume(job, err);
	struct virt_content *content = NULL;
	const char *key;

	if (!volume)
		return -1;
	content = calloc(1, sizeof(*content));
	if (!content)
		return error_set_no_memory(err);
	content->file = -1;
	reply_own(job->reply, content, free_content);
	key = virStorageVolGetKey(volume);
	content->pool = strdup(job->request->names[0]);
	content->name = strdup(virStorageVolGetName(volume));
	content->key = strdup(key ? key : content->name);
	if (!content->pool || !content->name || !content->key)
		return error_set_no_memory(err);
	return measure(job, volume, job->request->force, content, err);
}

/* -- moving --------------------------------------------------------------- */

struct move {
	struct content_side side;
	int socket; /* borrowed */
	bool sparse;
	struct digest *digest;
	struct virt_content_moved *moved;
	uint8_t *chunk; /* CONTENT_CHUNK */
};

static void move_clear(struct move *m)
{
	content_side_clear(&m->side);
	digest_free(m->digest);
	free(m->chunk);
}

static int move_begin(struct job *job, struct move *m, struct error *err)
{
	const struct request *r = job->request;

	m->side = (struct content_side){
		.job = job,
		.file = r->fds[0],
		.name = r->text,
		.at = r->numbers[0],
		.end = r->numbers[1] == UINT64_MAX
			       ? UINT64_MAX
			       : r->numbers[0] + r->numbers[1],
		.sparse = r->force,
	};
	m->socket = r->fds[1];
	m->sparse = r->force;
	m->moved = calloc(1, sizeof(*m->moved));
	m->chunk = malloc(CONTENT_CHUNK);
	if (!m->moved || !m->chunk) {
		free(steal(&m->moved));
		return error_set_no_memory(err);
	}
	reply_own(job->reply, m->moved, free);
	return digest_new(&m->digest, err);
}

static int gone(struct move *m, struct error *err)
{
	return error_set(err, ERROR_DISCONNECTED,
			 "the transfer of volume '%s' was cut off at byte "
			 "%" PRIu64,
			 m->side.name, m->side.at);
}

/* HEAD (may be empty) and DATA into the socket. */
static int send_all(struct move *m, const uint8_t *head, size_t head_len,
		    const uint8_t *data, size_t len, struct error *err)
{
	struct iovec parts[2] = {{(void *)head, head_len}, {(void *)data, len}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	while (parts[0].iov_len + parts[1].iov_len > 0) {
		ssize_t n = sendmsg(m->socket, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return gone(m, err);
		for (size_t i = 0; i < 2; i++) {
			size_t some = (size_t)n < parts[i].iov_len
					      ? (size_t)n
					      : parts[i].iov_len;

			if (some == 0) /* and there may be no memory */
				continue;
			parts[i].iov_base = (uint8_t *)parts[i].iov_base + some;
			parts[i].iov_len -= some;
			n -= (ssize_t)some;
		}
	}
	return 0;
}

static int send_record(struct move *m, enum sparse_kind kind, uint64_t length,
		       const uint8_t *data, size_t len, struct error *err)
{
	uint8_t header[SPARSE_HEADER];

	sparse_header(header, kind, length);
	return send_all(m, header, sizeof(header), data, len, err);
}

/* N zeros of a hole: as such, or as bytes. */
static int send_hole(struct move *m, uint64_t n, struct error *err)
{
	if (m->sparse)
		return send_record(m, SPARSE_HOLE, n, NULL, 0, err);
	memset(m->chunk, 0, CONTENT_CHUNK);
	while (n > 0) {
		size_t some = n < CONTENT_CHUNK ? (size_t)n : CONTENT_CHUNK;

		if (send_all(m, NULL, 0, m->chunk, some, err) < 0)
			return -1;
		n -= some;
	}
	return 0;
}

static int send_piece(struct move *m, size_t n, uint64_t hole,
		      struct error *err)
{
	digest_add(m->digest, m->chunk, n);
	digest_add_zeros(m->digest, hole);
	m->moved->bytes += n + hole;
	if (hole)
		return send_hole(m, hole, err);
	if (m->sparse)
		return send_record(m, SPARSE_DATA, n, m->chunk, n, err);
	return send_all(m, NULL, 0, m->chunk, n, err);
}

static int send_content(struct move *m, struct error *err)
{
	size_t n;
	uint64_t hole;

	do {
		if (content_next(&m->side, m->chunk, CONTENT_CHUNK, &n, &hole,
				 err) < 0)
			return -1;
		if (n + hole > 0 && send_piece(m, n, hole, err) < 0)
			return -1;
	} while (n + hole > 0);
	digest_finish(m->digest, m->moved->sha256);
	if (content_side_finish(&m->side, err) < 0)
		return -1;
	if (!m->sparse)
		return 0;
	return send_record(m, SPARSE_END, DIGEST_BYTES, m->moved->sha256,
			   DIGEST_BYTES, err);
}

/* The reader of the records is told why there will be no more of them. */
static void send_failure(struct move *m, const struct error *why)
{
	char text[SPARSE_WORDS_MAX];
	int n = snprintf(text, sizeof(text) - 1, "%s: %s",
			 error_code_name(why->code), error_words(why));

	if (!m->sparse || why->code == ERROR_DISCONNECTED)
		return;
	if ((size_t)n > sizeof(text) - 2)
		n = (int)sizeof(text) - 2;
	send_record(m, SPARSE_FAILURE, (uint64_t)n, (const uint8_t *)text,
		    (size_t)n, NULL);
}

int run_content_send(struct job *job, struct error *err)
{
	cleanup(move_clear) struct move m = {.socket = -1};
	autovolume volume = storage_find_volume(job, err);
	autoerror why = {0};

	if (!volume || move_begin(job, &m, err) < 0)
		return -1;
	if (content_side_read(&m.side, volume, &why) == 0 &&
	    send_content(&m, &why) == 0)
		return 0;
	send_failure(&m, &why);
	return error_move(err, &why);
}

/* -- receiving ------------------------------------------------------------ */

static int take_data(void *context, const uint8_t *data, size_t n,
		     struct error *err)
{
	struct move *m = context;

	if (content_put(&m->side, data, n, err) < 0)
		return -1;
	digest_add(m->digest, data, n);
	m->moved->bytes += n;
	return 0;
}

static int take_hole(void *context, uint64_t n, struct error *err)
{
	struct move *m = context;

	if (content_put_hole(&m->side, n, err) < 0)
		return -1;
	digest_add_zeros(m->digest, n);
	m->moved->bytes += n;
	return 0;
}

static int compare(struct move *m, const uint8_t sent[DIGEST_BYTES],
		   struct error *err)
{
	char theirs[DIGEST_TEXT_SIZE], ours[DIGEST_TEXT_SIZE];

	if (memcmp(sent, m->moved->sha256, DIGEST_BYTES) == 0)
		return 0;
	digest_text(sent, theirs);
	digest_text(m->moved->sha256, ours);
	return error_set(err, ERROR_FAILED,
			 "the checksum of volume '%s' is wrong: SHA-256 %s was "
			 "sent, %s came",
			 m->side.name, theirs, ours);
}

static int take_end(void *context, const uint8_t sha256[DIGEST_BYTES],
		    struct error *err)
{
	struct move *m = context;

	digest_finish(m->digest, m->moved->sha256);
	return compare(m, sha256, err);
}

/* The next bytes of the socket; 0 at its end. */
static ssize_t receive(struct move *m)
{
	ssize_t n;

	do {
		n = recv(m->socket, m->chunk, CONTENT_CHUNK, 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

static int receive_content(struct move *m, struct error *err)
{
	static const struct sparse_events events = {take_data, take_hole,
						    take_end};
	struct sparse_reader reader = {.n = 0};
	ssize_t n;

	while ((n = receive(m)) > 0)
		if ((m->sparse ? sparse_read(&reader, &events, m, m->chunk,
					     (size_t)n, err)
			       : take_data(m, m->chunk, (size_t)n, err)) < 0)
			return -1;
	if (n < 0 || (m->sparse && !reader.ended) ||
	    (m->side.end != UINT64_MAX && m->side.at != m->side.end))
		return gone(m, err);
	if (!m->sparse)
		digest_finish(m->digest, m->moved->sha256);
	return content_side_finish(&m->side, err);
}

int run_content_receive(struct job *job, struct error *err)
{
	cleanup(move_clear) struct move m = {.socket = -1};
	autovolume volume = storage_find_volume(job, err);
	autopool pool = NULL;
	int rc;

	if (!volume || move_begin(job, &m, err) < 0 ||
	    content_side_write(&m.side, volume, err) < 0)
		return -1;
	rc = receive_content(&m, err);
	/* libvirt is to see the new sizes; its own uploads do the same. */
	if (m.side.file >= 0)
		pool = virStoragePoolLookupByVolume(volume);
	if (pool && virStoragePoolRefresh(pool, 0) < 0)
		virResetLastError();
	return rc;
}

/* -- checksums ------------------------------------------------------------ */

static void free_sums(void *data)
{
	struct virt_content_sums *sums = data;

	free(sums->texts);
	free(sums);
}

static int plan_sums(struct job *job, const struct virt_content *content,
		     uint64_t block, struct virt_content_sums *sums,
		     struct error *err)
{
	const struct request *r = job->request;
	uint64_t left;

	if (r->numbers[0] > content->size)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "volume '%s' ends at byte %" PRIu64,
				 content->name, content->size);
	left = content->size - r->numbers[0];
	sums->offset = r->numbers[0];
	sums->length = r->numbers[1] < left ? r->numbers[1] : left;
	sums->count = 1;
	sums->blocks = block > 0;
	if (block)
		sums->count = (size_t)((sums->length + block - 1) / block);
	if (block &&
	    (sums->length + block - 1) / block > VIRT_CONTENT_BLOCKS_MAX)
		return error_set(err, ERROR_INVALID_PARAMS,
				 "these are more than %d blocks: ask for less, "
				 "or for larger ones",
				 VIRT_CONTENT_BLOCKS_MAX);
	sums->texts = calloc(sums->count + 1, sizeof(*sums->texts));
	return sums->texts ? 0 : error_set_no_memory(err);
}

static int sum_block(struct move *m, uint64_t length, char *text,
		     struct error *err)
{
	uint8_t sum[DIGEST_BYTES];

	while (length > 0) {
		size_t n, room = length < CONTENT_CHUNK ? (size_t)length
							: CONTENT_CHUNK;
		uint64_t hole, end = m->side.end;

		/* A hole must not reach beyond the block. */
		if (m->side.file >= 0) {
			m->side.end = m->side.at + length;
			m->side.extent = m->side.at;
		}
		if (content_next(&m->side, m->chunk, room, &n, &hole, err) < 0)
			return -1;
		m->side.end = end;
		digest_add(m->digest, m->chunk, n);
		digest_add_zeros(m->digest, hole);
		length -= n + hole;
	}
	digest_finish(m->digest, sum);
	digest_text(sum, text);
	return 0;
}

static int sum_all(struct job *job, virStorageVolPtr volume,
		   struct virt_content *content, uint64_t block,
		   struct virt_content_sums *sums, struct error *err)
{
	cleanup(move_clear) struct move m = {
		.side = {.job = job,
			 .file = content->file,
			 .name = content->name,
			 .at = sums->offset,
			 .end = sums->offset + sums->length},
		.chunk = malloc(CONTENT_CHUNK),
	};
	uint64_t left = sums->length;

	if (!m.chunk)
		return error_set_no_memory(err);
	if (digest_new(&m.digest, err) < 0 ||
	    content_side_read(&m.side, volume, err) < 0)
		return -1;
	for (size_t i = 0; i < sums->count; i++) {
		uint64_t n = block && block < left ? block : left;

		if (sum_block(&m, n, sums->texts[i], err) < 0)
			return -1;
		left -= n;
	}
	return content_side_finish(&m.side, err);
}

int run_content_sum(struct job *job, struct error *err)
{
	autovolume volume = storage_find_volume(job, err);
	struct virt_content content = {
		.file = -1,
		.name = job->request->text,
	};
	struct virt_content_sums *sums = NULL;
	uint64_t block = job->request->numbers[2];
	autoclose int file = -1;

	if (!volume || measure(job, volume, false, &content, err) < 0)
		return -1;
	file = content.file;
	sums = calloc(1, sizeof(*sums));
	if (!sums)
		return error_set_no_memory(err);
	reply_own(job->reply, sums, free_sums);
	if (plan_sums(job, &content, block, sums, err) < 0)
		return -1;
	return sum_all(job, volume, &content, block, sums, err);
}
