/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/mountpoint.h"
#include "core/buf.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK_MAX = 16 /* mounts on top of each other that are taken away */ };

/* The path as mountinfo has it: its directory resolved, the last component not touched. */
static int canonical(const char *path, char out[PATH_MAX])
{
	char dir[PATH_MAX], base[PATH_MAX], full[PATH_MAX];

	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(dir, path);
	strcpy(base, path);
	if (!realpath(dirname(dir), full))
		return -errno;
	int n = snprintf(out, PATH_MAX, "%s/%s", strcmp(full, "/") ? full : "", basename(base));
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* mountinfo writes blank, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
	char *w = s;

	for (; *s; w++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*w = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*w = *s++;
		}
	}
	*w = '\0';
}

/*
 * One line: id parent major:minor root PATH options [fields...] - FSTYPE source superoptions
 * The path of a mount of this type, unescaped inside line; NULL when it is of another.
 */
static char *line_path(char *line, const char *fstype)
{
	char *rest = line, *at = NULL;

	for (int i = 0; i < 5; i++)
		at = strsep(&rest, " ");
	char *type = rest ? strstr(rest, " - ") : NULL;
	if (!type)
		return NULL;
	type += 3;
	if (strncmp(type, fstype, strlen(fstype)) || type[strlen(fstype)] != ' ')
		return NULL;
	unescape(at);
	return at;
}

bool mountpoint_is(const char *path, const char *fstype)
{
	char full[PATH_MAX];
	FILE *f = canonical(path, full) ? NULL : fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t cap = 0;
	bool found = false;

	while (f && !found && getline(&line, &cap, f) > 0) {
		const char *at = line_path(line, fstype);

		found = at && !strcmp(at, full);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* fusermount3 may unmount what its caller mounted. Its complaints are ours to tell. */
static int run_fusermount(const char *path)
{
	const char *const argv[] = {"fusermount3", "-u", "-z", "-q", "--", path, NULL};
	posix_spawn_file_actions_t quiet;
	int status = 0;
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	int r = posix_spawnp(&pid, argv[0], &quiet, NULL, (char **)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&quiet);
	if (r)
		return -r;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EPERM;
}

int mountpoint_detach(const char *path, const char *fstype, struct err *e)
{
	char full[PATH_MAX];

	if (canonical(path, full))
		return 0;
	for (int i = 0; i < STACK_MAX && mountpoint_is(path, fstype); i++) {
		int r = umount2(full, MNT_DETACH | UMOUNT_NOFOLLOW) ? -errno : 0;

		if (r == -EPERM)
			r = run_fusermount(full);
		if (r)
			return err_set(e, r, "window %s: cannot unmount: %s", path, strerror(-r));
	}
	return 0;
}

void mountpoint_forget(const char *fstype)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		const char *at = line_path(line, fstype);

		if (at)
			umount2(at, MNT_DETACH | UMOUNT_NOFOLLOW);
	}
	free(line);
	if (f)
		fclose(f);
}
