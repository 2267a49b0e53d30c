/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/segments.h"
#include "core/buf.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MIN (16u << 10) /* bytes in which the texts are to meet again, at first */
#define RUN 32		       /* same lines that count as having met; more than two contexts */
#define BLOCK 4096

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t common_prefix(const char *a, const char *b, size_t n)
{
	size_t i = 0;

	while (i + BLOCK <= n && !memcmp(a + i, b + i, BLOCK))
		i += BLOCK;
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

static size_t count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	size_t count = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		count++;
		p++;
	}
	return count;
}

/* The end of the line at p, behind its newline. */
static size_t line_len(const char *p, size_t n)
{
	const char *nl = memchr(p, '\n', n);

	return nl ? (size_t)(nl - p) + 1 : n;
}

/* Bytes of the last `lines` whole lines of p[0..n), which ends at a line's beginning. */
static size_t lines_back(const char *p, size_t n, unsigned lines)
{
	size_t at = n;

	while (at && lines--) {
		const char *nl = at > 1 ? memrchr(p, '\n', at - 1) : NULL;

		at = nl ? (size_t)(nl - p) + 1 : 0;
	}
	return n - at;
}

/* Lines of a window of b, by their hash. A line that is there twice tells nothing. */
struct table {
	struct slot {
		uint64_t hash;
		size_t at; /* offset + 1, 0: free */
		bool twice;
	} * slots;
	size_t mask;
};

static uint64_t hash_of(const char *p, size_t n)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * UINT64_C(1099511628211);
	return h;
}

static struct slot *slot_of(const struct table *t, uint64_t hash)
{
	size_t i = hash & t->mask;

	while (t->slots[i].at && t->slots[i].hash != hash)
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

static void table_fill(struct table *t, const char *b, size_t from, size_t end)
{
	size_t lines = count_lines(b + from, end - from) + 1, size = 64;

	while (size < lines * 2)
		size *= 2;
	t->slots = xcalloc(size, sizeof(*t->slots));
	t->mask = size - 1;
	for (size_t n; from < end; from += n) {
		uint64_t hash;
		struct slot *s;

		n = line_len(b + from, end - from);
		hash = hash_of(b + from, n);
		s = slot_of(t, hash);
		s->twice = s->at != 0;
		*s = (struct slot){
		    .hash = hash, .at = s->twice ? s->at : from + 1, .twice = s->twice};
	}
}

/* True when RUN lines, or all to the end of both, are the same from there on. */
static bool meets(const struct segments *s, size_t a, size_t b)
{
	size_t left = least(s->na - a, s->nb - b);

	for (unsigned i = 0; i < RUN; i++) {
		size_t n = line_len(s->a + a, s->na - a);

		if (a == s->na && b == s->nb)
			return true;
		if (n > left || memcmp(s->a + a, s->b + b, n) || s->a[a + n - 1] != '\n')
			return false;
		a += n;
		b += n;
		left -= n;
	}
	return true;
}

/* Where the texts meet again behind *a and *b, looking at so many bytes of each. */
static bool find_meeting(const struct segments *s, size_t *a, size_t *b, size_t window)
{
	size_t end_a = least(s->na, *a + window), end_b = least(s->nb, *b + window);
	struct table t;
	bool found = false;

	table_fill(&t, s->b, *b, end_b);
	for (size_t at = *a, n; at < end_a && !found; at += n) {
		const struct slot *slot;

		n = line_len(s->a + at, end_a - at);
		slot = slot_of(&t, hash_of(s->a + at, n));
		if (!slot->at || slot->twice || !meets(s, at, slot->at - 1))
			continue;
		*a = at;
		*b = slot->at - 1;
		found = true;
	}
	free(t.slots);
	return found;
}

bool segments_next(struct segments *s, struct segment *out)
{
	const char *a = s->a + s->at_a, *b = s->b + s->at_b;
	size_t same = common_prefix(a, b, least(s->na - s->at_a, s->nb - s->at_b));
	size_t end_a, end_b, skip, more = 0;
	const char *nl;
	bool met = false;

	if (s->at_a + same == s->na && s->at_b + same == s->nb)
		return false;
	/* back to the beginning of the line, and further by the context */
	nl = same ? memrchr(a, '\n', same) : NULL;
	same = nl ? (size_t)(nl - a) + 1 : 0;
	skip = same - lines_back(a, same, s->context);
	*out = (struct segment){.a = s->at_a + skip, .b = s->at_b + skip};
	out->line_a = s->line_a + count_lines(a, skip);
	out->line_b = s->line_b + (out->line_a - s->line_a);
	end_a = s->at_a + same;
	end_b = s->at_b + same;
	for (size_t w = WINDOW_MIN; !met && w / 2 < s->na + s->nb; w *= 4)
		met = find_meeting(s, &end_a, &end_b, w);
	if (!met) {
		end_a = s->na;
		end_b = s->nb;
	}
	for (unsigned i = 0; met && i < s->context; i++)
		more += line_len(s->a + end_a + more, s->na - end_a - more);
	out->na = end_a + more - out->a;
	out->nb = end_b + more - out->b;
	s->at_a = end_a + more;
	s->at_b = end_b + more;
	s->line_a = out->line_a + count_lines(s->a + out->a, out->na);
	s->line_b = out->line_b + count_lines(s->b + out->b, out->nb);
	return true;
}
