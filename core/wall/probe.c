/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/wall/probe.h"
#include "core/made.h"
#include <errno.h>
#include <limits.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int probe_landlock(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

bool probe_seccomp(void)
{
	static const uint32_t actions[] = {SECCOMP_RET_ERRNO, SECCOMP_RET_TRAP, SECCOMP_RET_ALLOW};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]) < 0)
			return false;
	return true;
}

int probe_step(char *buf, size_t size, struct err *e)
{
	char init[PATH_MAX];
	int ret = made_find_init(init, sizeof(init), e);

	if (ret)
		return ret;
	char *slash = strrchr(init, '/');
	int dir = slash ? (int)(slash + 1 - init) : 0;
	snprintf(buf, size, "%.*swall", dir, init);
	if (access(buf, X_OK) == 0)
		return 0;
	return err_set(e, -ENOENT, "walls: %s: %s: run `make`", buf, strerror(errno));
}
