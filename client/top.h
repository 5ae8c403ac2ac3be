/*
 * The live table of `virtmux top`: from two answers of domain.stats to rows with
 * rates, and from rows to a frame of text for a screen, or JSON. No terminal and no
 * channel here; verbs_top.c has them.
 *
 * What always holds: a rate is known from the second answer on, and never negative
 * (a counter that went back, as after a restart, makes it unknown once). One thread.
 */
#ifndef VIRTMUX_CLIENT_TOP_H
#define VIRTMUX_CLIENT_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/method.h"
#include "base/buf.h"

struct json_object;

#define TOP_NAME 256 /* bytes of a name with its NUL */
#define TOP_UUID 37

enum top_sort {
	TOP_SORT_CPU,
	TOP_SORT_MEMORY,
	TOP_SORT_BLOCK,
	TOP_SORT_NET,
	TOP_SORT_TIME,
	TOP_SORT_NAME,
	TOP_SORTS
};

/* Counters of a domain at one moment; -1: not known. */
struct top_counters {
	int64_t cpu_ns;
	int64_t read, written;  /* bytes */
	int64_t received, sent; /* bytes */
};

struct top_row {
	char uuid[TOP_UUID];
	char name[TOP_NAME];
	enum domain_state state;
	struct top_counters counters;
	int64_t memory; /* bytes, -1: not known */
	/* a second; -1: not known */
	double cpu; /* percent of all processors of the host */
	double read, written, received, sent;
};

struct top_rows {
	struct top_row *rows;
	size_t count;
	uint64_t when_ns; /* clock_monotonic_ns(); 0: never filled */
};

/* What stands over the table. */
struct top_head {
	const char *host;
	uint64_t cpus;
	uint64_t memory;  /* bytes */
	const char *time; /* "12:34:56" */
	const char *note; /* what is wrong, or NULL */
};

struct top_view {
	enum top_sort sort;
	bool reverse;
	bool help;
	size_t first;           /* row at the top; made to fit */
	unsigned width, height; /* 0: no limit */
	bool colour;            /* escape sequences may be used */
};

void top_clear(struct top_rows *rows);

/*
 * Takes the answer of domain.stats at WHEN_NS as NEW rows, with rates by the OLD
 * ones, which are then replaced. -1 without memory.
 */
int top_take(struct top_rows *rows, const struct domain_stats_list *list,
	     uint64_t when_ns, uint64_t cpus);

void top_sort(struct top_rows *rows, enum top_sort sort, bool reverse);

/* The frame, lines ended by "\n", appended; ROWS are sorted for it. */
int top_frame(struct buf *out, struct top_rows *rows,
	      const struct top_head *head, struct top_view *view);

/* {"host":…,"time":…,"domains":[…]}, to json_object_put(); NULL without memory. */
struct json_object *top_json(const struct top_rows *rows,
			     const struct top_head *head);

#endif
