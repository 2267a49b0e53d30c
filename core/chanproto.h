/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chanproto: the channel between the warden and the guest's init, byte by byte.
 *
 * The transport is a reliable byte stream (a virtio-console port named CHAN_PORT_NAME). Both ends
 * send frames; every number is little-endian and unaligned:
 *
 *	u32 length	bytes of payload behind the header, 0..CHAN_MAX_PAYLOAD
 *	u16 type	enum chan_type
 *	u16 flags	see below; bits that a type does not define are 0
 *	u32 id		a stream (EXEC and all that follows it), a tag (requests and DONE), or 0
 *
 * Strings in payloads are UTF-8 or any bytes but NUL, and end with one NUL.
 *
 * A message too long for one frame (SETUP, EXEC, DONE) is cut: every frame but its last carries
 * CHAN_MORE, all have the same type and id, and nothing of the same sender comes between them.
 * The sum is at most CHAN_MAX_MESSAGE.
 *
 * Streams are chosen by the host, never 0. Each has three channels: 0 standard input (towards the
 * guest), 1 standard output and 2 standard error (towards the host; a pty has no channel 2). Each
 * channel starts with CHAN_WINDOW bytes of credit; DATA takes from it, CREDIT of the receiver adds
 * to it. A receiver gives credit for bytes it has passed on, so it never holds more than
 * CHAN_WINDOW per channel, and a channel that nobody reads stops alone. Only DATA needs credit.
 *
 * A stream ends with exactly one of EXEC_FAILED, EXIT and CLOSED from the guest, its last frame.
 * Frames of the host that cross it are ignored by the guest. Every request of the host gets one
 * DONE. A frame that breaks a rule breaks the channel: neither side resynchronises.
 *
 * A new message type or a new meaning of an old one needs a new CHAN_VERSION. Both ends are
 * built from one tree and only equal versions talk.
 */
#ifndef GAOL_CORE_CHANPROTO_H
#define GAOL_CORE_CHANPROTO_H

#include <stddef.h>
#include <stdint.h>

enum {
	CHAN_VERSION = 3,
	CHAN_HEADER = 12,		/* bytes of a frame's header */
	CHAN_MAX_PAYLOAD = 64 * 1024,	/* of one frame */
	CHAN_MAX_MESSAGE = 1024 * 1024, /* of a message cut into frames */
	CHAN_WINDOW = 256 * 1024,	/* first credit of every channel of a stream */
	CHAN_MAX_STREAMS = 256,		/* streams that are alive at once */
	CHAN_MAX_TAGS = 64,		/* requests that wait for DONE at once */
	CHAN_MAX_RELEASE = 64,		/* bytes of HELLO's kernel release */
	CHAN_MAX_TEXT = 512,		/* bytes of a reason in EXEC_FAILED, MAIN_EXIT */
	CHAN_MAX_GROUPS = 64,		/* supplementary groups of a launch */
	CHAN_NAME_MAX = 15,		/* bytes of a process's name in NAMES */
	CHAN_NAME_FIXED = 9,		/* and of what stands before it */
	CHAN_MAX_SHOWN = 1024,		/* bytes of a command line in a PS record */
	CHAN_MAX_SOCKETS = 32,		/* that one OWNERS asks for */
	CHAN_SOCKET = 24,		/* bytes of each */
};

/* The virtio-console port's name, read in the guest from /sys/class/virtio-ports/.../name. */
#define CHAN_PORT_NAME "gaol.0"

/* flags */
enum {
	CHAN_MORE = 0x8000, /* SETUP, EXEC, DONE: the message goes on in the next frame */
	CHAN_CUT = 0x4000,  /* DONE: the list was longer than the answer may be */
			    /* DATA, EOF and CREDIT carry the channel (0, 1 or 2) in their flags */
};

