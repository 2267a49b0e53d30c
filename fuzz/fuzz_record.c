/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes what the layer reads back from disk: records by themselves, and an upper layer whose
 * attributes somebody has forged: every call comes back, with an errno or with an entry that makes
 * sense, and nothing outside of the layer's directories is touched.
 *
 * Input: pieces of 4 bytes (an attribute's number, which entry, length, operation behind it) and
 * the attribute's value.
 */
#include "core/fd.h"
#include "core/layer/layer.h"
#include "core/layer/record.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_record(const uint8_t *p, size_t n)
{
	uint8_t out[RECORD_SIZE];
	struct record r, again;

	if (record_decode(&r, p, n))
		return;
	record_encode(&r, out);
	if (record_decode(&again, out, sizeof(out)) || again.mode != r.mode ||
	    again.flags != r.flags || again.uid != r.uid || again.whiteout != r.whiteout ||
	    again.origin_ino != r.origin_ino || again.rdev != r.rdev)
		abort();
}

static const char *const entries[] = {"upper/f",    "upper/d",	   "upper/d/g", "upper/base",
				      "upper/dir",  "upper/new",   "upper",	"work/index/1-5",
				      "work/index", "upper/d/sub", "work/t.3",	"upper/linked"};
static const char *const names[] = {"user.gaol",
				    "user.gaol.o",
				    "user.gaol.n",
				    "user.gaol.x.system.posix_acl_access",
				    "user.gaol.x.system.posix_acl_default",
				    "user.gaol.x.security.capability",
				    "user.gaol.x.user.a"};

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static void furnish(void)
{
	static const char *const dirs[] = {"lower",	"lower/dir",   "upper", "upper/d",
					   "upper/dir", "upper/d/sub", "work",	"work/index"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		mkdir(dirs[i], dirs[i][0] == 'l' ? 0755 : 0700);
	put("lower/base", "base");
	put("lower/dir/x", "x");
	chmod("lower/base", 0644);
	chmod("lower/dir/x", 0644);
	if (link("lower/base", "lower/linked") < 0)
		abort();
	put("upper/f", "/etc/passwd");
	put("upper/d/g", "g");
	put("upper/base", "base");
	put("upper/new", "12345678");
	put("work/t.3", "left over");
	if (link("upper/new", "work/index/1-5") < 0)
		abort();
}

static void check_entry(const struct layer_entry *e)
{
	mode_t type = e->st.st_mode & S_IFMT;

	if (!e->node || !type || (e->st.st_mode & ~(mode_t)(S_IFMT | 07777)) || e->st.st_size < 0)
		abort();
}

static bool list_one(void *user, const char *name, const struct layer_entry *e, off_t next)
{
	struct layer *l = user;

	if (e->node) {
		check_entry(e);
		layer_forget(l, e->node, 1);
	}
	return *name != '\0';
}

static void list(struct layer *l, uint64_t node)
{
	uint64_t h;

	if (layer_opendir(l, node, &h))
		return;
	layer_readdir(l, h, 0, true, list_one, l);
	layer_releasedir(l, h);
}

/* Everything that reads or changes one entry. */
static void use(struct layer *l, const char *path, unsigned what)
{
	static const struct layer_cred c = {0, 0, 1};
	struct stat st = {.st_mode = 0640, .st_size = 3};
	struct layer_entry e, other;
	char buf[4097];
	uint64_t fh;

	if (layer_walk(l, path, &e))
		return;
	check_entry(&e);
	layer_readlink(l, e.node, buf, sizeof(buf));
	layer_listxattr(l, e.node, buf, sizeof(buf));
	layer_getxattr(l, e.node, "system.posix_acl_access", buf, sizeof(buf));
	layer_path(l, e.node, buf, sizeof(buf));
	list(l, e.node);
	if (!layer_open_file(l, e.node, what & 1 ? O_RDWR : O_RDONLY, &c, &fh)) {
		struct iovec iov = {buf, sizeof(buf)};
		layer_readv(l, fh, &iov, 1, 0);
		iov.iov_len = 2;
		if (what & 1)
			layer_writev(l, fh, &iov, 1, 1, &c);
		layer_release(l, fh);
	}
	switch (what >> 1 & 7) {
	case 0:
		layer_setattr(l, e.node, 0, LAYER_SET_MODE, &st, &c, &st);
		break;
	case 1:
		layer_setattr(l, e.node, 0, LAYER_SET_SIZE, &st, &c, &st);
		break;
	case 2:
		layer_rename(l, LAYER_ROOT, strrchr(path, '/') + 1, LAYER_ROOT, "moved", 0, &c);
		break;
	case 3:
		layer_unlink(l, LAYER_ROOT, strrchr(path, '/') + 1, &c);
		break;
	case 4:
		layer_rmdir(l, LAYER_ROOT, strrchr(path, '/') + 1, &c);
		break;
	case 5:
		if (!layer_link(l, e.node, LAYER_ROOT, "hard", &c, &other))
			layer_forget(l, other.node, 1);
		break;
	case 6:
		if (!layer_mkdir(l, e.node, "made", S_IFDIR | 0700, &c, &other))
			layer_forget(l, other.node, 1);
		break;
	default:
		layer_setxattr(l, e.node, "user.a", "b", 1, 0, &c);
	}
	if (!layer_getattr(l, e.node, &st) && !(st.st_mode & S_IFMT))
		abort();
	layer_forget(l, e.node, 1);
}

/* What a guest was given to see never becomes more than plain files on the host. */
static void check_outside(void)
{
	struct stat st;

	if (stat("lower/base", &st) || st.st_size != 4 || st.st_mode != (S_IFREG | 0644) ||
	    stat("lower/dir/x", &st) || st.st_size != 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const paths[] = {"/f",     "/d",	  "/d/g",   "/base",
					    "/dir",   "/dir/x",	  "/new",   "/linked",
					    "/d/sub", "/moved/x", "/moved", "/hard"};
	char top[] = "/dev/shm/gaol-fuzz-XXXXXX", lower[64], upper[64], work[64];
	struct layer *l;
	struct err e;
	unsigned what = 0;

	cleanup_fd int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	check_record(data, n);
	if (!mkdtemp(top) || chdir(top))
		abort();
	furnish();
	for (size_t at = 0; at + 4 <= n;) {
		size_t len = data[at + 2];
		if (len > n - at - 4)
			len = n - at - 4;
		setxattr(entries[data[at + 1] % (sizeof(entries) / sizeof(entries[0]))],
			 names[data[at] % (sizeof(names) / sizeof(names[0]))], data + at + 4, len,
			 0);
		what = what * 31 + data[at + 3];
		at += 4 + len;
	}
	snprintf(lower, sizeof(lower), "%s/lower", top);
	snprintf(upper, sizeof(upper), "%s/upper", top);
	snprintf(work, sizeof(work), "%s/work", top);
	struct layer_config c = {
	    .lower = {{.path = lower}}, .nlower = 1, .upper = upper, .work = work};
	if (!layer_open(&l, &c, &e)) {
		list(l, LAYER_ROOT);
		for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++, what = what * 7 + 3)
			use(l, paths[i], what);
		layer_close(l);
	}
	check_outside();
	if (fchdir(back) || dir_remove_tree(AT_FDCWD, top))
		abort();
	return 0;
}
