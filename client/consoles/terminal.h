/*
 * The terminal of a console, or of a program that fills the screen: raw while it is
 * open, and given back as it was found on every way out. Used by the verbs `console` and `top`.
 *
 * What always holds: a signal that ends or stops us finds the terminal restored;
 * where we are killed without a chance to act (SIGKILL, a crash), a small process
 * of our own, which holds nothing but the terminal and a pipe to us, restores it.
 * No state outside struct terminal. One thread; made before any loop.
 */
#ifndef VIRTMUX_CLIENT_TERMINAL_H
#define VIRTMUX_CLIENT_TERMINAL_H

#include <stdbool.h>
#include <uv.h>

#include "base/error.h"

struct terminal;

/*
 * Remembers how the terminal FD (borrowed) is set and starts the guard. To be
 * called before a key is unlocked: the guard is a fork. ERROR_SYSTEM.
 */
int terminal_new(struct terminal **terminal, int fd, struct error *err);

/*
 * The same for a program that fills the screen: TAKE is written when the terminal
 * becomes raw, GIVE when it is restored, also by the guard. Both are constants.
 */
int terminal_new_screen(struct terminal **terminal, int fd, const char *take,
			const char *give, struct error *err);

/* Restores it and ends the guard. The rest of a loop may follow. NULL-safe. */
void terminal_free(struct terminal *terminal);

DEFINE_CLEANUP(terminal, terminal_free);

/*
 * Every byte as it comes, in both directions (cfmakeraw). Nothing is changed
 * where we are in the background; SIGCONT makes up for it. ERROR_SYSTEM.
 */
int terminal_raw(struct terminal *terminal, struct error *err);

/* As it was found. What was typed and not read is thrown away. */
void terminal_restore(struct terminal *terminal);

/*
 * From now on SIGTSTP, SIGCONT and SIGQUIT are taken by UV, which must run until
 * it is empty after terminal_free(). The signals that the channel takes (SIGINT,
 * SIGTERM, SIGHUP) are its caller's. ERROR_SYSTEM.
 */
int terminal_watch(struct terminal *terminal, uv_loop_t *uv, struct error *err);

#endif
