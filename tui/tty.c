/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/tty.h"
#include <errno.h>
#include <langinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define NFATAL (sizeof(fatal) / sizeof(fatal[0]))

/*
 * The one place with state of the whole process: exit and signal handlers get no argument, and a
 * process has one controlling terminal.
 */
static struct {
	volatile sig_atomic_t guarded;
	int fd;
	struct termios mode;
	const char *volatile farewell;
	struct sigaction before[NFATAL];
} tty;

void tty_restore(void)
{
	const char *bytes = tty.farewell;

	if (!tty.guarded)
		return;
	if (bytes && write(tty.fd, bytes, strlen(bytes)) < 0)
		bytes = NULL; /* a terminal that is gone needs no farewell */
	tty.farewell = NULL;
	tcsetattr(tty.fd, TCSANOW, &tty.mode);
}

/* Restores the terminal, then lets happen what would have happened without us. */
static void on_fatal(int signo)
{
	int saved = errno;

	tty_restore();
	for (size_t i = 0; i < NFATAL; i++)
		if (fatal[i] == signo)
			sigaction(signo, &tty.before[i], NULL);
	errno = saved;
	raise(signo);
}

int tty_guard(int fd)
{
	struct sigaction sa = {.sa_handler = on_fatal};

	if (tty.guarded)
		return 0;
	if (tcgetattr(fd, &tty.mode))
		return -errno;
	tty.fd = fd;
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < NFATAL; i++)
		sigaction(fatal[i], &sa, &tty.before[i]);
	tty.guarded = 1;
	return atexit(tty_restore) ? -ENOMEM : 0;
}

int tty_raw(int fd)
{
	struct termios raw = tty.mode;

	cfmakeraw(&raw);
	return tcsetattr(fd, TCSADRAIN, &raw) ? -errno : 0;
}

void tty_farewell(const char *bytes)
{
	tty.farewell = bytes;
}

bool tty_size(int fd, uint16_t *rows, uint16_t *cols)
{
	struct winsize ws;

	*rows = 24;
	*cols = 80;
	if (ioctl(fd, TIOCGWINSZ, &ws) || !ws.ws_row || !ws.ws_col)
		return false;
	*rows = ws.ws_row;
	*cols = ws.ws_col;
	return true;
}

bool tty_utf8(void)
{
	return !strcasecmp(nl_langinfo(CODESET), "UTF-8");
}
