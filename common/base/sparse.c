/*
 * The records of content with holes (sparse.h): a header is gathered, then its
 * bytes are passed on as they come; those of an end or a failure are gathered too.
 */
#include "base/sparse.h"

#include <inttypes.h>
#include <string.h>

void sparse_header(uint8_t to[SPARSE_HEADER], enum sparse_kind kind,
		   uint64_t length)
{
	to[0] = (uint8_t)kind;
	for (int i = SPARSE_HEADER - 1; i > 0; i--) {
		to[i] = (uint8_t)length;
		length >>= 8;
	}
}

static uint64_t header_length(const uint8_t header[SPARSE_HEADER])
{
	uint64_t length = 0;

	for (int i = 1; i < SPARSE_HEADER; i++)
		length = length << 8 | header[i];
	return length;
}

static int bad(struct error *err, const char *what)
{
	return error_set(err, ERROR_INVALID_REQUEST,
			 "the content is not of the form " SPARSE_MEDIA_TYPE
			 ": %s",
			 what);
}

/* The header is complete. */
static int begin_record(struct sparse_reader *r,
			const struct sparse_events *events, void *context,
			struct error *err)
{
	uint64_t length = header_length(r->header);

	switch (r->header[0]) {
	case SPARSE_DATA:
		break;
	case SPARSE_HOLE:
		r->have = 0;
		return events->on_hole(context, length, err);
	case SPARSE_END:
		if (length != DIGEST_BYTES)
			return bad(err, "its end has no SHA-256");
		break;
	case SPARSE_FAILURE:
		if (length == 0 || length >= SPARSE_WORDS_MAX)
			return bad(err, "its failure has too many words, or "
					"none");
		break;
	default:
		return bad(err, "it has an unknown record");
	}
	r->left = length;
	if (length == 0)
		r->have = 0;
	return 0;
}

/* "busy: something else uses it" */
static int failure(struct sparse_reader *r, struct error *err)
{
	char *text = (char *)r->tail;
	char *words;

	text[r->n] = '\0';
	words = strstr(text, ": ");
	if (!words)
		return bad(err, "its failure has no name");
	*words = '\0';
	return error_set(err, error_code_from_name(text), "%s", words + 2);
}

static int finish_record(struct sparse_reader *r,
			 const struct sparse_events *events, void *context,
			 struct error *err)
{
	r->have = 0;
	if (r->header[0] == SPARSE_FAILURE)
		return failure(r, err);
	if (r->header[0] != SPARSE_END)
		return 0;
	r->ended = true;
	return events->on_end(context, r->tail, err);
}

static int take_bytes(struct sparse_reader *r,
		      const struct sparse_events *events, void *context,
		      const uint8_t *data, size_t n, struct error *err)
{
	if (r->header[0] == SPARSE_DATA) {
		if (events->on_data(context, data, n, err) < 0)
			return -1;
	} else {
		memcpy(r->tail + r->n, data, n);
		r->n += n;
	}
	r->left -= n;
	return r->left ? 0 : finish_record(r, events, context, err);
}

int sparse_read(struct sparse_reader *r, const struct sparse_events *events,
		void *context, const uint8_t *data, size_t n, struct error *err)
{
	while (n > 0) {
		size_t some = SPARSE_HEADER - r->have;
		int rc = 0;

		if (r->ended)
			return bad(err, "something follows its end");
		if (r->have < SPARSE_HEADER) {
			some = some < n ? some : n;
			memcpy(r->header + r->have, data, some);
			r->have += some;
			if (r->have == SPARSE_HEADER)
				rc = begin_record(r, events, context, err);
		} else {
			some = r->left < n ? (size_t)r->left : n;
			rc = take_bytes(r, events, context, data, some, err);
		}
		if (rc < 0)
			return -1;
		data += some;
		n -= some;
	}
	return 0;
}
