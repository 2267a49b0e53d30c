/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chan: the host's side of the channel to the guest's init (format: chanproto.h).
 *
 * A pure state machine over a byte stream: no descriptor, no clock, no thread. Bytes from the
 * guest go into chan_feed, bytes for it come out through ops->send; everything else is a call or
 * a callback. Whatever the guest sends is hostile: a frame that breaks a rule calls ops->broken
 * once with a reason, after which the chan is dead (every call returns -EPIPE, fed bytes are
 * thrown away). Its memory is bounded: one frame or one message of at most CHAN_MAX_MESSAGE on
 * the way in, CHAN_QUEUE_MAX on the way out, CHAN_MAX_STREAMS streams, CHAN_MAX_TAGS requests.
 *
 * Callbacks come only from within chan_feed and chan_writable (broken also from these two only).
 * They may call every function of this header but chan_free and chan_feed.
 *
 * Nothing here waits or measures time: a guest that does not answer is the caller's to time out.
 */
#ifndef GAOL_CORE_CHAN_H
#define GAOL_CORE_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/chanproto.h"

struct chan;

enum {
	/* queued for the guest: data stops here ... */
	CHAN_QUEUE_DATA = 128 * 1024,
	/* ... and everything else here (-EAGAIN) */
	CHAN_QUEUE_MAX = 4 * 1024 * 1024,
};

/* What the guest says of itself; valid during the callback. */
struct chan_hello {
	uint64_t boot_us;    /* kernel's start to init's, by the guest's clock */
	const char *release; /* kernel release, at most CHAN_MAX_RELEASE bytes, foreign text */
};

/*
 * The other ends. Members may be NULL except send. Data pointers are valid during the call.
 * Texts come from the guest: bounded, NUL-terminated, to be escaped (text.h) before use.
 */
struct chan_ops {
	/* Takes up to n bytes for the guest, returns how many (0: full, chan_writable will come).
	 */
	size_t (*send)(void *user, const void *p, size_t n);
	/* The guest's init is there; chan_setup may be called now or may have been before. */
	void (*hello)(void *user, const struct chan_hello *hello);
	/* The guest is set up; pid of the main command by the guest's count, 0 when none runs. */
	void (*ready)(void *user, uint32_t pid);
	/*
	 * The main command has ended with a waitpid status; or (err != 0, an errno) could not be
	 * started, why names what failed and status is that of a shell (127 or 126 << 8).
	 */
	void (*main_exit)(void *user, int status, int err, const char *why);
	/* Everything of the guest's is on the host, and it may be ended: nothing comes any more. */
	void (*off)(void *user);
	/*
	 * A process by the guest's count has a name (at most CHAN_NAME_MAX bytes, none a NUL,
	 * foreign text), or (parent not 0) that of its parent.
	 */
	void (*name)(void *user, uint32_t pid, uint32_t parent, const char *name, size_t n);
	/* The program of a stream runs. */
	void (*exec_started)(void *user, uint32_t stream, uint32_t pid);
	/* It could not be started; the stream is gone. err is an errno, why names what failed. */
	void (*exec_failed)(void *user, uint32_t stream, int err, const char *why);
	/*
	 * n bytes of channel fd (1 or 2). The receiver keeps or passes on all of them, and returns
	 * credit by chan_stream_consumed when it has passed them on; between the two lie never more
	 * than CHAN_WINDOW bytes per channel.
	 */
	void (*stream_data)(void *user, uint32_t stream, int fd, const void *p, size_t n);
	/* 1, 2: no more output on this channel. 0: the process reads no more input. */
	void (*stream_eof)(void *user, uint32_t stream, int fd);
	/* chan_stream_write took less than it was given, and would take more now. */
	void (*stream_room)(void *user, uint32_t stream);
	/* The process ended (waitpid status), all its output has come; the stream is gone. */
	void (*stream_exit)(void *user, uint32_t stream, int status);
	/*
	 * A request is answered. err 0 or a positive errno; p and n what it asked for; cut: a list
	 * that was too long.
	 */
	void (*reply)(void *user, uint32_t tag, int err, const void *p, size_t n, bool cut);
	/* The channel is dead, with a reason for the log (our own text). */
	void (*broken)(void *user, const char *reason);
};

/* Who runs what, where. All pointers belong to the caller and are used during the call only. */
struct chan_launch {
	const char *const *argv; /* NULL-terminated; NULL or empty: the user's login shell */
	const char *const *env;	 /* NULL-terminated NAME=VALUE over the guest's own, or NULL */
	const char *cwd;	 /* NULL: the user's home */
	const char *user;	 /* name in the guest's /etc/passwd, or NULL: by uid */
	uint32_t uid;
	uint32_t gid; /* CHAN_LOOKUP: the guest's files say gid and groups */
	const uint32_t *groups;
	size_t ngroups;	  /* at most CHAN_MAX_GROUPS */
	const char *term; /* TERM, or NULL: unset */
	uint16_t rows, cols;
	unsigned flags; /* enum chan_launch_flags */
};

struct chan_setup {
	const char *hostname;
	unsigned flags; /* enum chan_setup_flags */
	uint32_t tasks; /* processes and threads of programs, 0: no limit but the kernel's */
	struct chan_launch main;
};

