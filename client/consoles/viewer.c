/*
 * Choosing a viewer (viewer.h). Known ones stand in a table, best first: those
 * that take a Unix socket, which no other user can reach, before those that need
 * a port.
 */
#include "client/consoles/viewer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define WORDS_MAX 64

struct viewer {
	enum viewer_way way;
	bool vnc_only;
	char **words; /* of the command, NULL-terminated */
};

struct known {
	const char *name;
	const char *target; /* in the name of the program that it really is */
	enum viewer_way way;
	bool vnc_only;
	const char *words;
};

/*
 * TigerVNC takes a socket's path; others of the name vncviewer do not, but all
 * take HOST::PORT. remote-viewer shows VNC only over TCP, SPICE by a socket too.
 */
static const struct known known[] = {
	{"xtigervncviewer", "", VIEWER_SOCKET, true,
	 "xtigervncviewer {socket}"},
	{"vncviewer", "tigervnc", VIEWER_SOCKET, true, "vncviewer {socket}"},
	{"remote-viewer", "", VIEWER_FILE, false, "remote-viewer {file}"},
	{"vncviewer", "", VIEWER_PORT, true, "vncviewer 127.0.0.1::{port}"},
};

static const char *const placeholders[] = {
	[VIEWER_SOCKET] = "{socket}",
	[VIEWER_PORT] = "{port}",
	[VIEWER_FILE] = "{file}",
};

struct viewer_world viewer_world_here(void)
{
	const char *path = getenv("PATH");

	return (struct viewer_world){
		.path = path ? path : "",
		.has_display = getenv("DISPLAY") || getenv("WAYLAND_DISPLAY"),
	};
}

void viewer_free_arguments(char **arguments)
{
	for (char **a = arguments; a && *a; a++)
		free(*a);
	free(arguments);
}

void viewer_free(struct viewer *viewer)
{
	if (!viewer)
		return;
	viewer_free_arguments(viewer->words);
	free(viewer);
}

/* -- words ----------------------------------------------------------------- */

/*
 * The next word of *TEXT, to free(); NULL with *TEXT at its end where there is
 * none, or with ERR. Quotes (' or ") keep blanks; a backslash keeps what follows,
 * but within '.
 */
static char *next_word(const char **text, struct error *err)
{
	const char *p = *text + strspn(*text, " \t");
	autobuf word = {0};
	char quote = 0;

	*text = p;
	if (!*p)
		return NULL;
	for (; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
		if (quote ? *p == quote : *p == '\'' || *p == '"')
			quote = quote ? 0 : *p;
		else if (*p == '\\' && quote != '\'' && p[1])
			buf_append_char(&word, *++p);
		else
			buf_append_char(&word, *p);
	}
	*text = p;
	if (quote) {
		error_set(err, ERROR_USAGE,
			  "the viewer's command has a quote without its end");
		return NULL;
	}
	return buf_steal_str(&word);
}

static int split(char ***words, const char *command, struct error *err)
{
	char **w = calloc(WORDS_MAX + 1, sizeof(*w));
	autoerror why = {0};
	size_t n = 0;

	if (!w)
		return error_set_no_memory(err);
	while (n < WORDS_MAX && (w[n] = next_word(&command, &why)))
		n++;
	command += strspn(command, " \t");
	if (!error_is_set(&why) && *command && n == WORDS_MAX)
		error_set(&why, ERROR_USAGE,
			  "the viewer's command has more than %d words",
			  WORDS_MAX);
	else if (!error_is_set(&why) && *command)
		error_set_no_memory(&why);
	if (!error_is_set(&why) && n == 0)
		error_set(&why, ERROR_USAGE, "the viewer's command is empty");
	if (error_is_set(&why)) {
		viewer_free_arguments(w);
		return error_move(err, &why);
	}
	*words = w;
	return 0;
}

static bool find_way(char *const *words, enum viewer_way *way)
{
	for (size_t i = 0; i < array_size(placeholders); i++)
		for (char *const *w = words; *w; w++)
			if (strstr(*w, placeholders[i])) {
				*way = (enum viewer_way)i;
				return true;
			}
	return false;
}

/* -- choosing -------------------------------------------------------------- */

/* The path of program NAME in one of the folders, to free(), or NULL. */
static char *find_program(const char *name, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, ":");
		autofree char *folder = strndup(path, n);
		autofree char *full = folder ? file_join(folder, name) : NULL;
		struct stat st;

		path += n + (path[n] == ':');
		if (full && n > 0 && stat(full, &st) == 0 &&
		    S_ISREG(st.st_mode) && access(full, X_OK) == 0)
			return steal(&full);
	}
	return NULL;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Whether K is what is found under its name: a link tells the real one. */
static bool is_installed(const struct known *k, const char *path)
{
	autofree char *full = find_program(k->name, path);
	autofree char *real = full ? realpath(full, NULL) : NULL;

	return real && strstr(last_part(real), k->target);
}

