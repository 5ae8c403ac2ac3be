/*
 * Lines of the shell and the processes that run them (shell.h).
 */
#include "client/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "client/line.h"
#include "client/output.h"
#include "client/connect/profile.h"
#include "client/verbs.h"

#define SIGNALLED   128 /* sh's exit status of what a signal has ended: more */
#define ANSWER_MAX  (8 * 1024 * 1024) /* bytes of candidates */
#define EXTRA_WORDS 4                 /* program, -H, host, and the NULL */

/* What a line may begin with that is no verb. */
static const struct {
	const char *word;
	const char *note;
} own_words[] = {
	{"use", "the host for the lines that follow"},
	{"quit", "end the shell"},
	{"exit", "end the shell"},
};

/* -- one line -------------------------------------------------------------- */

static void fail(struct shell *shell, const struct error *why)
{
	command_print_error(shell->call, NULL, why);
	shell->status = error_code_exit_status(why->code);
}

/* The words of a command line, borrowed, to free() as one; NULL without memory. */
static const char **make_words(const struct shell *shell,
			       const struct line *line, size_t *n)
{
	const char **words = calloc(
		shell->globals_count + line->n + EXTRA_WORDS, sizeof(*words));

	*n = 0;
	if (!words)
		return NULL;
	words[(*n)++] = "virtmux";
	for (size_t i = 0; i < shell->globals_count; i++)
		words[(*n)++] = shell->globals[i];
	if (shell->chosen) {
		words[(*n)++] = "-H";
		words[(*n)++] = shell->host;
	}
	for (size_t i = 0; i < line->n; i++)
		words[(*n)++] = line->words[i];
	return words;
}

/* In the process of a command. Does not return. */
static void become_command(const struct shell *shell, const char **words,
			   size_t n)
{
	int status;

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	if (!shell->terminal) {
		int null = open("/dev/null", O_RDONLY);

		if (null >= 0)
			dup2(null, STDIN_FILENO);
	}
	status = command_main((int)n, (char **)words);
	fflush(stdout);
	_exit(status);
}

static int await(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : SIGNALLED + WTERMSIG(status);
}

/* Ctrl-C is the command's; where nobody types, it ends the rest as well. */
static void run_command(struct shell *shell, const struct line *line)
{
	autofree const char **words = NULL;
	autoerror why = {0};
	void (*before)(int) = signal(SIGINT, SIG_IGN);
	size_t n = 0;
	pid_t child;

	words = make_words(shell, line, &n);
	fflush(stdout);
	child = words ? fork() : -1;
	if (child == 0)
		become_command(shell, words, n);
	if (child < 0) {
		error_set_errno(&why, ERROR_SYSTEM, errno,
				"cannot start a process");
		fail(shell, &why);
	} else {
		shell->status = await(child);
	}
	signal(SIGINT, before);
	if (!shell->terminal &&
	    (shell->status == error_code_exit_status(ERROR_INTERRUPTED) ||
	     shell->status == SIGNALLED + SIGINT))
		shell->over = true;
}

/* One host that nobody knows is told at once. */
static int check_host(const struct shell *shell, const char *host,
		      struct error *err)
{
	autoptr(profile) profile = NULL;

	if (strpbrk(host, ",@*?["))
		return 0;
	return command_load_profile(shell->call, host, &profile, err);
}

static int use(struct shell *shell, const struct line *line, struct error *err)
{
	char *host = NULL;

	if (line->n != 2)
		return error_set(err, ERROR_USAGE,
				 "use wants the name of one host, as -H does");
	if (check_host(shell, line->words[1], err) < 0)
		return -1;
	host = strdup(line->words[1]);
	if (!host)
		return error_set_no_memory(err);
	free(shell->host);
	shell->host = host;
	shell->chosen = true;
	return 0;
}

static bool is_word(const struct line *line, const char *word)
{
	return strcmp(line->words[0], word) == 0;
}

static int run_words(struct shell *shell, const struct line *line,
		     struct error *err)
{
	if (is_word(line, "quit") || is_word(line, "exit")) {
		shell->over = true;
		return 0;
	}
	if (is_word(line, "shell"))
		return error_set(err, ERROR_USAGE, "this is the shell already");
	shell->status = 0;
	if (is_word(line, "use"))
		return use(shell, line, err);
	run_command(shell, line);
	return 0;
}

void shell_run(struct shell *shell, const char *text)
{
	autoline line = {0};
	autoerror why = {0};
	int rc = line_split(&line, text, NULL, &why);

	if (rc == 0 && line.quote)
		rc = error_set(&why, ERROR_USAGE, "%s has no end: %s",
			       line.quote == '\\' ? "the backslash"
						  : "the quote",
			       text);
	else if (rc == 0 && line.n > 0)
		rc = run_words(shell, &line, &why);
	if (rc < 0)
		fail(shell, &why);
	if (shell->status != 0 && call_flag(shell->call, "stop"))
		shell->over = true;
}