enum chan_type {
	/* guest to host */
	/*
	 * First frame of the guest, id 0: u32 version, u64 microseconds from the start of the
	 * guest's kernel to its init, then the kernel's release (a string).
	 */
	CHAN_HELLO = 1,
	/* The answer to SETUP, id 0: u32 pid of the main command, 0 when idle or not started. */
	CHAN_READY = 2,
	/*
	 * The main command has ended or could not start, id 0: u32 wait status (as waitpid gives
	 * it), u32 errno (0: it ran), a string: what failed. Unless CHAN_KEEP was set the guest
	 * powers off by itself behind this.
	 */
	CHAN_MAIN_EXIT = 3,
	/* id stream: u32 pid. The program runs (its exec succeeded). */
	CHAN_EXEC_STARTED = 4,
	/* id stream: u32 errno, a string: what failed ("cwd /x", "user bob", "exec /bin/y"). */
	CHAN_EXEC_FAILED = 5,
	/*
	 * id stream: u32 wait status. All that the process itself wrote has been sent before.
	 * When other processes still hold its output, what they write within CHAN_LINGER_QUIET_MS
	 * of silence (at most CHAN_LINGER_MAX_MS) after its end is sent too; then the output is
	 * closed.
	 */
	CHAN_EXIT = 6,
	/* id stream, no payload: the answer to CLOSE, unless the stream had ended by itself. */
	CHAN_CLOSED = 7,
	/* id tag: u32 errno (0: done), then what the request asked for. */
	CHAN_DONE = 8,
	/*
	 * No payload, id 0, the last frame of a guest that was set up: everything is on the host
	 * and the host may end the guest's processes, which is quicker and surer than the kernel's
	 * own way. A guest that still runs a second later powers off by itself.
	 */
	CHAN_OFF = 9,
	/*
	 * id 0, when SETUP asked for it (CHAN_TELL_NAMES): records, one behind the other, in the
	 * order in which it happened: u32 pid, u32 parent, u8 length, name. With a parent (and no
	 * name) pid was forked and has its name; else pid has this name now.
	 */
	CHAN_NAMES = 10,

	/* both directions, id stream, channel in flags */
	CHAN_DATA = 32, /* 1..CHAN_MAX_PAYLOAD bytes */
	/*
	 * No payload. From the sender of a channel: no more data. From the guest for channel 0: the
	 * process has closed its input, further data is thrown away (credit still flows).
	 */
	CHAN_EOF = 33,
	CHAN_CREDIT = 34, /* u32 bytes, 1..CHAN_WINDOW: may be sent in addition */

	/* host to guest */
	/*
	 * First and once, id 0: u32 flags (enum chan_setup_flags), u32 processes and threads that
	 * programs may be at once (0: as many as the kernel allows), hostname (a string), launch.
	 */
	CHAN_SETUP = 64,
	CHAN_EXEC = 65, /* id a new stream: launch */
	/* id stream or 0 (the main command): u32 signal number, see chan_stream_signal in chan.h.
	 */
	CHAN_SIGNAL = 66,
	CHAN_WINSIZE = 67, /* id stream or 0 (the console): u16 rows, u16 columns */
	/*
	 * id stream, no payload: the host has no more interest. Pipes are closed, a pty is hung up,
	 * the process group gets SIGHUP; the process may live on.
	 */
	CHAN_CLOSE = 68,

	/* requests, id tag; no payload and none in DONE unless said */
	CHAN_PING = 96,
	CHAN_SYNC = 97,	       /* sync(2): all dirty pages, mmap'ed ones too, are with the host */
	CHAN_DROP_CACHES = 98, /* the same, then clean pages, dentries and inodes are dropped */
	CHAN_COUNT_PROCS = 99, /* DONE: u32 number of processes besides init and kernel threads */
	CHAN_PS = 100,	       /* DONE: PS records, with CHAN_CUT when some did not fit */
	/*
	 * u32 grace in ms: SIGTERM (SIGHUP to the main command) to all, after grace SIGKILL; sync,
	 * unmount, power off. DONE (u32 number of processes that had to be killed) is sent when
	 * everything is on the host, immediately before the power goes.
	 */
	CHAN_SHUTDOWN = 101,
	CHAN_SETTIME = 102, /* u64 seconds since 1970, u32 nanoseconds */
	CHAN_ENTROPY =
	    103, /* 1..512 bytes for the guest's random number generator, credited in full */
	/*
	 * DONE: u64 ms since the kernel's start, u64 KiB of memory, u64 KiB that programs could
	 * still get, u32 load of 1, 5 and 15 minutes in hundredths, u32 number of processes,
	 * threads and kernel threads (sysinfo(2), MemAvailable of proc_meminfo(5)).
	 */
	CHAN_INFO = 104,
	/*
	 * 1..CHAN_MAX_SOCKETS sockets of CHAN_SOCKET bytes each: u8 protocol (IPPROTO_*), u8 4 or 6,
	 * u16 local port (of an ICMP echo its identifier), u16 remote port, u16 zero, the remote
	 * address in network order (16 bytes, of IPv4 the first 4). DONE: for each one whose owner was
	 * found, in any order, u32 its place in the question, then a PS record. One that several
	 * processes share is told of one of them.
	 */
	CHAN_OWNERS = 105,
};

