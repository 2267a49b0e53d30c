/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jail: where jails live, what they are called, which state they are in.
 *
 * State:   $GAOL_HOME, else /var/lib/gaol (root), $XDG_DATA_HOME/gaol or ~/.local/share/gaol:
 *          jails/NAME/{jail.conf,upper/,work/,made/,checkpoints.git/,events/,log,state,lock}
 * Runtime: $GAOL_RUN, else /run/gaol (root), $XDG_RUNTIME_DIR/gaol, else /tmp/gaol-UID, a
 *          directory that must be ours with mode 0700: NAME/{sock,root/,at/}
 * A jail's warden holds an exclusive flock on jails/NAME/lock for its whole life; whoever changes
 * a stopped jail's files takes the same lock first. jails/NAME/state is the last announcement of
 * a warden (JSON, replaced atomically): it is the truth while the lock is held; when it is not,
 * a state that needs a warden reads as "crashed" (the warden died) or, after an orderly end, as
 * written.
 */
#ifndef GAOL_CORE_JAIL_H
#define GAOL_CORE_JAIL_H

#include "core/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JAIL_NAME_MAX 32

enum jail_state {
	JAIL_STOPPED,
	JAIL_BOOTING,
	JAIL_RUNNING,
	JAIL_PAUSED, /* every process of the guest is halted on the host */
	JAIL_STOPPING,
	JAIL_SAVING,	/* a checkpoint is being written; the guest lives */
	JAIL_RESTORING, /* a rollback is being applied; the guest is down */
	JAIL_CRASHED,	/* guest or warden died without being asked; reason says which */
	JAIL_FAILED,	/* could not be started; reason says why */
	JAIL_STATES
};

/* "stopped", "booting", ... */
const char *jail_state_name(enum jail_state s);
/* The number of a state's name, -1 for an unknown word. */
int jail_state_parse(const char *s);

/* What the last announcement said. Strings are bounded copies; text from guests is unescaped. */
struct jail_status {
	char name[JAIL_NAME_MAX + 1];
	enum jail_state state;
	pid_t warden;	/* 0: no warden holds the lock */
	pid_t guest;	/* bubblewrap's pid, 0: no guest */
	int64_t since;	/* seconds of CLOCK_REALTIME at which state was entered */
	int64_t booted; /* when the present guest was started, 0 = no guest */
	int64_t created;
	uint64_t memory; /* bytes */
	char profile[16];
	bool trusting;	  /* [jail] speed = trusting */
	bool throwaway;	  /* belongs to a `gaol run` */
	bool has_exit;	  /* the main command ended: */
	int exit_status;  /* its wait status */
	char reason[256]; /* of crashed and failed; of stopped: why its command cannot be run */
	char note[128];
	unsigned checkpoint;	 /* number of the present one, 0 = none */
	int64_t checkpoint_time; /* when that was made */
	uint64_t net_waiting; /* connections that an admin is asked about now */
	uint64_t moves;	     /* saves, rollbacks, redos and restores so far: views read anew when it
				differs, since a rollback may lead to the same checkpoint */
	uint64_t events;     /* seq of the newest event */
	int viewers;	     /* attached consoles */
	uint16_t rows, cols; /* the console's size */
	char window[256];    /* path of the window, "" = none */
	/* limits, and what the layer has taken of them (live in a warden's answers, else of the
	 * last announcement); 0: no limit */
	uint64_t size_limit, size_used;
	unsigned inodes_limit, files_limit, pids_limit, cpu_share;
	uint64_t inodes_used;
	bool used_known;    /* else the layer is being counted */
	char limits_by[32]; /* what holds processes and share: "rlimit", "cgroup v2, rlimit" ... */
	unsigned restarts;  /* times in a row that the restart policy has brought it back */
	int64_t restart_at; /* when it will again, 0 = no restart is planned */
};

struct jail_places {
	char *home; /* owned; absolute */
	char *run;
};

/* Finds and makes (0700) both places, checks owner and mode. 0 or -errno with e set. */
int jail_places_init(struct jail_places *p, struct err *e);
void jail_places_free(struct jail_places *p);

/* True for [a-z0-9][a-z0-9._-]{0,31}. */
bool jail_name_ok(const char *name);

struct jail {
	char name[JAIL_NAME_MAX + 1];
	char *dir; /* HOME/jails/NAME */
	char *run; /* RUN/NAME (may not exist yet) */
	int dirfd; /* O_RDONLY|O_DIRECTORY of dir */
};

/* Opens an existing jail: its directory must be ours, no link, closed to others. -ENOENT: none of
 * that name. */
int jail_open(struct jail *j, const struct jail_places *p, const char *name, struct err *e);
void jail_close(struct jail *j);
/*
 * Makes a new jail with the given jail.conf text, atomically (a temporary directory renamed into
 * place): upper/, work/, an empty repository with checkpoint 1 (the empty layer). throwaway: it
 * belongs to a `gaol run`, and is swept by the next one should that be killed. -EEXIST: taken.
 */
int jail_create(const struct jail_places *p, const char *name, const char *conf, size_t n,
		bool throwaway, struct err *e);
/*
 * Makes a new jail, stopped, from a checkpoint of another (id as log_resolve takes it; *number is
 * which it was): same jail.conf, that checkpoint as its present one with the line it stands on, its
 * layer as it was there. The other may run, and may be pruned or removed afterwards. -EEXIST.
 */
int jail_fork(const struct jail_places *p, const struct jail *from, const char *id,
	      const char *name, unsigned *number, struct err *e);
/* A free name "run-XXXXXX" for a throw-away jail into name[JAIL_NAME_MAX + 1]. */
void jail_random_name(char *name);
/*
 * Removes a jail's directories; the caller holds its lock. The name is free at once: the directory
 * is renamed to ".gone-XXXXXX" first, and what a killed remover left there goes when the next jail
 * is made.
 */
int jail_remove(struct jail *j, struct err *e);
/* The same with a directory below HOME/jails, for jail.c only. */
int jail_trash(const char *dir, struct err *e);
/* Renames a stopped jail whose lock the caller holds. -EEXIST: new name taken. */
int jail_rename(const struct jail_places *p, const char *name, const char *newname, struct err *e);

/*
 * Takes the jail's lock: returns a descriptor that holds it (close to release), -EWOULDBLOCK when a
 * warden (or another steering command) has it, or -errno.
 */
int jail_lock(const struct jail *j);
#define JAIL_PATIENCE_MS 500 /* longer than anybody but a warden or a command at work holds it */
/* The same, trying again for ms: those who only look at jails hold the lock for moments. */
int jail_lock_patient(const struct jail *j, int ms);
/* True while somebody holds the lock. */
bool jail_locked(const struct jail *j);

/* Reads a jail's state as documented above; never waits for a warden. 0 or -errno. */
int jail_status_read(const struct jail *j, struct jail_status *st);
/* Writes the announcement (the warden only). */
int jail_status_write(const struct jail *j, const struct jail_status *st);
/* What a shell makes of a wait status: the exit status, or 128 and the signal's number. */
int jail_exit_code(int wait_status);
struct json_t;
/* To and from the JSON form used by state files, the wire and ls --json. */
struct json_t *jail_status_to_json(const struct jail_status *st);
int jail_status_from_json(const struct json_t *o, struct jail_status *st);

/* Calls fn for each jail by name order until it returns false. Lazily unmounts what killed wardens
 * left. */
int jail_each(const struct jail_places *p, bool (*fn)(void *user, const struct jail_status *st),
	      void *user);

#endif
