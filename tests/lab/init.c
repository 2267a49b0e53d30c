/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's first process for tests/lab/boot: mounts the usual, opens the virtio-console port,
 * says "ready", echoes lines that begin with '=', runs a line that begins with '!' by /bin/sh on
 * the console, tells its exit status and powers off.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void mount_all(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666");
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	mount("tmpfs", "/run", "tmpfs", 0, NULL);
}

static int open_port(void)
{
	glob_t g;
	int fd = -1;

	if (!glob("/dev/vport*p0", 0, NULL, &g) && g.gl_pathc)
		fd = open(g.gl_pathv[0], O_RDWR | O_CLOEXEC);
	return fd;
}

static int run(const char *script)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int console = open("/dev/console", O_RDWR);
		for (int i = 0; i < 3; i++)
			dup2(console, i);
		setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
		setenv("HOME", "/", 1);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void end(void)
{
	sync();
	reboot(RB_POWER_OFF);
}

int main(void)
{
	static char line[1 << 20];

	mount_all();
	int port = open_port();
	if (port < 0) {
		printf("init: no port\n");
		end();
	}
	dprintf(port, "ready\n");
	for (size_t n = 0;;) {
		ssize_t got = read(port, line + n, sizeof(line) - 1 - n);
		if (got <= 0) {
			printf("init: port ended\n");
			end();
		}
		n += (size_t)got;
		line[n] = '\0';
		char *nl;
		while ((nl = memchr(line, '\0', n)) && nl < line + n) {
			size_t len = (size_t)(nl - line);
			if (line[0] == '=') {
				line[len] = '\n';
				for (size_t off = 0; off < len + 1;) {
					ssize_t put = write(port, line + off, len + 1 - off);
					if (put <= 0)
						break;
					off += (size_t)put;
				}
			} else if (line[0] == '!') {
				dprintf(port, "exit %d\n", run(line + 1));
				end();
			}
			memmove(line, nl + 1, n - len - 1);
			n -= len + 1;
		}
	}
}
