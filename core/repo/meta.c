/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/meta.h"
#include "core/buf.h"
#include "core/repo/format.h"
#include "core/repo/name.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define XATTR_NAME_LIMIT 255
#define XATTR_VALUE_LIMIT 65536
#define PATH_LIMIT 4096
#define LINE_LIMIT (1u << 20)

struct type {
	const char *word;
	mode_t fmt, perm;
};

static const struct type types[] = {{"file", S_IFREG, 0644},  {"dir", S_IFDIR, 0755},
				    {"link", S_IFLNK, 0777},  {"fifo", S_IFIFO, 0644},
				    {"sock", S_IFSOCK, 0644}, {"char", S_IFCHR, 0644},
				    {"block", S_IFBLK, 0644}};

static const struct type *type_of(mode_t mode)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].fmt == (mode & S_IFMT))
			return &types[i];
	return NULL;
}

void meta_header(struct buf *out, bool shards)
{
	buf_fmt(out, "%%gaol %d%s\n", FORMAT_VERSION, shards ? " shards" : "");
}

static bool is_device(const struct ent *e)
{
	return S_ISCHR(e->rec.mode) || S_ISBLK(e->rec.mode);
}

static bool has_size(const struct ent *e)
{
	return e->chunked || (e->rec.flags & RECORD_META);
}

static bool has_origin(const struct record *r)
{
	return r->origin_dev || r->origin_ino || r->lower_size || r->lower_mtime || r->lower_ctime;
}

static void print_xattr(struct buf *out, const struct xattr *x)
{
	const char *s = x->name;
	size_t n;

	buf_str(out, " x.");
	for (; (n = strcspn(s, "=")), s[n]; s += n + 1) {
		percent_add(out, s, n, false);
		buf_str(out, "%3D");
	}
	percent_add(out, s, n, false);
	buf_ch(out, '=');
	percent_add(out, x->value, x->len, true);
}

void meta_print(struct buf *out, const struct ent *e)
{
	const struct record *r = &e->rec;
	const struct type *t = r->whiteout ? NULL : type_of(r->mode);

	percent_add(out, e->name, strlen(e->name), false);
	if (!t) {
		buf_str(out, " gone\n");
		return;
	}
	buf_fmt(out, " %s", t->word);
	if ((r->mode & 07777) != t->perm)
		buf_fmt(out, " mode=%o", r->mode & 07777);
	if (r->uid)
		buf_fmt(out, " uid=%u", r->uid);
	if (r->gid)
		buf_fmt(out, " gid=%u", r->gid);
	if (is_device(e))
		buf_fmt(out, " rdev=%u:%u", major(r->rdev), minor(r->rdev));
	buf_fmt(out, " mtime=%" PRId64, (int64_t)e->mtime.tv_sec);
	if (e->mtime.tv_nsec)
		buf_fmt(out, ".%09ld", e->mtime.tv_nsec);
	if (has_size(e))
		buf_fmt(out, " size=%" PRIu64, e->size);
	if (e->chunked)
		buf_str(out, " chunks");
	if (e->link)
		buf_fmt(out, " link=%016" PRIx64, e->link);
	if (e->left)
		buf_fmt(out, " left=%u", e->left);
	if (r->flags & RECORD_OPAQUE)
		buf_str(out, " opaque");
	if (r->flags & RECORD_META)
		buf_str(out, " meta");
	if (e->redirect) {
		buf_str(out, " redirect=");
		percent_add(out, e->redirect, strlen(e->redirect), false);
	}
	if (has_origin(r))
		buf_fmt(out, " origin=%u:%" PRIu64 ":%" PRIu64 ":%" PRId64 ":%" PRId64,
			r->origin_dev, r->origin_ino, r->lower_size, r->lower_mtime,
			r->lower_ctime);
	for (size_t i = 0; i < e->nxattrs; i++)
		print_xattr(out, &e->xattrs[i]);
	buf_ch(out, '\n');
}

/*
 * Parsing is easy-going about numbers and order, because each line is printed again afterwards and
 * must come out the same, byte for byte. Only what printing cannot show is checked here.
 */
typedef bool parse_fn(struct ents *d, struct ent *e, char *v);

static bool parse_mode(struct ents *d, struct ent *e, char *v)
{
	unsigned long n = strtoul(v, NULL, 8);

	e->rec.mode = (e->rec.mode & S_IFMT) | (mode_t)(n & 07777);
	return n <= 07777;
}

