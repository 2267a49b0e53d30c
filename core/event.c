/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/event.h"
#include <string.h>

static const char *const op_names[] = {
    [EVENT_CREATE] = "create",	   [EVENT_MKDIR] = "mkdir",	  [EVENT_MKNOD] = "mknod",
    [EVENT_SYMLINK] = "symlink",   [EVENT_LINK] = "link",	  [EVENT_UNLINK] = "unlink",
    [EVENT_RMDIR] = "rmdir",	   [EVENT_RENAME] = "rename",	  [EVENT_EXCHANGE] = "exchange",
    [EVENT_WRITE] = "write",	   [EVENT_TRUNCATE] = "truncate", [EVENT_FALLOCATE] = "fallocate",
    [EVENT_CHMOD] = "chmod",	   [EVENT_CHOWN] = "chown",	  [EVENT_UTIMES] = "utimes",
    [EVENT_SETXATTR] = "setxattr", [EVENT_RMXATTR] = "rmxattr",	  [EVENT_OPENREAD] = "read",
    [EVENT_REFUSE] = "refuse",	   [EVENT_STATE] = "state",	  [EVENT_CHECKPOINT] = "checkpoint",
    [EVENT_ROLLBACK] = "rollback", [EVENT_REDO] = "redo",
    [EVENT_CONNECT] = "connect",   [EVENT_DISCONNECT] = "disconnect", [EVENT_ASK] = "ask",
    [EVENT_VERDICT] = "verdict",   [EVENT_BLOCK] = "block",	  [EVENT_RESOLVE] = "resolve",
    [EVENT_RESOLVED] = "resolved",
};
_Static_assert(sizeof(op_names) / sizeof(op_names[0]) == EVENT_OP_COUNT, "every op has a name");

static const struct {
	unsigned bit;
	const char *name;
} classes[] = {
    {.bit = EVENT_CHANGE, .name = "change"},
    {.bit = EVENT_READ, .name = "read"},
    {.bit = EVENT_DENIED, .name = "denied"},
    {.bit = EVENT_JAIL, .name = "jail"},
    {.bit = EVENT_NET, .name = "net"},
};
#define NCLASSES (sizeof(classes) / sizeof(classes[0]))

const char *event_op_name(unsigned op)
{
	return op < EVENT_OP_COUNT && op_names[op] ? op_names[op] : "?";
}

const char *event_class_name(unsigned class)
{
	for (size_t i = 0; i < NCLASSES; i++)
		if (classes[i].bit == class)
			return classes[i].name;
	return "?";
}

static int class_bits(const char *word, size_t n)
{
	int all = 0;

	for (size_t i = 0; i < NCLASSES; i++) {
		if (strlen(classes[i].name) == n && !memcmp(classes[i].name, word, n))
			return (int)classes[i].bit;
		all |= (int)classes[i].bit;
	}
	return n == 3 && !memcmp(word, "all", 3) ? all : -1;
}

int event_classes_parse(const char *list)
{
	int bits = 0;

	for (;;) {
		size_t n = strcspn(list, ",");
		int bit = class_bits(list, n);

		if (bit < 0)
			return -1;
		bits |= bit;
		if (!list[n])
			return bits;
		list += n + 1;
	}
}
