/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of jail.conf that other programs' command lines share: sizes, durations, keys. */
#include "core/conf.h"
#include <stdio.h>
#include <string.h>

/* Digits at s into *v; the first character behind them, or NULL when there are none or too many. */
static const char *digits(const char *s, uint64_t *v)
{
	if (*s < '0' || *s > '9')
		return NULL;
	for (*v = 0; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(*v, 10, v) ||
		    __builtin_add_overflow(*v, (uint64_t)(*s - '0'), v))
			return NULL;
	return s;
}

bool conf_size_parse(const char *s, uint64_t *out)
{
	static const char units[] = "kKmMgGtT";
	uint64_t v;
	const char *unit;

	s = digits(s, &v);
	if (!s)
		return false;
	if (*s) {
		unit = strchr(units, *s);
		if (!unit || s[1])
			return false;
		for (long i = (unit - units) / 2; i >= 0; i--)
			if (__builtin_mul_overflow(v, 1024, &v))
				return false;
	}
	*out = v;
	return true;
}

bool conf_duration_parse(const char *s, unsigned *out)
{
	uint64_t v, scale = 1;

	s = digits(s, &v);
	if (!s)
		return false;
	if (*s) {
		scale = *s == 's' ? 1 : *s == 'm' ? 60 : *s == 'h' ? 3600 : *s == 'd' ? 86400 : 0;
		if (!scale || s[1])
			return false;
	}
	if (__builtin_mul_overflow(v, scale, &v) || v > UINT32_MAX)
		return false;
	*out = (unsigned)v;
	return true;
}

/* One key of a detach sequence from n bytes of text: its byte, or -1. */
static int one_key(const char *s, size_t n)
{
	static const char *const prefixes[] = {"Ctrl-", "ctrl-", "C-", "c-", "^"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t k = strlen(prefixes[i]);
		char c;

		if (n != k + 1 || strncmp(s, prefixes[i], k) != 0)
			continue;
		c = s[k];
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 32);
		return c >= '@' && c <= '_' ? c & 0x1f : -1;
	}
	return n == 1 && *s > ' ' && *s < 0x7f ? *s : -1;
}

bool conf_detach_parse(const char *s, unsigned char out[2])
{
	/* what shells, editors and multiplexers live on, what the terminal takes for a signal or
	 * flow control, and what other keys send (Backspace, Tab, Enter, Escape) */
	static const char taken[] = "ABCDHIJMPQSZ[";
	size_t a = strcspn(s, " "), gap = strspn(s + a, " ");
	const char *rest = s + a + gap;
	int first = one_key(s, a), second = one_key(rest, strlen(rest));

	if (first < 0 || first >= ' ' || second < 0 || first == second)
		return false;
	if (strchr(taken, first + '@'))
		return false;
	out[0] = (unsigned char)first;
	out[1] = (unsigned char)second;
	return true;
}

const char *conf_detach_text(const unsigned char keys[2], char *buf, size_t size)
{
	const char *ctrl[2];
	char c[2];

	for (int i = 0; i < 2; i++) {
		ctrl[i] = keys[i] < ' ' ? "Ctrl-" : "";
		c[i] = (char)(keys[i] < ' ' ? keys[i] + '@' : keys[i]);
		if (keys[i] < ' ' && c[i] >= 'A' && c[i] <= 'Z')
			c[i] = (char)(c[i] + 32);
	}
	snprintf(buf, size, "%s%c %s%c", ctrl[0], c[0], ctrl[1], c[1]);
	return buf;
}