/* Returns a new chan that waits for HELLO. ops must outlive it. */
struct chan *chan_new(const struct chan_ops *ops, void *user);
/* Releases it, without callbacks. NULL is allowed. */
void chan_free(struct chan *c);

/* Bytes from the guest. Takes all n (also when dead) and returns n. */
size_t chan_feed(struct chan *c, const void *p, size_t n);
/* The transport has room: sends what is queued, then tells the streams that waited. */
void chan_writable(struct chan *c);
/* Bytes queued for the guest that send did not take yet. */
size_t chan_queued(const struct chan *c);
/* The reason when dead, else NULL. */
const char *chan_reason(const struct chan *c);
/* True between READY and the end. */
bool chan_is_ready(const struct chan *c);

/*
 * All functions below return a negative errno on failure: -EPIPE dead, -EAGAIN not ready or the
 * queue is full, -E2BIG a message beyond CHAN_MAX_MESSAGE (or more than 65535 strings), -EMFILE
 * too many streams or tags, -EINVAL an impossible argument, -ENOENT no such (living) stream.
 */

/* Sets the guest up, once (-EALREADY). May be called before HELLO. 0 or negative. */
int chan_setup(struct chan *c, const struct chan_setup *setup);

/* Starts a program in a ready guest. Returns the stream (> 0), never reused within 2^31. */
int chan_exec(struct chan *c, const struct chan_launch *launch);
/*
 * Standard input: takes up to n bytes as credit and queue allow, returns how many (0..n). When it
 * is less than n, stream_room comes once there is room for more.
 */
int chan_stream_write(struct chan *c, uint32_t stream, const void *p, size_t n);
/* No more input; what was taken arrives before it. */
int chan_stream_eof(struct chan *c, uint32_t stream);
/* The receiver has passed on n bytes of channel fd (1 or 2). Unknown streams are ignored. */
void chan_stream_consumed(struct chan *c, uint32_t stream, int fd, size_t n);
/*
 * A signal by the guest's (x86) number, 1..64: to the pty's foreground process group, or to the
 * process group that the program leads.
 */
int chan_stream_signal(struct chan *c, uint32_t stream, int signo);
int chan_stream_winsize(struct chan *c, uint32_t stream, uint16_t rows, uint16_t cols);
/*
 * Forgets a stream: no callback comes for it any more. The program loses its pipes or its pty and
 * gets SIGHUP.
 */
int chan_stream_close(struct chan *c, uint32_t stream);

/* The same for the main command and the console (at any time after chan_setup). */
int chan_main_signal(struct chan *c, int signo);
int chan_console_winsize(struct chan *c, uint16_t rows, uint16_t cols);

/* Requests (chanproto.h says what they do): return a tag (> 0), answered by ops->reply. */
int chan_ping(struct chan *c);
int chan_sync(struct chan *c);
int chan_drop_caches(struct chan *c);
int chan_count_procs(struct chan *c);
int chan_ps(struct chan *c);
int chan_shutdown(struct chan *c, uint32_t grace_ms);
int chan_settime(struct chan *c, int64_t sec, uint32_t nsec);
int chan_info(struct chan *c);
/* A socket of the guest's, by its ends as the network sees them. */
struct chan_socket {
	uint8_t proto; /* IPPROTO_* */
	bool v6;
	uint16_t local, remote; /* ports; of an ICMP echo: its identifier, and 0 */
	uint8_t addr[16];	/* the remote one, network order */
};
/* Who owns them; n: 1..CHAN_MAX_SOCKETS. */
int chan_owners(struct chan *c, const struct chan_socket *v, size_t n);
/* n: 1..CHAN_MAX_ENTROPY bytes */
int chan_entropy(struct chan *c, const void *p, size_t n);

/* The number in the reply to chan_count_procs or chan_shutdown; 0 or -EPROTO. */
int chan_reply_count(const void *p, size_t n, uint32_t *count);

/* The guest as it tells of itself. */
struct chan_guest_info {
	uint64_t uptime_ms, memory_kib, available_kib;
	uint32_t load[3]; /* in hundredths */
	uint32_t tasks;
};
/* Reads the reply to chan_info; 0 or -EPROTO. */
int chan_reply_info(const void *p, size_t n, struct chan_guest_info *info);

/* One process as the guest tells (see chanproto.h); pointers into the reply, foreign bytes. */
struct chan_proc {
	uint32_t pid, ppid, uid, threads;
	uint64_t rss_kib, cpu_ms, start_ms;
	char state; /* a capital letter, lower case t, or ? */
	const char *comm;
	size_t comm_len;
	const char *cmdline; /* arguments with a NUL behind each, or nothing (a kernel thread) */
	size_t cmdline_len;
};

/*
 * Walks the reply to chan_ps: *pos starts at 0. Returns 1 with *proc filled, 0 at the end, -EPROTO
 * where the bytes are no record.
 */
int chan_ps_next(const void *p, size_t n, size_t *pos, struct chan_proc *proc);
/* The same for the reply to chan_owners that asked for asked sockets: *at is the place of one. */
int chan_owners_next(const void *p, size_t n, size_t *pos, size_t asked, size_t *at,
		     struct chan_proc *proc);

#endif
