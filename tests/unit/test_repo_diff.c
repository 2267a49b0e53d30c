/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diffs and sides of real layers; at random, against a comparison of everything visible. */
#include "core/buf.h"
#include "core/repo/diff.h"
#include "core/repo/restore.h"
#include "core/repo/save.h"
#include "tests/unit/layertest.h"
#include <sys/xattr.h>

struct jail_bench {
	struct bench b;
	int fd;
	struct repo *r;
	struct layer *base;
};

static void jb_setup(struct jail_bench *j)
{
	struct err e = {""};

	lt_setup(&j->b);
	j->fd = open(j->b.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(repo_create(j->fd, &e), 0);
	ck_assert_int_eq(repo_open(&j->r, j->fd, &e), 0);
	j->base = NULL;
}

/* Opens layer and base, when the host's files are there. */
static void jb_open(struct jail_bench *j)
{
	struct layer_config c = j->b.c;
	struct err e = {""};

	lt_open(&j->b);
	c.upper = c.work = NULL;
	c.on_event = NULL;
	ck_assert_msg(!layer_open(&j->base, &c, &e), "%s", e.text);
}

static void jb_done(struct jail_bench *j)
{
	size_t nodes, handles, dirs;

	/* no look-up count may be left behind in base */
	layer_counts(j->base, &nodes, &handles, &dirs);
	ck_assert_uint_eq(nodes, 1);
	ck_assert_uint_eq(handles, 0);
	layer_close(j->base);
	repo_close(j->r);
	close(j->fd);
	lt_done(&j->b);
}

static struct side_id saved(struct jail_bench *j)
{
	struct save_request q = {.kind = CKPT_HAND, .always = true};
	struct save_result out;
	struct side_id id = {.kind = SIDE_CHECKPOINT};
	struct err e = {""};

	ck_assert_msg(!save(j->r, &q, &out, NULL, &e), "%s", e.text);
	memcpy(id.hash, out.hash, sizeof(id.hash));
	return id;
}

static const struct side_id now = {.kind = SIDE_NOW}, base = {.kind = SIDE_BASE};

/* "A /x\n" ..., with what differs in small letters behind m and M. */
static bool print(void *user, const struct diff_entry *d)
{
	static const char letters[] = "cmugrx";
	struct buf *out = user;

	buf_fmt(out, "%c %s", d->status, d->path);
	if (d->status == DIFF_RENAMED)
		buf_fmt(out, " < %s", d->from);
	if (d->what && d->status != DIFF_TYPE)
		buf_ch(out, ' ');
	for (int i = 0; letters[i] && d->status != DIFF_TYPE; i++)
		if (d->what & (1u << i))
			buf_ch(out, letters[i]);
	if (d->drift)
		buf_str(out, " drift");
	buf_ch(out, '\n');
	return true;
}

static void diff_is(struct jail_bench *j, struct side_id ia, struct side_id ib,
		    const char *const *paths, const char *want)
{
	struct diff_options o = {.paths = paths};
	struct side *a, *b;
	struct buf out = {0};
	struct err e = {""};

	ck_assert_msg(!side_open(&a, j->r, ia, j->base, &e), "%s", e.text);
	ck_assert_msg(!side_open(&b, j->r, ib, j->base, &e), "%s", e.text);
	ck_assert_msg(!diff_each(a, b, &o, print, &out, &e), "%s", e.text);
	ck_assert_str_eq(buf_cstr(&out), want);
	buf_free(&out);
	side_close(a);
	side_close(b);
}

static void setxattr_at(struct jail_bench *j, const char *path, const char *name, const char *v)
{
	uint64_t n = lt_node(&j->b, path);

	ck_assert_int_eq(layer_setxattr(j->b.l, n, name, v, strlen(v), 0, &lt_root), 0);
	layer_forget(j->b.l, n, 1);
}

static void touch_at(struct jail_bench *j, const char *path)
{
	uint64_t n = lt_node(&j->b, path);
	struct stat in = {.st_mtim = {.tv_sec = 5}}, out;

	ck_assert_int_eq(layer_setattr(j->b.l, n, 0, LAYER_SET_MTIME, &in, &lt_root, &out), 0);
	layer_forget(j->b.l, n, 1);
}

START_TEST(what_a_guest_sees)
{
	struct jail_bench j;
	struct side_id one, two;
	const char *const only[] = {"/etc/cron.d/", "/doc", NULL};

	jb_setup(&j);
	lt_host(&j.b, "lower0/etc/passwd", "root", 0644);
	lt_host(&j.b, "lower0/etc/hosts", "localhost", 0644);
	lt_host(&j.b, "lower0/etc/cron.d/a", "a", 0644);
	lt_host(&j.b, "lower0/usr/bin/ls", "elf", 0755);
	lt_host(&j.b, "lower0/usr/bin/cat", "elf", 0755);
	lt_host(&j.b, "lower0/opt/x/y/z", "z", 0644);
	lt_host(&j.b, "lower0/opt/x/w", "w", 0644);
	lt_host(&j.b, "lower0/file", "f", 0644);
	jb_open(&j);
	one = saved(&j);
	diff_is(&j, base, one, NULL, "");
	diff_is(&j, one, now, NULL, "");
	/* touched but equal, copied-up parents, times: no change */
	touch_at(&j, "/etc/hosts");
	ck_assert_int_eq(lt_write(&j.b, "/etc/hosts", "localhost"), 0);
	touch_at(&j, "/usr/bin");
	diff_is(&j, base, now, NULL, "");
	/* an installer */
	ck_assert_int_eq(lt_write(&j.b, "/etc/cron.d/evil", "* * * * *"), 0);
	ck_assert_int_eq(lt_write(&j.b, "/usr/bin/ls", "elf!"), 0);
	ck_assert_int_eq(lt_chmod(&j.b, "/usr/bin/cat", 04755), 0);
	setxattr_at(&j, "/etc/passwd", "user.note", "x");
	ck_assert_int_eq(lt_remove(&j.b, "/opt/x/y/z", false), 0);
	ck_assert_int_eq(lt_remove(&j.b, "/opt/x/y", true), 0);
	ck_assert_int_eq(lt_remove(&j.b, "/opt/x/w", false), 0);
	ck_assert_int_eq(lt_remove(&j.b, "/opt/x", true), 0);
	ck_assert_int_eq(lt_remove(&j.b, "/file", false), 0);
	ck_assert_int_eq(lt_mkdir(&j.b, "/file"), 0);
	ck_assert_int_eq(lt_write(&j.b, "/file/in", ""), 0);
	static const char want[] = "A /etc/cron.d/evil\nm /etc/passwd x\nT /file\nA /file/in\n"
				   "D /opt/x\nD /opt/x/w\nD /opt/x/y\nD /opt/x/y/z\n"
				   "m /usr/bin/cat m\nM /usr/bin/ls c\n";
	diff_is(&j, one, now, NULL, want);
	diff_is(&j, base, now, NULL, want);
	two = saved(&j);
	diff_is(&j, one, two, NULL, want);
	diff_is(&j, base, two, NULL, want);
	diff_is(&j, two, now, NULL, "");
	diff_is(&j, one, two, only, "A /etc/cron.d/evil\n");
	/* the other way round */
	diff_is(&j, two, one, NULL,
		"D /etc/cron.d/evil\nm /etc/passwd x\nT /file\nD /file/in\n"
		"A /opt/x\nA /opt/x/w\nA /opt/x/y\nA /opt/x/y/z\n"
		"m /usr/bin/cat m\nM /usr/bin/ls c\n");
	/* the host moves on */
	lt_host(&j.b, "lower0/usr/bin/cat", "upgraded", 0755);
	diff_is(&j, base, two, (const char *const[]){"/usr/bin", NULL},
		"m /usr/bin/cat m drift\nM /usr/bin/ls c\n");
	jb_done(&j);
}
END_TEST

/* Owned by who owns base's files in these tests. */
static void give(struct jail_bench *j, const char *path)
{
	uint64_t n = lt_node(&j->b, path);
	struct stat in = {.st_uid = geteuid(), .st_gid = getegid()}, out;

	ck_assert_int_eq(
	    layer_setattr(j->b.l, n, 0, LAYER_SET_UID | LAYER_SET_GID, &in, &lt_root, &out), 0);
	layer_forget(j->b.l, n, 1);
}

/* Emptied, removed, made anew: what base had in it stays deleted. */
START_TEST(opaque_directories)
{
	struct jail_bench j;
	struct side_id one, two;

	jb_setup(&j);
	lt_host(&j.b, "lower0/d/x", "x", 0644);
	lt_host(&j.b, "lower0/d/sub/y", "y", 0644);
	jb_open(&j);
	one = saved(&j);
	ck_assert_int_eq(lt_remove(&j.b, "/d/sub/y", false), 0);
	ck_assert_int_eq(lt_remove(&j.b, "/d/sub", true), 0);
	ck_assert_int_eq(lt_remove(&j.b, "/d/x", false), 0);
	ck_assert_int_eq(lt_remove(&j.b, "/d", true), 0);
	ck_assert_int_eq(lt_mkdir(&j.b, "/d"), 0);
	give(&j, "/d");
	ck_assert_int_eq(lt_write(&j.b, "/d/new", "n"), 0);
	static const char want[] = "A /d/new\nD /d/sub\nD /d/sub/y\nD /d/x\n";
	diff_is(&j, one, now, NULL, want);
	diff_is(&j, base, now, NULL, want);
	two = saved(&j);
	diff_is(&j, one, two, NULL, want);
	diff_is(&j, two, one, NULL, "D /d/new\nA /d/sub\nA /d/sub/y\nA /d/x\n");
	jb_done(&j);
}
END_TEST

START_TEST(renamed_directories)
{
	struct jail_bench j;
	struct side_id one, two;

	jb_setup(&j);
	lt_host(&j.b, "lower0/srv/a/x", "x", 0644);
	lt_host(&j.b, "lower0/srv/a/y", "y", 0644);
	lt_host(&j.b, "lower0/srv/a/sub/z", "z", 0644);
	lt_host(&j.b, "lower0/srv/b/q", "q", 0644);
	jb_open(&j);
	one = saved(&j);
	ck_assert_int_eq(lt_rename(&j.b, "/srv/a", "/srv/c", 0), 0);
	diff_is(&j, one, now, NULL, "R /srv/c < /srv/a\n");
	ck_assert_int_eq(lt_write(&j.b, "/srv/c/x", "changed"), 0);
	ck_assert_int_eq(lt_remove(&j.b, "/srv/c/y", false), 0);
	ck_assert_int_eq(lt_write(&j.b, "/srv/c/new", ""), 0);
	static const char want[] = "R /srv/c < /srv/a\nA /srv/c/new\nM /srv/c/x c\nD /srv/c/y\n";
	diff_is(&j, one, now, NULL, want);
	two = saved(&j);
	diff_is(&j, one, two, NULL, want);
	diff_is(&j, two, now, NULL, "");
	/* a file of base that is renamed */
	ck_assert_int_eq(lt_rename(&j.b, "/srv/b/q", "/srv/b/r", 0), 0);
	diff_is(&j, two, now, NULL, "D /srv/b/q\nA /srv/b/r\n");
	/* into a new directory, and something else at the old place */
	ck_assert_int_eq(lt_mkdir(&j.b, "/new"), 0);
	ck_assert_int_eq(lt_rename(&j.b, "/srv/b", "/new/b", 0), 0);
	ck_assert_int_eq(lt_write(&j.b, "/srv/b", "a file"), 0);
	diff_is(&j, two, now, NULL,
		"A /new\nR /new/b < /srv/b\nD /new/b/q\nA /new/b/r\nA /srv/b\n");
	jb_done(&j);
}
END_TEST

static bool take_name(void *user, const char *name, const struct stat *st)
{
	buf_fmt(user, "%s:%o:%lld ", name, st->st_mode, (long long)st->st_size);
	return true;
}

static bool take_xattr(void *user, const char *name, const void *v, size_t n)
{
	buf_fmt(user, "%s=%.*s ", name, (int)n, (const char *)v);
	return true;
}

START_TEST(looking_into_sides)
{
	struct jail_bench j;
	struct side_id ids[3] = {base, {0}, now};
	static const char *const list[] = {"a:100644:2 b:100644:1 ", "a:100644:4 new:100644:12 ",
					   "a:100644:4 new:100644:12 "};
	static const char *const a[] = {"AA", "mine", "mine"};

	jb_setup(&j);
	lt_host(&j.b, "lower0/d/a", "AA", 0644);
	lt_host(&j.b, "lower0/d/b", "B", 0644);
	jb_open(&j);
	ck_assert_int_eq(lt_write(&j.b, "/d/a", "mine"), 0);
	ck_assert_int_eq(lt_write(&j.b, "/d/new", "hello, world"), 0);
	ck_assert_int_eq(lt_remove(&j.b, "/d/b", false), 0);
	setxattr_at(&j, "/d/a", "user.k", "v");
	ids[1] = saved(&j);
	for (int i = 0; i < 3; i++) {
		struct side *s;
		struct buf out = {0};
		struct stat st;
		struct err e = {""};
		int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
		char mem[16];
		ck_assert_int_eq(side_open(&s, j.r, ids[i], j.base, &e), 0);
		ck_assert_int_eq(side_list(s, "/d", take_name, &out), 0);
		ck_assert_str_eq(out.p, list[i]);
		buf_reset(&out);
		ck_assert_int_eq(side_read(s, "/d/a", 100, &out), 0);
		ck_assert_str_eq(out.p, a[i]);
		ck_assert_int_eq(side_read(s, "/d/a", 1, &out), -EFBIG);
		ck_assert_int_eq(side_stat(s, "/d/b", &st), i ? -ENOENT : 0);
		ck_assert_int_eq(side_stat(s, "/d", &st), 0);
		ck_assert(S_ISDIR(st.st_mode));
		ck_assert_int_eq(side_stat(s, "/", &st), 0);
		ck_assert(S_ISDIR(st.st_mode));
		ck_assert_int_eq(side_stat(s, "/d/a/x", &st), -ENOTDIR);
		ck_assert_int_eq(side_stat(s, "/../etc", &st), -EINVAL);
		ck_assert_int_eq(side_read(s, "/d", 100, &out), -EISDIR);
		ck_assert_int_eq(side_list(s, "/d/a", take_name, &out), -ENOTDIR);
		ck_assert_int_eq(side_cat(s, "/d/a", fd, true, NULL), 0);
		ck_assert_int_eq(pread(fd, mem, sizeof(mem), 0), (int)strlen(a[i]));
		buf_reset(&out);
		ck_assert_int_eq(side_xattrs(s, "/d/a", take_xattr, &out), 0);
		ck_assert_str_eq(buf_cstr(&out), i ? "user.k=v " : "");
		close(fd);
		buf_free(&out);
		side_close(s);
	}
	jb_done(&j);
}
END_TEST

static bool take_line(void *user, const struct diff_line *l)
{
	buf_fmt(user, "%c%.*s\n", l->origin == '@' ? '!' : l->origin, (int)l->len, l->text);
	return true;
}

static bool copy_first(void *user, const struct diff_entry *d)
{
	struct diff_entry *to = user;

	*to = *d;
	to->path = strdup(d->path);
	to->from = NULL;
	return false;
}

static void text_is(struct jail_bench *j, const char *path, enum diff_text_kind kind,
		    const char *want)
{
	const char *const paths[] = {path, NULL};
	struct diff_options o = {.paths = paths};
	struct diff_text_options to = {.context = 1, .max_bytes = 1000};
	struct diff_entry d = {0};
	struct side *a, *b;
	struct buf out = {0};
	struct err e = {""};
	enum diff_text_kind got;

	ck_assert_int_eq(side_open(&a, j->r, base, j->base, &e), 0);
	ck_assert_int_eq(side_open(&b, j->r, now, j->base, &e), 0);
	ck_assert_int_eq(diff_each(a, b, &o, copy_first, &d, &e), -ECANCELED);
	ck_assert_msg(!diff_text(a, b, &d, &to, take_line, &out, &got, &e), "%s", e.text);
	ck_assert_int_eq(got, kind);
	ck_assert_str_eq(buf_cstr(&out), want);
	free((char *)(uintptr_t)d.path);
	buf_free(&out);
	side_close(a);
	side_close(b);
}

START_TEST(text_of_entries)
{
	struct jail_bench j;
	char big[2000];

	jb_setup(&j);
	lt_host(&j.b, "lower0/t", "one\ntwo\nthree\nfour\n", 0644);
	lt_host(&j.b, "lower0/gone", "bye\n", 0644);
	lt_host(&j.b, "lower0/big", "x", 0644);
	jb_open(&j);
	ck_assert_int_eq(lt_write(&j.b, "/t", "one\n2\nthree\nfour"), 0);
	ck_assert_int_eq(lt_remove(&j.b, "/gone", false), 0);
	ck_assert_int_eq(lt_write(&j.b, "/new", "hi\n"), 0);
	ck_assert_int_eq(lt_mkdir(&j.b, "/dir"), 0);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ck_assert_int_eq(lt_write(&j.b, "/big", big), 0);
	text_is(&j, "/t", DIFF_TEXT,
		"!@@ -1,4 +1,4 @@\n one\n-two\n+2\n three\n-four\n+four\n\\ No newline at end of "
		"file\n");
	text_is(&j, "/gone", DIFF_TEXT, "!@@ -1 +0,0 @@\n-bye\n");
	text_is(&j, "/new", DIFF_TEXT, "!@@ -0,0 +1 @@\n+hi\n");
	text_is(&j, "/dir", DIFF_NO_TEXT, "");
	text_is(&j, "/big", DIFF_TOO_LARGE, "");
	jb_done(&j);
}
END_TEST

/* Everything visible, as a sorted list of lines "PATH\tTYPE\tATTRIBUTES\tCONTENT". */

struct seen {
	char *path, *type, *attr, *data;
};
struct world {
	struct seen v[3000];
	size_t n;
};
struct lister {
	char names[200][64];
	size_t n;
};

static bool list_name(void *user, const char *name, const struct layer_entry *e, off_t next)
{
	struct lister *l = user;

	if (strcmp(name, ".") && strcmp(name, "..") && l->n < 200)
		snprintf(l->names[l->n++], 64, "%s", name);
	return true;
}

static void see(struct layer *l, uint64_t dir, const char *path, struct world *w)
{
	struct lister *ls = calloc(1, sizeof(*ls));
	uint64_t dh;

	ck_assert_int_eq(layer_opendir(l, dir, &dh), 0);
	ck_assert_int_eq(layer_readdir(l, dh, 0, false, list_name, ls), 0);
	layer_releasedir(l, dh);
	for (size_t i = 0; i < ls->n; i++) {
		struct layer_entry e;
		struct seen *s = &w->v[w->n++];
		char data[4096] = "";
		ck_assert_uint_lt(w->n, 3000);
		ck_assert_int_eq(layer_lookup(l, dir, ls->names[i], &lt_root, &e), 0);
		if (S_ISREG(e.st.st_mode)) {
			struct iovec iov = {.iov_base = data, .iov_len = sizeof(data) - 1};
			uint64_t fh;
			ck_assert_int_eq(layer_open_file(l, e.node, O_RDONLY, &lt_root, &fh), 0);
			ck_assert_int_ge(layer_readv(l, fh, &iov, 1, 0), 0);
			layer_release(l, fh);
		} else if (S_ISLNK(e.st.st_mode)) {
			ck_assert_int_ge(layer_readlink(l, e.node, data, sizeof(data)), 0);
		}
		*s = (struct seen){.path = xasprintf("%s/%s", path, ls->names[i]),
				   .type = xasprintf("%o", e.st.st_mode & S_IFMT),
				   .attr = xasprintf("%o %u", e.st.st_mode & 07777, e.st.st_uid),
				   .data = xstrdup(data)};
		if (S_ISDIR(e.st.st_mode))
			see(l, e.node, s->path, w);
		layer_forget(l, e.node, 1);
	}
	free(ls);
}

static int seen_cmp(const void *a, const void *b)
{
	return strcmp(((const struct seen *)a)->path, ((const struct seen *)b)->path);
}

static struct world *world_of(struct jail_bench *j)
{
	struct world *w = calloc(1, sizeof(*w));

	see(j->b.l, LAYER_ROOT, "", w);
	qsort(w->v, w->n, sizeof(*w->v), seen_cmp);
	return w;
}

static void world_free(struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i].path);
		free(w->v[i].type);
		free(w->v[i].attr);
		free(w->v[i].data);
	}
	free(w);
}

