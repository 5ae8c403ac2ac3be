/*
 * Both sides of a transfer, compared by the checksums of their blocks
 * (transfer_private.h): the host computes its own, so that only these cross the
 * line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/codec.h"
#include "client/connect/channel.h"
#include "client/transfer_private.h"

#define CHUNK ((size_t)256 * 1024)

bool transfer_extent(int fd, uint64_t at, uint64_t end, bool *hole,
		     uint64_t *until)
{
	off_t data = lseek(fd, (off_t)at, SEEK_DATA);
	off_t next;

	if (data < 0 && errno != ENXIO)
		return false;
	*hole = data < 0 || (uint64_t)data > at;
	if (*hole) {
		*until = data < 0 ? end : (uint64_t)data;
	} else {
		next = lseek(fd, (off_t)at, SEEK_HOLE);
		if (next < 0)
			return false;
		*until = (uint64_t)next;
	}
	if (*until > end)
		*until = end;
	return true;
}

/* Adds FD's bytes from AT to END; what lies past its end reads as nothing. */
static int add_range(struct digest *digest, int fd, uint64_t at, uint64_t end,
		     uint8_t *chunk, struct error *err)
{
	while (at < end) {
		bool hole = false;
		uint64_t until = end;
		size_t n;
		ssize_t got;

		if (transfer_extent(fd, at, end, &hole, &until) && hole) {
			digest_add_zeros(digest, until - at);
			at = until;
			continue;
		}
		n = until - at < CHUNK ? (size_t)(until - at) : CHUNK;
		got = pread(fd, chunk, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "the file cannot be read");
		if (got == 0)
			return 0;
		digest_add(digest, chunk, (size_t)got);
		at += (uint64_t)got;
	}
	return 0;
}

struct compare {
	struct transfer *t;
	struct channel *channel;
	struct digest *digest;
	uint8_t *chunk;
	struct error *difference;
};

static int tell_difference(struct compare *c, uint64_t at, const char *theirs,
			   const char *ours)
{
	if (c->difference && !error_is_set(c->difference))
		error_set(c->difference, ERROR_FAILED,
			  "the checksums differ from byte %" PRIu64
			  " on: SHA-256 %s on the host, %s here",
			  at, theirs, ours);
	return 0;
}

/* The blocks of SUMS; *SAME grows by those that are alike. */
static int compare_blocks(struct compare *c, const struct volume_checksum *sums,
			  uint64_t *same, struct error *err)
{
	uint64_t begin = *same;

	for (size_t i = 0; i < sums->blocks_count; i++) {
		uint64_t at = begin + i * TRANSFER_BLOCK;
		uint64_t end = at + TRANSFER_BLOCK;
		uint8_t sum[DIGEST_BYTES];
		char text[DIGEST_TEXT_SIZE];

		if (end > begin + sums->length)
			end = begin + sums->length;
		if (add_range(c->digest, c->t->fd, at, end, c->chunk, err) < 0)
			return -1;
		digest_finish(c->digest, sum);
		digest_text(sum, text);
		if (strcmp(text, sums->blocks[i]) != 0)
			return tell_difference(c, c->t->offset + at,
					       sums->blocks[i], text);
		*same = end;
	}
	return 0;
}

/* One call's worth; *MORE: all of it was alike, and something is left. */
static int compare_window(struct compare *c, uint64_t length, uint64_t *same,
			  bool *more, struct error *err)
{
	const struct method *m = method_by_id(METHOD_volume_checksum);
	uint64_t begin = *same, all = TRANSFER_BLOCKS * TRANSFER_BLOCK;
	struct volume_checksum_params params = {
		.pool = (char *)c->t->pool,
		.has_pool = true,
		.volume = (char *)c->t->volume,
		.offset = c->t->offset + begin,
		.has_offset = true,
		.length = length - begin < all ? length - begin : all,
		.has_length = true,
		.block = TRANSFER_BLOCK,
		.has_block = true,
	};
	struct volume_checksum sums = {0};
	autoerror why = {0};
	int rc;

	*more = false;
	if (channel_call_typed(c->channel, METHOD_volume_checksum, &params,
			       &sums, &why) < 0) {
		/* The volume is shorter: nothing of it is there. */
		if (why.code == ERROR_INVALID_PARAMS)
			return 0;
		return error_move(err, &why);
	}
	rc = compare_blocks(c, &sums, same, err);
	*more = rc == 0 && *same == begin + params.length && *same < length;
	if (rc == 0 && *same == begin + sums.length &&
	    sums.length < params.length)
		tell_difference(c, c->t->offset + *same, "of nothing",
				"of something");
	result_free(m, &sums);
	return rc;
}

int transfer_compare(struct transfer *t, struct channel *channel,
		     uint64_t length, uint64_t *same, struct error *difference,
		     struct error *err)
{
	struct compare c = {
		.t = t,
		.channel = channel,
		.chunk = malloc(CHUNK),
		.difference = difference,
	};
	bool more = length > 0;
	int rc = 0;

	*same = 0;
	if (!c.chunk)
		return error_set_no_memory(err);
	rc = digest_new(&c.digest, err);
	while (rc == 0 && more)
		rc = compare_window(&c, length, same, &more, err);
	digest_free(c.digest);
	free(c.chunk);
	return rc;
}
