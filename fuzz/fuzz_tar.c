/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the import of an image's layer: whatever the tar says, paths are absolute and of plain
 * names, numbers are what a file can have, and the end comes.
 *
 * Input: a tar. Checksums are mended on the way, else nothing behind the first change would count.
 */
#include "core/fd.h"
#include "core/tarin.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Sums up each block that could be a header; ustar.h of POSIX: the sum at 148, taken as blanks. */
static void mend(uint8_t *p, size_t n)
{
	for (size_t at = 0; at + BLOCK <= n; at += BLOCK) {
		uint8_t *b = p + at;
		unsigned sum = 0;

		if (memcmp(b + 257, "ustar", 5))
			continue;
		memset(b + 148, ' ', 8);
		for (int i = 0; i < BLOCK; i++)
			sum += b[i];
		snprintf((char *)b + 148, 8, "%06o", sum & 0777777);
	}
}

static void check_path(const char *p)
{
	if (*p != '/')
		abort();
	while (*p) {
		size_t n = strcspn(++p, "/");

		if ((n == 1 && *p == '.') || (n == 2 && !strncmp(p, "..", 2)) ||
		    (!n && p[-1] == '/' && *p))
			abort();
		p += n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_fd int in = memfd_create("tar", MFD_CLOEXEC);
	cleanup_fd int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	uint8_t *copy = malloc(n + 1);
	struct tarin_entry x;
	struct tarin *t;
	struct err e = {""};
	int ret;

	if (in < 0 || out < 0 || !copy)
		abort();
	memcpy(copy, data, n);
	mend(copy, n);
	if (write(in, copy, n) != (ssize_t)n || lseek(in, 0, SEEK_SET))
		abort();
	t = tarin_new(in);
	while ((ret = tarin_next(t, &x, &e)) == 1) {
		check_path(x.b.path);
		if (x.kind == TARIN_LINK)
			check_path(x.b.target);
		if (x.kind != TARIN_ENTRY)
			continue;
		if (!(x.b.st.st_mode & S_IFMT) || (x.b.st.st_mode & ~(mode_t)(S_IFMT | 07777)) ||
		    x.b.st.st_mtim.tv_nsec < 0 || x.b.st.st_mtim.tv_nsec > 999999999)
			abort();
		if (S_ISLNK(x.b.st.st_mode) && !x.b.target)
			abort();
		for (size_t i = 0; i < x.b.nxattrs; i++)
			if (!*x.b.xattrs[i].name)
				abort();
		if (S_ISREG(x.b.st.st_mode) && x.size < (1 << 20) && n % 2 &&
		    tarin_copy(t, out, &e) && !*e.text)
			abort();
	}
	if (ret < 0 && !*e.text)
		abort();
	tarin_free(t);
	free(copy);
	return 0;
}
