/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended attributes as the guest names them: user.gaol.x.NAME in upper; of a plain lower only
 * what nobody could read and what makes sense in a jail: user., capabilities, ACLs.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PREFIX_LEN (sizeof(RECORD_GUEST_PREFIX) - 1)
#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
#define LIST_MAX 65536

/* Where an attribute is read: a path through /proc/self/fd whose last part is not followed. */
struct where {
	struct place p;
	struct dir *d;
	char path[sizeof("/proc/self/fd/") + 12 + NAME_MAX + 1];
	bool follow;  /* path is the magic link itself */
	bool records; /* names carry the prefix */
	const struct side *side;
	struct auth_at at;
};

static void where_done(struct where *w)
{
	place_done(&w->p);
	dir_unpin(&w->d);
}
#define cleanup_where __attribute__((cleanup(where_done)))

static bool name_known(const char *name)
{
	return !strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8) ||
	       !strncmp(name, "security.", 9) || !strcmp(name, ACCESS) || !strcmp(name, DEFAULT);
}

static bool lower_shows(const char *name)
{
	return !strncmp(name, "user.", 5) || !strcmp(name, "security.capability") ||
	       !strcmp(name, ACCESS) || !strcmp(name, DEFAULT);
}

static int name_stored(const char *name, char out[PREFIX_LEN + XATTR_NAME_MAX + 1])
{
	size_t n = strnlen(name, XATTR_NAME_MAX + 1);

	if (!name_known(name))
		return -EOPNOTSUPP;
	if (n && name[n - 1] == '.' && !memchr(name, '.', n - 1))
		return -EINVAL; /* a prefix and no name behind it */
	if (n > XATTR_NAME_MAX - PREFIX_LEN)
		return -ERANGE;
	memcpy(out, RECORD_GUEST_PREFIX, PREFIX_LEN);
	memcpy(out + PREFIX_LEN, name, n + 1);
	return 0;
}

static int where_upper(struct layer *l, uint32_t i, struct where *w)
{
	int fd, err = place_of(l, i, &w->p);

	w->records = true;
	if (!err) {
		snprintf(w->path, sizeof(w->path), "/proc/self/fd/%d/%s", w->p.fd, w->p.name);
		return 0;
	}
	fd = node_fd(l, i);
	if (fd < 0)
		fd = orphan_fd(l, i);
	snprintf(w->path, sizeof(w->path), "/proc/self/fd/%d", fd);
	w->follow = true;
	return fd < 0 ? -ESTALE : 0;
}

/* 0, 1 when the entry has no inode to ask (an empty directory), or -errno. */
static int where_of(struct layer *l, uint32_t i, struct where *w)
{
	struct node *n = node_at(l, i);
	struct found f;
	int err;

	if (node_is_upper(n))
		return where_upper(l, i, w);
	if (i == ROOT) {
		err = dir_get(l, i, &w->d);
		if (err || !w->d->sides.n)
			return err ? err : 1;
		w->side = &w->d->sides.s[0];
		w->at = w->d->at;
		snprintf(w->path, sizeof(w->path), "/proc/self/fd/%d/.", w->side->fd);
		w->records = l->lower[w->side->lower].virtual;
		return 0;
	}
	if (!n->names)
		return 1;
	err = dir_get(l, n->names->parent, &w->d);
	if (!err)
		err = union_find(l, w->d, n->names->s, false, &f);
	if (err)
		return err;
	if (f.kind != FOUND_LOWER || f.hit.st.st_ino != n->lower_ino)
		return -ESTALE;
	if (f.hit.kind != HIT_SHOWN)
		return 1;
	w->side = &w->d->sides.s[f.hit.side];
	w->at = f.at;
	w->records = l->lower[w->side->lower].virtual;
	snprintf(w->path, sizeof(w->path), "/proc/self/fd/%d/%s", w->side->fd, n->names->s);
	return 0;
}

/* A directory is asked for its default ACL whenever something is made in it: look once. */
static void learn_bare(struct node *n, const struct where *w)
{
	char list[1024];
	ssize_t len = w->follow ? listxattr(w->path, list, sizeof(list))
				: llistxattr(w->path, list, sizeof(list));

	for (const char *s = list; s < list + len; s += strlen(s) + 1)
		if (!strncmp(s, RECORD_GUEST_PREFIX, PREFIX_LEN))
			return;
	if (len >= 0)
		n->flags |= NODE_BARE;
}

ssize_t layer_getxattr(struct layer *l, uint64_t node, const char *name, void *value, size_t size)
{
	uint32_t i = node_index(l, node);
	cleanup_where struct where w = {.p.fd = -1};
	char stored[PREFIX_LEN + XATTR_NAME_MAX + 1];
	bool in = false;
	ssize_t n;
	int err;

	if (!i)
		return -ESTALE;
	err = name_stored(name, stored);
	if (err)
		return err == -ERANGE ? -ENODATA : err;
	if (node_at(l, i)->flags & NODE_BARE)
		return -ENODATA;
	err = where_of(l, i, &w);
	if (err)
		return err > 0 ? -ENODATA : err;
	if (!w.records && !lower_shows(name))
		return -ENODATA;
	if (w.side)
		in = guard_enter(l, w.side, w.at);
	n = w.follow ? getxattr(w.path, stored, value, size)
		     : lgetxattr(w.path, w.records ? stored : name, value, size);
	if (n < 0)
		n = errno == ENOENT			  ? -ESTALE
		    : errno == EACCES || errno == ENOTSUP ? -ENODATA
							  : -errno;
	guard_leave(in);
	if (n == -ENODATA && node_is_upper(node_at(l, i)) && node_is_dir(node_at(l, i)))
		learn_bare(node_at(l, i), &w);
	return n;
}

