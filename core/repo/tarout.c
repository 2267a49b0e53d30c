/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/tarout.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/format.h"
#include "core/repo/look.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define BLOCK 512u
#define PART (256u << 10)
#define NAME_LEN 100
#define OCTAL7 2097151 /* largest number of seven octal digits */
#define OCTAL11 INT64_C(8589934591)

/* ustar header, POSIX.1-2001 pax: offsets and lengths of its fields. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

/* The first name of an inode with several. */
struct first {
	uint64_t number;
	char *path;
};

struct tarout {
	struct side *s;
	int fd;
	tarout_skip_fn *skip;
	void *user;
	struct tarout_result *out;
	struct buf path; /* of the entry, with a leading slash; "" is the root */
	struct first *firsts;
	size_t nfirsts;
	struct pace pace;
	unsigned depth;
	char *mem;
};

/* One entry's header. */
struct item {
	const char *path, *link;
	char type;
	struct stat st;
	const struct xattr *xattrs;
	size_t nxattrs;
};

static int put(struct tarout *t, const void *p, size_t n)
{
	t->out->bytes += n;
	return fd_write_full(t->fd, p, n);
}

static int put_padding(struct tarout *t, uint64_t n)
{
	static const char zeros[BLOCK];
	size_t k = (size_t)(n % BLOCK);

	return k ? put(t, zeros, BLOCK - k) : 0;
}

static void octal(char *field, size_t n, uint64_t v)
{
	field[--n] = '\0';
	while (n--) {
		field[n] = (char)('0' + (v & 7));
		v >>= 3;
	}
}

