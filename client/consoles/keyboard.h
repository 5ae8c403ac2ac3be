/*
 * Text as key presses of a guest's keyboard: which keys a person with that layout
 * would press, by libxkbcommon and the layouts of xkb-data. No I/O but reading
 * these files; used by `type`. One thread.
 *
 * What always holds: a text is planned as a whole, so that nothing is typed of a
 * text that cannot be typed; keys are Linux's numbers (linux/input-event-codes.h),
 * which domain.send-key takes.
 */
#ifndef VIRTMUX_CLIENT_KEYBOARD_H
#define VIRTMUX_CLIENT_KEYBOARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KEYBOARD_LAYOUT "us" /* where none is named */

/*
 * Keys of one batch at most: up to four modifiers and six others, which is all
 * that a USB keyboard can report as pressed at once (USB HID 1.11, appendix B.1).
 */
#define KEYBOARD_PLAIN_MAX 6
#define KEYBOARD_BATCH_MAX (4 + KEYBOARD_PLAIN_MAX)

/*
 * Keys that are pressed one after the other and released in the reverse order,
 * as virDomainSendKey does it: modifiers first, then different other keys.
 */
struct keyboard_batch {
	uint16_t keys[KEYBOARD_BATCH_MAX];
	uint8_t n;
	uint8_t characters; /* of the text that are complete with it */
};

struct keyboard_plan {
	struct keyboard_batch *batches; /* N of them, to free() */
	size_t n;
	size_t characters;
};

struct keyboard;

/*
 * LAYOUT: "de", or with a variant "de:nodeadkeys", as in xkb-data's rules.
 * ERROR_USAGE where there is none such, ERROR_SYSTEM where the files are missing.
 */
int keyboard_new(struct keyboard **keyboard, const char *layout,
		 struct error *err);
void keyboard_free(struct keyboard *keyboard); /* NULL-safe */

DEFINE_CLEANUP(keyboard, keyboard_free);

/*
 * How TEXT (UTF-8, LEN bytes) is typed: a line feed is the key Enter; control
 * characters are typed with Ctrl. Characters that the layout has only behind a dead
 * key are typed with it. ERROR_USAGE names the first character that has no key.
 */
int keyboard_plan(struct keyboard *keyboard, const char *text, size_t len,
		  struct keyboard_plan *plan, struct error *err);

#endif
