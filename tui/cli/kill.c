/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/fd.h"
#include "core/loop.h"
#include "tui/cli/power.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CMDLINE_MAX 4096
#define END_MS 5000

/* True when a process is the warden of this jail: "gaol warden ... NAME". */
static bool is_warden(pid_t pid, const char *name)
{
	char path[32], text[CMDLINE_MAX + 1];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_full(fd, text, CMDLINE_MAX);
	size_t len = strlen(name);
	if (n <= 0 || (size_t)n < len + 1 || text[n - 1])
		return false;
	text[n] = '\0';
	const char *second = text + strlen(text) + 1;
	const char *last = text + n - 1 - len;
	return second < text + n && !strcmp(second, "warden") && last > second && !last[-1] &&
	       !strcmp(last, name);
}

/* A warden that does not answer: its death takes the guest with it. */
static int kill_warden(struct jail *j, struct err *e)
{
	struct jail_status st;

	if (jail_status_read(j, &st) || st.warden <= 0)
		return err_set(e, -ESRCH, "%s: its warden does not answer, and cannot be found",
			       j->name);
	/* The descriptor first: then the process that is looked at is the one that is killed. */
	cleanup_fd int fd = (int)syscall(SYS_pidfd_open, st.warden, 0);
	if (fd < 0 || !is_warden(st.warden, j->name))
		return err_set(e, -ESRCH, "%s: its warden does not answer, and process %d is none",
			       j->name, (int)st.warden);
	if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0))
		return err_sys(e, "%s: its warden cannot be killed", j->name);
	for (int64_t until = loop_now_ms() + END_MS; jail_locked(j);) {
		if (loop_now_ms() > until)
			return err_set(e, -ETIMEDOUT,
				       "%s: its warden was killed and does not end: "
				       "the host's kernel log may say why",
				       j->name);
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	return 0;
}

static bool has_warden(const struct jail_status *st)
{
	return st->warden != 0;
}

static int kill_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	static const struct power p = {.call = "kill",
				       .grace_ms = -1,
				       .down_is_ok = true,
				       .wanted = has_warden,
				       .last = kill_warden};

	return power_verb(c, &p, v, argc, argv);
}

static const struct cli_opt opts[] = {POWER_OPT_ALL, {0}};

const struct verb verb_kill = {
    .name = "kill",
    .args = "NAME...",
    .help = "Ends jails at once, as if their power had failed",
    .more = "What their programs had not yet written is lost; what they had synced is there. A "
	    "supervisor that does not answer is killed too.",
    .opts = opts,
    .words = WORDS_JAILS,
    .fn = kill_verb,
};
