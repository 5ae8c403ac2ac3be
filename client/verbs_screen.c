/*
 * The verb `screenshot`: a domain's screen as a PNG file or on standard output, or
 * with --all the screens of all running domains on one sheet (sheet.h).
 */
#include <stdlib.h>
#include <string.h>

#include "api/codec.h"
#include "api/json.h"
#include "client/connect/channel.h"
#include "client/output.h"
#include "client/connect/profile.h"
#include "client/consoles/screen.h"
#include "client/consoles/sheet.h"
#include "client/verbs.h"

/* -- the result -------------------------------------------------------------- */

static bool to_stdout(const struct command_call *call)
{
	return strcmp(call_text(call, "output", ""), "-") == 0;
}

static int check_output(const struct command_call *call, struct error *err)
{
	if (!to_stdout(call))
		return 0;
	if (output_is_terminal(call_output(call)))
		return error_set(err, ERROR_USAGE,
				 "a picture is not written to a terminal: give "
				 "a file to --output, or redirect");
	return 0;
}

/* Where it goes: *MADE (to free()) where no file was named. */
static int keep(struct command_call *call, const struct buf *png,
		const char *name, char **made, struct error *err)
{
	const char *file = call_text(call, "output", NULL);

	if (to_stdout(call)) {
		fwrite(buf_bytes(png), 1, png->len,
		       output_file(call_output(call)));
		return 0;
	}
	if (!file)
		file = *made = screen_file(name);
	return file ? screen_save(file, png, err) : error_set_no_memory(err);
}

/* FILE, type and size of it, and what else MORE (taken, may be NULL) holds. */
static int say_saved(struct command_call *call, const char *file, size_t bytes,
		     struct json_object *more, struct error *err)
{
	autojson o = more ? more : json_object_new_object();

	if (output_is_text(call_output(call))) {
		output_say(call_output(call),
			   "Screenshot saved to %s, with type of image/png",
			   file);
		return 0;
	}
	if (!o)
		return error_set_no_memory(err);
	json_object_object_add(o, "file", json_object_new_string(file));
	json_object_object_add(o, "type", json_object_new_string("image/png"));
	json_object_object_add(o, "bytes",
			       json_object_new_int64((int64_t)bytes));
	return output_value(call_output(call), o, err);
}

static int finish(struct command_call *call, const struct buf *png,
		  const char *name, struct json_object *more, struct error *err)
{
	autojson extra = more;
	autofree char *made = NULL;

	if (keep(call, png, name, &made, err) < 0)
		return -1;
	if (to_stdout(call))
		return 0;
	return say_saved(call, made ? made : call_text(call, "output", NULL),
			 png->len, steal(&extra), err);
}

/* -- one --------------------------------------------------------------------- */

static int one_screen(struct command_call *call, struct channel *channel,
		      struct error *err)
{
	const char *domain = call_argument(call, 0);
	autobuf png = {0};

	if (screen_get(channel, domain,
		       call_number(call, "screen", SCREEN_FIRST), &png, NULL,
		       err) < 0)
		return -1;
	return finish(call, &png, domain, NULL, err);
}

/* -- all --------------------------------------------------------------------- */

/* Without these there is no use in asking for the next picture. */
static bool is_fatal(enum error_code code)
{
	return code == ERROR_DISCONNECTED || code == ERROR_INTERRUPTED ||
	       code == ERROR_CONNECT || code == ERROR_NO_MEMORY ||
	       code == ERROR_DRAINING || code == ERROR_TIMED_OUT;
}

/* Its thumbnail, or a blank that says why there is none. */
static int show_one(struct channel *channel, struct sheet *sheet,
		    const struct domain_summary *d, struct json_object *list,
		    struct error *err)
{
	struct json_object *o = json_object_new_object();
	autopicture screen = {0};
	autobuf png = {0};
	autoerror why = {0};
	int rc;

	if (!o)
		return error_set_no_memory(err);
	json_object_array_add(list, o);
	json_object_object_add(o, "name", json_object_new_string(d->name));
	json_object_object_add(o, "uuid", json_object_new_string(d->uuid));
	rc = screen_get(channel, d->uuid, SCREEN_FIRST, &png, NULL, &why);
	if (rc == 0)
		rc = picture_decode(buf_bytes(&png), png.len, &screen, &why);
	if (rc < 0 && is_fatal(why.code))
		return error_move(err, &why);
	if (rc < 0) {
		json_object_object_add(
			o, "error", json_object_new_string(error_words(&why)));
		sheet_add_blank(sheet, d->name, error_words(&why));
		return 0;
	}
	json_object_object_add(o, "width", json_object_new_int64(screen.width));
	json_object_object_add(o, "height",
			       json_object_new_int64(screen.height));
	return sheet_add(sheet, d->name, &screen, err);
}

static int show_list(struct command_call *call, struct channel *channel,
		     const struct domain_list *domains, struct error *err)
{
	size_t n = domains->domains_count;
	size_t shown = n < SHEET_MAX ? n : SHEET_MAX;
	autoptr(sheet) sheet = NULL;
	autojson more = json_object_new_object();
	struct json_object *list = json_add_list(more, "domains");
	autobuf png = {0};

	if (!list)
		return error_set_no_memory(err);
	if (sheet_new(&sheet, shown, err) < 0)
		return -1;
	for (size_t i = 0; i < shown; i++)
		if (show_one(channel, sheet, &domains->domains[i], list, err) <
		    0)
			return -1;
	if (picture_encode(sheet_picture(sheet), &png, err) < 0)
		return -1;
	if (shown < n) {
		json_object_object_add(
			more, "omitted",
			json_object_new_int64((int64_t)(n - shown)));
		fprintf(stderr,
			"virtmux: %zu domains run; the sheet shows the first "
			"%zu\n",
			n, shown);
	}
	return finish(call, &png, "all", steal(&more), err);
}

static int all_screens(struct command_call *call, struct channel *channel,
		       struct error *err)
{
	struct domain_list_params params = {.active = true, .has_active = true};
	struct domain_list domains = {0};
	int rc;

	if (channel_call_typed(channel, METHOD_domain_list, &params, &domains,
			       err) < 0)
		return -1;
	if (domains.domains_count == 0)
		rc = error_set(err, ERROR_NOT_FOUND,
			       "no domain runs on host '%s', or none that you "
			       "may see: there is nothing to show, and no file "
			       "was written",
			       channel_profile(channel)->name);
	else
		rc = show_list(call, channel, &domains, err);
	result_free(method_by_id(METHOD_domain_list), &domains);
	return rc;
}

int verb_screenshot(struct command_call *call, struct error *err)
{
	bool all = call_flag(call, "all");
	struct channel *channel = NULL;

	if (all && (call_argument(call, 0) || call_given(call, "screen")))
		return error_set(err, ERROR_USAGE,
				 "--all shows every running domain: give "
				 "neither a domain nor --screen with it");
	if (!all && !call_argument(call, 0))
		return error_set(err, ERROR_USAGE,
				 "screenshot needs a domain, or --all");
	if (check_output(call, err) < 0 ||
	    call_channel(call, &channel, err) < 0)
		return -1;
	return all ? all_screens(call, channel, err)
		   : one_screen(call, channel, err);
}
