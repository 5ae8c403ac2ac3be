/*
 * For the tests of daemon/virt: one struct virt, and calls that wait for their
 * reply. Included by tests alone, each a program of its own.
 */
#ifndef VIRTMUX_TEST_VIRT_SUPPORT_H
#define VIRTMUX_TEST_VIRT_SUPPORT_H

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "daemon/virt/request.h"
#include "daemon/virt/virt.h"

#define REPLY_MS 60000

/* What came back: the reply itself, moved out of the room's hands. */
struct answer {
	bool done;
	struct virt_reply reply;
};

static void on_answer(void *context, struct virt_reply *reply)
{
	struct answer *answer = context;

	assert_false(answer->done);
	answer->done = true;
	answer->reply = *reply;
	memset(reply, 0, sizeof(*reply));
}

static inline struct virt_done into(struct answer *answer)
{
	return (struct virt_done){on_answer, answer};
}

/* Dispatches until ANSWER has come. */
static inline void await(struct virt *v, struct answer *answer)
{
	uint64_t deadline = clock_monotonic_ns() + REPLY_MS * CLOCK_NS_PER_MS;

	while (!answer->done) {
		struct pollfd fd = {virt_completion_fd(v), POLLIN, 0};

		assert_true(clock_monotonic_ns() < deadline);
		poll(&fd, 1, 1000);
		virt_dispatch(v);
	}
}

/* Submits by EXPRESSION (which uses `done` and `&err`) and waits. */
#define ask(v, answer, expression)                                             \
	do {                                                                   \
		struct virt_done done = into(answer);                          \
		struct error err = {0};                                        \
		reply_clear(&(answer)->reply);                                 \
		(answer)->done = false;                                        \
		if ((expression) < 0)                                          \
			fail_msg("refused: %s", error_words(&err));            \
		await(v, answer);                                              \
	} while (0)

#define assert_done(answer)                                                    \
	do {                                                                   \
		if (error_is_set(&(answer)->reply.error))                      \
			fail_msg("%s (%s)",                                    \
				 error_words(&(answer)->reply.error),          \
				 (answer)->reply.error.cause);                 \
	} while (0)

#define assert_failed(answer, code_)                                           \
	assert_string_equal(error_code_name((answer)->reply.error.code),       \
			    error_code_name(ERROR_##code_))

#define assert_words(answer, words_)                                           \
	assert_string_equal(error_words(&(answer)->reply.error), words_)

static inline struct virt *open_virt(const char *uri, struct log *log)
{
	struct virt_config config = {.uri = uri};
	struct error err = {0};
	struct virt *v = NULL;

	if (virt_new(&v, &config, log, &err) < 0)
		fail_msg("%s", error_words(&err));
	return v;
}

#endif
