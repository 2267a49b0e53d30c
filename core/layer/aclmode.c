/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POSIX ACLs, as the attribute's value has them (linux/posix_acl_xattr.h: a version, then
 * {tag, permissions, id} entries, little-endian, sorted by tag).
 *
 * With FUSE_POSIX_ACL the guest's kernel checks access by ACL and leaves the rest to the server
 * (fs/fuse/acl.c): here mode follows an access ACL that is set, and the ACL follows chmod; what new
 * entries inherit is the door's business (core/acl.h).
 */
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ACL_MAX_ENTRIES 512 /* what ext4's block could never hold */
#define HEAD sizeof(struct posix_acl_xattr_header)
#define ENTRY sizeof(struct posix_acl_xattr_entry)

struct acl {
	size_t n;
	struct acl_entry {
		uint16_t tag, perm;
		uint32_t id;
	} e[ACL_MAX_ENTRIES];
};

static uint32_t get(const uint8_t *p, int n)
{
	uint32_t v = 0;

	for (int i = 0; i < n; i++)
		v |= (uint32_t)p[i] << (8 * i);
	return v;
}

static void put(uint8_t *p, uint32_t v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* The rules of posix_acl_valid (fs/posix_acl.c): order, one of each base entry, a mask if needed.
 */
static int acl_valid(const struct acl *a)
{
	unsigned seen = 0;
	uint16_t last = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct acl_entry *e = &a->e[i];
		if (e->perm & ~7u || e->tag < last)
			return -EINVAL;
		switch (e->tag) {
		case ACL_USER:
		case ACL_GROUP:
			break;
		case ACL_USER_OBJ:
		case ACL_GROUP_OBJ:
		case ACL_MASK:
		case ACL_OTHER:
			if (seen & e->tag)
				return -EINVAL;
			break;
		default:
			return -EINVAL;
		}
		seen |= e->tag;
		last = e->tag;
	}
	if ((seen & (ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER)) !=
	    (ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER))
		return -EINVAL;
	return (seen & (ACL_USER | ACL_GROUP)) && !(seen & ACL_MASK) ? -EINVAL : 0;
}

static int acl_parse(struct acl *a, const uint8_t *p, size_t n)
{
	if (n < HEAD || (n - HEAD) % ENTRY || get(p, 4) != POSIX_ACL_XATTR_VERSION)
		return -EINVAL;
	a->n = (n - HEAD) / ENTRY;
	if (a->n > ACL_MAX_ENTRIES)
		return -E2BIG;
	for (size_t i = 0; i < a->n; i++) {
		const uint8_t *q = p + HEAD + i * ENTRY;
		a->e[i] = (struct acl_entry){.tag = (uint16_t)get(q, 2),
					     .perm = (uint16_t)get(q + 2, 2),
					     .id = get(q + 4, 4)};
	}
	return a->n ? acl_valid(a) : 0;
}

static size_t acl_format(const struct acl *a, uint8_t *p)
{
	put(p, POSIX_ACL_XATTR_VERSION, 4);
	for (size_t i = 0; i < a->n; i++) {
		uint8_t *q = p + HEAD + i * ENTRY;
		put(q, a->e[i].tag, 2);
		put(q + 2, a->e[i].perm, 2);
		put(q + 4, a->e[i].id, 4);
	}
	return HEAD + a->n * ENTRY;
}

/* Reads the ACL attribute name of fd: 1, 0 when there is none, or -errno. */
static int acl_read(int fd, const char *name, struct acl *a)
{
	uint8_t raw[HEAD + ACL_MAX_ENTRIES * ENTRY];
	ssize_t n = fgetxattr(fd, name, raw, sizeof(raw));
	int err;

	if (n < 0)
		return errno == ENODATA || errno == ENOTSUP ? 0 : -errno;
	err = acl_parse(a, raw, (size_t)n);
	return err ? -EIO : a->n > 0;
}

static int acl_write(int fd, const char *name, const struct acl *a)
{
	uint8_t raw[HEAD + ACL_MAX_ENTRIES * ENTRY];
	size_t n = acl_format(a, raw);

	return fsetxattr(fd, name, raw, n, 0) < 0 ? -errno : 0;
}

static struct acl_entry *acl_get(struct acl *a, uint16_t tag)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->e[i].tag == tag)
			return &a->e[i];
	return NULL;
}

int acl_check(const void *value, size_t n)
{
	struct acl a;

	return acl_parse(&a, value, n);
}

int acl_to_mode(const void *value, size_t n, mode_t *mode)
{
	struct acl a;
	struct acl_entry *mask;
	int err = acl_parse(&a, value, n);

	if (err)
		return err;
	if (!a.n)
		return 1;
	mask = acl_get(&a, ACL_MASK);
	*mode = (*mode & ~0777u) | (mode_t)acl_get(&a, ACL_USER_OBJ)->perm << 6 |
		(mode_t)(mask ? mask : acl_get(&a, ACL_GROUP_OBJ))->perm << 3 |
		acl_get(&a, ACL_OTHER)->perm;
	return a.n == 3;
}

/* Class permissions of an ACL become those of mode. */
static void acl_mask(struct acl *a, mode_t mode)
{
	struct acl_entry *u = acl_get(a, ACL_USER_OBJ), *o = acl_get(a, ACL_OTHER);
	struct acl_entry *g = acl_get(a, ACL_MASK);

	if (!g)
		g = acl_get(a, ACL_GROUP_OBJ);
	u->perm = mode >> 6 & 7;
	g->perm = mode >> 3 & 7;
	o->perm = mode & 7;
}

int acl_chmod(int fd, mode_t mode)
{
	struct acl a;
	int got = acl_read(fd, ACL_ACCESS, &a);

	if (got <= 0)
		return got;
	acl_mask(&a, mode);
	return acl_write(fd, ACL_ACCESS, &a);
}
