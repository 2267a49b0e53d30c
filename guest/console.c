/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/console.h"
#include "core/chanproto.h"
#include "guest/shutdown.h"
#include "guest/str.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { GRACE_AFTER_MAIN_MS = 1000 };

void console_open(struct init *in)
{
	struct termios t;

	if (in->console >= 0)
		close(in->console);
	in->console = open(in->console_path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (in->console < 0 || tcgetattr(in->console, &t) < 0)
		return;
	t.c_iflag = BRKINT | ICRNL | IXON | IUTF8 | IMAXBEL;
	t.c_oflag = OPOST | ONLCR;
	t.c_lflag = ISIG | ICANON | IEXTEN | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE;
	t.c_cflag = (t.c_cflag & ~(unsigned)(CSIZE | PARENB | HUPCL)) | CS8 | CREAD;
	t.c_cc[VINTR] = 3;
	t.c_cc[VQUIT] = 28;
	t.c_cc[VERASE] = 127;
	t.c_cc[VKILL] = 21;
	t.c_cc[VEOF] = 4;
	t.c_cc[VSTART] = 17;
	t.c_cc[VSTOP] = 19;
	t.c_cc[VSUSP] = 26;
	t.c_cc[VREPRINT] = 18;
	t.c_cc[VWERASE] = 23;
	t.c_cc[VLNEXT] = 22;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	tcsetattr(in->console, TCSANOW, &t);
}

void console_winsize(struct init *in, uint16_t rows, uint16_t cols)
{
	struct winsize ws = {.ws_row = rows, .ws_col = cols};

	if (rows && cols && in->console >= 0)
		ioctl(in->console, TIOCSWINSZ, &ws);
}

static void main_over(struct init *in, int status, int err, const char *what)
{
	unsigned char p[8 + CHAN_MAX_TEXT];
	size_t n = strnlen(what, CHAN_MAX_TEXT - 1);

	watch_close(&in->main.err);
	in->main.pid = 0;
	chan_put32(p, (uint32_t)status);
	chan_put32(p + 4, (uint32_t)err);
	memcpy(p + 8, what, n);
	p[8 + n] = '\0';
	gchan_send(&in->chan, CHAN_MAIN_EXIT, 0, 0, p, 9 + n);
	if (!in->keep)
		shutdown_begin(in, 0, GRACE_AFTER_MAIN_MS);
}

/* The close-on-exec pipe of the main command. */
static void on_started(void *user, uint32_t events)
{
	struct init *in = user;
	struct launch_error e;
	ssize_t r = read(in->main.err.fd, &e, sizeof(e));

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	watch_close(&in->main.err);
	if (r == sizeof(e)) {
		e.what[sizeof(e.what) - 1] = '\0';
		main_over(in, (e.err == ENOENT ? 127 : 126) << 8, e.err, e.what);
	} else if (in->main.exited) {
		main_over(in, in->main.status, 0, "");
	}
}

void console_start_main(struct init *in, const struct launch *l)
{
	int fd = open(in->console_path, O_RDWR | O_NOCTTY | O_CLOEXEC), err_fd = -1;
	struct launch_io io = {.fd = {fd, fd, fd}, .tty = true};
	pid_t pid = -errno;

	console_winsize(in, l->rows, l->cols);
	if (fd >= 0) {
		pid = launch_start(l, &io, &err_fd);
		close(fd);
	}
	gchan_send32(&in->chan, CHAN_READY, 0, 0, pid > 0 ? (uint32_t)pid : 0);
	if (pid < 0) {
		main_over(in, 126 << 8, (int)-pid, "console");
		return;
	}
	in->childless = false;
	in->main.pid = pid;
	watch_open(&in->main.err, in->epfd, err_fd, EPOLLIN, on_started, in);
}

/* The foreground group as /proc tells it (field 8): init is in another session than its tty. */
static pid_t foreground(pid_t pid)
{
	char path[40], num[21], text[512];
	const char *s;
	uint64_t v;

	str_join(path, sizeof(path), "/proc/", str_number(num, (uint64_t)pid), "/stat", NULL);
	if (file_slurp(path, text, sizeof(text)) <= 0)
		return 0;
	s = strrchr(text, ')'); /* comm may hold anything */
	for (int field = 2; s && field < 8; field++)
		s = strchr(s + 1, ' ');
	if (!s)
		return 0;
	s++;
	return str_parse(&s, INT32_MAX, &v) && v > 1 ? (pid_t)v : 0;
}

void console_signal(struct init *in, int signo)
{
	pid_t group = in->main.pid > 1 ? foreground(in->main.pid) : 0;

	if (group > 1)
		kill(-group, signo);
	else if (in->main.pid > 1)
		kill(in->main.pid, signo);
}

bool console_reaped(struct init *in, pid_t pid, int status)
{
	if (!in->main.pid || pid != in->main.pid)
		return false;
	in->main.exited = true;
	in->main.status = status;
	if (watch_is_open(&in->main.err))
		on_started(in, EPOLLIN);
	else
		main_over(in, status, 0, "");
	if (in->keep)
		console_open(in); /* the session's end has hung the line up */
	return true;
}
