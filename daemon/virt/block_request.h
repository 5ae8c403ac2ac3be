/*
 * Where a request of block.h has its values: between block_verbs.c and block.c.
 */
#ifndef VIRTMUX_VIRT_BLOCK_REQUEST_H
#define VIRTMUX_VIRT_BLOCK_REQUEST_H

/* In request->names. A copy has its destination's path and format there. */
enum block_name {
	BLOCK_DISK,
	BLOCK_BASE,
	BLOCK_TOP,
	BLOCK_PATH = BLOCK_BASE,
	BLOCK_FORMAT = BLOCK_TOP,
};

/* In request->numbers. */
enum block_number {
	BLOCK_BANDWIDTH,
	BLOCK_SIZE = BLOCK_BANDWIDTH,
	BLOCK_GRANULARITY,
	BLOCK_BUFFER,
};

#endif
