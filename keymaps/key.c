/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keymaps/key.h"
#include "core/text.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	uint32_t key;
} names[] = {
    {"Space", ' '},	  {"Enter", K_ENTER},	{"Esc", K_ESC},		{"Tab", K_TAB},
    {"Up", K_UP},	  {"Down", K_DOWN},	{"Left", K_LEFT},	{"Right", K_RIGHT},
    {"Home", K_HOME},	  {"End", K_END},	{"PgUp", K_PGUP},	{"PgDn", K_PGDN},
    {"Insert", K_INSERT}, {"Delete", K_DELETE}, {"Backtab", K_BACKTAB}, {"Backspace", K_BACKSPACE},
    {"lt", '<'},	  {"gt", '>'},
};
#define NNAMES (sizeof(names) / sizeof(names[0]))

/* The key of a name between angle brackets, K_NONE when it is none. */
static uint32_t named(const char *s, size_t n)
{
	uint32_t cp;

	for (size_t i = 0; i < NNAMES; i++)
		if (strlen(names[i].name) == n && !strncasecmp(names[i].name, s, n))
			return names[i].key;
	if (n == 6 && !strncasecmp(s, "Ctrl-", 5) && s[5] >= '@' && s[5] != 0x7f)
		return (unsigned char)s[5] & 0x1f;
	if (n > 4 && !strncasecmp(s, "Alt-", 4)) {
		uint32_t key = text_decode(s + 4, n - 4, &cp) == n - 4 ? cp : named(s + 4, n - 4);

		return key == K_NONE || (key & K_ALT) ? K_NONE : key | K_ALT;
	}
	if ((n == 2 || n == 3) && (s[0] | 32) == 'f' && s[1] >= '1' && s[1] <= '9') {
		uint32_t f = (uint32_t)(s[1] - '0');

		if (n == 3)
			f = s[2] >= '0' && s[2] <= '9' ? f * 10 + (uint32_t)(s[2] - '0') : 13;
		return f <= 12 ? K_F1 + f - 1 : K_NONE;
	}
	return K_NONE;
}

size_t key_parse(const char *s, uint32_t *key)
{
	const char *end;
	uint32_t cp;
	size_t n = strlen(s);

	if (!n)
		return 0;
	if (*s == '<' && (end = strchr(s, '>'))) {
		*key = named(s + 1, (size_t)(end - s) - 1);
		return *key == K_NONE ? 0 : (size_t)(end - s) + 1;
	}
	n = text_decode(s, n, &cp);
	if (!n || cp == '<' || cp == ' ' || text_is_unsafe(cp))
		return 0;
	*key = cp;
	return n;
}

size_t key_parse_seq(const char *s, uint32_t keys[KEY_SEQ_MAX])
{
	size_t count = 0;

	while (*s) {
		size_t n = count < KEY_SEQ_MAX ? key_parse(s, &keys[count]) : 0;

		if (!n)
			return 0;
		count++;
		s += n;
	}
	return count;
}

size_t key_utf8(uint32_t cp, char to[4])
{
	if (cp < 0x80) {
		to[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		to[0] = (char)(0xc0 | cp >> 6);
		to[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		to[0] = (char)(0xe0 | cp >> 12);
		to[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		to[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | cp >> 18);
	to[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	to[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	to[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

static void one_text(uint32_t key, char out[24])
{
	const char *alt = key & K_ALT ? "Alt-" : "";

	key &= ~K_ALT;
	for (size_t i = 0; i < NNAMES; i++) {
		if (names[i].key == key && key != '<' && key != '>') {
			snprintf(out, 24, "%s%s", alt, names[i].name);
			return;
		}
	}
	if (key >= K_F1 && key <= K_F12) {
		snprintf(out, 24, "%sF%u", alt, key - K_F1 + 1);
	} else if (key < 0x20) {
		char c = (char)(key + '@');

		snprintf(out, 24, "%sCtrl-%c", alt, c >= 'A' && c <= 'Z' ? c + 32 : c);
	} else if (key < K_BASE) {
		char utf8[5] = "";

		key_utf8(key, utf8);
		snprintf(out, 24, "%s%s", alt, utf8);
	} else {
		snprintf(out, 24, "?");
	}
}

const char *key_seq_text(const uint32_t *keys, size_t n, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n && at < size; i++) {
		char one[24];

		one_text(keys[i], one);
		at += (size_t)snprintf(buf + at, size - at, "%s%s", i && strlen(one) > 1 ? " " : "",
				       one);
	}
	return buf;
}
