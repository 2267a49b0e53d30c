/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/wall/hold.h"
#include "core/fd.h"
#include "core/wall/probe.h"
#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h of Debian 12 ends before it: ABI 3 */
#define FS_TRUNCATE (UINT64_C(1) << 14)

/* Every right of ABI 2 but those that only read. */
static const uint64_t changes =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;
/* What a checkpoint or a rollback does below the jail's directory: plain files and directories. */
static const uint64_t allowed = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
				LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER;

static const char *const calls[] = {
    "execve",
    "execveat",
    "socket",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "mount",
    "umount2",
    "pivot_root",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsmount",
    "mount_setattr",
    "unshare",
    "setns",
    "chroot",
    "mknod",
    "mknodat",
    "open_by_handle_at",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "add_key",
    "request_key",
    "keyctl",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "swapon",
    "swapoff",
    "settimeofday",
    "clock_settime",
    "pidfd_getfd",
    "shmget",
    "msgget",
    "semget",
    "iopl",
    "ioperm",
    "quotactl",
};

const char *const *hold_calls(size_t *n)
{
	*n = sizeof(calls) / sizeof(calls[0]);
	return calls;
}

static int hold_files(int dirfd, struct err *e)
{
	int abi = probe_landlock();
	struct landlock_ruleset_attr r = {.handled_access_fs = changes};
	struct landlock_path_beneath_attr below = {.allowed_access = allowed, .parent_fd = dirfd};

	if (abi < 2)
		return 0;
	if (abi >= 3) {
		r.handled_access_fs |= FS_TRUNCATE;
		below.allowed_access |= FS_TRUNCATE;
	}
	/* The first member alone, as ABI 1 had it: the network is closed by the calls. */
	cleanup_fd int set =
	    (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r.handled_access_fs), 0);
	if (set < 0 || syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &below, 0) ||
	    syscall(SYS_landlock_restrict_self, set, 0))
		return err_sys(e, "worker: landlock");
	return 0;
}

static int refuse_calls(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int ret = f ? 0 : -ENOMEM;

	for (size_t i = 0; !ret && i < sizeof(calls) / sizeof(calls[0]); i++) {
		int number = seccomp_syscall_resolve_name(calls[i]);

		if (number >= 0)
			ret = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), number, 0);
	}
	if (!ret)
		ret = seccomp_load(f);
	if (f)
		seccomp_release(f);
	return ret;
}

int hold_worker(int dirfd, struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_sys(e, "worker: no new privileges");
	int ret = hold_files(dirfd, e);
	if (ret)
		return ret;
	ret = refuse_calls();
	return ret ? err_set(e, ret, "worker: filter: %s", strerror(-ret)) : 0;
}

/* What would change the running kernel, its clock, its log, its devices or its policies. */
static const int dropped[] = {
    CAP_SYS_MODULE,
    CAP_SYS_RAWIO,
    CAP_SYS_BOOT,
    CAP_SYS_TIME,
    CAP_SYSLOG,
    CAP_SYS_TTY_CONFIG,
    CAP_SYS_PACCT,
    CAP_AUDIT_CONTROL,
    CAP_AUDIT_WRITE,
    CAP_AUDIT_READ,
    CAP_MAC_ADMIN,
    CAP_MAC_OVERRIDE,
    CAP_MKNOD,
    CAP_NET_RAW,
    CAP_NET_BROADCAST,
    CAP_LINUX_IMMUTABLE,
    CAP_IPC_OWNER,
    CAP_LEASE,
    CAP_BLOCK_SUSPEND,
    CAP_WAKE_ALARM,
    CAP_PERFMON,
    CAP_BPF,
    CAP_CHECKPOINT_RESTORE,
};

int hold_warden(struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (geteuid() != 0)
		return 0;
	if (syscall(SYS_capget, &head, data))
		return err_sys(e, "warden: capabilities");
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++) {
		struct __user_cap_data_struct *d = &data[CAP_TO_INDEX(dropped[i])];
		uint32_t not = ~CAP_TO_MASK(dropped[i]);

		d->effective &= not ;
		d->permitted &= not ;
		d->inheritable &= not ;
		/* EINVAL: not known to this kernel; EPERM: a container that keeps SETPCAP. */
		if (prctl(PR_CAPBSET_DROP, dropped[i], 0, 0, 0) && errno != EINVAL &&
		    errno != EPERM)
			return err_sys(e, "warden: capabilities");
	}
	return syscall(SYS_capset, &head, data) ? err_sys(e, "warden: capabilities") : 0;
}
