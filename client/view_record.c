/*
 * What `view --record` writes (view_private.h): a file for each connection of a
 * viewer, since each has its own negotiation, and its own pixels.
 *
 * What always holds: the first file is made before anything is asked of the host, so
 * that one that is there already is told at once; a recording that ends before its
 * time is told at once, ends nothing else, and is the verb's failure in the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "client/consoles/recorder.h"
#include "client/view_private.h"

/* FILE, and for the further connections FILE.2, FILE.3 …; to free(). */
static char *name_file(const struct view *v)
{
	const char *path = call_text(v->call, "record", NULL);
	autobuf name = {0};

	buf_append_str(&name, path);
	if (v->recordings > 0)
		buf_appendf(&name, ".%u", v->recordings + 1);
	return buf_steal_str(&name);
}

static int make(struct view *v, struct recorder **recorder, struct error *err)
{
	autofree char *path = name_file(v);

	if (!path)
		return error_set_no_memory(err);
	if (recorder_new(recorder, path, call_flag(v->call, "overwrite"),
			 RECORDER_CAPTURE, err) < 0)
		return -1;
	v->recordings++;
	return 0;
}

int view_prepare_recording(struct view *v, struct error *err)
{
	if (!call_given(v->call, "record"))
		return call_flag(v->call, "overwrite")
			       ? error_set(err, ERROR_USAGE,
					   "--overwrite goes with --record")
			       : 0;
	return make(v, &v->recorder, err);
}

int view_begin_recording(struct view_link *link, struct error *err)
{
	struct view *v = link->view;
	const struct record_about about = {
		.domain = v->domain.name,
		.uuid = v->domain.uuid,
		.kind = v->domain.kind,
		.host = call_text(v->call, "host", NULL),
	};

	if (!call_given(v->call, "record"))
		return 0;
	link->recorder = steal(&v->recorder);
	if (!link->recorder && make(v, &link->recorder, err) < 0)
		return -1;
	recorder_begin(link->recorder, &about);
	return 0;
}

void view_record(struct view_link *link, bool to_host, const uint8_t *data,
		 size_t n)
{
	bool ended;

	if (!link->recorder)
		return;
	ended = recorder_why(link->recorder);
	recorder_add(link->recorder, to_host, data, n);
	if (!ended && recorder_why(link->recorder))
		fprintf(stderr, "%s; the display goes on\n",
			error_words(recorder_why(link->recorder)));
}

/* The first failure is the verb's. */
static void close_recorder(struct view *v, struct recorder *recorder)
{
	autoerror why = {0};

	if (recorder_close(recorder, &why) < 0 && !error_is_set(&v->unrecorded))
		error_move(&v->unrecorded, &why);
}

void view_end_recording(struct view_link *link)
{
	close_recorder(link->view, steal(&link->recorder));
}

int view_conclude_recording(struct view *v, int rc, struct error *err)
{
	close_recorder(v, steal(&v->recorder));
	if (rc == 0 && error_is_set(&v->unrecorded))
		return error_move(err, &v->unrecorded);
	error_clear(&v->unrecorded);
	return rc;
}
