/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/made.h"
#include "core/accounts.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/record.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MADE_FORMAT 1 /* raise it when what is built changes */
#define STAMP_XATTR "user.gaol.stamp"
#define ACCOUNTS_MAX (4 << 20)
#define INIT_MAX (64 << 20)
#define MACHINE_ID_LEN 33 /* 32 hex digits and a newline, machine-id(5) */
#define STAMP_LEN 16

struct build {
	const struct made_config *c;
	int etc;   /* the host's, O_PATH */
	int root;  /* of the tree being built */
	bool home; /* the user's home belongs into it */
	char machine_id[MACHINE_ID_LEN + 1];
	char stamp[STAMP_LEN + 1];
};

/* FNV-1a, 64 bits (www.isthe.com/chongo/tech/comp/fnv): tells contents apart, proves nothing. */
#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	/* with the NUL, and a mark for NULL, so that neighbours cannot trade bytes */
	return s ? hash(h, s, strlen(s) + 1) : hash(h, "\1", 1);
}

static uint64_t hash_stat(uint64_t h, int dirfd, const char *path)
{
	struct stat st;
	uint64_t v[5] = {0};

	if (fstatat(dirfd, path, &st, 0) == 0) {
		v[0] = st.st_ino;
		v[1] = (uint64_t)st.st_size;
		v[2] = (uint64_t)st.st_mtim.tv_sec;
		v[3] = (uint64_t)st.st_mtim.tv_nsec;
		v[4] = (uint64_t)st.st_ctim.tv_nsec;
	}
	return hash(h, v, sizeof(v));
}

/* Over everything that decides about the tree. */
static void make_stamp(struct build *b)
{
	const struct made_config *c = b->c;
	const char *const texts[] = {c->hostname, c->init,  c->share, c->resolv, c->name,
				     c->group,	  c->gecos, c->home,  c->shell};
	uint64_t ids[] = {MADE_FORMAT, c->uid, c->gid, b->home};
	uint64_t h = hash(HASH_START, ids, sizeof(ids));

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		h = hash_text(h, texts[i]);
	h = hash_stat(h, AT_FDCWD, c->init);
	h = hash_stat(h, b->etc, "passwd");
	h = hash_stat(h, b->etc, "group");
	snprintf(b->stamp, sizeof(b->stamp), "%016llx", (unsigned long long)h);
}

/* Building: every entry is a plain file or directory with a record where it needs one. */

static int give_record(int fd, mode_t mode, uid_t uid, gid_t gid)
{
	struct record r = {.mode = mode, .uid = uid, .gid = gid};
	uint8_t raw[RECORD_SIZE];

	if (record_is_default(&r))
		return 0;
	record_encode(&r, raw);
	return fsetxattr(fd, RECORD_XATTR, raw, sizeof(raw), 0) < 0 ? -errno : 0;
}

