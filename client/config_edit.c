/*
 * Line by line changes of an INI text (config_edit.h). A position is an offset in
 * the text; a line includes its newline. The forms of lines are those that
 * base/ini.h tells.
 */
#include "client/config_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "client/connect/config.h"

#define BLANKS    "\t\v\f\r "
#define MODE_NEW  0600
#define MODE_DIRS 0700

struct config_edit {
	char *path; /* without symbolic links */
	char *text; /* of the file as it will be */
	mode_t mode;
	int lock; /* of the folder */
};

/* A part of the text. */
struct span {
	size_t begin;
	size_t end;
};

/* -- lines ----------------------------------------------------------------- */

/* The line at AT without its end and blanks around it. */
static struct span line_content(const char *text, size_t at)
{
	struct span s = {at, at + strcspn(text + at, "\n")};

	while (s.begin < s.end && strchr(BLANKS, text[s.begin]))
		s.begin++;
	while (s.end > s.begin && strchr(BLANKS, text[s.end - 1]))
		s.end--;
	return s;
}

static size_t next_line(const char *text, size_t at)
{
	at += strcspn(text + at, "\n");
	return text[at] ? at + 1 : at;
}

static bool is_blank(const char *text, size_t at)
{
	struct span s = line_content(text, at);

	return s.begin == s.end;
}

static bool is_comment(const char *text, size_t at)
{
	char first = text[line_content(text, at).begin];

	return first == '#' || first == ';';
}

static bool is_section(const char *text, size_t at)
{
	return text[line_content(text, at).begin] == '[';
}

/* Whether the words of S are those of NAME, however many blanks part them. */
static bool same_words(const char *text, struct span s, const char *name)
{
	while (s.begin < s.end && *name) {
		if (*name == ' ' && strchr(BLANKS, text[s.begin])) {
			while (s.begin < s.end && strchr(BLANKS, text[s.begin]))
				s.begin++;
			name++;
		} else if (text[s.begin++] != *name++) {
			return false;
		}
	}
	return s.begin == s.end && !*name;
}

static bool is_section_of(const char *text, size_t at, const char *name)
{
	struct span s = line_content(text, at);

	if (text[s.begin] != '[' || text[s.end - 1] != ']')
		return false;
	s.begin++;
	s.end--;
	while (s.begin < s.end && strchr(BLANKS, text[s.begin]))
		s.begin++;
	while (s.end > s.begin && strchr(BLANKS, text[s.end - 1]))
		s.end--;
	return same_words(text, s, name);
}

/* Where the value begins on the line of KEY at AT; 0 where it is another line. */
static size_t value_of_line(const char *text, size_t at, const char *key)
{
	struct span s = line_content(text, at);
	size_t n = strlen(key);

	if (s.end - s.begin < n || strncmp(text + s.begin, key, n) != 0)
		return 0;
	s.begin += n;
	while (s.begin < s.end && strchr(BLANKS, text[s.begin]))
		s.begin++;
	if (s.begin == s.end || !strchr("=:", text[s.begin]))
		return 0;
	s.begin++;
	while (s.begin < s.end && strchr(BLANKS, text[s.begin]))
		s.begin++;
	return s.begin;
}

/* From the line of the section to the next section; false where there is none. */
static bool find_section(const char *text, const char *name, struct span *s)
{
	size_t at = 0;

	while (text[at] && !is_section_of(text, at, name))
		at = next_line(text, at);
	if (!text[at])
		return false;
	s->begin = at;
	do
		at = next_line(text, at);
	while (text[at] && !is_section(text, at));
	s->end = at;
	return true;
}

/* The whole line of KEY in SECTION. */
static bool find_key(const char *text, const char *section, const char *key,
		     struct span *s)
{
	struct span all;

	if (!find_section(text, section, &all))
		return false;
	for (size_t at = all.begin; at < all.end; at = next_line(text, at))
		if (value_of_line(text, at, key)) {
			*s = (struct span){at, next_line(text, at)};
			return true;
		}
	return false;
}

/* -- changes --------------------------------------------------------------- */

/* Puts WITH in the place of S. 0, or -1 without memory. */
static int replace_part(struct config_edit *edit, struct span s,
			const char *with)
{
	autobuf text = {0};
	char *whole = NULL;

	buf_append(&text, edit->text, s.begin);
	buf_append_str(&text, with);
	buf_append_str(&text, edit->text + s.end);
	whole = buf_steal_str(&text);
	if (!whole)
		return -1;
	free(edit->text);
	edit->text = whole;
	return 0;
}

/* The same with whole lines. */
static int replace(struct config_edit *edit, struct span s, const char *with)
{
	autobuf text = {0};
	autofree char *lines = NULL;

	/* A last line without its newline gets it before another one follows. */
	if (s.begin > 0 && edit->text[s.begin - 1] != '\n' && *with)
		buf_append_char(&text, '\n');
	buf_append_str(&text, with);
	lines = buf_steal_str(&text);
	return lines ? replace_part(edit, s, lines) : -1;
}

/* Behind the last line of the section that says something. */
static size_t end_of_keys(const char *text, struct span section)
{
	size_t end = next_line(text, section.begin);

	for (size_t at = end; at < section.end; at = next_line(text, at))
		if (!is_blank(text, at) && !is_comment(text, at))
			end = next_line(text, at);
	return end;
}

