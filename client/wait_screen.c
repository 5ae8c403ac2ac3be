/*
 * The verb `wait-screen`: until a guest's screen is stable, has changed, or shows
 * what a reference picture shows, for scripts. Pictures are asked for one after the
 * other, and compared pixel by pixel (picture.h says when two pixels differ).
 *
 * What always holds: between two pictures it rests at least as long as the last one
 * took, so that a slow host has half of its time for others; the last picture is
 * kept where it was in vain.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "base/clock.h"
#include "base/file.h"
#include "client/connect/channel.h"
#include "client/connect/deadline.h"
#include "client/output.h"
#include "client/consoles/screen.h"
#include "client/verbs.h"

#define DEFAULT_TIMEOUT_MS (60 * 1000)
#define DEFAULT_STABLE_MS  2000
#define PACE_MS            200 /* between two pictures at least */

/* A text cursor that blinks is 0.05 % of a screen of 80 x 25 characters. */
#define DEFAULT_TOLERANCE 0.1 /* percent */

enum goal { GOAL_STABLE, GOAL_CHANGE, GOAL_MATCH, GOAL_FIND };

/* -- what is waited for ------------------------------------------------------ */

struct wait {
	struct command_call *call;
	struct channel *channel;
	enum goal goal;
	double tolerance; /* percent of the region's pixels */
	uint64_t stable_ms;
	bool has_region;
	struct picture_region region;
	struct picture reference; /* given, or an earlier picture */
	bool has_reference;
	unsigned reference_x, reference_y; /* of the region in a given one */
	uint64_t since_ns;                 /* STABLE: when the reference came */

	struct console_domain domain;
	struct buf png; /* of the last picture */
	struct picture last;
	unsigned width, height; /* of the last picture, pixels */
	double different; /* percent, of the last comparison; -1: none was made */
	struct picture_region found;
	char *file; /* where the last picture was kept */
};

static uint64_t ms_since(uint64_t ns)
{
	return (clock_monotonic_ns() - ns) / CLOCK_NS_PER_MS;
}

/* -- options ----------------------------------------------------------------- */

static int read_region(struct wait *w, struct error *err)
{
	const char *text = call_text(w->call, "region", NULL);
	struct picture_region *r = &w->region;
	int end = 0;

	if (!text)
		return 0;
	w->has_region = true;
	if (strspn(text, "0123456789,") == strlen(text) &&
	    sscanf(text, "%5u,%5u,%5u,%5u%n", &r->x, &r->y, &r->width,
		   &r->height, &end) == 4 &&
	    text[end] == '\0' && r->width > 0 && r->height > 0)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "--region '%s': write X,Y,WIDTH,HEIGHT in pixels, "
			 "such as 0,0,200,16",
			 text);
}

static int read_tolerance(struct wait *w, struct error *err)
{
	const char *text = call_text(w->call, "tolerance", NULL);
	char *end = NULL;

	w->tolerance = DEFAULT_TOLERANCE;
	if (!text)
		return 0;
	errno = 0;
	w->tolerance = strtod(text, &end);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 &&
	    w->tolerance <= 100)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "--tolerance '%s' is no percentage from 0 to 100",
			 text);
}

static int read_goal(struct wait *w, struct error *err)
{
	struct command_call *call = w->call;
	int goals = call_given(call, "stable") + call_flag(call, "change") +
		    call_given(call, "match");

	if (goals > 1)
		return error_set(err, ERROR_USAGE,
				 "--stable, --change and --match are three "
				 "different things to wait for: give one");
	w->stable_ms = (uint64_t)call_number(call, "stable", DEFAULT_STABLE_MS);
	if (call_flag(call, "change"))
		w->goal = GOAL_CHANGE;
	else if (call_given(call, "match"))
		w->goal = call_flag(call, "anywhere") ? GOAL_FIND : GOAL_MATCH;
	if (call_flag(call, "anywhere") && w->goal != GOAL_FIND)
		return error_set(err, ERROR_USAGE,
				 "--anywhere tells where --match FILE looks");
	if (call_given(call, "since") && w->goal != GOAL_CHANGE)
		return error_set(err, ERROR_USAGE,
				 "--since FILE is the picture that --change "
				 "begins with");
	return 0;
}

