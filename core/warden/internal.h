/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The warden's rooms and the struct they share. Which way they look:
 *   main -> verbs -> {save, boot, pause, put, exec, console} -> peer -> state
 *   boot -> {down, again}: the way down, and up again after a crash
 *   boot -> net: the jail's network
 */
#ifndef GAOL_CORE_WARDEN_INTERNAL_H
#define GAOL_CORE_WARDEN_INTERNAL_H

#include "core/buf.h"
#include "core/chan.h"
#include "core/condev.h"
#include "core/conf.h"
#include "core/err.h"
#include "core/fsdev.h"
#include "core/guest.h"
#include "core/jail.h"
#include "core/jailview.h"
#include "core/layer/layer.h"
#include "core/loop.h"
#include "core/proto.h"
#include "core/ring.h"
#include "core/window.h"
#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

struct cgroup;
struct names;
struct journal;
struct peer;
struct exec;
struct console;
struct scroll;
struct tape;
struct worker;
struct worker_fds;
struct op;
struct put;
struct bringing;
struct wnet;
struct waiter;
struct balance;

/* Who waits for an answer; the peer may be gone when it comes. */
struct call {
	uint64_t peer;
	uint32_t tag;
};

/* Why the guest is going down: tells an orderly end from a crash. */
enum errand { ERRAND_NONE, ERRAND_STOP, ERRAND_RESTART, ERRAND_ROLLBACK, ERRAND_DISCARD };

/* How far an orderly end has got; see down.c. */
enum down_step { DOWN_TOLD, DOWN_WRITE_BACK, DOWN_HALT };

/* What viewers are attached to. */
struct console {
	struct console *next;
	unsigned number;       /* 1: the guest's own; to CONSOLES_MAX: a shell that we run in it */
	struct scroll *scroll; /* its output */
	uint16_t rows, cols;   /* 0: not told yet */
	uint32_t stream;       /* the shell's, 0: none */
	bool over;	       /* the shell has ended; kept until its viewers have seen all of it */
	char why[256];	       /* it is over; may hold the guest's bytes */
};

struct warden {
	struct jail_places places;
	struct jail jail;
	int lock;
	struct loop *loop;
	cpu_set_t cpus; /* where we may run; the worker may everywhere */
	struct conf conf;
	struct jail_status st;
	bool quitting;
	bool ending;		    /* told by a signal to end: nobody who looks on keeps us */
	bool discarded;		    /* the jail's directory is gone: announce nothing more */
	struct loop_timer *discard; /* removes the jail when nobody up the stack works on it */

	/* clients */
	int listen_fd;
	struct loop_fd *listen_watch;
	struct peer *peers;
	uint64_t last_peer;
	struct loop_timer *sweep; /* frees dropped peers when nobody holds them any more */
	uint64_t tied;		  /* the peer whose end ends the jail, 0 = none */
	struct waiter *waiters;

	/* events */
	struct ring *ring;
	struct loop_timer *wake_timer;
	int64_t last_wake;
	bool wake_due;
	struct journal *journal;
	struct loop_timer *journal_timer;
	uint64_t journal_written; /* ring_written() when it was written last */
	uint64_t journal_lost;	  /* of which the log has told */
	bool journal_due, journal_hurry, journal_fails;

	/* layer */
	struct jail_union parts;
	struct layer *layer;
	struct window *window;

	struct worker *counting; /* counts what upper holds, NULL when it is known */
	struct layer_usage counted_from;
	unsigned recounts;

	struct cgroup *cgroup; /* ours and our guest's, NULL: none */
	bool nice;	       /* we have changed our nice value */