static int append_section(struct config_edit *edit, const char *section,
			  const char *line, struct error *err)
{
	size_t end = strlen(edit->text);
	autobuf text = {0};
	autofree char *all = NULL;

	buf_appendf(&text, "%s[%s]\n%s", end ? "\n" : "", section, line);
	all = buf_steal_str(&text);
	if (!all || replace(edit, (struct span){end, end}, all) < 0)
		return error_set_no_memory(err);
	return 0;
}

int config_edit_set(struct config_edit *edit, const char *section,
		    const char *key, const char *value, struct error *err)
{
	autobuf text = {0};
	autofree char *line = NULL;
	struct span s;

	if (strpbrk(value, "\r\n"))
		return error_set(err, ERROR_USAGE,
				 "a value of %s cannot have a line break", key);
	buf_appendf(&text, "%s = %s\n", key, value);
	line = buf_steal_str(&text);
	if (!line)
		return error_set_no_memory(err);
	if (!find_section(edit->text, section, &s))
		return append_section(edit, section, line, err);
	if (!find_key(edit->text, section, key, &s))
		s.begin = s.end = end_of_keys(edit->text, s);
	return replace(edit, s, line) < 0 ? error_set_no_memory(err) : 0;
}

void config_edit_unset(struct config_edit *edit, const char *section,
		       const char *key)
{
	struct span s;

	if (find_key(edit->text, section, key, &s))
		memmove(edit->text + s.begin, edit->text + s.end,
			strlen(edit->text + s.end) + 1);
}

int config_edit_rename(struct config_edit *edit, const char *section,
		       const char *to, struct error *err)
{
	autobuf text = {0};
	autofree char *name = NULL;
	struct span s;

	if (!find_section(edit->text, section, &s))
		return 0;
	buf_appendf(&text, "[%s]", to);
	name = buf_steal_str(&text);
	if (!name ||
	    replace_part(edit, line_content(edit->text, s.begin), name) < 0)
		return error_set_no_memory(err);
	return 0;
}

void config_edit_remove(struct config_edit *edit, const char *section)
{
	struct span s;
	size_t keep;

	if (!find_section(edit->text, section, &s))
		return;
	/* The comment that ends where the next section begins is that one's. */
	keep = s.end;
	for (size_t at = s.begin; edit->text[s.end] && at < s.end;
	     at = next_line(edit->text, at))
		if (!is_comment(edit->text, at))
			keep = next_line(edit->text, at);
	memmove(edit->text + s.begin, edit->text + keep,
		strlen(edit->text + keep) + 1);
}

bool config_edit_has(const struct config_edit *edit, const char *section)
{
	struct span s;

	return find_section(edit->text, section, &s);
}

char *config_edit_get(const struct config_edit *edit, const char *section,
		      const char *key)
{
	struct span s;
	size_t value;

	if (!find_key(edit->text, section, key, &s))
		return NULL;
	value = value_of_line(edit->text, s.begin, key);
	return strndup(edit->text + value,
		       line_content(edit->text, s.begin).end - value);
}

/* -- the file -------------------------------------------------------------- */

static int lock_folder(struct config_edit *edit, struct error *err)
{
	autofree char *folder = file_folder(edit->path);

	if (!folder)
		return error_set_no_memory(err);
	if (file_make_dirs(folder, MODE_DIRS, err) < 0)
		return -1;
	edit->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (edit->lock >= 0 && flock(edit->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_set_errno(err, ERROR_SYSTEM, errno,
					       "cannot lock %s", folder);
	if (edit->lock < 0)
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot open the folder %s", folder);
	return 0;
}

static int read_text(struct config_edit *edit, struct error *err)
{
	autobuf text = {0};
	autoerror why = {0};
	struct stat st;

	edit->mode = MODE_NEW;
	if (file_read(edit->path, INI_TEXT_MAX, &text, &why) < 0 &&
	    why.code != ERROR_NOT_FOUND)
		return error_move(err, &why);
	if (why.code == ERROR_NONE && stat(edit->path, &st) == 0)
		edit->mode = st.st_mode & 0777;
	if (config_check(edit->path, (const char *)buf_bytes(&text), text.len,
			 err) < 0)
		return -1;
	edit->text = buf_steal_str(&text);
	return edit->text ? 0 : error_set_no_memory(err);
}

int config_edit_open(struct config_edit **edit, const char *path,
		     struct error *err)
{
	autoptr(config_edit) e = calloc(1, sizeof(*e));

	if (!e)
		return error_set_no_memory(err);
	e->lock = -1;
	e->path = realpath(path, NULL);
	if (!e->path)
		e->path = strdup(path);
	if (!e->path)
		return error_set_no_memory(err);
	if (lock_folder(e, err) < 0 || read_text(e, err) < 0)
		return -1;
	*edit = steal(&e);
	return 0;
}

int config_edit_save(struct config_edit *edit, struct error *err)
{
	size_t len = strlen(edit->text);

	if (config_check(edit->path, edit->text, len, err) < 0)
		return error_prefix(
			err,
			"%s stays as it is, since the change would break it",
			edit->path);
	return file_write_atomic(edit->path, edit->text, len, edit->mode, err);
}

void config_edit_free(struct config_edit *edit)
{
	if (!edit)
		return;
	if (edit->lock >= 0)
		close(edit->lock);
	free(edit->path);
	free(edit->text);
	free(edit);
}
