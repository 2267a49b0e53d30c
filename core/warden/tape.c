/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recording that jail.conf asks for: an asciicast of each boot's console. At most record-size
 * bytes: a guest that writes for ever must not fill the host's disk.
 */
#include "core/cast.h"
#include "core/fd.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAPES "recordings"
#define TRIES 10000

struct tape {
	int fd;
	uint64_t left;
	struct cast cast;
};

static const char *wanted(const struct conf *c)
{
	return c->console_record && strcmp(c->console_record, "no") != 0 ? c->console_record : NULL;
}

/* The first name that is free: FILE, FILE.1, FILE.2, ... Nothing is ever written over. */
static int create(struct warden *w, const char *record, char **path)
{
	bool own = !strcmp(record, "yes");
	char *base = own ? xasprintf("%s/" TAPES "/console.cast", w->jail.dir) : xstrdup(record);
	int fd = -1;

	if (own)
		mkdirat(w->jail.dirfd, TAPES, 0700);
	for (int i = 0; fd < 0 && i < TRIES; i++) {
		*path = i ? xasprintf("%s.%d", base, i) : xstrdup(base);
		fd = open(*path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
			  0600);
		if (fd >= 0 || errno != EEXIST)
			break;
		free(*path);
		*path = NULL;
	}
	free(base);
	return fd;
}

static void put(struct warden *w, const struct buf *b)
{
	struct tape *t = w->tape;
	const char *why = NULL;

	if (b->len > t->left)
		why = "it has reached [console] record-size";
	else if (b->len && fd_write_full(t->fd, b->p, b->len))
		why = strerror(errno);
	t->left -= why ? 0 : b->len;
	if (!why)
		return;
	warden_log("recording: ends here: %s", why);
	close(t->fd);
	free(t);
	w->tape = NULL;
}

void tape_open(struct warden *w)
{
	const char *record = wanted(&w->conf);
	struct buf b = {0};
	char *path = NULL;

	tape_close(w);
	if (!record)
		return;
	int fd = create(w, record, &path);
	if (fd < 0) {
		warden_log("recording: %s: %s: the console is not recorded", path ? path : record,
			   strerror(errno));
		free(path);
		return;
	}
	warden_log("recording the console to %s", path);
	free(path);
	w->tape = xcalloc(1, sizeof(*w->tape));
	*w->tape = (struct tape){.fd = fd, .left = w->conf.console_record_size};
	cast_begin(&w->tape->cast, false, w->st.rows, w->st.cols, w->jail.name, loop_now_ms(), &b);
	put(w, &b);
	buf_free(&b);
}

void tape_close(struct warden *w)
{
	struct buf b = {0};

	if (!w->tape)
		return;
	cast_end(&w->tape->cast, loop_now_ms(), &b);
	put(w, &b);
	buf_free(&b);
	if (w->tape)
		close(w->tape->fd);
	free(w->tape);
	w->tape = NULL;
}

void tape_output(struct warden *w, const void *p, size_t n)
{
	struct buf b = {0};

	if (!w->tape)
		return;
	cast_event(&w->tape->cast, CAST_OUTPUT, p, n, loop_now_ms(), &b);
	put(w, &b);
	buf_free(&b);
}

void tape_size(struct warden *w)
{
	struct buf b = {0};

	if (!w->tape)
		return;
	cast_size(&w->tape->cast, w->st.rows, w->st.cols, loop_now_ms(), &b);
	put(w, &b);
	buf_free(&b);
}

void tape_mark(struct warden *w, const char *text)
{
	struct buf b = {0};

	if (!w->tape)
		return;
	cast_text(&w->tape->cast, CAST_MARKER, text, loop_now_ms(), &b);
	put(w, &b);
	buf_free(&b);
}