	/* guest */
	struct guest *guest;
	struct fsdev *fs;
	struct condev *condev;
	struct chan *chan;
	struct loop_timer *deadline; /* of booting and stopping */
	enum down_step down;
	struct loop_timer *calm;  /* gives memory back a while after a boot */
	struct loop_timer *again; /* the restart policy's, NULL until it is needed */
	struct balance *balance;  /* NULL: no guest, or not held on one CPU */
	enum errand errand;
	bool idle;	   /* no main command: `gaol run` */
	bool main_over;	   /* the main command has ended */
	bool off;	   /* it goes down in good order: init or the kernel has said so */
	uint32_t farewell; /* chan request that shows whether the guest lives, 0: none */
	char gone[256];	   /* the first device's word on why it is over, "" = none */
	struct exec *execs;
	struct names *names; /* of the guest's processes, NULL: none told yet */
	struct wnet *net;    /* the jail's network, NULL: none */

	/* console */
	struct console own;	/* number 1: the guest's */
	struct console *shells; /* the others, in no order */
	int console;		/* our end of the guest's own, a socket, -1 */
	struct loop_fd *console_watch;
	struct buf console_in; /* keys on their way to the guest */
	struct tape *tape;     /* the recording of jail.conf, NULL: none */
	uint64_t console_mark; /* where the present guest's output begins */

	/* checkpoints by time */
	struct loop_timer *auto_timer;
	uint64_t auto_seen; /* the newest event at the last one */

	/* what has changed since the tree base, "" when it is not known; see touched.c */
	struct touched *touched;
	char base[41];
	/* the same when the checkpoint under way began; was is NULL when it is not known */
	struct touched *was;
	char was_base[41];
	struct loop_timer *seal_sweep;

	struct op *op;		 /* the checkpoint or rollback under way */
	struct put *puts;	 /* files on their way into the layer */
	struct bringing *brings; /* entries on theirs */
};

/* state.c: announcements */
void warden_announce(struct warden *w);
/* Enters a state, with a reason for crashed and failed (else NULL), and tells everybody. */
void warden_enter(struct warden *w, enum jail_state s, const char *reason);
void warden_event(struct warden *w, unsigned op, uint64_t bytes, const char *text,
		  const char *text2);
/* Called for each record: lets armed readers wake, at most 100 times a second. */
void warden_ring_grew(struct warden *w);
/* "date time text" into the jail's log (stderr); text may hold foreign bytes. */
void warden_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* events.c: the journal of the ring */
/* Opens it and makes the ring's numbers go on where the last warden's ended. */
void events_open(struct warden *w);
/* Called for each record. */
void events_grew(struct warden *w);
/* Writes what is left. */
void events_close(struct warden *w);

/* peer.c: connections */
int peer_listen(struct warden *w, struct err *e);
/* Takes over a connected socket and says hello; NULL when it is dropped. */
struct peer *peer_adopt(struct warden *w, int sock);
struct peer *peer_find(struct warden *w, uint64_t id);
uint64_t peer_id(const struct peer *p);
/* Sends or queues a message; a peer that lets too much pile up is dropped. False: it is gone. */
bool peer_send(struct warden *w, struct peer *p, uint16_t type, uint32_t tag, const void *data,
	       size_t n, int fd);
/* The same for output of an exec stream: its credit returns when the socket has taken it. */
bool peer_send_output(struct warden *w, struct peer *p, uint32_t tag, int which, const void *data,
		      size_t n);
bool peer_send_json(struct warden *w, struct peer *p, uint16_t type, uint32_t tag, json_t *o,
		    int fd);
