/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * key: what a person presses, as a number and as text.
 *
 * A key is a Unicode code point (control characters for Ctrl), or one of the named keys below,
 * which lie above Unicode. In keys files a printable character stands for itself and everything
 * else in angle brackets: j  G  <Space>  <Enter>  <Ctrl-d>  <Up>  <F1>  <Alt-x>  <lt> and
 * <gt> (that is "<" and ">"). Several in a row are a sequence: gg, <Ctrl-x><Ctrl-c>.
 */
#ifndef GAOL_KEYMAPS_KEY_H
#define GAOL_KEYMAPS_KEY_H

#include <stddef.h>
#include <stdint.h>

#define K_BASE 0x110000u /* first number beyond Unicode */
#define K_ALT 0x1000000u /* added to the number of a key pressed with Alt */
#define KEY_SEQ_MAX 4	 /* keys in a sequence */

enum key_named {
	K_NONE = 0,
	K_TAB = 9,
	K_ENTER = 13,
	K_ESC = 27,
	K_BACKSPACE = 127,
	K_UP = K_BASE,
	K_DOWN,
	K_LEFT,
	K_RIGHT,
	K_HOME,
	K_END,
	K_PGUP,
	K_PGDN,
	K_INSERT,
	K_DELETE,
	K_BACKTAB,
	K_F1, /* K_F1 + 11 is F12 */
	K_F12 = K_F1 + 11
};

/* Decodes one key at the beginning of s into *key; returns its length, 0 when it is none. */
size_t key_parse(const char *s, uint32_t *key);
/* A whole word as a sequence: the number of keys (1..KEY_SEQ_MAX), or 0. */
size_t key_parse_seq(const char *s, uint32_t keys[KEY_SEQ_MAX]);
/* Text of a sequence as people read it in help: "gg", "Ctrl-d", "Enter"; into buf, returned. */
const char *key_seq_text(const uint32_t *keys, size_t n, char *buf, size_t size);

/* Encodes a code point; returns its bytes (1..4). */
size_t key_utf8(uint32_t cp, char to[4]);

#endif
