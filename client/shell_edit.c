/*
 * The shell's line at a terminal, by libedit: history in a file of the user's,
 * completion, and Ctrl-C, which drops the line (shell.h). The keys of ~/.editrc hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "client/line.h"
#include "client/shell.h"

#define HISTORY_LINES 1000              /* that are remembered */
#define HISTORY_MAX   (4 * 1024 * 1024) /* bytes of the file that are read */
#define LISTED_MAX    200               /* candidates that are shown at once */
#define GAP           2                 /* columns between two of them */
#define COLUMNS       80                /* where the terminal does not tell */

struct editor {
	struct shell *shell;
	EditLine *edit;
	History *history;
	char *file; /* of the history, or NULL */
	char prompt[128];
};

/* -- history --------------------------------------------------------------- */

/* "$XDG_STATE_HOME/virtmux/history", to free(); its folder is made. */
static char *history_file(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	autofree char *base = state && state[0] == '/'
				      ? strdup(state)
				      : file_expand_home("~/.local/state");
	autofree char *folder = base ? file_join(base, "virtmux") : NULL;
	autoerror why = {0};

	if (!folder || file_make_dirs(folder, 0700, &why) < 0)
		return NULL;
	return file_join(folder, "history");
}

static void remember(struct editor *e, const char *line)
{
	HistEvent event;

	history(e->history, &event, H_ENTER, line);
}