/* A file of guest mode (with its type); uid is root's unless the directory functions say so. */
static int put_file(const struct build *b, const char *path, mode_t mode, gid_t gid, const void *p,
		    size_t n)
{
	cleanup_fd int fd = openat(b->root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int ret;

	if (fd < 0)
		return -errno;
	ret = fd_write_full(fd, p, n);
	if (!ret)
		ret = give_record(fd, mode, 0, gid);
	return ret;
}

static int put_text(const struct build *b, const char *path, const char *text)
{
	return put_file(b, path, S_IFREG | 0644, 0, text, strlen(text));
}

static int put_dir(const struct build *b, const char *path, mode_t perm, uid_t uid, gid_t gid)
{
	cleanup_fd int fd = -1;

	if (mkdirat(b->root, path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(b->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : give_record(fd, S_IFDIR | perm, uid, gid);
}

/* The user's home with the directories on the way to it, which are root's. */
static int put_home(const struct build *b)
{
	const struct made_config *c = b->c;
	char path[PATH_MAX];
	int ret = 0;

	snprintf(path, sizeof(path), "%s", c->home + 1);
	for (char *p = path; !ret && (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (faccessat(b->root, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			ret = put_dir(b, path, 0755, 0, 0);
		*p = '/';
	}
	return ret ? ret : put_dir(b, path, 0700, c->uid, c->gid);
}

static int put_dirs(const struct build *b)
{
	static const struct {
		const char *path;
		mode_t perm;
	} dirs[] = {
	    {"etc", 0755}, {"root", 0700}, {"home", 0755},     {"tmp", 01777},
	    {"var", 0755}, {"run", 0755},  {"var/tmp", 01777}, {".gaol", 0755},
	};
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		ret = put_dir(b, dirs[i].path, dirs[i].perm, 0, 0);
	return !ret && b->home ? put_home(b) : ret;
}

static int read_host(const struct build *b, const char *name, struct buf *out)
{
	int ret = file_read_at(b->etc, name, ACCOUNTS_MAX, out);

	return ret == -ENOENT ? 0 : ret;
}

static int put_accounts(const struct build *b)
{
	struct buf passwd = {0}, group = {0};
	struct accounts a = {0};
	int ret = read_host(b, "passwd", &passwd);

	if (!ret)
		ret = read_host(b, "group", &group);
	if (ret)
		goto out;
	accounts_make(&a, buf_cstr(&passwd), buf_cstr(&group), b->c);
	const struct {
		const char *path;
		mode_t perm;
		gid_t gid;
		const struct buf *text;
	} files[] = {
	    {"etc/passwd", 0644, 0, &a.passwd},
	    {"etc/passwd-", 0644, 0, &a.passwd},
	    {"etc/group", 0644, 0, &a.group},
	    {"etc/group-", 0644, 0, &a.group},
	    {"etc/shadow", 0640, a.shadow_gid, &a.shadow},
	    {"etc/shadow-", 0640, a.shadow_gid, &a.shadow},
	    {"etc/gshadow", 0640, a.shadow_gid, &a.gshadow},
	    {"etc/gshadow-", 0640, a.shadow_gid, &a.gshadow},
	};

	for (size_t i = 0; !ret && i < sizeof(files) / sizeof(files[0]); i++)
		ret = put_file(b, files[i].path, S_IFREG | files[i].perm, files[i].gid,
			       files[i].text->p, files[i].text->len);
out:
	accounts_free(&a);
	buf_free(&passwd);
	buf_free(&group);
	return ret;
}

static int put_network(const struct build *b)
{
	const char *host = b->c->hostname;
	struct buf t = {0};
	int ret;

	buf_fmt(&t, "%s\n", host);
	ret = put_text(b, "etc/hostname", t.p);
	buf_reset(&t);
	buf_fmt(&t,
		"127.0.0.1\tlocalhost\n"
		"127.0.1.1\t%s\n"
		"::1\t\tlocalhost ip6-localhost ip6-loopback\n"
		"ff02::1\t\tip6-allnodes\n"
		"ff02::2\t\tip6-allrouters\n",
		host);
	if (!ret)
		ret = put_text(b, "etc/hosts", t.p);
	buf_free(&t);
	if (!ret)
		ret = put_text(b, "etc/resolv.conf",
			       b->c->resolv ? b->c->resolv : "# this jail has no network\n");
	return ret;
}

/* Writes init as name below dirfd: a program that is root's. */
static int write_init(int dirfd, const char *name, const struct buf *text)
{
	cleanup_fd int fd = -1;
	int ret = file_replace_at(dirfd, name, text->p, text->len, 0600, false);

	if (ret < 0)
		return ret;
	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : give_record(fd, S_IFREG | 0755, 0, 0);
}

/* Links the shared copy, which is made when it is not there or not whole, into the tree. */
static int link_init(const struct build *b, const struct buf *text)
{
	const char *dir = b->c->share;
	cleanup_fd int share = -1;
	struct record r;
	struct stat st;
	char name[32];
	int ret;

	ret = dir_make_path(dir, 0700);
	share = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (share < 0)
		return ret < 0 ? ret : -errno;
	snprintf(name, sizeof(name), "init-%016llx",
		 (unsigned long long)hash(HASH_START, text->p, text->len));
	if (record_read_at(share, name, &st, &r) < 0 || r.mode != (S_IFREG | 0755) ||
	    (size_t)st.st_size != text->len) {
		ret = write_init(share, name, text);
		if (ret < 0)
			return ret;
	}
	return linkat(share, name, b->root, ".gaol/init", 0) < 0 ? -errno : 0;
}

static int put_init(const struct build *b, struct err *e)
{
	const struct made_config *c = b->c;
	struct buf text = {0};
	int ret = file_read_at(AT_FDCWD, c->init, INIT_MAX, &text);

	if (ret < 0)
		err_set(e, ret, "%s: the guest's init cannot be read: %s: build or install it",
			c->init, strerror(-ret));
	/* the shared copy saves space, no more: without it the jail has its own */
	else if (!c->share || link_init(b, &text) < 0)
		ret = write_init(b->root, ".gaol/init", &text);
	buf_free(&text);
	return ret;
}

static int put_all(const struct build *b, struct err *e)
{
	static const char mtab[] = "../proc/self/mounts";
	int ret = put_dirs(b);

	if (!ret)
		ret = put_accounts(b);
	if (!ret)
		ret = put_text(b, "etc/subuid", "");
	if (!ret)
		ret = put_text(b, "etc/subgid", "");
	if (!ret)
		ret = put_network(b);
	if (!ret)
		ret =
		    put_file(b, "etc/machine-id", S_IFREG | 0444, 0, b->machine_id, MACHINE_ID_LEN);
	if (!ret)
		ret = put_file(b, "etc/mtab", S_IFLNK | 0777, 0, mtab, sizeof(mtab) - 1);
	if (!ret && fsetxattr(b->root, STAMP_XATTR, b->stamp, STAMP_LEN, 0) < 0)
		ret = -errno;
	if (ret == -ENOTSUP)
		return err_set(e, ret,
			       "made files: this file system has no user attributes: put "
			       "GAOL_HOME on ext4, xfs, btrfs or a newer tmpfs");
	if (ret)
		return err_set(e, ret, "made files: %s", strerror(-ret));
	return put_init(b, e);
}

/* The machine's name for ever: that of the tree before, else a random one (version 4 as by
 * machine-id(5)). */
static int make_machine_id(struct build *b, int old, struct err *e)
{
	struct buf was = {0};
	unsigned char r[16];
	bool known = old >= 0 && file_read_at(old, "etc/machine-id", 64, &was) == 0 &&
		     was.len == MACHINE_ID_LEN &&
		     strspn(was.p, "0123456789abcdef") == MACHINE_ID_LEN - 1;

	if (known)
		memcpy(b->machine_id, was.p, MACHINE_ID_LEN);
	buf_free(&was);
	if (known)
		return 0;
	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return err_sys(e, "machine-id: no random bytes");
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	for (int i = 0; i < 16; i++)
		snprintf(b->machine_id + 2 * i, 3, "%02x", r[i]);
	b->machine_id[MACHINE_ID_LEN - 1] = '\n';
	return 0;
}

/* Puts the tree "fresh" in the place of name, both below parent. */
static int exchange(int parent, const char *fresh, const char *name)
{
	if (renameat2(parent, fresh, parent, name, RENAME_EXCHANGE) == 0)
		return dir_remove_tree(parent, fresh);
	if (errno == EINVAL || errno == ENOSYS) { /* a file system without exchange */
		int ret = dir_remove_tree(parent, name);

		if (ret < 0)
			return ret;
	} else if (errno != ENOENT) {
		return -errno;
	}
	return renameat(parent, fresh, parent, name) < 0 ? -errno : 0;
}

static bool is_current(const struct build *b, int old)
{
	char was[STAMP_LEN];

	return old >= 0 && fgetxattr(old, STAMP_XATTR, was, sizeof(was)) == STAMP_LEN &&
	       !memcmp(was, b->stamp, STAMP_LEN);
}

static int check_config(const struct made_config *c, struct err *e)
{
	const char *const fields[] = {c->name, c->group, c->gecos, c->home, c->shell};
	size_t n = strlen(c->hostname);

	if (!n || n > 63 || strpbrk(c->hostname, " \t\r\n/"))
		return err_set(e, -EINVAL,
			       "hostname %.70s: not usable: 1 to 63 letters, digits, "
			       "'-' and '.'",
			       c->hostname);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i] && strpbrk(fields[i], ":\n"))
			return err_set(e, -EINVAL,
				       "user %.40s: ':' or a newline in a field of passwd: "
				       "choose another",
				       c->name ? c->name : "");
	if (!c->name)
		return 0;
	if (!*c->name || !c->home || *c->home != '/' || strlen(c->home) >= PATH_MAX ||
	    strstr(c->home, "/..") || !c->shell || *c->shell != '/')
		return err_set(e, -EINVAL,
			       "user %.40s: home and shell must be absolute paths: set them",
			       c->name);
	return 0;
}

/* A daemon's home is the program's own directory: the layer shows it as it is. */
static bool wants_home(const struct made_config *c)
{
	struct stat st;

	if (!c->name || !c->uid || !strcmp(c->home, "/"))
		return false;
	return !strncmp(c->home, "/home/", 6) || lstat(c->home, &st) < 0;
}

int made_build(const char *dir, const struct made_config *c, struct err *e)
{
	struct build b = {.c = c, .etc = -1, .root = -1};
	cleanup_fd int parent = -1, old = -1, etc = -1, root = -1;
	char up[PATH_MAX], fresh[NAME_MAX + 1];
	const char *name = strrchr(dir, '/');
	int ret = check_config(c, e);

	if (ret < 0)
		return ret;
	if (!name || !name[1] || strlen(name) > NAME_MAX - 8)
		return err_set(e, -EINVAL, "%s: not the path of a directory to make", dir);
	snprintf(up, sizeof(up), "%.*s", (int)(name - dir), dir);
	name++;
	snprintf(fresh, sizeof(fresh), "%s.new", name);
	parent = open(*up ? up : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	etc = open(c->etc ? c->etc : "/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0 || etc < 0)
		return err_sys(e, "%s", parent < 0 ? up : "the host's /etc");
	b.etc = etc;
	b.home = wants_home(c);
	make_stamp(&b);
	old = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (is_current(&b, old))
		return 0;
	ret = make_machine_id(&b, old, e);
	if (ret < 0)
		return ret;
	ret = dir_remove_tree(parent, fresh); /* of a build that died */
	if ((ret < 0 && ret != -ENOENT) || mkdirat(parent, fresh, 0700) < 0)
		return err_sys(e, "%s/%s", up, fresh);
	root = openat(parent, fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	b.root = root;
	ret = root < 0 ? err_sys(e, "%s/%s", up, fresh) : put_all(&b, e);
	if (!ret) {
		ret = exchange(parent, fresh, name);
		if (ret < 0)
			err_set(e, ret, "%s: cannot be replaced: %s", dir, strerror(-ret));
	}
	if (ret < 0)
		dir_remove_tree(parent, fresh);
	return ret;
}

int made_find_init(char *buf, size_t size, struct err *e)
{
	const char *given = getenv("GAOL_INIT");
	char self[PATH_MAX];
	ssize_t n;
	char *slash;

	if (given && *given) {
		snprintf(buf, size, "%s", given);
		if (access(buf, R_OK) < 0)
			return err_sys(e, "GAOL_INIT: %s", given);
		return 0;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash) {
		snprintf(buf, size, "%.*s/guest/init", (int)(slash - self), self);
		if (access(buf, R_OK) == 0)
			return 0;
	}
	snprintf(buf, size, "%s", GAOL_LIBDIR "/init");
	if (access(buf, R_OK) == 0)
		return 0;
	return err_set(e, -ENOENT, "the guest's init: none found: run `make`, or set GAOL_INIT");
}
