/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/conform/conform.h"
#include <sys/xattr.h>

static int put_bytes(const char *path, mode_t mode, const char *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n || fchmod(fd, mode) || close(fd))
		return -1;
	return 0;
}

static int put_text(const char *path, mode_t mode, const char *text)
{
	return put_bytes(path, mode, text, strlen(text));
}

static int put_big(void)
{
	static char block[65536];
	int fd = open("big", O_WRONLY | O_CREAT | O_EXCL, 0644);

	fill(block, sizeof(block), 1);
	if (fd < 0 || pwrite(fd, block, sizeof(block), 0) != (ssize_t)sizeof(block) ||
	    pwrite(fd, block, sizeof(block), KIT_BIG_DATA) != (ssize_t)sizeof(block))
		return -1;
	return close(fd);
}

static int put_f(void)
{
	char f[KIT_F_SIZE];

	for (int i = 0; i < KIT_F_SIZE; i++)
		f[i] = KIT_BYTE(i);
	if (put_bytes("f", 0644, f, sizeof(f)))
		return -1;
	return setxattr("f", "user.kit", "1", 1, 0) && errno != EOPNOTSUPP ? -1 : 0;
}

int kit_make(void)
{
	umask(022);
	if (put_f() || put_text("g", 0644, "other\n") || put_text("su", 04755, "set-id\n") ||
	    mkdir("e", 0755) || mkdir("d", 0755) || mkdir("d/sub", 0755) || mkdir("d2", 0755))
		return -1;
	if (put_text("d/a", 0644, "a\n") || put_text("d/sub/b", 0644, "b\n") ||
	    put_text("d2/x", 0644, "x\n") || put_text("h1", 0644, "linked\n"))
		return -1;
	if (symlink("a", "d/l") || symlink("f", "l") || symlink("d", "dl") ||
	    symlink("nowhere", "dangling"))
		return -1;
	if (link("h1", "h2") || link("h1", "d/h3") || mkfifo("p", 0644))
		return -1;
	return put_big();
}