struct expect {
	char *lines[6000];
	size_t n;
};

static void expect_add(struct expect *x, char status, const char *path)
{
	ck_assert_uint_lt(x->n, 6000);
	x->lines[x->n++] = xasprintf("%c %s", status, path);
}

static int line_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void expect_worlds(struct expect *x, const struct world *a, const struct world *b)
{
	size_t i = 0, k = 0;

	while (i < a->n || k < b->n) {
		const struct seen *sa = i < a->n ? &a->v[i] : NULL,
				  *sb = k < b->n ? &b->v[k] : NULL;
		int c = !sa ? 1 : !sb ? -1 : strcmp(sa->path, sb->path);
		i += c <= 0;
		k += c >= 0;
		if (c)
			expect_add(x, c < 0 ? 'D' : 'A', c < 0 ? sa->path : sb->path);
		else if (strcmp(sa->type, sb->type))
			expect_add(x, 'T', sa->path);
		else if (strcmp(sa->data, sb->data))
			expect_add(x, 'M', sa->path);
		else if (strcmp(sa->attr, sb->attr))
			expect_add(x, 'm', sa->path);
	}
}

static bool gather(void *user, const struct diff_entry *d)
{
	expect_add(user, d->status, d->path);
	return true;
}

static void expect_free(struct expect *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->lines[i]);
	free(x);
}