static bool parse_uid(struct ents *d, struct ent *e, char *v)
{
	e->rec.uid = (uid_t)strtoul(v, NULL, 10);
	return true;
}

static bool parse_gid(struct ents *d, struct ent *e, char *v)
{
	e->rec.gid = (gid_t)strtoul(v, NULL, 10);
	return true;
}

static bool parse_rdev(struct ents *d, struct ent *e, char *v)
{
	char *end;
	unsigned long ma = strtoul(v, &end, 10);
	unsigned long mi = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;

	/* what a record can hold: 12 and 20 bits */
	if (!is_device(e) || ma > 0xfff || mi > 0xfffff)
		return false;
	e->rec.rdev = makedev((unsigned)ma, (unsigned)mi);
	return true;
}

static bool parse_mtime(struct ents *d, struct ent *e, char *v)
{
	char *end;

	e->mtime.tv_sec = strtoll(v, &end, 10);
	if (*end == '.')
		e->mtime.tv_nsec = strtol(end + 1, NULL, 10);
	return e->mtime.tv_nsec >= 0 && e->mtime.tv_nsec < 1000000000;
}

static bool parse_size(struct ents *d, struct ent *e, char *v)
{
	e->size = strtoull(v, NULL, 10);
	return e->size <= INT64_MAX && S_ISREG(e->rec.mode);
}

static bool parse_chunks(struct ents *d, struct ent *e, char *v)
{
	e->chunked = true;
	return S_ISREG(e->rec.mode);
}

static bool parse_link(struct ents *d, struct ent *e, char *v)
{
	e->link = strtoull(v, NULL, 16);
	return !S_ISDIR(e->rec.mode);
}

static bool parse_left(struct ents *d, struct ent *e, char *v)
{
	e->left = (uint32_t)strtoul(v, NULL, 10);
	return S_ISREG(e->rec.mode);
}

static bool parse_opaque(struct ents *d, struct ent *e, char *v)
{
	e->rec.flags |= RECORD_OPAQUE;
	return S_ISDIR(e->rec.mode);
}

static bool parse_meta_flag(struct ents *d, struct ent *e, char *v)
{
	e->rec.flags |= RECORD_META;
	return S_ISREG(e->rec.mode) && !e->chunked;
}

/* Relative, without empty, "." and ".." components. */
static bool path_is_plain(const char *p)
{
	while (*p) {
		size_t n = strcspn(p, "/");
		if (!n || n > 255 || (n == 1 && *p == '.') || (n == 2 && !strncmp(p, "..", 2)))
			return false;
		p += n;
		if (*p && !*++p)
			return false;
	}
	return true;
}

static bool parse_redirect(struct ents *d, struct ent *e, char *v)
{
	long n = percent_decode(v, strlen(v));

	if (n < 0 || n >= PATH_LIMIT || memchr(v, '\0', (size_t)n))
		return false;
	e->redirect = ents_dup(d, v, (size_t)n);
	e->rec.flags |= RECORD_REDIRECT;
	if (S_ISREG(e->rec.mode) ? !(e->rec.flags & RECORD_META) : !S_ISDIR(e->rec.mode))
		return false;
	return path_is_plain(e->redirect);
}

static bool parse_origin(struct ents *d, struct ent *e, char *v)
{
	struct record *r = &e->rec;

	return sscanf(v, "%" SCNu32 ":%" SCNu64 ":%" SCNu64 ":%" SCNd64 ":%" SCNd64, &r->origin_dev,
		      &r->origin_ino, &r->lower_size, &r->lower_mtime, &r->lower_ctime) == 5;
}

static const struct {
	const char *word;
	parse_fn *fn;
} keys[] = {{"mode", parse_mode},     {"uid", parse_uid},	 {"gid", parse_gid},
	    {"rdev", parse_rdev},     {"mtime", parse_mtime},	 {"size", parse_size},
	    {"chunks", parse_chunks}, {"link", parse_link},	 {"left", parse_left},
	    {"opaque", parse_opaque}, {"meta", parse_meta_flag}, {"redirect", parse_redirect},
	    {"origin", parse_origin}};

