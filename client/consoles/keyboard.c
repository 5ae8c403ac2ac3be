/*
 * Layouts turned round (keyboard.h): libxkbcommon says what a key gives under
 * which modifiers; here all keys are tried with all of them, and the first way to
 * each character is kept. Dead keys are tried the same way by the compose table.
 *
 * What always holds: ways with fewer modifiers come first; keys of the key pad,
 * whose meaning hangs on Num Lock, and keys above KEY_LAST are never used.
 */
#include "client/consoles/keyboard.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon.h>

#include "base/buf.h"
#include "base/utf8.h"

#define XKB_OFFSET 8   /* an XKB keycode is evdev's number and 8 */
#define KEY_FIRST  1   /* evdev: Esc */
#define KEY_LAST   127 /* evdev: the last one that a PC keyboard has */
#define KEY_NONE   84  /* evdev has no such key; XKB has a made-up one there */

#define COMPOSE_LOCALE "en_US.UTF-8" /* the table that all others include */
#define LAYOUT_MAX     64            /* bytes of a layout's name */

enum modifier { SHIFT, LEVEL3, LEVEL5, CONTROL, MODIFIERS };

#define WITH(modifier) (1u << (modifier))

/* A way to type something: a key with modifiers held. */
struct way {
	uint32_t what; /* code point; for dead keys the key symbol */
	uint16_t key;
	uint8_t with; /* WITH() bits */
};

/* A character of two key presses. */
struct composed {
	uint32_t what;
	struct way dead, base;
};

struct keyboard {
	char *layout;
	struct xkb_context *context;
	struct xkb_keymap *keymap;
	uint16_t modifiers[MODIFIERS]; /* evdev; 0: the layout has none */
	struct buf ways;               /* struct way */
	struct buf dead;               /* struct way */
	struct buf composed;           /* struct composed */
	bool compose_tried;
};

/* -- tables ---------------------------------------------------------------- */

static const struct way *find_way(const struct buf *ways, uint32_t what)
{
	const struct way *all = (const struct way *)buf_bytes(ways);

	for (size_t i = 0; i < ways->len / sizeof(*all); i++)
		if (all[i].what == what)
			return &all[i];
	return NULL;
}

static const struct composed *find_composed(const struct keyboard *k,
					    uint32_t what)
{
	const struct composed *all =
		(const struct composed *)buf_bytes(&k->composed);

	for (size_t i = 0; i < k->composed.len / sizeof(*all); i++)
		if (all[i].what == what)
			return &all[i];
	return NULL;
}

static void add_way(struct buf *ways, const struct way *way)
{
	if (!find_way(ways, way->what))
		buf_append(ways, way, sizeof(*way));
}

/* -- the layout turned round ----------------------------------------------- */

static bool is_real_key(unsigned key)
{
	return key >= KEY_FIRST && key <= KEY_LAST && key != KEY_NONE;
}

static bool is_keypad(xkb_keysym_t symbol)
{
	return symbol >= XKB_KEY_KP_Space && symbol <= XKB_KEY_KP_9;
}

static bool is_dead(xkb_keysym_t symbol)
{
	return symbol >= XKB_KEY_dead_grave && symbol <= XKB_KEY_dead_greek;
}

/* The keys that hold the modifiers, the first of each kind. */
static void find_modifiers(struct keyboard *k, struct xkb_state *state)
{
	static const xkb_keysym_t symbols[MODIFIERS] = {
		[SHIFT] = XKB_KEY_Shift_L,
		[LEVEL3] = XKB_KEY_ISO_Level3_Shift,
		[LEVEL5] = XKB_KEY_ISO_Level5_Shift,
		[CONTROL] = XKB_KEY_Control_L,
	};

	for (unsigned key = KEY_FIRST; key <= KEY_LAST; key++) {
		xkb_keysym_t symbol =
			xkb_state_key_get_one_sym(state, key + XKB_OFFSET);

		for (int i = 0; i < MODIFIERS && is_real_key(key); i++)
			if (symbol == symbols[i] && !k->modifiers[i])
				k->modifiers[i] = (uint16_t)key;
	}
}

