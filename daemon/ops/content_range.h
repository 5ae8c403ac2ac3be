/*
 * The ranges of HTTP that volumes' content is asked for and sent by: Range (RFC 9110
 * section 14.2) of a GET, Content-Range (14.4) of a PUT. Pure text; any thread.
 */
#ifndef VIRTMUX_OPS_CONTENT_RANGE_H
#define VIRTMUX_OPS_CONTENT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum range_kind {
	RANGE_WHOLE,         /* none, or one that may be ignored */
	RANGE_PART,          /* offset and length are set */
	RANGE_UNSATISFIABLE, /* it begins past the end: 416 */
};

/*
 * TEXT (NULL: none) is the value of Range, of content with SIZE bytes. Several
 * ranges, other units and bad forms count as none, as section 14.2 allows.
 */
enum range_kind range_parse(const char *text, uint64_t size, uint64_t *offset,
			    uint64_t *length);

/*
 * TEXT is the value of Content-Range, "bytes 0-99/200" or with a star for the
 * total. False where it has another form.
 */
bool range_parse_content(const char *text, uint64_t *offset, uint64_t *length);

#endif
