/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tarin.h"
#include "core/buf.h"
#include "core/fd.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BLOCK 512u
#define EXTRA_MAX (1u << 20) /* bytes of one pax header or long name */
#define XATTRS_MAX 256
#define PART (256u << 10)

/* Offsets and lengths in a header (POSIX.1-2001, ustar). */
enum {
	NAME = 0,
	NAME_N = 100,
	MODE = 100,
	UID = 108,
	GID = 116,
	NUM_N = 8,
	SIZE = 124,
	MTIME = 136,
	LONG_N = 12,
	SUM = 148,
	TYPE = 156,
	LINK = 157,
	MAGIC = 257,
	MAJOR = 329,
	MINOR = 337,
	PREFIX = 345,
	PREFIX_N = 155
};

/* What pax headers have said. */
struct said {
	char *path, *link;
	bool size, uid, gid, mtime;
	uint64_t vsize, vuid, vgid;
	struct timespec vmtime;
	struct bring_xattr *xattrs;
	size_t n;
};

struct tarin {
	int fd;
	struct said once, always;
	uint64_t left, padding; /* of the present entry's content */
	struct buf path, link;
	uint64_t offset;
};

static int bad(const struct tarin *t, struct err *e, const char *why)
{
	return err_set(e, -EPROTO, "tar: at byte %llu: %s", (unsigned long long)t->offset, why);
}

static void said_free(struct said *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free((char *)(uintptr_t)s->xattrs[i].name);
		free((void *)(uintptr_t)s->xattrs[i].value);
	}
	free(s->xattrs);
	free(s->path);
	free(s->link);
	*s = (struct said){0};
}

struct tarin *tarin_new(int fd)
{
	struct tarin *t = xcalloc(1, sizeof(*t));

	t->fd = fd;
	return t;
}

void tarin_free(struct tarin *t)
{
	if (!t)
		return;
	said_free(&t->once);
	said_free(&t->always);
	buf_free(&t->path);
	buf_free(&t->link);
	free(t);
}

static int get(struct tarin *t, void *p, size_t n, struct err *e)
{
	ssize_t got = fd_read_full(t->fd, p, n);

	if (got < 0)
		return err_set(e, (int)got, "tar: cannot be read: %s", strerror((int)-got));
	t->offset += (uint64_t)got;
	return (size_t)got < n ? bad(t, e, "it ends too early") : 0;
}

static int pass_over(struct tarin *t, uint64_t n, struct err *e)
{
	char mem[16384];
	int ret = 0;

	while (n && !ret) {
		size_t k = n < sizeof(mem) ? (size_t)n : sizeof(mem);
		ret = get(t, mem, k, e);
		n -= k;
	}
	return ret;
}

/* Octal digits, or base 256 where the first byte's top bit is set. False: no number, or too large.
 */
static bool number(const unsigned char *p, size_t n, int64_t *out)
{
	int64_t v = 0;
	size_t i = 0;

	if (p[0] & 0x80) {
		v = p[0] & 0x40 ? -1 : p[0] & 0x3f;
		for (i = 1; i < n; i++) {
			if (v > INT64_MAX >> 8 || v < INT64_MIN >> 8)
				return false;
			v = (int64_t)((uint64_t)v << 8 | p[i]);
		}
		*out = v;
		return true;
	}
	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (p[i] - '0');
	*out = v;
	return i == n || !p[i] || p[i] == ' ';
}

static bool sum_is_right(const unsigned char *h)
{
	int64_t want;
	unsigned sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= SUM && i < SUM + NUM_N ? ' ' : h[i];
	return number(h + SUM, NUM_N, &want) && want == (int64_t)sum;
}