static void agrees(struct jail_bench *j, struct side_id ia, struct side_id ib,
		   const struct world *a, const struct world *b, const char *what)
{
	struct expect *want = calloc(1, sizeof(*want)), *got = calloc(1, sizeof(*got));
	struct side *sa, *sb;
	struct err e = {""};

	expect_worlds(want, a, b);
	ck_assert_msg(!side_open(&sa, j->r, ia, j->base, &e), "%s", e.text);
	ck_assert_msg(!side_open(&sb, j->r, ib, j->base, &e), "%s", e.text);
	ck_assert_msg(!diff_each(sa, sb, NULL, gather, got, &e), "%s", e.text);
	qsort(want->lines, want->n, sizeof(char *), line_cmp);
	qsort(got->lines, got->n, sizeof(char *), line_cmp);
	for (size_t i = 0; i < want->n || i < got->n; i++)
		ck_assert_msg(i < want->n && i < got->n && !strcmp(want->lines[i], got->lines[i]),
			      "%s: want %s, got %s", what, i < want->n ? want->lines[i] : "-",
			      i < got->n ? got->lines[i] : "-");
	side_close(sa);
	side_close(sb);
	expect_free(want);
	expect_free(got);
}

static void random_path(char *path, int depth)
{
	*path = '\0';
	for (int n = 1 + rand() % depth; n; n--)
		sprintf(path + strlen(path), "/%c", 'a' + rand() % 4);
}