/* The lines that were; where they are many, the file keeps the last of them. */
static void load_history(struct editor *e)
{
	autobuf text = {0};
	autofree char *lines = NULL;
	autoerror why = {0};
	char *rest = NULL;
	size_t n = 0;
	size_t keep = 0;

	if (!e->file ||
	    file_read_private(e->file, HISTORY_MAX, &text, &why) < 0)
		return;
	lines = buf_steal_str(&text);
	if (!lines)
		return;
	for (const char *p = lines; *p; p++)
		n += *p == '\n';
	for (; n - keep > HISTORY_LINES; keep++)
		;
	rest = lines;
	for (size_t i = 0; i < keep; i++)
		rest = strchr(rest, '\n') + 1;
	if (n > 2 * HISTORY_LINES)
		file_write_atomic(e->file, rest, strlen(rest), 0600, NULL);
	for (char *line = strtok_r(rest, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		remember(e, line);
}

/* As sh's HISTCONTROL=ignorespace: what begins with a blank is kept nowhere. */
static void keep_line(struct editor *e, const char *line)
{
	autoclose int fd = -1;
	autobuf text = {0};

	if (line[0] == ' ' || line[0] == '\0')
		return;
	remember(e, line);
	if (!e->file)
		return;
	fd = open(e->file,
		  O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	buf_appendf(&text, "%s\n", line);
	if (fd >= 0 && buf_ok(&text))
		file_write_all(fd, buf_bytes(&text), text.len, NULL);
}

/* -- completion ------------------------------------------------------------ */

static unsigned terminal_columns(void)
{
	struct winsize size = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return COLUMNS;
}

static void list_candidates(const struct candidates *c)
{
	size_t widest = 0;
	size_t across;

	for (size_t i = 0; i < c->n; i++) {
		size_t w = utf8_columns(c->list[i].text);

		widest = w > widest ? w : widest;
	}
	across = terminal_columns() / (widest + GAP);
	across = across ? across : 1;
	for (size_t i = 0; i < c->n && i < LISTED_MAX; i++) {
		const char *text = c->list[i].text;

		if (i % across == 0)
			putchar('\n');
		printf("%s%*s", text, (int)(widest + GAP - utf8_columns(text)),
		       "");
	}
	if (c->n > LISTED_MAX)
		printf("\n(and %zu more)", c->n - LISTED_MAX);
	putchar('\n');
	fflush(stdout);
}

/* Bytes that all begin with, at a character's end. */
static size_t common(const struct candidates *c)
{
	size_t n = strlen(c->list[0].text);

	for (size_t i = 1; i < c->n; i++) {
		size_t same = 0;

		while (same < n && c->list[i].text[same] &&
		       c->list[i].text[same] == c->list[0].text[same])
			same++;
		n = same;
	}
	while (n > 0 && (c->list[0].text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Characters of TEXT. */
static int count_characters(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

/* The first LEN bytes of WORD, quoted, instead of TYPED. */
static void replace(EditLine *edit, const char *typed, const char *word,
		    size_t len, bool whole)
{
	autofree char *part = strndup(word, len);
	autobuf text = {0};
	autofree char *s = NULL;

	if (!part)
		return;
	line_quote(&text, part, 0);
	if (whole)
		buf_append_char(&text, ' ');
	s = buf_steal_str(&text);
	if (!s)
		return;
	el_deletestr(edit, count_characters(typed));
	el_insertstr(edit, s);
}

static unsigned char on_complete(EditLine *edit, int key)
{
	const LineInfo *info = el_line(edit);
	struct editor *e = NULL;
	autofree char *text =
		strndup(info->buffer, (size_t)(info->cursor - info->buffer));
	autoline line = {0};
	autocandidates found = {0};
	size_t len;

	el_get(edit, EL_CLIENTDATA, &e);
	if (!text || line_split(&line, text, NULL, NULL) < 0)
		return CC_ERROR;
	shell_complete(e->shell, text, &found);
	if (found.files)
		return _el_fn_complete(edit, key);
	if (found.n == 0)
		return CC_ERROR;
	len = common(&found);
	if (found.n == 1 ||
	    len > (line.between ? 0 : strlen(line.words[line.n - 1]))) {
		replace(edit, line.between ? "" : text + line.begins_at,
			found.list[0].text, len,
			found.n == 1 && !found.list[0].open);
		return CC_REFRESH;
	}
	list_candidates(&found);
	return CC_REDISPLAY;
}

/* -- the line -------------------------------------------------------------- */

static unsigned char on_cancel(EditLine *edit, int key)
{
	const LineInfo *info = el_line(edit);

	(void)key;
	el_cursor(edit, (int)(info->lastchar - info->cursor));
	el_deletestr(edit, (int)(info->lastchar - info->buffer));
	fputs("^C\n", stdout);
	fflush(stdout);
	return CC_REDISPLAY;
}

static char *on_prompt(EditLine *edit)
{
	struct editor *e = NULL;

	el_get(edit, EL_CLIENTDATA, &e);
	snprintf(e->prompt, sizeof(e->prompt), "virtmux%s%.100s> ",
		 e->shell->host ? " " : "",
		 e->shell->host ? e->shell->host : "");
	return e->prompt;
}

static int begin(struct editor *e, struct error *err)
{
	HistEvent event;

	e->edit = el_init("virtmux", stdin, stdout, stderr);
	e->history = history_init();
	if (!e->edit || !e->history)
		return error_set_no_memory(err);
	history(e->history, &event, H_SETSIZE, HISTORY_LINES);
	history(e->history, &event, H_SETUNIQUE, 1);
	el_set(e->edit, EL_CLIENTDATA, e);
	el_set(e->edit, EL_PROMPT, on_prompt);
	el_set(e->edit, EL_EDITOR, "emacs");
	el_set(e->edit, EL_HIST, history, e->history);
	el_set(e->edit, EL_ADDFN, "virtmux-complete", "complete", on_complete);
	el_set(e->edit, EL_ADDFN, "virtmux-cancel", "drop the line", on_cancel);
	el_set(e->edit, EL_BIND, "^I", "virtmux-complete", NULL);
	el_set(e->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(e->edit, NULL);
	/* Ctrl-C is a key of the line; while a command runs it is a signal again. */
	el_set(e->edit, EL_BIND, "^C", "virtmux-cancel", NULL);
	el_set(e->edit, EL_SETTY, "-d", "-isig", NULL);
	e->file = history_file();
	load_history(e);
	return 0;
}

static void edit_lines(struct editor *e)
{
	const char *text;
	int n = 0;

	while (!e->shell->over && (text = el_gets(e->edit, &n)) && n > 0) {
		autofree char *line = strdup(text);

		if (!line)
			return;
		line[strcspn(line, "\r\n")] = '\0';
		keep_line(e, line);
		shell_run(e->shell, line);
	}
	if (!e->shell->over)
		putchar('\n');
}

int shell_edit(struct shell *shell, struct error *err)
{
	struct editor e = {.shell = shell};
	int rc = begin(&e, err);

	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	if (rc == 0)
		edit_lines(&e);
	if (e.history)
		history_end(e.history);
	if (e.edit)
		el_end(e.edit);
	free(e.file);
	return rc;
}