static bool parse_time(const char *s, struct timespec *ts)
{
	char *end;
	bool minus = *s == '-';
	long ns = 0, unit = 100000000;

	errno = 0;
	ts->tv_sec = strtoll(s, &end, 10);
	if (errno || end == s)
		return false;
	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10)
			ns += (*end - '0') * unit;
	if (minus && ns && ts->tv_sec > INT64_MIN + 1) {
		ts->tv_sec--;
		ns = 1000000000 - ns;
	}
	ts->tv_nsec = ns;
	return !*end;
}

static bool parse_unsigned(const char *s, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 10);
	return !errno && end != s && !*end && *s != '-' && *out <= max;
}

static bool add_xattr(struct said *s, const char *name, const char *v, size_t n)
{
	char *copy;

	if (!*name || strlen(name) > XATTR_NAME_MAX || n > XATTR_SIZE_MAX || s->n >= XATTRS_MAX)
		return false;
	copy = xmalloc(n + 1);
	memcpy(copy, v, n);
	s->xattrs = xrealloc(s->xattrs, (s->n + 1) * sizeof(*s->xattrs));
	s->xattrs[s->n++] = (struct bring_xattr){.name = xstrdup(name), .value = copy, .len = n};
	return true;
}

static void replace(char **at, const char *v)
{
	free(*at);
	*at = xstrdup(v);
}

/* v has n bytes and a NUL behind them. */
static bool take(struct said *s, const char *key, const char *v, size_t n)
{
	if (!strncmp(key, "SCHILY.xattr.", 13))
		return add_xattr(s, key + 13, v, n);
	if (strlen(v) != n)
		return false;
	if (!strcmp(key, "path"))
		replace(&s->path, v);
	else if (!strcmp(key, "linkpath"))
		replace(&s->link, v);
	else if (!strcmp(key, "size"))
		return s->size = parse_unsigned(v, INT64_MAX, &s->vsize);
	else if (!strcmp(key, "uid"))
		return s->uid = parse_unsigned(v, UINT32_MAX - 1, &s->vuid);
	else if (!strcmp(key, "gid"))
		return s->gid = parse_unsigned(v, UINT32_MAX - 1, &s->vgid);
	else if (!strcmp(key, "mtime"))
		return s->mtime = parse_time(v, &s->vmtime);
	else if (!strncmp(key, "GNU.sparse.", 11))
		return false; /* its content is not what it seems */
	return true;
}

