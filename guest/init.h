/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * init: the state of gaol's pid 1 in the guest. One struct, made in main, handed to every module.
 *
 * One thread, one epoll loop, signals as data. As pid 1 it never exits but by powering off. With
 * --serve FD it serves the channel as an ordinary process (tests): then it touches nothing but
 * its own children.
 */
#ifndef GAOL_GUEST_INIT_H
#define GAOL_GUEST_INIT_H

#include "guest/chan.h"
#include "guest/watch.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stream;
struct job;

enum shutdown_phase { SHUT_NO, SHUT_TERM, SHUT_KILL, SHUT_LAST };

struct main_command {
	pid_t pid; /* 0: none, or over */
	struct watch err;
	bool exited;
	int status;
};

struct init {
	bool pid1; /* the guest's, not a test's; with a real init, its second process */
	bool real; /* pid 1 is a system's own init */
	int epfd;
	struct watch signals;
	struct gchan chan;
	bool set_up;	/* SETUP has come */
	bool keep;	/* stay up when the main command ends */
	bool childless; /* waitpid said ECHILD at last */

	const char *console_path;
	int console; /* for settings only; -1: none */
	struct main_command main;

	struct stream *streams;
	bool starved; /* some stream waits for room in the channel */
	struct job *jobs;
	struct watch names; /* the proc connector */

	struct {
		enum shutdown_phase phase;
		uint32_t tag; /* of the request, 0: none */
		int64_t due;  /* when the phase is over at the latest */
		uint32_t killed;
	} shutdown;
};

#endif
