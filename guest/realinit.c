/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/realinit.h"
#include "guest/str.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void __attribute__((noreturn)) become(const char *path)
{
	char *argv[] = {(char *)path, NULL};
	int fd = open("/dev/tty0", O_RDWR | O_NOCTTY);

	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
	clearenv();
	setenv("container", "gaol", 1);
	setenv("TERM", "linux", 1);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execv(path, argv);
	log_line("cannot run", path);
	_exit(127); /* the kernel panics, and says so */
}

bool realinit_fork(const char *path, char *name)
{
	pid_t pid = fork();

	if (pid > 0)
		become(path);
	if (pid < 0)
		return false;
	if (*name)
		*name = '@';
	setsid();
	return true;
}
