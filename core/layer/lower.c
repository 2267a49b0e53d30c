/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the lower layers show at a name: authority, nobody's eyes, mounts, virtual records.
 *
 * As root, opens below a guarded lower happen with nobody's file system ids; the process must have
 * dropped its supplementary groups at start (layer.h), for they cannot be switched per thread
 * without a system call that glibc broadcasts.
 */
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

bool side_guards(const struct layer *l, const struct side *s, struct auth_at at)
{
	return l->lower[s->lower].guarded && !at.own;
}

bool guard_enter(struct layer *l, const struct side *s, struct auth_at at)
{
	if (!l->switch_ids || s->way || !side_guards(l, s, at))
		return false;
	setfsgid(NOBODY);
	setfsuid(NOBODY);
	return true;
}

void guard_leave(bool entered)
{
	int saved = errno;

	if (entered) {
		setfsuid(geteuid());
		setfsgid(getegid());
	}
	errno = saved;
}

/* One component below dirfd; no link is followed, no mount crossed unless cross is set. */
static int open_step(int dirfd, const char *name, int flags, bool cross)
{
	struct open_how how = {
	    .flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | (cross ? 0 : RESOLVE_NO_XDEV),
	};
	int fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static bool stat_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return h & ((UINT64_C(1) << 47) - 1);
}

/* An empty directory that stands for what must not be touched or is not there. */
static void hit_empty(struct layer *l, uint64_t dir_ino, const char *name, struct hit *h)
{
	struct timespec born = {.tv_sec = l->born / 1000000000, .tv_nsec = l->born % 1000000000};

	h->kind = HIT_EMPTY;
	h->tag = TAG_SYNTH;
	h->st = (struct stat){
	    .st_mode = S_IFDIR | 0755,
	    .st_nlink = 2,
	    .st_ino = hash_text(dir_ino ^ UINT64_C(0xcbf29ce484222325), name),
	    .st_blksize = 4096,
	    .st_atim = born,
	    .st_mtim = born,
	    .st_ctim = born,
	};
}

/* Others may read a file; walk or list a directory; everything else shows with its directory. */
static bool nobody_sees(const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return st->st_mode & S_IROTH;
	if (S_ISDIR(st->st_mode))
		return st->st_mode & (S_IROTH | S_IXOTH);
	return true;
}

/* Decides a guarded entry whose lstat is known: shown, a mere way, or nothing. */
static bool guarded_shows(struct auth_at at, struct hit *h)
{
	if (at.word == AUTH_FRESH || at.word == AUTH_HIDE) {
		h->way = true;
		return S_ISDIR(h->st.st_mode);
	}
	if (at.own || nobody_sees(&h->st))
		return true;
	h->way = S_ISDIR(h->st.st_mode) && auth_is_waypoint(at);
	return h->way;
}

/* 0, or 1 when the rule alone decides (h->kind is set). */
static int guarded_rule(struct layer *l, const struct side *s, uint64_t dir_ino, const char *name,
			struct auth_at at, struct hit *h)
{
	if (s->way && !at.node)
		return 1;
	if (at.word == AUTH_EMPTY) {
		hit_empty(l, dir_ino, name, h);
		return 1;
	}
	if ((at.word == AUTH_FRESH || at.word == AUTH_HIDE) && !at.node)
		return 1;
	if (at.word == AUTH_HIDE && !auth_is_waypoint(at))
		return 1;
	return at.own && !at.secret && authority_is_secret(name, strlen(name)) &&
	       !auth_is_waypoint(at);
}

static int virtual_peek(const struct side *s, const char *name, struct hit *h)
{
	struct record r;
	int err = record_read_at(s->fd, name, &h->st, &r);

	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	h->kind = r.whiteout ? HIT_STOP : HIT_SHOWN;
	h->rflags = r.flags;
	h->st.st_mode = r.mode;
	h->st.st_uid = r.uid;
	h->st.st_gid = r.gid;
	h->st.st_rdev = r.rdev;
	return 0;
}

/* What one side has at name; h->kind stays HIT_NONE for nothing. */
static int side_peek(struct layer *l, const struct side *s, uint64_t dir_ino, const char *name,
		     struct auth_at at, struct hit *h)
{
	const struct lower *lw = &l->lower[s->lower];
	int err;

	*h = (struct hit){.kind = HIT_NONE, .side = -1};
	if (!s->walk && !(s->way && at.node))
		return 0;
	if (lw->guarded && guarded_rule(l, s, dir_ino, name, at, h))
		return 0;
	h->mnt = authority_step(s->mnt, name, strlen(name));
	if (h->mnt.word == AUTH_EMPTY) {
		hit_empty(l, dir_ino, name, h);
		return 0;
	}
	if (lw->virtual) {
		err = virtual_peek(s, name, h);
		if (err || h->kind != HIT_SHOWN)
			return err;
	} else if (fstatat(s->fd, name, &h->st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
		return errno == ENOENT || errno == EACCES || errno == ENOTDIR || errno == ESTALE
			   ? 0
			   : -errno;
	} else if (lw->guarded && !guarded_shows(at, h)) {
		return 0;
	}
	h->kind = HIT_SHOWN;
	h->tag = s->tag;
	if (h->st.st_dev != s->dev) {
		cleanup_fd int fd = -1;
		if (S_ISDIR(h->st.st_mode))
			fd = open_step(s->fd, name, O_PATH | O_DIRECTORY, true);
		h->tag = tag_of(l, h->st.st_dev, fd);
	}
	return 0;
}

int lower_find(struct layer *l, const struct sides *ss, uint64_t dir_ino, const char *name,
	       struct auth_at at, struct hit *h)
{
	*h = (struct hit){.kind = HIT_NONE, .side = -1};
	for (int i = 0; i < ss->n; i++) {
		int err = side_peek(l, &ss->s[i], dir_ino, name, at, h);
		if (err)
			return err;
		h->side = i;
		if (h->kind != HIT_NONE)
			break;
	}
	if (h->kind == HIT_STOP)
		h->kind = HIT_NONE;
	if (auth_is_waypoint(at) &&
	    (h->kind == HIT_NONE || (h->kind == HIT_SHOWN && !S_ISDIR(h->st.st_mode)))) {
		hit_empty(l, dir_ino, name, h);
		h->side = -1;
	}
	return 0;
}

/* Fills a side from an open directory; takes fd over. */
static void side_set(struct layer *l, struct side *s, int fd, const struct stat *st,
		     struct auth_at at)
{
	bool eyes = side_guards(l, s, at) && !s->way;