static int read_picture(struct wait *w, const char *file, struct error *err)
{
	autobuf png = {0};

	if (file_read(file, SCREEN_PNG_MAX, &png, err) < 0)
		return -1;
	if (picture_decode(buf_bytes(&png), png.len, &w->reference, err) < 0)
		return error_prefix(err, "%s", file);
	w->has_reference = true;
	return 0;
}

/* The reference is of the region alone, or of the whole screen. */
static int place_reference(struct wait *w, const char *file, struct error *err)
{
	const struct picture *r = &w->reference;

	if (w->goal == GOAL_FIND)
		return 0;
	if (!w->has_region) {
		w->region = (struct picture_region){
			.width = r->width,
			.height = r->height,
		};
		return 0;
	}
	if (r->width == w->region.width && r->height == w->region.height)
		return 0;
	w->reference_x = w->region.x;
	w->reference_y = w->region.y;
	if (picture_has(r, &w->region))
		return 0;
	return error_set(err, ERROR_USAGE,
			 "%s has %u x %u pixels: it is neither of the size of "
			 "--region, %u x %u, nor a whole screen with that "
			 "region",
			 file, r->width, r->height, w->region.width,
			 w->region.height);
}

static int read_options(struct wait *w, struct error *err)
{
	const char *file =
		call_text(w->call, "match", call_text(w->call, "since", NULL));

	if (read_goal(w, err) < 0 || read_region(w, err) < 0 ||
	    read_tolerance(w, err) < 0)
		return -1;
	if (!file)
		return 0;
	if (read_picture(w, file, err) < 0)
		return -1;
	return place_reference(w, file, err);
}

/* -- comparing --------------------------------------------------------------- */

/* How many pixels of N may differ. */
static size_t allowed(const struct wait *w, size_t n)
{
	return (size_t)floor((double)n * w->tolerance / 100);
}

static bool has_same_size(const struct wait *w)
{
	return w->width == w->reference.width &&
	       w->height == w->reference.height;
}

/* Whether the last picture's region is the reference's, within the tolerance. */
static bool is_alike(struct wait *w)
{
	struct picture_region region = w->region;
	unsigned x = w->reference_x, y = w->reference_y;
	size_t pixels, n;

	if (!w->has_region && w->goal != GOAL_MATCH)
		region = (struct picture_region){
			.width = w->last.width,
			.height = w->last.height,
		};
	else if (w->goal == GOAL_STABLE ||
		 (w->goal == GOAL_CHANGE && !call_given(w->call, "since"))) {
		x = region.x;
		y = region.y;
	}
	w->different = 100;
	if (!w->has_region && !has_same_size(w))
		return false;
	if (!picture_has(&w->last, &region) ||
	    !picture_has(&w->reference,
			 &(struct picture_region){x, y, region.width,
						  region.height}))
		return false;
	pixels = (size_t)region.width * region.height;
	n = picture_differing(&w->last, &region, &w->reference, x, y);
	w->different = 100.0 * (double)n / (double)pixels;
	return n <= allowed(w, pixels);
}

static void take_as_reference(struct wait *w)
{
	picture_clear(&w->reference);
	w->reference = w->last;
	w->last = (struct picture){0};
	w->has_reference = true;
	w->since_ns = clock_monotonic_ns();
}

static bool is_found(struct wait *w)
{
	struct picture_region whole = {
		.width = w->last.width,
		.height = w->last.height,
	};
	size_t pixels = (size_t)w->reference.width * w->reference.height;

	return picture_find(&w->last, w->has_region ? &w->region : &whole,
			    &w->reference, allowed(w, pixels), &w->found);
}

