/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/shutdown.h"
#include "core/chanproto.h"
#include "guest/exec.h"
#include "guest/jobs.h"
#include "guest/mounts.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/reboot.h>
#include <unistd.h>

enum {
	GRACE_MAX_MS = 10 * 60 * 1000,
	KILL_MS = 5000, /* for processes that a hanging file system holds */
	LAST_MS = 500,	/* for the streams' last bytes */
	DRAIN_MS = 500, /* for the host to take the last frames */
	OFF_MS = 1000,	/* and to act upon OFF */
};

/* A system's own init is asked to power off, by the signal that it knows (systemd(1); busybox). */
static void ask_real(void)
{
	kill(1, access("/run/systemd/system", F_OK) == 0 ? SIGRTMIN + 4 : SIGUSR2);
}

/* kill(-1) reaches the whole system: only pid 1 of the guest may say it. */
static void signal_all(struct init *in, int signo)
{
	if (in->pid1 && getpid() == 1) {
		kill(-1, signo);
		return;
	}
	exec_signal_all(in, signo);
	if (in->main.pid > 1)
		kill(-in->main.pid, signo);
}

static void enter(struct init *in, enum shutdown_phase phase, uint32_t ms)
{
	in->shutdown.phase = phase;
	in->shutdown.due = now_ms() + ms;
}

void shutdown_begin(struct init *in, uint32_t tag, uint32_t grace_ms)
{
	uint32_t grace = grace_ms > GRACE_MAX_MS ? GRACE_MAX_MS : grace_ms;

	if (in->shutdown.phase != SHUT_NO) {
		int64_t due = now_ms() + grace;

		if (in->shutdown.phase == SHUT_TERM && due < in->shutdown.due)
			in->shutdown.due = due;
		if (tag && in->shutdown.tag)
			jobs_done(in, tag, EALREADY);
		else if (tag)
			in->shutdown.tag = tag;
		return;
	}
	in->shutdown.tag = tag;
	enter(in, SHUT_TERM, grace);
	if (in->real) {
		ask_real();
		return;
	}
	if (in->main.pid > 1)
		kill(in->main.pid, SIGHUP); /* an interactive shell ignores SIGTERM */
	signal_all(in, SIGTERM);
	signal_all(in, SIGCONT);
}

void shutdown_reaped(struct init *in)
{
	if (in->shutdown.phase == SHUT_KILL)
		in->shutdown.killed++;
}

static void __attribute__((noreturn)) finish(struct init *in)
{
	if (in->pid1) {
		sync();
		if (!in->real)
			mounts_undo();
		mounts_settle_root();
	}
	if (in->shutdown.tag) {
		unsigned char p[8] = {0};

		chan_put32(p + 4, in->shutdown.killed);
		gchan_send(&in->chan, CHAN_DONE, 0, in->shutdown.tag, p, sizeof(p));
	}
	if (in->set_up)
		gchan_send(&in->chan, CHAN_OFF, 0, 0, NULL, 0);
	gchan_drain(&in->chan, DRAIN_MS);
	if (in->pid1 && in->set_up && !in->chan.over)
		poll(NULL, 0, OFF_MS); /* the host ends us here */
	if (in->pid1) {
		reboot(RB_POWER_OFF);
		reboot(RB_HALT_SYSTEM);
	}
	_exit(0);
}

int shutdown_tick(struct init *in)
{
	int64_t now = now_ms();
	/* A system's init powers off by itself; when it does not, this is the end all the same. */
	bool over = (in->childless && !in->real) || now >= in->shutdown.due;

	if (in->shutdown.phase == SHUT_NO)
		return -1;
	if (in->shutdown.phase == SHUT_TERM && over && in->real) {
		enter(in, SHUT_LAST, 0);
	} else if (in->shutdown.phase == SHUT_TERM && over) {
		enter(in, in->childless ? SHUT_LAST : SHUT_KILL, in->childless ? LAST_MS : KILL_MS);
		if (!in->childless)
			signal_all(in, SIGKILL);
	} else if (in->shutdown.phase == SHUT_KILL && over) {
		enter(in, SHUT_LAST, LAST_MS);
	}
	if (in->shutdown.phase == SHUT_LAST &&
	    ((!in->streams && !in->jobs) || now >= in->shutdown.due))
		finish(in);
	return in->shutdown.due > now ? (int)(in->shutdown.due - now) : 0;
}