static bool parse_xattr(struct ents *d, struct ent *e, char *s, struct xattr *x)
{
	char *v = strchr(s, '=');
	long n, len;

	if (!v)
		return false;
	*v++ = '\0';
	len = percent_decode(v, strlen(v));
	n = percent_decode(s, strlen(s));
	if (n <= 0 || n > XATTR_NAME_LIMIT || memchr(s, '\0', (size_t)n) || len < 0 ||
	    len > XATTR_VALUE_LIMIT)
		return false;
	*x = (struct xattr){
	    .name = ents_dup(d, s, (size_t)n),
	    .value = ents_dup(d, v, (size_t)len),
	    .len = (size_t)len,
	};
	/* sorted, and so each once */
	return !e->nxattrs || strcmp(x[-1].name, x->name) < 0;
}

static bool parse_key(struct ents *d, struct ent *e, char *s)
{
	char *v = strchr(s, '=');

	if (v)
		*v++ = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strcmp(keys[i].word, s))
			return keys[i].fn(d, e, v ? v : s + strlen(s));
	return false;
}

static bool parse_keys(struct ents *d, struct ent *e, char *s)
{
	size_t max;

	if (!s)
		return false;
	max = !strncmp(s, "x.", 2); /* the first has no blank of its own before it */
	for (char *x = s; (x = strstr(x, " x.")); x += 3)
		max++;
	e->xattrs = max ? ents_alloc(d, max * sizeof(*e->xattrs)) : NULL;
	while (s) {
		char *next = strchr(s, ' ');
		if (next)
			*next++ = '\0';
		if (strncmp(s, "x.", 2)) {
			if (!parse_key(d, e, s))
				return false;
		} else {
			if (!parse_xattr(d, e, s + 2, &e->xattrs[e->nxattrs]))
				return false;
			e->nxattrs++;
		}
		s = next;
	}
	return has_size(e) || !e->size;
}

static bool parse_line(struct ents *d, struct ent *e, char *s, bool root)
{
	char *type = strchr(s, ' '), *rest;
	long n;

	if (!type)
		return false;
	*type++ = '\0';
	n = percent_decode(s, strlen(s));
	if (n < 0 || memchr(s, '\0', (size_t)n))
		return false;
	e->name = ents_dup(d, s, (size_t)n);
	if (!name_ok(e->name) && !(root && !strcmp(e->name, ".")))
		return false;
	rest = strchr(type, ' ');
	if (rest)
		*rest++ = '\0';
	if (!strcmp(type, "gone")) {
		e->rec.whiteout = true;
		return !rest && strcmp(e->name, ".");
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(types[i].word, type))
			e->rec.mode = types[i].fmt | types[i].perm;
	if (!e->rec.mode || (!strcmp(e->name, ".") && !S_ISDIR(e->rec.mode)))
		return false;
	return parse_keys(d, e, rest);
}

/* The header; the text behind it, or NULL. */
static char *parse_header(char *text, size_t n, bool *shards)
{
	struct buf b = {0};
	char *found = NULL;

	for (int i = 0; i < 2 && !found; i++) {
		buf_reset(&b);
		meta_header(&b, i);
		if (n >= b.len && !memcmp(text, b.p, b.len)) {
			*shards = i;
			found = text + b.len;
		}
	}
	buf_free(&b);
	return found;
}

int meta_parse(char *text, size_t n, bool root, struct ents *d, bool *shards, unsigned *line)
{
	char *end = text + n, *s = parse_header(text, n, shards);
	struct buf copy = {0}, again = {0};
	int ret = 0;

	*line = 1;
	if (!s)
		return -EPROTO;
	while (s < end && !ret) {
		char *nl = memchr(s, '\n', (size_t)(end - s));
		struct ent *e = ents_add(d);
		++*line;
		ret = -EPROTO;
		if (!nl || nl - s > LINE_LIMIT || memchr(s, '\0', (size_t)(nl - s)))
			break;
		*nl = '\0';
		buf_reset(&copy);
		buf_reset(&again);
		buf_str(&copy, s);
		buf_ch(&copy, '\n');
		if (!parse_line(d, e, s, root))
			break;
		meta_print(&again, e);
		if (again.len != copy.len || memcmp(again.p, copy.p, copy.len))
			break;
		if (d->n > 1 && strcmp(d->v[d->n - 2].name, e->name) >= 0)
			break;
		s = nl + 1;
		ret = 0;
	}
	buf_free(&copy);
	buf_free(&again);
	return ret;
}