ssize_t layer_listxattr(struct layer *l, uint64_t node, char *list, size_t size)
{
	uint32_t i = node_index(l, node);
	cleanup_where struct where w = {.p.fd = -1};
	char *raw;
	bool in = false;
	ssize_t n, out = 0;
	int err;

	if (!i)
		return -ESTALE;
	if (node_at(l, i)->flags & NODE_BARE)
		return 0;
	err = where_of(l, i, &w);
	if (err)
		return err > 0 ? 0 : err;
	raw = xmalloc(LIST_MAX);
	if (w.side)
		in = guard_enter(l, w.side, w.at);
	n = w.follow ? listxattr(w.path, raw, LIST_MAX) : llistxattr(w.path, raw, LIST_MAX);
	if (n < 0)
		out = errno == ENOENT ? -ESTALE : errno == EACCES || errno == ENOTSUP ? 0 : -errno;
	guard_leave(in);
	for (char *s = raw; n > 0 && s < raw + n; s += strlen(s) + 1) {
		const char *shown = s;
		size_t k;
		if (w.records && strncmp(s, RECORD_GUEST_PREFIX, PREFIX_LEN))
			continue;
		if (w.records)
			shown = s + PREFIX_LEN;
		if (w.records ? !name_known(shown) : !lower_shows(shown))
			continue;
		k = strlen(shown) + 1;
		if (size && (size_t)out + k > size) {
			out = -ERANGE;
			break;
		}
		if (size)
			memcpy(list + out, shown, k);
		out += (ssize_t)k;
	}
	free(raw);
	return out;
}

/* The node is in upper and open for a change of an attribute. */
static int change_open(struct layer *l, uint32_t i, const struct layer_cred *c)
{
	int err = may_change_node(l, i, c);

	if (!err)
		err = copyup_meta(l, i);
	if (err)
		return err;
	touch_node(l, i);
	return upper_open(l, i, node_is_dir(node_at(l, i)) ? O_RDONLY | O_DIRECTORY : O_RDWR);
}

static int store(int fd, const char *stored, const void *value, size_t size, int flags)
{
	if (fsetxattr(fd, stored, value, size, flags) == 0)
		return 0;
	return -errno;
}

/* An access ACL: what mode can say goes into the mode alone. */
static int set_access(struct layer *l, uint32_t i, int fd, const void *value, size_t size)
{
	struct node *n = node_at(l, i);
	struct record r;
	int plain, err;
	mode_t mode;

	if (S_ISLNK(n->mode))
		return -EOPNOTSUPP;
	err = upper_record(l, i, fd, &r);
	if (err)
		return err;
	mode = r.mode;
	plain = acl_to_mode(value, size, &mode);
	if (plain < 0)
		return plain;
	if (plain && fremovexattr(fd, ACL_ACCESS) < 0 && errno != ENODATA)
		return -errno;
	if (!plain)
		err = store(fd, ACL_ACCESS, value, size, 0);
	if (err || mode == r.mode)
		return err;
	r.mode = mode;
	err = record_write(fd, &r, true);
	if (!err)
		n->mode = mode;
	return err;
}

static int set_default(struct layer *l, uint32_t i, int fd, const void *value, size_t size)
{
	int err = acl_check(value, size);

	if (err)
		return err;
	if (!node_is_dir(node_at(l, i)))
		return -EACCES;
	if (size <= 4)
		return fremovexattr(fd, ACL_DEFAULT) < 0 && errno != ENODATA ? -errno : 0;
	return store(fd, ACL_DEFAULT, value, size, 0);
}

int layer_setxattr(struct layer *l, uint64_t node, const char *name, const void *value, size_t size,
		   int flags, const struct layer_cred *c)
{
	uint32_t i = node_index(l, node);
	char stored[PREFIX_LEN + XATTR_NAME_MAX + 1];
	cleanup_fd int fd = -1;
	int64_t before;
	int err;

	if (!i)
		return -ESTALE;
	err = name_stored(name, stored);
	if (!err)
		err = quota_room(l, size, 0, i, NULL, c);
	if (!err && size > XATTR_SIZE_MAX)
		err = -E2BIG;
	if (err)
		return err;
	fd = change_open(l, i, c);
	if (fd < 0)
		return fd;
	before = quota_fd(fd);
	node_at(l, i)->flags &= (uint16_t)~NODE_BARE;
	if (!strcmp(name, ACCESS))
		err = set_access(l, i, fd, value, size);
	else if (!strcmp(name, DEFAULT))
		err = set_default(l, i, fd, value, size);
	else
		err = store(fd, stored, value, size, flags);
	quota_grew(l, fd, before);
	if (!strcmp(name, "security.capability"))
		node_at(l, i)->flags &= (uint16_t)~NODE_CAPFREE;
	if (!err)
		tell_node(l, EVENT_SETXATTR, i, node_at(l, i)->mode, 0, c, name);
	return err;
}

int layer_removexattr(struct layer *l, uint64_t node, const char *name, const struct layer_cred *c)
{
	uint32_t i = node_index(l, node);
	char stored[PREFIX_LEN + XATTR_NAME_MAX + 1];
	cleanup_fd int fd = -1;
	int64_t before;
	int err;

	if (!i)
		return -ESTALE;
	err = name_stored(name, stored);
	if (err)
		return err == -ERANGE ? -ENODATA : err;
	fd = change_open(l, i, c);
	if (fd < 0)
		return fd;
	before = quota_fd(fd);
	if (fremovexattr(fd, stored) < 0)
		return -errno;
	quota_grew(l, fd, before);
	tell_node(l, EVENT_RMXATTR, i, node_at(l, i)->mode, 0, c, name);
	return 0;
}
