/* What a recording tells of itself, as JSON (about.h). */
#include "record/about.h"

#include "api/json.h"
#include "base/clock.h"

static void append_member(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_appendf(out, ",\"%s\":", name);
	json_append_string(out, value);
}

int record_about_append(struct buf *out, const struct record_about *about)
{
	char time[CLOCK_TEXT_SIZE];

	clock_format_us(about->time_us, time);
	buf_appendf(out, "\"time\":\"%s\"", time);
	append_member(out, "by", about->by);
	append_member(out, "host", about->host);
	append_member(out, "domain", about->domain);
	append_member(out, "uuid", about->uuid);
	append_member(out, "kind", about->kind);
	append_member(out, "n", about->n);
	append_member(out, "identity", about->identity);
	append_member(out, "call", about->call);
	append_member(out, "note", about->note);
	return buf_ok(out) ? 0 : -1;
}
