/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/exec.h"
#include "core/chanproto.h"
#include "guest/launch.h"
#include "guest/stream.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static void send_failed(struct init *in, uint32_t id, int err, const char *what)
{
	unsigned char p[4 + CHAN_MAX_TEXT];
	size_t n = strnlen(what, CHAN_MAX_TEXT - 1);

	chan_put32(p, (uint32_t)err);
	memcpy(p + 4, what, n);
	p[4 + n] = '\0';
	gchan_send(&in->chan, CHAN_EXEC_FAILED, 0, id, p, 5 + n);
}

/* The close-on-exec pipe: end of file is success. */
static void on_started(void *user, uint32_t events)
{
	struct stream *s = user;
	struct launch_error e;
	ssize_t r = read(s->err.fd, &e, sizeof(e));

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	watch_close(&s->err);
	if (r == 0) {
		s->started = true;
		gchan_send32(&s->in->chan, CHAN_EXEC_STARTED, 0, s->id, (uint32_t)s->pid);
		stream_update(s);
		return;
	}
	e.what[sizeof(e.what) - 1] = '\0';
	send_failed(s->in, s->id, r == sizeof(e) ? e.err : EPROTO,
		    r == sizeof(e) ? e.what : "exec");
	stream_end(s);
}

static int open_pty(const struct launch *l, int *master, int *slave)
{
	struct winsize ws = {.ws_row = l->rows, .ws_col = l->cols};
	int unlock = 0;

	*master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (*master < 0)
		return -errno;
	if (ioctl(*master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	*slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0)
		return -errno;
	ioctl(*slave, TIOCSWINSZ, &ws);
	return 0;
}

/* The child's ends in io, ours in mine; every descriptor is -1 or open. 0 or -errno. */
static int open_io(const struct launch *l, struct launch_io *io, int mine[3])
{
	int p[2];

	if (l->flags & CHAN_PTY) {
		int r = open_pty(l, &mine[1], &io->fd[0]);

		if (r < 0)
			return r;
		io->tty = true;
		mine[0] = fcntl(mine[1], F_DUPFD_CLOEXEC, 0);
		io->fd[1] = fcntl(io->fd[0], F_DUPFD_CLOEXEC, 0);
		io->fd[2] = fcntl(io->fd[0], F_DUPFD_CLOEXEC, 0);
		return mine[0] < 0 || io->fd[1] < 0 || io->fd[2] < 0 ? -EMFILE : 0;
	}
	for (int i = 0; i < 3; i++) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return -errno;
		io->fd[i] = p[i != 0];
		mine[i] = p[i == 0];
		fcntl(mine[i], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

static void close_all(int fd[3])
{
	for (int i = 0; i < 3; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

bool exec_start(struct init *in, const struct frame *f)
{
	struct launch_io io = {.fd = {-1, -1, -1}};
	int mine[3] = {-1, -1, -1}, err_fd = -1, r;
	struct launch l;
	struct stream *s;
	pid_t pid = -1;

	if (!f->id || stream_find(in, f->id) || !launch_parse(&l, f->p, f->n))
		return false;
	if (!in->set_up || in->shutdown.phase != SHUT_NO) {
		send_failed(in, f->id, in->set_up ? ESHUTDOWN : EAGAIN, "the guest");
		return true;
	}
	r = open_io(&l, &io, mine);
	if (r == 0) {
		pid = launch_start(&l, &io, &err_fd);
		r = pid < 0 ? (int)pid : 0;
	}
	close_all(io.fd);
	s = r == 0 ? stream_new(in, f->id, pid, io.tty, mine) : NULL;
	if (!s) {
		close_all(mine);
		if (err_fd >= 0)
			close(err_fd);
		if (pid > 0)
			kill(pid, SIGKILL);
		send_failed(in, f->id, r < 0 ? -r : ENOMEM, "start");
		return true;
	}
	in->childless = false;
	watch_open(&s->err, in->epfd, err_fd, EPOLLIN, on_started, s);
	return true;
}

/* To the foreground process group of a pty, or to the group that the program leads. */
static void signal_stream(struct stream *s, int signo)
{
	pid_t group = 0;

	if (s->pty && watch_is_open(&s->out[1]))
		ioctl(s->out[1].fd, TIOCGPGRP, &group);
	if (group > 1)
		kill(-group, signo);
	else if (!s->exited && kill(-s->pid, signo) < 0)
		kill(s->pid, signo); /* it has not made its session yet */
}

void exec_signal_all(struct init *in, int signo)
{
	for (struct stream *s = in->streams; s; s = s->next)
		if (!s->over && !s->exited)
			kill(-s->pid, signo);
}

static void close_stream(struct init *in, struct stream *s)
{
	pid_t group = 0;

	if (s->pty && watch_is_open(&s->out[1]))
		ioctl(s->out[1].fd, TIOCGPGRP, &group);
	if (group > 1)
		kill(-group, SIGHUP);
	if (!s->exited && kill(-s->pid, SIGHUP) < 0)
		kill(s->pid, SIGHUP);
	gchan_send(&in->chan, CHAN_CLOSED, 0, s->id, NULL, 0);
	stream_end(s);
}

bool exec_frame(struct init *in, const struct frame *f)
{
	struct stream *s = stream_find(in, f->id);
	struct winsize ws;

	/* What crossed the end of a stream is of no interest; its form was checked by main. */
	if (!s)
		return true;
	switch (f->type) {
	case CHAN_DATA:
		return stream_input(s, f->p, f->n);
	case CHAN_EOF:
		return stream_input_eof(s);
	case CHAN_CREDIT:
		return stream_credit(s, f->flags, chan_get32(f->p));
	case CHAN_SIGNAL:
		signal_stream(s, (int)chan_get32(f->p));
		return true;
	case CHAN_WINSIZE:
		ws = (struct winsize){.ws_row = chan_get16(f->p), .ws_col = chan_get16(f->p + 2)};
		if (s->pty && watch_is_open(&s->out[1]))
			ioctl(s->out[1].fd, TIOCSWINSZ, &ws);
		return true;
	case CHAN_CLOSE:
		close_stream(in, s);
		return true;
	}
	return false;
}

bool exec_reaped(struct init *in, pid_t pid, int status)
{
	for (struct stream *s = in->streams; s; s = s->next) {
		if (s->pid != pid || s->exited || s->over)
			continue;
		/* A start that is not told yet comes before the end. */
		if (watch_is_open(&s->err))
			on_started(s, EPOLLIN);
		if (!s->over)
			stream_exited(s, status);
		return true;
	}
	return false;
}

int exec_tick(struct init *in)
{
	int64_t now = now_ms(), next = -1;
	struct stream **at = &in->streams, *s;

	if (in->starved && gchan_has_room(&in->chan)) {
		in->starved = false;
		for (s = in->streams; s; s = s->next)
			stream_update(s);
	}
	while ((s = *at) != NULL) {
		int64_t due = stream_tick(s, now);

		if (s->over) {
			*at = s->next;
			stream_free(s);
			continue;
		}
		if (due >= 0 && (next < 0 || due < next))
			next = due;
		at = &s->next;
	}
	return next < 0 ? -1 : (int)(next > now ? next - now : 0);
}