static void read_key(struct keyboard *k, struct xkb_state *state, unsigned key,
		     unsigned with)
{
	xkb_keycode_t code = key + XKB_OFFSET;
	xkb_keysym_t symbol = xkb_state_key_get_one_sym(state, code);
	struct way way = {.key = (uint16_t)key, .with = (uint8_t)with};

	if (is_keypad(symbol))
		return;
	if (is_dead(symbol)) {
		way.what = symbol;
		add_way(&k->dead, &way);
		return;
	}
	way.what = xkb_state_key_get_utf32(state, code);
	/* With Ctrl, only what nothing else gives: the control characters. */
	if (way.what && way.what != '\n' &&
	    (with != WITH(CONTROL) || way.what < ' '))
		add_way(&k->ways, &way);
}

/* All keys with these modifiers; nothing where the layout lacks one of them. */
static int read_keys(struct keyboard *k, unsigned with, struct error *err)
{
	struct xkb_state *state = xkb_state_new(k->keymap);

	if (!state)
		return error_set_no_memory(err);
	for (int i = 0; i < MODIFIERS; i++) {
		if (!(with & WITH(i)))
			continue;
		if (!k->modifiers[i])
			goto out;
		xkb_state_update_key(state, k->modifiers[i] + XKB_OFFSET,
				     XKB_KEY_DOWN);
	}
	for (unsigned key = KEY_FIRST; key <= KEY_LAST; key++)
		if (is_real_key(key))
			read_key(k, state, key, with);
out:
	xkb_state_unref(state);
	return 0;
}

/* A line feed is what a text has where a person presses Enter. */
static void add_enter(struct keyboard *k)
{
	const struct way *enter = find_way(&k->ways, '\r');
	struct way way;

	if (!enter)
		return;
	way = *enter;
	way.what = '\n';
	buf_append(&k->ways, &way, sizeof(way));
}

static int read_layout(struct keyboard *k, struct error *err)
{
	static const uint8_t sets[] = {
		0,
		WITH(SHIFT),
		WITH(LEVEL3),
		WITH(SHIFT) | WITH(LEVEL3),
		WITH(LEVEL5),
		WITH(SHIFT) | WITH(LEVEL5),
		WITH(LEVEL3) | WITH(LEVEL5),
		WITH(CONTROL),
	};
	struct xkb_state *state = xkb_state_new(k->keymap);

	if (!state)
		return error_set_no_memory(err);
	find_modifiers(k, state);
	xkb_state_unref(state);
	for (size_t i = 0; i < array_size(sets); i++)
		if (read_keys(k, sets[i], err) < 0)
			return -1;
	add_enter(k);
	return buf_ok(&k->ways) && buf_ok(&k->dead) ? 0
						    : error_set_no_memory(err);
}

/* -- dead keys ------------------------------------------------------------- */

static void compose(struct keyboard *k, struct xkb_compose_state *state,
		    const struct way *dead, const struct way *base)
{
	struct composed found = {.dead = *dead, .base = *base};
	char text[8];
	int n;

	xkb_compose_state_reset(state);
	xkb_compose_state_feed(state, dead->what);
	xkb_compose_state_feed(state, xkb_utf32_to_keysym(base->what));
	if (xkb_compose_state_get_status(state) != XKB_COMPOSE_COMPOSED)
		return;
	n = xkb_compose_state_get_utf8(state, text, sizeof(text));
	if (n <= 0 || (size_t)n >= sizeof(text) ||
	    utf8_sequence((const uint8_t *)text, (size_t)n, &found.what) !=
		    (size_t)n)
		return;
	if (!find_way(&k->ways, found.what) && !find_composed(k, found.what))
		buf_append(&k->composed, &found, sizeof(found));
}