/* One random change by a guest; most fail, which is fine. Directories are not renamed: the
 * comparison above knows no R. */
static void random_change(struct jail_bench *j)
{
	char path[64], to[64], dir[64], text[32];
	struct layer_entry e;
	uint64_t n;
	bool is_dir;

	random_path(path, 4);
	random_path(to, 4);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (*dir && lt_exists(&j->b, dir))
		return;
	snprintf(text, sizeof(text), "%d", rand() % 4);
	is_dir = !layer_walk(j->b.l, path, &e) && S_ISDIR(e.st.st_mode);
	if (!lt_exists(&j->b, path))
		layer_forget(j->b.l, e.node, 1);
	switch (rand() % 8) {
	case 0:
	case 1:
		if (!is_dir && (lt_exists(&j->b, path) || !S_ISLNK(e.st.st_mode)))
			lt_write(&j->b, path, text);
		break;
	case 2:
		lt_mkdir(&j->b, path);
		break;
	case 3:
	case 4:
		lt_remove(&j->b, path, is_dir);
		break;
	case 5:
		if (!lt_exists(&j->b, path))
			lt_chmod(&j->b, path, rand() % 2 ? 0700 : 0644);
		break;
	case 6:
		n = *dir ? lt_node(&j->b, dir) : LAYER_ROOT;
		if (!layer_symlink(j->b.l, text, n, strrchr(path, '/') + 1, &lt_root, &e))
			layer_forget(j->b.l, e.node, 1);
		if (n != LAYER_ROOT)
			layer_forget(j->b.l, n, 1);
		break;
	case 7:
		snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(to, '/') - to), to);
		if (!is_dir && (!*dir || !lt_exists(&j->b, dir)))
			lt_rename(&j->b, path, to, 0);
		break;
	}
}