enum {
	CHAN_LINGER_QUIET_MS = 200,
	CHAN_LINGER_MAX_MS = 2000,
	CHAN_MAX_ENTROPY = 512,
};

enum chan_setup_flags {
	CHAN_IDLE = 1,	     /* no main command: the guest waits for EXEC and SHUTDOWN */
	CHAN_KEEP = 2,	     /* the guest stays up when the main command has ended */
	CHAN_TELL_NAMES = 4, /* NAMES are wanted */
};

/*
 * A launch (SETUP, EXEC): who runs what, where.
 *
 *	u32 flags	enum chan_launch_flags
 *	u32 uid		ignored when user is not ""
 *	u32 gid		CHAN_LOOKUP: gid and groups of the guest's /etc/passwd, /etc/group
 *	u16 rows, u16 columns	of the pty or the console; 0: leave as it is
 *	u16 ngroups	at most CHAN_MAX_GROUPS, 0 with CHAN_LOOKUP
 *	u16 argc	0: the user's login shell
 *	u16 envc
 *	u16 zero
 *	u32 groups[ngroups]
 *	strings: user ("": by uid), cwd ("": the user's home, or / without one), TERM ("": unset),
 *	         argv[argc], env[envc] (NAME=VALUE each)
 *
 * The environment is PATH, HOME, USER, LOGNAME, SHELL, TERM by the guest, then env over it.
 */
enum { CHAN_LAUNCH_FIXED = 24 };
#define CHAN_LOOKUP 0xffffffffu

enum chan_launch_flags {
	CHAN_PTY = 1, /* EXEC: a pty instead of three pipes (the main command is on the console) */
	CHAN_LOGIN = 2, /* argv[0] is shown to the program with "-" before its last component */
};

/*
 * A PS record: what the guest tells about one process (nothing of it is to be believed).
 *
 *	u16 size	of this record, from CHAN_PS_FIXED on
 *	u8 state	letter of /proc/PID/stat
 *	u8 commlen
 *	u32 pid, u32 ppid, u32 uid (real), u32 threads
 *	u64 resident memory in KiB
 *	u64 CPU time in ms, user and system
 *	u64 start, ms after the kernel's
 *	comm, then the command line with its NULs up to the end of the record, at most
 *	CHAN_MAX_SHOWN bytes
 */
enum { CHAN_PS_FIXED = 44, CHAN_INFO_SIZE = 40 };

static inline void chan_put16(unsigned char *p, uint16_t v)
{
	p[0] = (unsigned char)v;
	p[1] = (unsigned char)(v >> 8);
}

static inline void chan_put32(unsigned char *p, uint32_t v)
{
	chan_put16(p, (uint16_t)v);
	chan_put16(p + 2, (uint16_t)(v >> 16));
}

static inline void chan_put64(unsigned char *p, uint64_t v)
{
	chan_put32(p, (uint32_t)v);
	chan_put32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t chan_get16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t chan_get32(const unsigned char *p)
{
	return chan_get16(p) | (uint32_t)chan_get16(p + 2) << 16;
}

static inline uint64_t chan_get64(const unsigned char *p)
{
	return chan_get32(p) | (uint64_t)chan_get32(p + 4) << 32;
}

/* Writes a frame's header (CHAN_HEADER bytes). */
static inline void chan_put_header(unsigned char *p, uint32_t length, uint16_t type, uint16_t flags,
				   uint32_t id)
{
	chan_put32(p, length);
	chan_put16(p + 4, type);
	chan_put16(p + 6, flags);
	chan_put32(p + 8, id);
}

#endif