static void compose_all(struct keyboard *k, struct xkb_compose_state *state)
{
	const struct way *dead = (const struct way *)buf_bytes(&k->dead);
	const struct way *ways = (const struct way *)buf_bytes(&k->ways);
	const struct way *space = find_way(&k->ways, ' ');

	for (size_t d = 0; d < k->dead.len / sizeof(*dead); d++) {
		if (space)
			compose(k, state, &dead[d], space);
		for (size_t i = 0; i < k->ways.len / sizeof(*ways); i++)
			compose(k, state, &dead[d], &ways[i]);
	}
}

/* Once, where a character has no key of its own; without a table nothing. */
static int try_compose(struct keyboard *k, struct error *err)
{
	struct xkb_compose_table *table;
	struct xkb_compose_state *state;

	if (k->compose_tried || k->dead.len == 0)
		return 0;
	k->compose_tried = true;
	table = xkb_compose_table_new_from_locale(k->context, COMPOSE_LOCALE,
						  XKB_COMPOSE_COMPILE_NO_FLAGS);
	if (!table)
		return 0;
	state = xkb_compose_state_new(table, XKB_COMPOSE_STATE_NO_FLAGS);
	if (state)
		compose_all(k, state);
	xkb_compose_state_unref(state);
	xkb_compose_table_unref(table);
	return state && buf_ok(&k->composed) ? 0 : error_set_no_memory(err);
}

/* -- a keyboard ------------------------------------------------------------ */

static int load(struct keyboard *k, const char *layout, const char *variant,
		struct error *err)
{
	const struct xkb_rule_names names = {
		.rules = "evdev",
		.model = "pc105",
		.layout = layout,
		.variant = variant,
		.options = "",
	};

	k->context = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
	if (!k->context)
		return error_set(err, ERROR_SYSTEM,
				 "no keyboard layouts are installed: install "
				 "the package xkb-data");
	xkb_context_set_log_level(k->context, XKB_LOG_LEVEL_CRITICAL);
	k->keymap = xkb_keymap_new_from_names(k->context, &names,
					      XKB_KEYMAP_COMPILE_NO_FLAGS);
	if (!k->keymap)
		return error_set(
			err, ERROR_USAGE,
			"there is no keyboard layout '%s': write it "
			"as us, de or de:nodeadkeys; "
			"%s/rules/evdev.lst lists them",
			k->layout,
			xkb_context_include_path_get(
				k->context,
				xkb_context_num_include_paths(k->context) - 1));
	return read_layout(k, err);
}

/* Names of files that libxkbcommon opens: nothing else may stand in them. */
static bool is_name(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_-") == strlen(name);
}

int keyboard_new(struct keyboard **keyboard, const char *layout,
		 struct error *err)
{
	autoptr(keyboard) k = calloc(1, sizeof(*k));
	autofree char *name = strdup(layout);
	char *variant;

	if (!k || !name)
		return error_set_no_memory(err);
	k->layout = strdup(layout);
	if (!k->layout)
		return error_set_no_memory(err);
	variant = strchr(name, ':');
	if (variant)
		*variant++ = '\0';
	if (strlen(layout) > LAYOUT_MAX || !is_name(name) ||
	    (variant && !is_name(variant)))
		return error_set(err, ERROR_USAGE,
				 "'%.*s' is no keyboard layout: write it as "
				 "us, de or de:nodeadkeys",
				 LAYOUT_MAX, layout);
	if (load(k, name, variant ? variant : "", err) < 0)
		return -1;
	*keyboard = steal(&k);
	return 0;
}

void keyboard_free(struct keyboard *k)
{
	if (!k)
		return;
	xkb_keymap_unref(k->keymap);
	xkb_context_unref(k->context);
	buf_free(&k->ways);
	buf_free(&k->dead);
	buf_free(&k->composed);
	free(k->layout);
	free(k);
}

/* -- a text ---------------------------------------------------------------- */

/* A plan that grows; the last batch may take further keys. */
struct writer {
	const struct keyboard *keyboard;
	struct buf batches;
	uint8_t with; /* the modifiers of the last batch */
	uint8_t plain;
	bool open; /* the last batch may grow */
};

static struct keyboard_batch *last_batch(struct writer *w)
{
	return (struct keyboard_batch *)(buf_end(&w->batches) -
					 sizeof(struct keyboard_batch));
}