/* "LENGTH KEY=VALUE\n" again and again. */
static bool parse_pax(struct said *s, char *p, size_t n)
{
	while (n) {
		char *end, *eq;
		unsigned long len = strtoul(p, &end, 10);
		if (*end != ' ' || end == p || len > n || len < (size_t)(end - p) + 3 ||
		    p[len - 1] != '\n')
			return false;
		p[len - 1] = '\0';
		eq = memchr(end + 1, '=', len - (size_t)(end + 1 - p));
		if (!eq)
			return false;
		*eq = '\0';
		if (strlen(end + 1) != (size_t)(eq - end - 1) ||
		    !take(s, end + 1, eq + 1, (size_t)(p + len - 1 - (eq + 1))))
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static int read_extra(struct tarin *t, char type, uint64_t size, struct err *e)
{
	char *mem;
	int ret;

	if (size > EXTRA_MAX)
		return bad(t, e, "a header that is too long");
	mem = xmalloc((size_t)size + 1);
	ret = get(t, mem, (size_t)size, e);
	mem[size] = '\0';
	if (!ret)
		ret = pass_over(t, (BLOCK - size % BLOCK) % BLOCK, e);
	if (!ret && type == 'L')
		replace(&t->once.path, mem);
	else if (!ret && type == 'K')
		replace(&t->once.link, mem);
	else if (!ret && !parse_pax(type == 'g' ? &t->always : &t->once, mem, (size_t)size))
		ret = bad(t, e, "a pax header that cannot be understood");
	free(mem);
	return ret;
}

/* An absolute path of plain names; false for ".." and what is too long. */
static bool make_path(const char *s, struct buf *out)
{
	buf_reset(out);
	while (*s) {
		size_t n = strcspn(s, "/");
		if (n > NAME_MAX || (n == 2 && !strncmp(s, "..", 2)))
			return false;
		if (n && !(n == 1 && *s == '.')) {
			buf_ch(out, '/');
			buf_add(out, s, n);
		}
		s += n + (s[n] == '/');
	}
	if (!out->len)
		buf_ch(out, '/');
	return out->len < PATH_MAX;
}

static char *field(const unsigned char *h, size_t off, size_t n)
{
	return xasprintf("%.*s", (int)n, (const char *)h + off);
}

static char *name_of(const struct tarin *t, const unsigned char *h)
{
	char *name, *prefix, *both;

	if (t->once.path)
		return xstrdup(t->once.path);
	name = field(h, NAME, NAME_N);
	if (memcmp(h + MAGIC, "ustar\0", 6) || !h[PREFIX])
		return name;
	prefix = field(h, PREFIX, PREFIX_N);
	both = xasprintf("%s/%s", prefix, name);
	free(prefix);
	free(name);
	return both;
}

static bool fill_stat(const struct tarin *t, const unsigned char *h, mode_t fmt, struct stat *st)
{
	const struct said *o = &t->once, *g = &t->always;
	int64_t mode, uid, gid, mtime, ma = 0, mi = 0;

	if (!number(h + MODE, NUM_N, &mode) || !number(h + UID, NUM_N, &uid) ||
	    !number(h + GID, NUM_N, &gid) || !number(h + MTIME, LONG_N, &mtime))
		return false;
	if ((fmt == S_IFCHR || fmt == S_IFBLK) &&
	    (!number(h + MAJOR, NUM_N, &ma) || !number(h + MINOR, NUM_N, &mi)))
		return false;
	uid = o->uid ? (int64_t)o->vuid : g->uid ? (int64_t)g->vuid : uid;
	gid = o->gid ? (int64_t)o->vgid : g->gid ? (int64_t)g->vgid : gid;
	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX || ma < 0 || ma > 0xfff ||
	    mi < 0 || mi > 0xfffff)
		return false;
	*st = (struct stat){.st_mode = fmt | ((mode_t)mode & 07777),
			    .st_uid = (uid_t)uid,
			    .st_gid = (gid_t)gid,
			    .st_rdev = makedev((unsigned)ma, (unsigned)mi)};
	st->st_mtim = o->mtime ? o->vmtime : g->mtime ? g->vmtime : (struct timespec){mtime, 0};
	return true;
}

static mode_t type_of(unsigned char type)
{
	static const struct {
		char letter;
		mode_t fmt;
	} types[] = {{'0', S_IFREG}, {'\0', S_IFREG}, {'7', S_IFREG},
		     {'1', S_IFREG}, {'2', S_IFLNK},  {'3', S_IFCHR},
		     {'4', S_IFBLK}, {'5', S_IFDIR},  {'6', S_IFIFO}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((unsigned char)types[i].letter == type)
			return types[i].fmt;
	return 0;
}

/* Whiteouts, as the image specification has them. */
static int find_marks(struct tarin *t, struct tarin_entry *x, struct err *e)
{
	char *name = strrchr(t->path.p, '/') + 1;

	if (strncmp(name, ".wh.", 4))
		return 0;
	/* What is left is a name: none at all, "." and ".." are not. */
	if (!name[4] || !strcmp(name + 4, ".") || !strcmp(name + 4, ".."))
		return bad(t, e, "a whiteout of nothing");
	if (!strcmp(name, ".wh..wh..opq")) {
		x->kind = TARIN_OPAQUE;
		t->path.len = name - 1 == t->path.p ? 1 : (size_t)(name - 1 - t->path.p);
	} else {
		x->kind = TARIN_GONE;
		memmove(name, name + 4, strlen(name + 4) + 1);
		t->path.len -= 4;
	}
	t->path.p[t->path.len] = '\0';
	return 0;
}

static int make_entry(struct tarin *t, const unsigned char *h, struct tarin_entry *x, struct err *e)
{
	mode_t fmt = type_of(h[TYPE]);
	char *name = name_of(t, h);
	char *link = t->once.link ? xstrdup(t->once.link) : field(h, LINK, NAME_N);
	size_t n = strlen(name);
	int ret = 0;

	*x = (struct tarin_entry){.kind = h[TYPE] == '1' ? TARIN_LINK : TARIN_ENTRY};
	/* old tars: a directory is a file whose name ends with a slash */
	if (h[TYPE] == '\0' && n && name[n - 1] == '/')
		fmt = S_IFDIR;
	if (!fmt)
		ret = bad(t, e, "an entry of a kind that is not known");
	else if (!make_path(name, &t->path))
		ret = bad(t, e, "a path that leads out, or is too long");
	else if (!fill_stat(t, h, fmt, &x->b.st))
		ret = bad(t, e, "a number that is none");
	else if (x->kind == TARIN_LINK && !make_path(link, &t->link))
		ret = bad(t, e, "a link that leads out, or is too long");
	else if (S_ISLNK(fmt) && (!*link || strlen(link) >= PATH_MAX))
		ret = bad(t, e, "a link to nothing");
	if (!ret && S_ISLNK(fmt)) {
		buf_reset(&t->link);
		buf_str(&t->link, link);
	}
	free(name);
	free(link);
	if (ret)
		return ret;
	if (x->kind == TARIN_ENTRY)
		ret = find_marks(t, x, e);
	if (ret)
		return ret;
	x->size = t->left;
	if (x->kind != TARIN_ENTRY || !S_ISREG(fmt))
		x->size = 0;
	x->b.path = buf_cstr(&t->path);
	x->b.target = S_ISLNK(fmt) || x->kind == TARIN_LINK ? buf_cstr(&t->link) : NULL;
	x->b.xattrs = t->once.xattrs;
	x->b.nxattrs = t->once.n;
	return 1;
}

static bool all_zero(const unsigned char *h)
{
	return !h[0] && !memcmp(h, h + 1, BLOCK - 1);
}

int tarin_next(struct tarin *t, struct tarin_entry *out, struct err *e)
{
	unsigned char h[BLOCK];
	int64_t size;
	int ret = pass_over(t, t->left + t->padding, e);

	t->left = t->padding = 0;
	said_free(&t->once);
	while (!ret) {
		ret = get(t, h, BLOCK, e);
		if (ret)
			break;
		if (all_zero(h))
			return 0;
		if (!sum_is_right(h) || !number(h + SIZE, LONG_N, &size) || size < 0)
			return bad(t, e, "no tar header, or a damaged one");
		char type = (char)h[TYPE];
		if (type == 'x' || type == 'g' || type == 'L' || type == 'K') {
			ret = read_extra(t, type, (uint64_t)size, e);
			continue;
		}
		if (t->once.size)
			size = (int64_t)t->once.vsize;
		/* links and special files have no content, whatever their size says */
		t->left = type_of(h[TYPE]) == S_IFREG && type != '1' ? (uint64_t)size : 0;
		t->padding = (BLOCK - t->left % BLOCK) % BLOCK;
		return make_entry(t, h, out, e);
	}
	return ret;
}

int tarin_copy(struct tarin *t, int fd, struct err *e)
{
	char *mem = xmalloc(PART);
	int ret = 0;

	while (t->left && !ret) {
		size_t k = t->left < PART ? (size_t)t->left : PART;
		ret = get(t, mem, k, e);
		if (!ret) {
			t->left -= k;
			ret = fd_write_full(fd, mem, k);
			if (ret)
				err_set(e, ret, "import: %s", strerror(-ret));
		}
	}
	free(mem);
	return ret;
}
