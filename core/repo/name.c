/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/name.h"
#include "core/buf.h"
#include "core/repo/format.h"
#include "core/text.h"
#include <ctype.h>
#include <errno.h>
#include <git2.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const char hex[] = "0123456789ABCDEF";

static bool must_encode(unsigned char c)
{
	return c < 0x20 || c == 0x7f || c == '\\';
}

static bool hfs_ignores(uint32_t cp)
{
	return (cp >= 0x200c && cp <= 0x200f) || (cp >= 0x202a && cp <= 0x202e) ||
	       (cp >= 0x206a && cp <= 0x206f) || cp == 0xfeff;
}

/* The first n - 1 bytes of name without ignored code points, in lower case. */
static void squeeze(const char *name, char *out, size_t n)
{
	size_t left = strlen(name), put = 0;

	while (left && put + 1 < n) {
		uint32_t cp;
		size_t k = text_decode(name, left, &cp);
		if (!k || !hfs_ignores(cp)) {
			out[put++] = (char)tolower((unsigned char)*name);
			k = 1;
		}
		name += k;
		left -= k;
	}
	out[put] = '\0';
}

static bool is_special(const char *name)
{
	char s[16];
	const char *tilde;

	squeeze(name, s, sizeof(s));
	if (!strncmp(s, ".git", 4) || !strncmp(s, ".lfsconfig", 10) || !strncmp(s, ".mailmap", 8))
		return true;
	tilde = memchr(name, '~', strnlen(name, 7));
	if (!tilde || !isdigit((unsigned char)tilde[1]))
		return false;
	return tilde == name || strchr("gGmM", *name);
}

static bool needs_escape(const char *name)
{
	if (*name == '%')
		return true;
	for (const char *s = name; *s; s++)
		if (must_encode((unsigned char)*s))
			return true;
	return is_special(name);
}

bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n && n <= NAME_GIT_MAX && !strchr(name, '/') && strcmp(name, ".") &&
	       strcmp(name, "..");
}

void name_to_git(const char *name, char *out)
{
	char *to = out, *end = out + NAME_GIT_MAX;
	git_oid oid;

	if (!needs_escape(name)) {
		memcpy(out, name, strlen(name) + 1);
		return;
	}
	*to++ = '%';
	for (const char *s = name; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool code = must_encode(c) || c == '%';
		if (end - to < (code ? 3 : 1)) {
			git_odb_hash(&oid, name, strlen(name), GIT_OBJECT_BLOB);
			memcpy(out, "%~", 2);
			git_oid_tostr(out + 2, GIT_OID_HEXSZ + 1, &oid);
			return;
		}
		if (code) {
			*to++ = '%';
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		} else {
			*to++ = (char)c;
		}
	}
	*to = '\0';
}

static int digit(char c)
{
	const char *at = c ? strchr(hex, c) : NULL;

	return at ? (int)(at - hex) : -1;
}

long percent_decode(char *s, size_t n)
{
	char *to = s;

	for (size_t i = 0; i < n; i++) {
		if (s[i] != '%') {
			*to++ = s[i];
			continue;
		}
		if (n - i < 3 || digit(s[i + 1]) < 0 || digit(s[i + 2]) < 0)
			return -EINVAL;
		*to++ = (char)(digit(s[i + 1]) << 4 | digit(s[i + 2]));
		i += 2;
	}
	return to - s;
}

static bool is_hashed(const char *git)
{
	return !strncmp(git, "%~", 2) && strlen(git) == 2 + GIT_OID_HEXSZ &&
	       strspn(git + 2, "0123456789abcdef") == GIT_OID_HEXSZ;
}

int name_from_git(const char *git, char *out)
{
	char again[NAME_GIT_MAX + 1];
	size_t n = strlen(git);
	long len;

	if (!n || n > NAME_GIT_MAX)
		return -EINVAL;
	if (is_hashed(git))
		return -ENOENT;
	if (*git == '%') {
		memcpy(out, git + 1, n);
		len = percent_decode(out, n - 1);
		if (len < 0 || memchr(out, '\0', (size_t)len))
			return -EINVAL;
		out[len] = '\0';
	} else {
		memcpy(out, git, n + 1);
	}
	if (!name_ok(out))
		return -EINVAL;
	name_to_git(out, again);
	return strcmp(git, again) ? -EINVAL : 0;
}

void percent_add(struct buf *out, const void *p, size_t n, bool high)
{
	const unsigned char *s = p;
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		char code[3] = {'%', hex[s[i] >> 4], hex[s[i] & 15]};
		if (s[i] > 0x20 && s[i] != '%' && s[i] != 0x7f && !(high && s[i] > 0x7f))
			continue;
		buf_add(out, s + from, i - from);
		buf_add(out, code, 3);
		from = i + 1;
	}
	buf_add(out, s + from, n - from);
}

unsigned format_shard(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return (h ^ h >> 8 ^ h >> 16 ^ h >> 24) & 0xff;
}