static bool has_key(const struct keyboard_batch *b, uint16_t key)
{
	for (uint8_t i = 0; i < b->n; i++)
		if (b->keys[i] == key)
			return true;
	return false;
}

static void open_batch(struct writer *w, uint8_t with)
{
	struct keyboard_batch batch = {0};

	for (int i = 0; i < MODIFIERS; i++)
		if (with & WITH(i))
			batch.keys[batch.n++] = w->keyboard->modifiers[i];
	buf_append(&w->batches, &batch, sizeof(batch));
	w->with = with;
	w->plain = 0;
	w->open = true;
}

/* ALONE: its key is released before another one is pressed. */
static void press(struct writer *w, const struct way *way, bool alone)
{
	struct keyboard_batch *b = NULL;

	if (alone || !w->open || way->with != w->with ||
	    w->plain == KEYBOARD_PLAIN_MAX || has_key(last_batch(w), way->key))
		open_batch(w, way->with);
	if (!buf_ok(&w->batches))
		return;
	b = last_batch(w);
	b->keys[b->n++] = way->key;
	w->plain++;
	w->open = !alone;
}

static void complete(struct writer *w)
{
	if (buf_ok(&w->batches))
		last_batch(w)->characters++;
}

static int no_key(const struct keyboard *k, uint32_t point, const char *bytes,
		  size_t n, size_t position, struct error *err)
{
	const char *cure = "name the guest's own layout with --layout, or send "
			   "the text over its serial line";

	if (point < ' ' || point == 0x7f)
		return error_set(err, ERROR_USAGE,
				 "no key types character %zu of the text, "
				 "U+%04X; nothing was typed",
				 position, point);
	return error_set(err, ERROR_USAGE,
			 "the keyboard layout '%s' has no key for '%.*s' "
			 "(U+%04X, character %zu of the text): %s%s; nothing "
			 "was typed",
			 k->layout, (int)n, bytes, point, position, cure,
			 k->dead.len > 0 && k->composed.len == 0
				 ? " (dead keys need the package libx11-data)"
				 : "");
}

static int type_point(struct keyboard *k, struct writer *w, uint32_t point,
		      bool *found, struct error *err)
{
	const struct way *way = find_way(&k->ways, point);
	const struct composed *two;

	*found = true;
	if (way) {
		/* Control characters do things: one at a time. */
		press(w, way, point < ' ' || point == 0x7f);
		complete(w);
		return 0;
	}
	if (try_compose(k, err) < 0)
		return -1;
	two = find_composed(k, point);
	if (!two) {
		*found = false;
		return 0;
	}
	press(w, &two->dead, true);
	press(w, &two->base, true);
	complete(w);
	return 0;
}

static int plan_all(struct keyboard *k, struct writer *w, const char *text,
		    size_t len, size_t *characters, struct error *err)
{
	for (size_t at = 0; at < len; ++*characters) {
		const uint8_t *bytes = (const uint8_t *)text + at;
		uint32_t point = 0;
		size_t n = utf8_sequence(bytes, len - at, &point);
		bool found;

		if (n == 0)
			return error_set(err, ERROR_USAGE,
					 "the text is not UTF-8 at byte %zu; "
					 "nothing was typed",
					 at);
		if (type_point(k, w, point, &found, err) < 0)
			return -1;
		if (!found)
			return no_key(k, point, text + at, n, *characters + 1,
				      err);
		at += n;
	}
	return buf_ok(&w->batches) ? 0 : error_set_no_memory(err);
}

int keyboard_plan(struct keyboard *k, const char *text, size_t len,
		  struct keyboard_plan *plan, struct error *err)
{
	struct writer w = {.keyboard = k};
	size_t characters = 0;

	if (plan_all(k, &w, text, len, &characters, err) < 0) {
		buf_free(&w.batches);
		return -1;
	}
	plan->n = w.batches.len / sizeof(*plan->batches);
	plan->batches = (struct keyboard_batch *)steal(&w.batches.data);
	plan->characters = characters;
	return 0;
}