/* Whether the picture that has just come is what was waited for. */
static bool is_reached(struct wait *w)
{
	switch (w->goal) {
	case GOAL_MATCH:
		return is_alike(w);
	case GOAL_FIND:
		return is_found(w);
	case GOAL_CHANGE:
		if (w->has_reference)
			return !is_alike(w);
		take_as_reference(w);
		return false;
	case GOAL_STABLE:
		break;
	}
	if (w->has_reference && is_alike(w))
		return ms_since(w->since_ns) >= w->stable_ms;
	take_as_reference(w);
	return false;
}

/* -- pictures ---------------------------------------------------------------- */

/* After ERROR_STATE: whether it runs, and will have a picture soon. */
static bool still_runs(struct wait *w)
{
	struct domain_info_params params = {
		.domain = (char *)call_argument(w->call, 0)};
	struct domain_info info = {0};
	bool runs;

	if (channel_call_typed(w->channel, METHOD_domain_info, &params, &info,
			       NULL) < 0)
		return false;
	runs = info.state != DOMAIN_STATE_SHUTOFF &&
	       info.state != DOMAIN_STATE_CRASHED;
	result_free(method_by_id(METHOD_domain_info), &info);
	return runs;
}

/* 1: a picture; 0: none this time; -1. */
static int take_picture(struct wait *w, struct error *err)
{
	const char *domain =
		w->domain.uuid ? w->domain.uuid : call_argument(w->call, 0);
	autobuf png = {0};
	autopicture picture = {0};
	autoerror why = {0};

	if (screen_get(w->channel, domain,
		       call_number(w->call, "screen", SCREEN_FIRST), &png,
		       &w->domain, &why) < 0) {
		if (why.code == ERROR_BUSY || why.code == ERROR_UNAVAILABLE ||
		    why.code == ERROR_TIMED_OUT ||
		    (why.code == ERROR_STATE && still_runs(w)))
			return 0;
		return error_move(err, &why);
	}
	if (picture_decode(buf_bytes(&png), png.len, &picture, &why) < 0) {
		error_prefix(&why, "the screen of domain '%s'", w->domain.name);
		return error_move(err, &why);
	}
	picture_clear(&w->last);
	w->last = picture;
	w->width = picture.width;
	w->height = picture.height;
	picture = (struct picture){0};
	buf_free(&w->png);
	w->png = png;
	png = (struct buf){0};
	return 1;
}

/* -- what is told ------------------------------------------------------------ */

static int keep(struct wait *w, bool reached, struct error *err)
{
	const char *file = call_text(w->call, "output", NULL);

	if (w->png.len == 0 || (reached && !file))
		return 0;
	w->file = file ? strdup(file) : screen_file(call_argument(w->call, 0));
	if (!w->file)
		return error_set_no_memory(err);
	return screen_save(w->file, &w->png, err);
}

static bool fits(const struct wait *w)
{
	const struct picture screen = {w->width, w->height, NULL};

	return picture_has(&screen, &w->region);
}

/* What was waited for in vain, appended to WORDS. */
static void describe_goal(const struct wait *w, struct buf *words)
{
	const char *file = call_text(w->call, "match", "");

	switch (w->goal) {
	case GOAL_STABLE:
		buf_appendf(words, "was never the same for %" PRIu64 " ms",
			    w->stable_ms);
		break;
	case GOAL_CHANGE:
		buf_appendf(words, "did not change");
		break;
	case GOAL_MATCH:
		buf_appendf(words, "did not match %s", file);
		break;
	case GOAL_FIND:
		buf_appendf(words, "did not show %s", file);
		break;
	}
	buf_appendf(words, " within %" PRIu64 " ms",
		    call_deadline(w->call)->ms);
	if (w->png.len == 0)
		buf_append_str(words, "; it showed no picture at all");
	else if (w->has_region && !fits(w))
		buf_appendf(words,
			    "; the screen has %u x %u pixels, and the region "
			    "lies outside",
			    w->width, w->height);
	else if (w->goal == GOAL_MATCH && !w->has_region && !has_same_size(w))
		buf_appendf(words,
			    "; the screen has %u x %u pixels, the reference "
			    "%u x %u",
			    w->width, w->height, w->reference.width,
			    w->reference.height);
	else if (w->different >= 0 && w->goal != GOAL_FIND)
		buf_appendf(words,
			    "; %.3g %% of its pixels differed in the end, and "
			    "%g %% may",
			    w->different, w->tolerance);
}