static int make(struct viewer **viewer, const char *command, struct error *err)
{
	autoptr(viewer) v = calloc(1, sizeof(*v));

	if (!v)
		return error_set_no_memory(err);
	if (split(&v->words, command, err) < 0)
		return -1;
	if (!find_way(v->words, &v->way))
		return error_set(err, ERROR_USAGE,
				 "the viewer '%s' is not known: say where the "
				 "display goes by {socket}, {port} or {file}",
				 command);
	*viewer = steal(&v);
	return 0;
}

/* A known viewer by name or path, with its own words behind what was given. */
static int make_known(struct viewer **viewer, const struct known *k,
		      const char *command, struct error *err)
{
	const char *words = strchr(k->words, ' ');
	autobuf text = {0};
	autofree char *full = NULL;

	buf_append_str(&text, command);
	buf_append_str(&text, words);
	full = buf_steal_str(&text);
	if (!full)
		return error_set_no_memory(err);
	return make(viewer, full, err);
}

/* Of the known viewers the one that PROGRAM, a name or path, is; or NULL. */
static const struct known *recognize(const char *program,
				     const struct viewer_world *world)
{
	bool is_path = strchr(program, '/');
	autofree char *full =
		is_path ? strdup(program) : find_program(program, world->path);
	autofree char *real = full ? realpath(full, NULL) : NULL;
	const char *target = last_part(real ? real : program);

	for (size_t i = 0; i < array_size(known); i++)
		if (strcmp(last_part(program), known[i].name) == 0 &&
		    strstr(target, known[i].target))
			return &known[i];
	return NULL;
}

static int choose_asked(struct viewer **viewer, const char *command,
			const struct viewer_world *world, struct error *err)
{
	const struct known *k;
	enum viewer_way way;
	char **words = NULL;

	if (split(&words, command, err) < 0)
		return -1;
	k = find_way(words, &way) ? NULL : recognize(words[0], world);
	viewer_free_arguments(words);
	if (!k)
		return make(viewer, command, err);
	if (make_known(viewer, k, command, err) < 0)
		return -1;
	(*viewer)->vnc_only = k->vnc_only;
	return 0;
}

int viewer_choose(struct viewer **viewer, const char *command, bool spice,
		  const struct viewer_world *world, struct error *err)
{
	*viewer = NULL;
	if (command)
		return choose_asked(viewer, command, world, err);
	for (size_t i = 0; world->has_display && i < array_size(known); i++)
		if (!(spice && known[i].vnc_only) &&
		    is_installed(&known[i], world->path))
			return make(viewer, known[i].words, err);
	return 0;
}

enum viewer_way viewer_way(const struct viewer *viewer)
{
	return viewer->way;
}

const char *viewer_program(const struct viewer *viewer)
{
	return viewer->words[0];
}

bool viewer_shows(const struct viewer *viewer, bool spice)
{
	return !(spice && viewer->vnc_only);
}

/* -- arguments ------------------------------------------------------------- */

/* What stands for the placeholder at TEXT, appended; its length, or 0. */
static size_t replace(struct buf *out, const char *text,
		      const struct viewer_display *d)
{
	const struct {
		const char *name;
		const char *value;
	} texts[] = {
		{"{socket}", d->socket},
		{"{file}", d->file},
		{"{domain}", d->domain},
	};

	if (strncmp(text, "{port}", 6) == 0) {
		buf_appendf(out, "%u", d->port);
		return 6;
	}
	for (size_t i = 0; i < array_size(texts); i++) {
		size_t n = strlen(texts[i].name);

		if (strncmp(text, texts[i].name, n) != 0)
			continue;
		buf_append_str(out, texts[i].value ? texts[i].value : "");
		return n;
	}
	return 0;
}

static char *fill(const char *word, const struct viewer_display *display)
{
	autobuf out = {0};

	while (*word) {
		size_t n = *word == '{' ? replace(&out, word, display) : 0;

		if (n == 0)
			buf_append_char(&out, *word);
		word += n ? n : 1;
	}
	return buf_steal_str(&out);
}

int viewer_arguments(const struct viewer *viewer,
		     const struct viewer_display *display, char ***arguments,
		     struct error *err)
{
	char **a = calloc(WORDS_MAX + 1, sizeof(*a));

	if (!a)
		return error_set_no_memory(err);
	for (size_t i = 0; viewer->words[i]; i++) {
		a[i] = fill(viewer->words[i], display);
		if (!a[i]) {
			viewer_free_arguments(a);
			return error_set_no_memory(err);
		}
	}
	*arguments = a;
	return 0;
}

/* A key file has one line for a value: what could end it is left out. */
static int append_value(struct buf *out, const char *key, const char *value)
{
	buf_appendf(out, "%s=", key);
	for (const char *p = value; *p; p++) {
		if (*p == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, (unsigned char)*p < ' ' ? ' ' : *p);
	}
	return buf_append_char(out, '\n');
}

int viewer_file_text(const struct viewer_display *display, struct buf *out)
{
	buf_appendf(out, "[virt-viewer]\ntype=%s\n",
		    display->spice ? "spice" : "vnc");
	if (display->socket)
		append_value(out, "unix-path", display->socket);
	else
		buf_appendf(out, "host=127.0.0.1\nport=%u\n", display->port);
	buf_append_str(out, "delete-this-file=1\n");
	return append_value(out, "title", display->domain);
}
