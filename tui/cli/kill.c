/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/client.h"
#include "core/fd.h"
#include "tui/cli/cli.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CMDLINE_MAX 4096

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
static int kill_warden(const struct jail *j, struct err *e)
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
	return 0;
}

static int kill_one(void *user, struct jail *j)
{
	struct client *c;
	struct err e;

	int ret = client_connect(&c, j, &e);
	if (ret == -ENOENT || ret == -ECONNREFUSED)
		return CLI_OK; /* it is down: what was asked for */
	if (ret == -ETIMEDOUT || ret == -EAGAIN)
		return kill_warden(j, &e) ? cli_fail(&e) : CLI_OK;
	if (ret)
		return cli_fail(&e);
	ret = client_call(c, "kill", NULL, -1, NULL, NULL, NULL, &e);
	client_free(c);
	return ret ? cli_fail(&e) : CLI_OK;
}

static int kill_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;

	if (!cli_simple(&a, v, argc, argv, 1, 4096))
		return a.status;
	return cli_each_jail(c, a.v, a.n, kill_one, NULL);
}

const struct verb verb_kill = {
    .name = "kill",
    .args = "NAME...",
    .help = "Ends jails at once, as if their power had failed",
    .more = "What their programs had not yet written is lost; what they had synced is there. A "
	    "supervisor that does not answer is killed too.",
    .words = WORDS_JAILS,
    .fn = kill_verb,
};