/* True when nothing waits in the peer's queue. */
bool peer_is_clear(const struct peer *p);
void peer_drop(struct warden *w, struct peer *p);
void peer_drop_all(struct warden *w);
/* Soon, when nobody up the stack holds them: frees dropped peers and consoles that are over. */
void peer_sweep_later(struct warden *w);
bool peer_any(const struct warden *w);
void answer(struct warden *w, struct call c, json_t *result /* taken over */);
void answer_error(struct warden *w, struct call c, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void answer_progress(struct warden *w, struct call c, const char *phase, uint64_t done,
		     uint64_t total);

struct peer {
	struct peer *next;
	struct warden *warden;
	uint64_t id;
	int sock;
	struct loop_fd *watch;
	struct message *queue, **queue_end;
	size_t queued;
	bool watching; /* wants PROTO_STATUS */
	bool armed;    /* wants PROTO_WAKE when ring_last() > arm_seq */
	uint64_t arm_seq;
	struct console *view; /* attached to this one, NULL: to none */
	uint16_t rows, cols;  /* of its terminal, 0: not told */
	bool viewer_reads;    /* only reads */
	bool viewer_keys;     /* is also told what others type: PROTO_CONSOLE_KEYS */
	uint64_t cursor;      /* console bytes it has got */
	bool dead;
};

/* console.c: the guest's own console and, begun by the first who attaches, shells beside it */
int console_open(struct warden *w, int *guest_end, struct err *e);
void console_close(struct warden *w);
void console_init(struct warden *w);
void console_free(struct warden *w);
void console_attach(struct warden *w, struct peer *p, const json_t *o);
void console_detach(struct warden *w, struct peer *p);
void console_keys(struct warden *w, struct peer *p, const void *data, size_t n);
void console_size(struct warden *w, struct peer *p, const void *data, size_t n);
/* Output of a console's shell, and the end of it. */
void console_output(struct warden *w, struct console *c, const void *p, size_t n);
void console_over(struct warden *w, struct console *c, const char *why);
/* Viewers may send n bytes more of keys. */
void console_room(struct warden *w, const struct console *c, size_t n);
/* Frees the shells' consoles that are over and seen. */
void console_bury(struct warden *w);
/* Sends a viewer what is new, as far as its socket takes it; at the end of a shell it detaches. */
void console_pump(struct warden *w, struct peer *p);
/* The console's last line that begins like a kernel panic, into out; false when there is none. */
bool console_panic(struct warden *w, char *out, size_t size);

/* tape.c: the recording that jail.conf asks for */
void tape_open(struct warden *w);
void tape_close(struct warden *w);
void tape_output(struct warden *w, const void *p, size_t n);
void tape_size(struct warden *w);
void tape_mark(struct warden *w, const char *text);

/* exec.c: programs run for clients */
void exec_start(struct warden *w, struct peer *p, uint32_t tag, const json_t *o);
void exec_message(struct warden *w, struct peer *p, const struct proto_head *h, const void *data,
		  size_t n);
void exec_consumed(struct warden *w, uint64_t peer, uint32_t tag, int which, size_t n);
void exec_peer_gone(struct warden *w, uint64_t peer);
void exec_guest_gone(struct warden *w);
/* Starts the shell of a console, launched as PROTO_EXEC says in o. NULL, or why it cannot be. */
const char *exec_console(struct warden *w, struct console *c, const json_t *o);
/* Keys for it. False: more than it was given room for. */
bool exec_console_keys(struct warden *w, const struct console *c, const void *data, size_t n);
/* callbacks of chan_ops */
void exec_on_started(void *user, uint32_t stream, uint32_t pid);
void exec_on_failed(void *user, uint32_t stream, int err, const char *why);
void exec_on_data(void *user, uint32_t stream, int fd, const void *p, size_t n);
void exec_on_room(void *user, uint32_t stream);
void exec_on_exit(void *user, uint32_t stream, int status);

/* boot.c: the guest's life */
/* Starts the guest; false with e set and state failed. idle: without a main command. */
bool boot_start(struct warden *w, bool idle, struct err *e);
/* Orderly end, with grace_ms for programs; see down.c. A paused guest goes on for it. */
void boot_stop(struct warden *w, enum errand errand, uint32_t grace_ms);
void boot_kill(struct warden *w, enum errand errand);
/* SIGCHLD */
void boot_reap(struct warden *w);
bool boot_is_up(const struct warden *w);
/* Its kernel may be about to go: one that then does not answer is ended. */
void boot_farewell(struct warden *w);
/* A listening socket in the runtime directory, which only we can enter. The guest's uid may
 * connect. -1 with e set. */
int boot_listen(const char *path, struct err *e);
/* A device (NULL: the reason names it) of the guest is over for a reason: notes it as why the guest
 * ends, and ends it. */
void boot_device_gone(struct warden *w, const char *device, const char *reason);

/* net.c: the process that is the jail's network */
/* Starts it for a guest that is to be started; without a network it does nothing. The guest's card
 * is at *sock (free it), NULL: none. 0 or -errno with e set. */
int net_start(struct warden *w, char **sock, struct err *e);
/* Ends it. */
void net_stop(struct warden *w);
/* A call of a client about the network, see netroom.c; fd (taken over) is for "pcap". */
void net_call(struct warden *w, struct call c, const json_t *args, int fd);
/* The text of a jail's /etc/resolv.conf: our forwarder, the host's search list. */
void net_resolv(struct buf *out);
/* SIGCHLD */
void net_reap(struct warden *w);
/* netwho.c: the guest's answer to a request; false: it is not one of the network's. */
bool netwho_on_reply(struct warden *w, uint32_t tag, int err, const void *p, size_t n);

/* down.c: the steps of an orderly end, driven by w->deadline */
void down_begin(struct warden *w, uint32_t grace_ms);
void down_next(struct warden *w);

/* again.c: restart after a crash */
/* The guest went down into state s after ran seconds: plans a restart if jail.conf asks for it. */
void again_plan(struct warden *w, enum jail_state s, int64_t ran);
/* An admin has said what is to be: no restart, and the count begins anew. */
void again_cancel(struct warden *w);

/* balance.c: the CPU on which a jail is held */
/* A guest has been started, and is held on cpu; -1: nowhere. */
void balance_begin(struct warden *w, int cpu);
void balance_end(struct warden *w);

/* pause.c */
void pause_guest(struct warden *w, struct call c);
/* Lets a paused guest go on; the caller enters the next state. Else nothing. */
void pause_end(struct warden *w);

/* layers.c: the layer and its window */
int layers_open(struct warden *w, struct err *e);
void layers_close(struct warden *w);

/* names.c: programs of the guest's processes */
/* chan_ops.name */
void names_told(void *user, uint32_t pid, uint32_t parent, const char *name, size_t n);
/* The name of a process: its length (0: not known) and where it lies, until the next call. */
size_t names_find(const struct warden *w, uint32_t pid, const char **name);
void names_forget(struct warden *w);

/* limits.c: what the jail may take of the host, and what it has */
/* Limits of processes and of processor time, for the guest that is about to be started. 0, or
 * -ENOTSUP with e set when jail.conf wants them held by a group and none can be made. */
int limits_enter(struct warden *w, struct err *e);
/* The guest is up: what can only be set then. */
void limits_settle(struct warden *w);
/* Back out of the control group. */
void limits_leave(struct warden *w);
/* Begins to count what the layer holds, when it does not know. */
void limits_count(struct warden *w);
/* The layer closes. */
void limits_uncount(struct warden *w);
/* Fills the status with what is taken now. */
void limits_status(struct warden *w);

/* save.c: checkpoint, rollback, redo: one at a time */
void save_checkpoint(struct warden *w, struct call c, const json_t *args);
void save_rollback(struct warden *w, struct call c, const json_t *args, bool redo);
void save_sync(struct warden *w, struct call c);
/* The same by time, for nobody; a failure goes to the log. */
void save_auto(struct warden *w);
/* A checkpoint of the stopped jail, then verb_start_now. */
void save_before_start(struct warden *w, struct call c, bool idle);
/* Has the worker change the repository alone: the guest notices nothing. */
void save_repo(struct warden *w, struct call c, const char *name, const json_t *args);
/* Cancels the checkpoint under way, if it can be: {"cancelled": bool}. */
void save_cancel(struct warden *w, struct call c);
/* A chan request was answered (chan_ops.reply); true when it was the operation's. */
bool save_on_reply(struct warden *w, uint32_t tag, int err, const void *p, size_t n);
/* The guest went down as the operation asked, and everything of it is released. */
void save_on_guest_gone(struct warden *w);
/* The worker has read all that it wants of the layer. */
void save_on_stored(struct warden *w);
/* The layer is about to be closed, whatever is read of it. */
void save_on_layer_close(struct warden *w);
/* The guest came up again, or did not (reason). */
void save_on_up(struct warden *w, const char *failure);
bool save_is_busy(const struct warden *w);
/* Kills the worker and forgets the operation: the jail itself goes. */
void save_abort(struct warden *w);

/* touched.c: what changed since the last checkpoint */
/* The layer is opened: unless a rollback has just told what it is, nothing is known. */
void touched_open(struct warden *w);
/* A checkpoint begins: what was touched until now, for its worker: a descriptor, or -1. */
int touched_seal(struct warden *w, json_t *request);
/* The same, and changes go on being told to the same set: the worker only looks. */
int touched_show(struct warden *w, json_t *request);
/* The checkpoint did not get far: what was sealed counts as touched again. */
void touched_unseal(struct warden *w);
/* The worker's answer (NULL: it failed): what upper was when it began, or (back) is now. */
void touched_settle(struct warden *w, const json_t *result, bool back);

/* seal.c: the guest goes on while a checkpoint is stored */
/* Behind touched_seal; adds to the request and the worker's descriptors. False: it cannot be, the
 * guest must be held. */
bool seal_begin(struct warden *w, json_t *request, struct worker_fds *fds,
		void (*on_broken)(void *user));
/* Returns for how many us a request was held at most. */
uint64_t seal_end(struct warden *w);

/* auto.c: checkpoints by time */
/* Begins to wait anew, or stops waiting where there is nothing to wait for. */
void auto_arm(struct warden *w);

/* worker.c: the exec'ed worker */
typedef void worker_fn(void *user, const json_t *result /* NULL: failed */, int code,
		       const char *error);
/* Its descriptors 4 to 7, -1 where it has none. */
struct worker_fds {
	int fd[4];
};
#define NO_WORKER_FDS                                                                              \
	{                                                                                          \
		{                                                                                  \
			-1, -1, -1, -1                                                             \
		}                                                                                  \
	}
void worker_fds_close(struct worker_fds *fds);
/* Executes one that waits for its request: starting takes longer than a small checkpoint does. */
struct worker *worker_ready(struct warden *w, struct err *e);
/* Gives the request to one that waits (taken over), or to a new one (NULL). fds: borrowed. */
struct worker *worker_start(struct warden *w, struct worker *waits, const json_t *request,
			    const struct worker_fds *fds, struct call progress, worker_fn *fn,
			    void *user, struct err *e);
/* Asks it to undo what it has begun; it then answers with an error. */
void worker_cancel(struct worker *k);
void worker_free(struct worker *k);

/* put.c: a host file into the layer */
void put_start(struct warden *w, struct call c, const json_t *args, int fd);
void put_abort_all(struct warden *w);

/* bring.c: entries into the layer (core/bring.h) */
void bring_start(struct warden *w, struct call c, const json_t *args, int fd);
void bring_abort_all(struct warden *w);

/* verbs.c */
void verb_call(struct warden *w, struct peer *p, uint32_t tag, const json_t *o, int fd);
/* Boots, and answers c when the guest is up or is not. */
void verb_start_now(struct warden *w, struct call c, bool idle);
/* Resolves those who wait for a state. */
void verb_state_changed(struct warden *w);
void verb_peer_gone(struct warden *w, uint64_t peer);
/* The guest is gone: who asked it something gets an error. */
void verb_guest_gone(struct warden *w);
/* Tells those who wait for the guest's end which step of it has begun, and its limit. */
void verb_progress(struct warden *w, const char *phase, uint64_t limit_ms);
/* A call's answer for a list of processes (chan_ops.reply). */
bool verb_on_reply(struct warden *w, uint32_t tag, int err, const void *p, size_t n, bool cut);

/* main.c */
/* Ends the warden when this turn of the loop is over. */
void warden_quit(struct warden *w);
/* Kills the guest, removes the jail, ends. */
void warden_discard(struct warden *w);
void warden_peer_gone(struct warden *w, uint64_t id);
void warden_message(struct warden *w, struct peer *p, const struct proto_head *h, const void *data,
		    size_t n, int fd);
/* Ends by itself when nobody is there and nothing runs. */
void warden_maybe_quit(struct warden *w);

#endif