static void checksum(struct header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	memset(h->sum, ' ', sizeof(h->sum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += p[i];
	snprintf(h->sum, 7, "%06o", sum & 0777777u);
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static void pax(struct buf *b, const char *key, const void *v, size_t n)
{
	size_t rest = strlen(key) + n + 3, len = rest + 1;
	char digits[24];

	while ((size_t)snprintf(digits, sizeof(digits), "%zu", len) + rest != len)
		len = rest + strlen(digits);
	buf_fmt(b, "%zu %s=", len, key);
	buf_add(b, v, n);
	buf_ch(b, '\n');
}

static void pax_number(struct buf *b, const char *key, uint64_t v, uint64_t max)
{
	char text[24];

	if (v <= max)
		return;
	snprintf(text, sizeof(text), "%" PRIu64, v);
	pax(b, key, text, strlen(text));
}

static void pax_time(struct buf *b, const struct timespec *ts)
{
	char text[48];
	int64_t sec = ts->tv_sec;

	if (!ts->tv_nsec && sec >= 0 && sec <= OCTAL11)
		return;
	/* a fraction is counted away from zero here, towards later in a timespec */
	if (sec < 0 && ts->tv_nsec)
		snprintf(text, sizeof(text), "-%" PRId64 ".%09ld", -(sec + 1),
			 1000000000 - ts->tv_nsec);
	else
		snprintf(text, sizeof(text), "%" PRId64 ".%09ld", sec, ts->tv_nsec);
	pax(b, "mtime", text, strlen(text));
}

static void pax_xattrs(struct buf *b, const struct item *it)
{
	for (size_t i = 0; i < it->nxattrs; i++) {
		char *key = xasprintf("SCHILY.xattr.%s", it->xattrs[i].name);
		pax(b, key, it->xattrs[i].value, it->xattrs[i].len);
		free(key);
	}
}

static void fill(struct header *h, const struct item *it)
{
	const struct stat *st = &it->st;
	uint64_t size = it->type == '0' ? (uint64_t)st->st_size : 0;
	int64_t sec = st->st_mtim.tv_sec;

	*h = (struct header){.type = it->type, .magic = "ustar", .version = {'0', '0'}};
	memcpy(h->name, it->path, strnlen(it->path, NAME_LEN));
	if (it->link)
		memcpy(h->link, it->link, strnlen(it->link, NAME_LEN));
	octal(h->mode, sizeof(h->mode), st->st_mode & 07777);
	octal(h->uid, sizeof(h->uid), st->st_uid > OCTAL7 ? 0 : st->st_uid);
	octal(h->gid, sizeof(h->gid), st->st_gid > OCTAL7 ? 0 : st->st_gid);
	octal(h->size, sizeof(h->size), size > OCTAL11 ? 0 : size);
	octal(h->mtime, sizeof(h->mtime), sec < 0 || sec > OCTAL11 ? 0 : (uint64_t)sec);
	if (it->type == '3' || it->type == '4') {
		octal(h->major, sizeof(h->major), major(st->st_rdev));
		octal(h->minor, sizeof(h->minor), minor(st->st_rdev));
	}
	checksum(h);
}

static int put_pax(struct tarout *t, const struct buf *b)
{
	struct item it = {.path = "pax", .type = 'x', .st.st_mode = 0644};
	struct header h;

	fill(&h, &it);
	octal(h.size, sizeof(h.size), b->len);
	checksum(&h);
	int err = put(t, &h, sizeof(h));
	if (!err)
		err = put(t, b->p, b->len);
	return err ? err : put_padding(t, b->len);
}

static int put_header(struct tarout *t, const struct item *it)
{
	struct buf b = {0};
	struct header h;
	int err = 0;

	if (strlen(it->path) > NAME_LEN)
		pax(&b, "path", it->path, strlen(it->path));
	if (it->link && strlen(it->link) > NAME_LEN)
		pax(&b, "linkpath", it->link, strlen(it->link));
	if (it->type == '0')
		pax_number(&b, "size", (uint64_t)it->st.st_size, (uint64_t)OCTAL11);
	pax_number(&b, "uid", it->st.st_uid, OCTAL7);
	pax_number(&b, "gid", it->st.st_gid, OCTAL7);
	pax_time(&b, &it->st.st_mtim);
	pax_xattrs(&b, it);
	if (b.len)
		err = put_pax(t, &b);
	buf_free(&b);
	fill(&h, it);
	t->out->entries++;
	return err ? err : put(t, &h, sizeof(h));
}

static int put_content(struct tarout *t, const struct thing *x, const char *name, uint64_t size)
{
	struct reader rd;
	uint64_t off = 0;
	ssize_t n = 1;
	int err = reader_open(t->s, x, name, &rd);

	if (err)
		return err;
	while (!err && off < size && n) {
		size_t want = size - off < PART ? (size_t)(size - off) : PART;
		n = reader_read(&rd, off, t->mem, want);
		err = n < 0 ? (int)n : put(t, t->mem, (size_t)n);
		off += n > 0 ? (uint64_t)n : 0;
		if (!err)
			err = pace_step(&t->pace, (uint64_t)n);
	}
	reader_close(&rd);
	/* a file of a running guest that became shorter meanwhile: the header has promised more */
	memset(t->mem, 0, PART);
	while (!err && off < size) {
		size_t k = size - off < PART ? (size_t)(size - off) : PART;
		err = put(t, t->mem, k);
		off += k;
	}
	return err ? err : put_padding(t, size);
}

/* An empty file that stands for something; name is put behind the present path. */
static int put_mark(struct tarout *t, const char *prefix, const char *name)
{
	char *path = xasprintf("%s/%s%s", buf_cstr(&t->path), prefix, name);
	struct item it = {.path = path + 1, .type = '0', .st.st_mode = 0644};
	int err = put_header(t, &it);

	free(path);
	return err;
}

static uint64_t link_number(const struct tarout *t, const struct thing *x)
{
	if (!x->upper || S_ISDIR(x->x.rec.mode))
		return 0;
	if (x->x.link)
		return x->x.link;
	return t->s->kind == SIDE_NOW && x->x.st.st_nlink > 1 ? x->x.st.st_ino : 0;
}

static const char *first_name(struct tarout *t, uint64_t number)
{
	for (size_t i = 0; number && i < t->nfirsts; i++)
		if (t->firsts[i].number == number)
			return t->firsts[i].path;
	if (number) {
		t->firsts = xrealloc(t->firsts, (t->nfirsts + 1) * sizeof(*t->firsts));
		t->firsts[t->nfirsts++] = (struct first){number, xstrdup(buf_cstr(&t->path) + 1)};
	}
	return NULL;
}

static void skip(struct tarout *t, const char *why)
{
	t->out->skipped++;
	t->skip(t->user, buf_cstr(&t->path), why);
}

static char type_letter(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return '0';
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFIFO:
		return '6';
	default:
		return 0;
	}
}

static int read_target(struct tarout *t, const struct thing *x, const char *name, struct buf *out)
{
	struct reader rd;
	int err = reader_open(t->s, x, name, &rd);

	if (err)
		return err;
	ssize_t n = reader_read(&rd, 0, buf_room(out, 65536), 65536);
	reader_close(&rd);
	out->len += n > 0 ? (size_t)n : 0;
	buf_ch(out, '\0');
	return n < 0 ? (int)n : 0;
}

static int put_file(struct tarout *t, const struct thing *x, const char *name)
{
	struct item it = {.path = buf_cstr(&t->path) + 1, .type = type_letter(thing_mode(x))};
	struct ents mem = {0};
	struct buf target = {0};
	int err = thing_stat(t->s, x, &it.st);

	if (!err && !it.type) {
		skip(t, "a socket");
		return 0;
	}
	if (!err)
		it.link = first_name(t, link_number(t, x));
	if (it.link)
		it.type = '1';
	else if (!err)
		err = thing_xattrs(t->s, x, &mem, (struct xattr **)(uintptr_t)&it.xattrs,
				   &it.nxattrs);
	if (!err && it.type == '2') {
		err = read_target(t, x, name, &target);
		it.link = target.p;
	}
	if (!err)
		err = put_header(t, &it);
	if (!err && it.type == '0')
		err = put_content(t, x, name, (uint64_t)it.st.st_size);
	buf_free(&target);
	ents_free(&mem);
	return err;
}

static int put_place(struct tarout *t, struct place *p, bool whole);

static int put_dir(struct tarout *t, struct place *p, const struct thing *x, const char *name,
		   bool whole)
{
	bool moved = x->upper && x->x.redirect, opaque = x->upper && x->x.rec.flags & RECORD_OPAQUE;
	char *path = xasprintf("%s/", buf_cstr(&t->path) + 1);
	struct item it = {.path = path, .type = '5'};
	struct ents mem = {0};
	struct place sub;
	int err = thing_stat(t->s, x, &it.st);

	if (!err)
		err = thing_xattrs(t->s, x, &mem, (struct xattr **)(uintptr_t)&it.xattrs,
				   &it.nxattrs);
	if (!err)
		err = put_header(t, &it);
	if (!err && !whole && (moved || opaque))
		err = put_mark(t, "", ".wh..wh..opq");
	free(path);
	ents_free(&mem);
	if (err)
		return err;
	if (++t->depth > FORMAT_DEPTH_MAX)
		return err_set(&t->s->err, -ELOOP, "export: directories are nested too deep");
	err = place_enter(t->s, p, x, name, &sub);
	if (!err) {
		err = put_place(t, &sub, whole || moved);
		place_close(t->s, &sub);
	}
	t->depth--;
	return err;
}

/* whole: base's entries too, and no marks for what is hidden. */
static int put_name(struct tarout *t, struct place *p, const char *name, bool whole)
{
	struct thing x;
	size_t len = t->path.len;
	int err = place_find(t->s, p, name, &x);

	if (!err && !x.there)
		err = x.upper && !whole ? put_mark(t, ".wh.", name) : 0;
	buf_fmt(&t->path, "/%s", name);
	if (!err && x.there && !strncmp(name, ".wh.", 4))
		skip(t, "its name would mean a deletion in an image layer");
	else if (!err && x.there && S_ISDIR(thing_mode(&x)))
		err = put_dir(t, p, &x, name, whole);
	else if (!err && x.there)
		err = put_file(t, &x, name);
	t->path.len = len;
	t->path.p[len] = '\0';
	thing_done(t->s, &x);
	return err ? err : pace_step(&t->pace, 0);
}

static int put_place(struct tarout *t, struct place *p, bool whole)
{
	struct names names = {0};
	int err = place_names(t->s, p, whole, &names);

	names_sort(&names);
	for (size_t i = 0; i < names.n && !err; i++)
		err = put_name(t, p, names.v[i], whole);
	look_names_free(&names);
	return err;
}

static int put_root(struct tarout *t)
{
	struct item it = {.path = "./", .type = '5'};
	struct ents mem = {0};
	struct place p;
	struct thing x;
	int err = root_thing(t->s, &x, &mem);

	if (!err)
		err = thing_stat(t->s, &x, &it.st);
	if (!err)
		err = put_header(t, &it);
	ents_free(&mem);
	if (!err)
		err = place_root(t->s, &p);
	if (err)
		return err;
	err = put_place(t, &p, false);
	place_close(t->s, &p);
	return err;
}

int tarout(struct side *s, int fd, tarout_skip_fn *skip_fn, void *user, const struct repo_hooks *h,
	   struct tarout_result *out, struct err *e)
{
	struct tarout t = {.s = s, .fd = fd, .skip = skip_fn, .user = user, .out = out};
	int err;

	*out = (struct tarout_result){0};
	*s->err.text = '\0';
	t.mem = xcalloc(1, PART);
	buf_str(&t.path, "");
	pace_begin(&t.pace, h, "export", 0);
	err = put_root(&t);
	memset(t.mem, 0, 2 * (size_t)BLOCK);
	if (!err)
		err = put(&t, t.mem, 2 * (size_t)BLOCK);
	for (size_t i = 0; i < t.nfirsts; i++)
		free(t.firsts[i].path);
	free(t.firsts);
	free(t.mem);
	buf_free(&t.path);
	if (err && *s->err.text)
		return err_set(e, err, "%s", s->err.text);
	return err ? err_set(e, err, "export: %s", strerror(-err)) : 0;
}
