/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/spawn.h"
#include "guest/str.h"
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* The host's limit has GUEST_OWN_PIDS more than the guest's, for its kernel, init and these. */
enum { SPAWN_ROOM = 8, TRIES = 50 };

#define LIMIT "/proc/sys/kernel/threads-max"

/* Nobody else of the guest runs while the room is there: on one processor nobody else takes it. */
static void hurry(bool on)
{
	struct sched_param p = {.sched_priority = on ? 1 : 0};

	sched_setscheduler(0, (on ? SCHED_FIFO : SCHED_OTHER) | SCHED_RESET_ON_FORK, &p);
}

/* One more than there are, but at most SPAWN_ROOM more than there may be. */
static pid_t squeeze(uint64_t limit)
{
	struct sysinfo si = {.procs = 0};
	char text[24];
	uint64_t room;
	pid_t pid;
	int err;

	hurry(true);
	sysinfo(&si);
	room = si.procs + 1u;
	if (room < limit)
		room = limit;
	if (room > limit + SPAWN_ROOM)
		room = limit + SPAWN_ROOM;
	file_put(LIMIT, str_number(text, room));
	pid = fork();
	err = errno;
	if (pid == 0)
		return 0;
	file_put(LIMIT, str_number(text, limit));
	hurry(false);
	errno = err;
	return pid;
}

pid_t spawn(void)
{
	pid_t pid = fork();
	char text[24];
	const char *at = text;
	uint64_t limit;

	if (pid >= 0 || errno != EAGAIN || getpid() != 1)
		return pid;
	if (file_slurp(LIMIT, text, sizeof(text)) <= 0 || !str_parse(&at, UINT32_MAX, &limit)) {
		errno = EAGAIN;
		return -1;
	}
	for (int i = 0; pid < 0 && i < TRIES; i++)
		pid = squeeze(limit);
	return pid;
}
