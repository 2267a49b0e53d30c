/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/frame.h"
#include "core/buf.h"
#include "core/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct frame {
	int tty;  /* the terminal, borrowed */
	int heap; /* a file in memory that gathers; -1: none, all is sent at once */
	FILE *file;
	struct buf bytes;
};

struct frame *frame_new(int tty)
{
	struct frame *f = xcalloc(1, sizeof(*f));
	int fd = fcntl(tty, F_DUPFD_CLOEXEC, 3), saved;

	f->tty = tty;
	f->heap = memfd_create("frame", MFD_CLOEXEC);
	f->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (f->file)
		return f;
	saved = errno;
	fd_close(&fd);
	frame_free(f);
	errno = saved;
	return NULL;
}

void frame_free(struct frame *f)
{
	if (!f)
		return;
	if (f->file)
		fclose(f->file);
	fd_close(&f->heap);
	buf_free(&f->bytes);
	free(f);
}

FILE *frame_file(const struct frame *f)
{
	return f->file;
}

void frame_begin(struct frame *f)
{
	if (f->heap >= 0)
		dup3(f->heap, fileno(f->file), O_CLOEXEC);
}

void frame_end(struct frame *f)
{
	off_t n;
	char *p;

	if (f->heap < 0)
		return;
	dup3(f->tty, fileno(f->file), O_CLOEXEC);
	n = lseek(f->heap, 0, SEEK_CUR);
	if (n <= 0)
		return;
	buf_reset(&f->bytes);
	p = buf_room(&f->bytes, (size_t)n);
	lseek(f->heap, 0, SEEK_SET);
	if (fd_read_full(f->heap, p, (size_t)n) == n)
		fd_write_full(f->tty, p, (size_t)n);
	if (lseek(f->heap, 0, SEEK_SET) || ftruncate(f->heap, 0))
		fd_close(&f->heap);
}