static int in_vain(struct wait *w, struct error *err)
{
	autobuf text = {0};
	autofree char *words = NULL;

	describe_goal(w, &text);
	if (keep(w, false, err) < 0)
		return -1;
	if (w->file)
		buf_appendf(&text, "; the last picture was kept in %s",
			    w->file);
	words = buf_steal_str(&text);
	return error_set(err, ERROR_TIMED_OUT, "the screen of domain '%s' %s",
			 call_argument(w->call, 0),
			 words ? words : "was waited for in vain");
}

static struct json_object *result_of(const struct wait *w)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	json_object_object_add(o, "name",
			       json_object_new_string(w->domain.name));
	json_object_object_add(o, "uuid",
			       json_object_new_string(w->domain.uuid));
	if (w->different >= 0)
		json_object_object_add(o, "different",
				       json_object_new_double(w->different));
	if (w->goal == GOAL_FIND) {
		json_object_object_add(o, "x",
				       json_object_new_int64(w->found.x));
		json_object_object_add(o, "y",
				       json_object_new_int64(w->found.y));
		json_object_object_add(o, "width",
				       json_object_new_int64(w->found.width));
		json_object_object_add(o, "height",
				       json_object_new_int64(w->found.height));
	}
	if (w->file)
		json_object_object_add(o, "file",
				       json_object_new_string(w->file));
	return o;
}

static int tell(struct wait *w, struct error *err)
{
	static const char *const words[] = {
		[GOAL_STABLE] = "is stable",
		[GOAL_CHANGE] = "has changed",
		[GOAL_MATCH] = "matches",
	};
	struct output *output = call_output(w->call);
	autojson o = NULL;

	if (keep(w, true, err) < 0)
		return -1;
	if (!output_is_text(output)) {
		o = result_of(w);
		return o ? output_value(output, o, err)
			 : error_set_no_memory(err);
	}
	/* A place to click on. */
	if (w->goal == GOAL_FIND)
		fprintf(output_file(output), "%u,%u\n",
			w->found.x + w->found.width / 2,
			w->found.y + w->found.height / 2);
	else
		output_say(output, "The screen of domain '%s' %s",
			   w->domain.name, words[w->goal]);
	return 0;
}

/* -- running ----------------------------------------------------------------- */

static int watch(struct wait *w, struct error *err)
{
	for (;;) {
		uint64_t asked = clock_monotonic_ns();
		int rc = take_picture(w, err);
		uint64_t took;

		if (rc < 0)
			return -1;
		if (rc > 0 && is_reached(w))
			return tell(w, err);
		took = ms_since(asked);
		if (channel_pause(w->channel, took > PACE_MS ? took : PACE_MS,
				  err) < 0)
			return -1;
	}
}

static int watch_in_time(struct wait *w, struct error *err)
{
	autoerror why = {0};

	if (watch(w, &why) == 0)
		return 0;
	return call_is_late(w->call) ? in_vain(w, err) : error_move(err, &why);
}

int verb_wait_screen(struct command_call *call, struct error *err)
{
	struct wait w = {.call = call, .different = -1};
	int rc = -1;

	if (call_default_timeout(call, DEFAULT_TIMEOUT_MS, err) == 0 &&
	    read_options(&w, err) == 0 &&
	    call_channel(call, &w.channel, err) == 0)
		rc = watch_in_time(&w, err);
	picture_clear(&w.reference);
	picture_clear(&w.last);
	buf_free(&w.png);
	console_domain_clear(&w.domain);
	free(w.file);
	return rc;
}
