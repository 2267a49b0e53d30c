/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event: one thing that happened in a jail, as the layer, the warden and the views tell it.
 */
#ifndef GAOL_CORE_EVENT_H
#define GAOL_CORE_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* Classes are bits, so that a viewer can ask for a set. */
enum event_class {
	EVENT_CHANGE = 1 << 0, /* a file system change */
	EVENT_READ = 1 << 1,   /* first read of a base file */
	EVENT_DENIED = 1 << 2, /* refused by authority */
	EVENT_JAIL = 1 << 3,   /* state, checkpoint, rollback: what the warden did */
	EVENT_NET = 1 << 4,    /* what the jail did on the network */
};

/* Numbers are part of the ring's format: append only. */
enum event_op {
	EVENT_CREATE = 1, /* regular file made */
	EVENT_MKDIR,
	EVENT_MKNOD,   /* fifo, socket or device; mode tells which */
	EVENT_SYMLINK, /* path2 = target */
	EVENT_LINK,    /* path2 = the new name */
	EVENT_UNLINK,
	EVENT_RMDIR,
	EVENT_RENAME, /* path -> path2 */
	EVENT_EXCHANGE,
	EVENT_WRITE,	/* bytes = written since the last such record of the handle */
	EVENT_TRUNCATE, /* bytes = new size */
	EVENT_FALLOCATE,
	EVENT_CHMOD, /* mode = new mode */
	EVENT_CHOWN, /* bytes = uid << 32 | gid */
	EVENT_UTIMES,
	EVENT_SETXATTR, /* path2 = attribute's name */
	EVENT_RMXATTR,
	EVENT_OPENREAD,	  /* class READ */
	EVENT_REFUSE,	  /* class DENIED; err = errno given */
	EVENT_STATE,	  /* class JAIL; path = new state's name, path2 = reason */
	EVENT_CHECKPOINT, /* class JAIL; bytes = number, path2 = message */
	EVENT_ROLLBACK,	  /* class JAIL; bytes = number rolled back to */
	EVENT_REDO,
	/* class NET; path = the target, "tcp/www.example.org:80 (192.0.2.1)" */
	EVENT_CONNECT,	  /* a connection begins */
	EVENT_DISCONNECT, /* bytes = of both ways together; path2 = each way, and how long it lasted
			   */
	EVENT_ASK,	  /* a question waits for an admin; bytes = its number */
	EVENT_VERDICT,	  /* path2 = what was answered */
	EVENT_BLOCK,	  /* refused; path2 = why; bytes = how often since it was told last */
	EVENT_RESOLVE,	  /* path = "A www.example.org" */
	EVENT_RESOLVED,	  /* path2 = the addresses */
	EVENT_OP_COUNT
};

#define EVENT_COMM_MAX 15 /* bytes of a program's name: TASK_COMM_LEN of Linux */

struct event {
	uint64_t seq;	/* counts every record of a ring from 1; set by the ring */
	int64_t time;	/* ns of CLOCK_REALTIME; set by the ring when 0 */
	uint16_t op;	/* enum event_op */
	uint16_t class; /* one bit of enum event_class */
	int32_t err;	/* errno of a refusal, else 0 */
	uint32_t mode;	/* st_mode of the object, type bits included */
	uint32_t uid;	/* actor, as the guest's kernel tells */
	uint32_t pid;
	uint64_t bytes;
	const char
	    *comm; /* the actor's program, as the guest tells; may be NULL when comm_len is 0 */
	size_t comm_len;  /* at most EVENT_COMM_MAX */
	const char *path; /* absolute guest path, any bytes but NUL; not NUL-terminated */
	size_t path_len;
	const char *path2; /* second path or text; may be NULL when path2_len is 0 */
	size_t path2_len;
};

/* "create", "write", "read", "refuse", ...: stable words, also used in --json. "?" for an unknown
 * number. */
const char *event_op_name(unsigned op);
/* "change", "read", "denied", "jail", "net" for one bit; "?" for anything else. */
const char *event_class_name(unsigned class);
/* Parses a comma list of class names (or "all") into bits; -1 on an unknown or empty word. */
int event_classes_parse(const char *list);

#endif
