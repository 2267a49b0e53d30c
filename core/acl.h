/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * acl: what a new entry inherits from its directory's default POSIX ACL.
 *
 * With FUSE_POSIX_ACL and FUSE_DONT_MASK the server applies umask and default ACLs (acl(5), "OBJECT
 * CREATION AND DEFAULT ACLs"; the kernel does the same for its own file systems in fs/posix_acl.c).
 * ACLs travel as the values of system.posix_acl_access and system.posix_acl_default: version 2,
 * then {tag, perm, id} entries, little-endian (linux/posix_acl_xattr.h).
 */
#ifndef GAOL_CORE_ACL_H
#define GAOL_CORE_ACL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"
#define ACL_ENTRIES 512
#define ACL_SIZE (4 + 8 * ACL_ENTRIES)

/*
 * Computes the access ACL of a new entry from the n bytes of its directory's default ACL at acl,
 * which are changed in place, and cuts *mode accordingly (the umask plays no part). Returns 1 when
 * the ACL says more than *mode and must be stored as ACL_ACCESS, 0 when *mode is enough, -EINVAL
 * when acl is malformed.
 */
int acl_inherit(uint8_t *acl, size_t n, mode_t *mode);

#endif
