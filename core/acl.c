/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/acl.h"
#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

/* Both sides keep what both allow: the ACL entry and the three bits of mode at shift. */
static void meet(struct posix_acl_xattr_entry *e, mode_t *mode, int shift)
{
	mode_t perm = le16toh(e->e_perm) & (*mode >> shift) & 7;

	e->e_perm = htole16((uint16_t)perm);
	*mode = (*mode & ~((mode_t)7 << shift)) | perm << shift;
}

int acl_inherit(uint8_t *acl, size_t n, mode_t *mode)
{
	struct posix_acl_xattr_header h;
	struct posix_acl_xattr_entry *group = NULL, *mask = NULL;
	int more = 0;

	if (n < sizeof(h) || (n - sizeof(h)) % sizeof(*group))
		return -EINVAL;
	memcpy(&h, acl, sizeof(h));
	if (le32toh(h.a_version) != POSIX_ACL_XATTR_VERSION)
		return -EINVAL;
	struct posix_acl_xattr_entry *e = (void *)(acl + sizeof(h));
	for (size_t i = 0; i < (n - sizeof(h)) / sizeof(*e); i++) {
		switch (le16toh(e[i].e_tag)) {
		case ACL_USER_OBJ:
			meet(&e[i], mode, 6);
			break;
		case ACL_GROUP_OBJ:
			group = &e[i];
			break;
		case ACL_OTHER:
			meet(&e[i], mode, 0);
			break;
		case ACL_MASK:
			mask = &e[i];
			more = 1;
			break;
		case ACL_USER:
		case ACL_GROUP:
			more = 1;
			break;
		default:
			return -EINVAL;
		}
	}
	if (!group)
		return -EINVAL;
	meet(mask ? mask : group, mode, 3);
	return more;
}