START_TEST(random_layers_agree)
{
	for (unsigned seed = 1; seed <= 12; seed++) {
		struct jail_bench j;
		struct world *w[4];
		struct side_id id[4] = {base};
		char path[80], text[8];
		jb_setup(&j);
		srand(seed);
		for (int i = 0; i < 60; i++) {
			strcpy(path, "lower0");
			random_path(path + 6, 4);
			snprintf(text, sizeof(text), "%d", rand() % 4);
			char full[200];
			struct stat st;
			snprintf(full, sizeof(full), "%s/%s", j.b.top, path);
			/* a file where the way is free */
			bool free_way = lstat(full, &st) != 0;
			for (char *s = strchr(full + strlen(j.b.top) + 8, '/'); s && free_way;
			     s = strchr(s + 1, '/')) {
				*s = '\0';
				free_way = lstat(full, &st) || S_ISDIR(st.st_mode);
				*s = '/';
			}
			if (free_way)
				lt_host(&j.b, path, text, 0644);
		}
		jb_open(&j);
		w[0] = world_of(&j);
		for (int k = 1; k < 4; k++) {
			for (int i = 0; i < 60; i++)
				random_change(&j);
			w[k] = world_of(&j);
			agrees(&j, id[k - 1], now, w[k - 1], w[k], "to now");
			agrees(&j, now, id[k - 1], w[k], w[k - 1], "from now");
			id[k] = saved(&j);
			agrees(&j, id[k], now, w[k], w[k], "unchanged");
			for (int i = 0; i < k; i++) {
				agrees(&j, id[i], id[k], w[i], w[k], "forth");
				agrees(&j, id[k], id[i], w[k], w[i], "back");
			}
		}
		/* and a rollback brings back what the guest saw */
		struct restore_request q = {.to = "1"};
		struct restore_result out;
		struct err e = {""};
		layer_close(j.b.l);
		ck_assert_msg(!restore(j.r, &q, &out, NULL, &e), "%s", e.text);
		lt_open(&j.b);
		struct world *again = world_of(&j);
		ck_assert_uint_eq(again->n, w[1]->n);
		for (size_t i = 0; i < again->n; i++) {
			ck_assert_str_eq(again->v[i].path, w[1]->v[i].path);
			ck_assert_str_eq(again->v[i].data, w[1]->v[i].data);
			ck_assert_str_eq(again->v[i].attr, w[1]->v[i].attr);
		}
		world_free(again);
		agrees(&j, id[1], now, w[1], w[1], "after rollback");
		for (int k = 0; k < 4; k++)
			world_free(w[k]);
		jb_done(&j);
	}
}
END_TEST

