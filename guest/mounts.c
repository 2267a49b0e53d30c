/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/mounts.h"
#include "guest/str.h"
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

enum { SETTLE_NS = 2 * 1000 * 1000 };

struct place {
	const char *type, *dir, *options;
	unsigned long flags;
};

static const struct place places[] = {
    {.type = "proc", .dir = "/proc", .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {.type = "sysfs", .dir = "/sys", .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {.type = "devtmpfs", .dir = "/dev", .options = "mode=0755", .flags = MS_NOSUID},
    {.type = "devpts",
     .dir = "/dev/pts",
     .options = "gid=5,mode=0620,ptmxmode=0666",
     .flags = MS_NOSUID | MS_NOEXEC},
    {.type = "tmpfs", .dir = "/dev/shm", .options = "mode=1777", .flags = MS_NOSUID | MS_NODEV},
    {.type = "tmpfs", .dir = "/run", .options = "mode=0755", .flags = MS_NOSUID | MS_NODEV},
};

struct link {
	const char *name, *target;
};

static const struct link links[] = {
    {.name = "/dev/fd", .target = "/proc/self/fd"}, {.name = "/dev/stdin", .target = "fd/0"},
    {.name = "/dev/stdout", .target = "fd/1"},	    {.name = "/dev/stderr", .target = "fd/2"},
    {.name = "/dev/ptmx", .target = "pts/ptmx"},
};

struct setting {
	const char *path, *value;
};

/* Values of a Debian system where the kernel's own differ. */
static const struct setting settings[] = {
    {.path = "/proc/sys/kernel/core_pattern", .value = "core"},
    {.path = "/proc/sys/fs/protected_hardlinks", .value = "1"},
    {.path = "/proc/sys/fs/protected_symlinks", .value = "1"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void mount_one(const struct place *p)
{
	int r = mount(p->type, p->dir, p->type, p->flags, p->options);

	if (r < 0 && errno == ENOENT) {
		mkdir(p->dir, 0755);
		r = mount(p->type, p->dir, p->type, p->flags, p->options);
	}
	if (r < 0 && errno != EBUSY) /* the kernel may have mounted /dev itself */
		log_line("cannot mount", p->dir);
}

void mounts_make(void)
{
	struct stat st;

	for (size_t i = 0; i < COUNT(places); i++)
		mount_one(&places[i]);
	for (size_t i = 0; i < COUNT(links); i++)
		if (symlink(links[i].target, links[i].name) < 0 && errno != EEXIST)
			log_line("cannot make", links[i].name);
	mkdir("/run/lock", 01777);
	chmod("/run/lock", 01777);
	if (stat("/tmp", &st) < 0)
		mkdir("/tmp", 0777);
	else if ((st.st_mode & 07777) == 01777)
		return;
	chmod("/tmp", 01777);
}

static void raise_loopback(void)
{
	struct ifreq ifr = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	ifr.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		log_line("loopback", NULL);
	close(fd);
}

static void set_limit(int what, rlim_t soft, rlim_t hard)
{
	struct rlimit r = {.rlim_cur = soft, .rlim_max = hard};

	setrlimit(what, &r);
}

void mounts_settle(void)
{
	raise_loopback();
	for (size_t i = 0; i < COUNT(settings); i++)
		file_put(settings[i].path, settings[i].value);
	/* What a login on Debian has: many files for those who ask, no core dumps unasked. */
	set_limit(RLIMIT_NOFILE, 1024, 1024 * 1024);
	set_limit(RLIMIT_CORE, 0, RLIM_INFINITY);
	reboot(RB_DISABLE_CAD);
}

/* /proc/mounts writes blanks and the like as \ooo. In place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (!path[n] || path[n] == '/');
}

void mounts_undo(void)
{
	char *text = file_load("/proc/self/mounts", 1024 * 1024);
	char *end = text ? text + strlen(text) : NULL;

	/* Lines from the last to the first: DEVICE DIR TYPE ... */
	while (end && end > text) {
		char *line, *dir;

		*--end = '\0';
		line = memrchr(text, '\n', (size_t)(end - text));
		line = line ? line + 1 : text;
		end = line;
		dir = strchr(line, ' ');
		if (!dir)
			continue;
		*strchrnul(++dir, ' ') = '\0';
		unescape(dir);
		if (!strcmp(dir, "/") || is_below(dir, "/dev") || is_below(dir, "/proc") ||
		    is_below(dir, "/sys"))
			continue; /* nothing of them is on a disk, and init still uses them */
		if (umount2(dir, UMOUNT_NOFOLLOW) < 0)
			umount2(dir, UMOUNT_NOFOLLOW | MNT_DETACH);
	}
	free(text);
}

void mounts_settle_root(void)
{
	struct timespec pause = {.tv_nsec = SETTLE_NS};
	struct statfs st;

	sync();
	statfs("/", &st);
	nanosleep(&pause, NULL);
}