/* -- completion ------------------------------------------------------------ */

/* LINE's words as complete_words() takes them. */
static void find_candidates(const struct shell *shell, const struct line *line,
			    struct candidates *to)
{
	autofree const char **words = NULL;
	size_t n = 0;

	words = make_words(shell, line, &n);
	if (!words)
		return;
	if (line->between)
		words[n++] = "";
	/* "use HOST" is completed as "-H HOST" */
	if (line->n > 0 && is_word(line, "use") && line->n + line->between == 2)
		words[n - 2] = "-H";
	complete_words(to, words + 1, n - 1);
	for (size_t i = 0;
	     line->n + line->between == 1 && i < array_size(own_words); i++)
		if (strncmp(own_words[i].word, words[n - 1],
			    strlen(words[n - 1])) == 0)
			candidates_add(to, own_words[i].word, own_words[i].note,
				       false);
}

/* In the process that finds them. Does not return. */
static void tell_candidates(const struct shell *shell, const char *text, int to)
{
	autoline line = {0};
	autocandidates found = {0};
	autobuf out = {0};

	if (line_split(&line, text, NULL, NULL) == 0)
		find_candidates(shell, &line, &found);
	buf_append_str(&out, found.files ? "files\n" : "words\n");
	for (size_t i = 0; i < found.n; i++)
		buf_appendf(&out, "%c%s\n", found.list[i].open ? '+' : ' ',
			    found.list[i].text);
	file_write_all(to, buf_bytes(&out), out.len, NULL);
	_exit(0);
}

static void read_candidates(char *text, struct candidates *to)
{
	char *rest = NULL;
	char *word = strtok_r(text, "\n", &rest);

	to->files = word && strcmp(word, "files") == 0;
	while (word && (word = strtok_r(NULL, "\n", &rest)) != NULL)
		candidates_add(to, word + 1, NULL, word[0] == '+');
}

void shell_complete(struct shell *shell, const char *text,
		    struct candidates *to)
{
	autobuf answer = {0};
	autofree char *lines = NULL;
	int ends[2];
	pid_t child;

	if (pipe(ends) < 0)
		return;
	child = fork();
	if (child == 0) {
		close(ends[0]);
		tell_candidates(shell, text, ends[1]);
	}
	close(ends[1]);
	if (child > 0) {
		file_read_fd(ends[0], "candidates", ANSWER_MAX, &answer, NULL);
		await(child);
	}
	close(ends[0]);
	lines = buf_steal_str(&answer);
	if (lines)
		read_candidates(lines, to);
}

/* -- the verb -------------------------------------------------------------- */

/* The options of every verb that this one was given, as words for each line. */
static int gather_globals(struct shell *shell, struct error *err)
{
	const struct value *values = shell->call->globals;
	size_t room = 0;

	for (size_t i = 0; command_globals[i].kind != COMMAND_END; i++)
		room += (size_t)values[i].count;
	shell->globals = calloc(room + 1, sizeof(*shell->globals));
	for (size_t i = 0;
	     shell->globals && command_globals[i].kind != COMMAND_END; i++)
		for (int k = 0; k < values[i].count; k++) {
			autobuf word = {0};
			const char *text = values[i].texts[k];

			buf_appendf(&word, "--%s%s%s", command_globals[i].name,
				    text ? "=" : "", text ? text : "");
			shell->globals[shell->globals_count] =
				buf_steal_str(&word);
			if (!shell->globals[shell->globals_count++])
				return error_set_no_memory(err);
		}
	return shell->globals ? 0 : error_set_no_memory(err);
}

/* The host that is meant, for the prompt. */
static void find_host(struct shell *shell)
{
	autoptr(profile) profile = NULL;
	autoerror why = {0};

	if (command_load_profile(shell->call, NULL, &profile, &why) == 0)
		shell->host = strdup(profile->name);
}

static int read_lines(struct shell *shell, struct error *err)
{
	autofree char *line = NULL;
	size_t room = 0;

	while (!shell->over && getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		shell_run(shell, line);
	}
	if (ferror(stdin))
		return error_set_errno(err, ERROR_SYSTEM, errno,
				       "cannot read standard input");
	return 0;
}

static void clear(struct shell *shell)
{
	for (size_t i = 0; i < shell->globals_count; i++)
		free(shell->globals[i]);
	free(shell->globals);
	free(shell->host);
}

int verb_shell(struct command_call *call, struct error *err)
{
	struct shell shell = {
		.call = call,
		.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
			    !call_flag(call, "batch"),
	};
	int rc = gather_globals(&shell, err);

	/* --timeout is one of them, for each line. */
	call_begun(call);
	find_host(&shell);
	if (rc == 0)
		rc = shell.terminal ? shell_edit(&shell, err)
				    : read_lines(&shell, err);
	clear(&shell);
	if (rc == 0 && shell.status != 0)
		call_told_status(call, shell.status);
	return rc;
}