	s->fd = fd;
	s->dev = st->st_dev;
	s->ino = st->st_ino;
	s->walk = !s->way && (!eyes || (st->st_mode & S_IXOTH));
	s->list = s->walk && (!eyes || (st->st_mode & S_IROTH));
}

static int side_open(struct layer *l, const struct side *up, const char *name, struct auth_at at,
		     const struct hit *h, struct side *s)
{
	bool entered = h->way ? false : guard_enter(l, up, at);
	cleanup_fd int fd = open_step(up->fd, name, O_PATH | O_DIRECTORY, h->mnt.node != NULL);
	struct stat st;

	guard_leave(entered);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	*s = (struct side){.lower = up->lower, .way = h->way, .tag = h->tag, .mnt = h->mnt};
	if (st.st_dev != h->st.st_dev)
		s->tag = tag_of(l, st.st_dev, fd);
	side_set(l, s, fd_steal(&fd), &st, at);
	return 0;
}

int sides_step(struct layer *l, const struct sides *ss, const char *name, struct auth_at at,
	       struct sides *out)
{
	out->n = 0;
	for (int i = 0; i < ss->n; i++) {
		struct hit h;
		int err = side_peek(l, &ss->s[i], 0, name, at, &h);
		if (err) {
			sides_close(out);
			return err;
		}
		if (h.kind == HIT_NONE)
			continue;
		if (h.kind != HIT_SHOWN || !S_ISDIR(h.st.st_mode))
			break;
		/* gone, forbidden or a mount that came up meanwhile: an empty directory */
		if (!side_open(l, &ss->s[i], name, at, &h, &out->s[out->n]))
			out->n++;
		if (h.rflags & RECORD_OPAQUE)
			break;
	}
	return 0;
}

void sides_close(struct sides *ss)
{
	for (int i = 0; i < ss->n; i++)
		fd_close(&ss->s[i].fd);
	ss->n = 0;
}

int sides_root(struct layer *l, struct sides *out)
{
	struct auth_at at = l->authority
				? authority_root(l->authority)
				: (struct auth_at){.word = AUTH_WRITE, .own = true, .secret = true};

	out->n = 0;
	for (int i = 0; i < l->nlower; i++) {
		struct side *s = &out->s[out->n];
		struct stat st;
		int fd = fcntl(l->lower[i].fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0 || fstat(fd, &st) < 0) {
			int err = -errno;
			fd_close(&fd);
			sides_close(out);
			return err;
		}
		*s = (struct side){.lower = (uint8_t)i, .tag = tag_of(l, st.st_dev, fd)};
		s->mnt = authority_root(l->lower[i].mounts);
		s->way = l->lower[i].guarded && at.word != AUTH_READ && at.word != AUTH_WRITE;
		side_set(l, s, fd, &st, at);
		out->n++;
	}
	return 0;
}

int sides_walk(struct layer *l, const char *path, struct sides *out, const char **last,
	       struct auth_at *at)
{
	struct sides tmp;
	char name[NAME_MAX + 1];
	int err = sides_root(l, out);

	*at = l->authority ? authority_root(l->authority)
			   : (struct auth_at){.word = AUTH_WRITE, .own = true, .secret = true};
	for (const char *p = path; !err; p += strlen(name) + 1) {
		size_t n = strcspn(p, "/");
		if (!n || n > NAME_MAX || (n <= 2 && !strncmp(p, "..", n))) {
			err = -EPROTO; /* a forged origin */
			break;
		}
		memcpy(name, p, n);
		name[n] = '\0';
		*at = authority_step(*at, p, n);
		if (!p[n]) {
			*last = p;
			return 0;
		}
		err = sides_step(l, out, name, *at, &tmp);
		sides_close(out);
		*out = tmp;
		if (!err && !out->n)
			err = -ENOENT;
	}
	sides_close(out);
	return err;
}

int lower_open(struct layer *l, const struct sides *ss, const char *name, struct auth_at at,
	       const struct hit *h, int flags)
{
	const struct side *s = &ss->s[h->side];
	bool entered = guard_enter(l, s, at);
	/* openat2 takes nothing but O_DIRECTORY with O_PATH */
	int how = flags & O_PATH ? flags : flags | O_NONBLOCK | O_NOCTTY;
	cleanup_fd int fd = open_step(s->fd, name, how, h->mnt.node != NULL);
	struct stat st;

	guard_leave(entered);
	if (fd < 0)
		return fd == -EACCES || fd == -ELOOP || fd == -EXDEV ? -ENOENT : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* what lstat called a regular file must be the one that was opened */
	if (!stat_same(&st, &h->st))
		return -ESTALE;
	return fd_steal(&fd);
}