/* A base file with two names, changed through one: both show it, also after save and rollback. */
START_TEST(hard_links_of_base)
{
	struct jail_bench j;
	struct side_id one;
	struct side *s;
	struct buf out = {0};
	struct err e = {""};
	struct restore_request q = {.to = "1"}, redo = {.redo = true};
	struct restore_result got;
	char from[200], to[200], mem[512];

	jb_setup(&j);
	lt_host(&j.b, "lower0/a", "old", 0644);
	snprintf(from, sizeof(from), "%s/lower0/a", j.b.top);
	snprintf(to, sizeof(to), "%s/lower0/b", j.b.top);
	ck_assert_int_eq(link(from, to), 0);
	jb_open(&j);
	saved(&j);
	ck_assert_int_eq(lt_write(&j.b, "/a", "new"), 0);
	ck_assert_str_eq(lt_read(&j.b, "/b", mem), "new");
	one = saved(&j);
	ck_assert_int_eq(side_open(&s, j.r, one, j.base, &e), 0);
	ck_assert_int_eq(side_read(s, "/b", 10, &out), 0);
	ck_assert_str_eq(out.p, "new");
	buf_free(&out);
	side_close(s);
	layer_close(j.b.l);
	ck_assert_msg(!restore(j.r, &q, &got, NULL, &e), "%s", e.text);
	lt_open(&j.b);
	ck_assert_str_eq(lt_read(&j.b, "/b", mem), "old");
	layer_close(j.b.l);
	ck_assert_msg(!restore(j.r, &redo, &got, NULL, &e), "%s", e.text);
	lt_open(&j.b);
	ck_assert_str_eq(lt_read(&j.b, "/a", mem), "new");
	ck_assert_str_eq(lt_read(&j.b, "/b", mem), "new");
	jb_done(&j);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {what_a_guest_sees,  opaque_directories, renamed_directories,
				      looking_into_sides, text_of_entries,    random_layers_agree,
				      hard_links_of_base};

	return lt_run("repo_diff", tests, sizeof(tests) / sizeof(*tests));
}
