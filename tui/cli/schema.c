/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/schema.h"
#include <string.h>

#define KEY(n, t, h)                                                                               \
	{                                                                                          \
		.name = n, .type = t, .help = h                                                    \
	}
#define SOMETIMES(n, t, h)                                                                         \
	{                                                                                          \
		.name = n, .type = t, .help = h, .sometimes = true                                 \
	}
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

static const struct schema_key ls_keys[] = {
    KEY("name", "string", "The jail."),
    KEY("state", "string",
	"stopped, booting, running, paused, stopping, saving, restoring, crashed or failed."),
    KEY("warden", "number", "Process of its warden on the host, 0: none."),
    KEY("guest", "number", "Process of its guest's kernel on the host, 0: none."),
    KEY("since", "number", "When it came into its state, in seconds since 1970."),
    KEY("booted", "number", "When its guest was booted, 0: it is down."),
    KEY("created", "number", "When it was made."),
    KEY("memory", "number", "Bytes of the guest."),
    KEY("profile", "string", "box, app or blank."),
    KEY("speed", "string", "safe or trusting."),
    KEY("throwaway", "boolean", "It goes when its command ends."),
    KEY("exit_status", "number|null", "Of its command, as wait(2) has it."),
    KEY("exit_code", "number|null", "The same as a shell has it: 128 and the signal's number."),
    KEY("reason", "string", "Why it crashed or failed, else empty."),
    KEY("note", "string", "The admin's words."),
    KEY("checkpoint", "number", "The present checkpoint, 0: none."),
    KEY("checkpoint_time", "number", "When that was made."),
    KEY("moves", "number", "Counts saves, rollbacks, redos and restores of this warden."),
    KEY("events", "number", "The newest event's number."),
    KEY("viewers", "number", "Terminals on its consoles."),
    KEY("rows", "number", "Of its console."),
    KEY("cols", "number", "Of its console."),
    KEY("window", "string", "Where its files can be seen on the host, empty: nowhere."),
    KEY("restarts", "number", "In a row, after crashes."),
    KEY("restart_at", "number", "When the next is due, 0: none."),
    KEY("net_waiting", "number", "Connections that an admin is asked about now."),
    KEY("limits", "object", "Of jail.conf, and what holds them; 0: none."),
    KEY("limits.size", "number", "Bytes that its layer may have."),
    KEY("limits.inodes", "number", "Entries that its layer may have."),
    KEY("limits.files", "number", "Files that it may have open."),
    KEY("limits.pids", "number", "Processes of its guest on the host."),
    KEY("limits.cpu", "number", "Share of a busy host's processors in percent of what others get."),
    KEY("limits.by", "string", "What holds processes and processor on this host."),
    KEY("used", "object", "What its layer had taken at the last change of state."),
    KEY("used.size", "number", "Bytes."),
    KEY("used.inodes", "number", "Entries."),
    KEY("used.known", "boolean", "Else it is still being counted."),
    END};

static const struct schema_key log_keys[] = {
    KEY("number", "number", "Of the checkpoint; never used again."),
    KEY("hash", "string", "Its commit, 40 digits."),
    KEY("parent", "string|null", "The commit before."),
    KEY("kind", "string", "initial, hand, auto, rollback or exit."),
    KEY("time", "number", "In seconds since 1970."),
    KEY("message", "string", "Its words."),
    KEY("tags", "array of string", "Names that it has."),
    KEY("present", "boolean", "The jail was last saved as it, or rolled back to it."),
    KEY("abandoned", "boolean", "A rollback left it behind."),
    KEY("added", "number", "Entries against the one before."),
    KEY("modified", "number", "The same."),
    KEY("deleted", "number", "The same."),
    KEY("bytes", "number", "That it added to the repository."),
    END};

static const struct schema_key checkpoint_keys[] = {
    KEY("number", "number", "Of the checkpoint."),
    KEY("hash", "string", "Its commit."),
    KEY("added", "number", "Entries against the one before."),
    KEY("modified", "number", "The same."),
    KEY("deleted", "number", "The same."),
    KEY("bytes", "number", "That it added to the repository."),
    KEY("unchanged", "boolean", "Nothing had changed: it is the last one again."),
    KEY("tree", "string", "What it holds: two of the same hold the same."),
    SOMETIMES("whole", "string", "Why all of the layer was looked at, not only what changed."),
    SOMETIMES("held_us", "number", "The longest time that a request of the guest was held."),
    KEY("synced", "boolean", "The guest wrote out what it held, or there is none."),
    END};

static const struct schema_key rollback_keys[] = {
    KEY("number", "number", "Of the checkpoint that the jail is now at."),
    KEY("hash", "string", "Its commit."),
    KEY("time", "number", "When it was made, in seconds since 1970."),
    KEY("saved", "number", "The checkpoint of what the jail was, 0: it was saved already."),
    KEY("from", "number", "The checkpoint that it was at."),
    KEY("tree", "string", "What it holds: two of the same hold the same."),
    SOMETIMES("whole", "string", "Why all of the layer was looked at, not only what changed."),
    KEY("entries", "number", "That were put back."),
    KEY("unchanged", "boolean", "It was as the checkpoint has it."),
    KEY("ended", "number", "Processes of the guest that ended."),
    END};

static const struct schema_key diff_keys[] = {
    KEY("status", "string",
	"A added, M modified, D deleted, R renamed, T other type, m only "
	"owner, mode or attributes."),
    KEY("path", "string", "In the jail."),
    SOMETIMES("path_base64", "string", "All bytes of a path that is no UTF-8."),
    SOMETIMES("from", "string", "With R: the path before."),
    SOMETIMES("from_base64", "string", "All bytes of a path that is no UTF-8."),
    KEY("what", "array of string", "Of content, mode, uid, gid, rdev, xattr."),
    KEY("drift", "boolean", "The host's file has changed too."),
    KEY("a", "object|null", "What is there on side A."),
    KEY("b", "object|null", "What is there on side B, with the same keys."),
    SOMETIMES("a.type", "string", "file, dir, link, char, block, fifo or socket."),
    SOMETIMES("a.mode", "number", "The lowest 12 bits."),
    SOMETIMES("a.uid", "number", "In the guest."),
    SOMETIMES("a.gid", "number", "In the guest."),
    SOMETIMES("a.size", "number", "Bytes."),
    SOMETIMES("a.rdev", "array of number", "Major and minor number of a device."),
    END};

static const struct schema_key events_keys[] = {
    SOMETIMES("seq", "number", "Of the event; it grows."),
    SOMETIMES("time_ns", "number", "In nanoseconds since 1970."),
    SOMETIMES("class", "string", "change, read, denied or jail."),
    SOMETIMES("op", "string", "create, write, rename, ...; class jail: state, checkpoint, ..."),
    SOMETIMES("path", "string", "In the jail; of op state the state."),
    SOMETIMES("path_base64", "string", "All bytes of a path that is no UTF-8."),
    SOMETIMES("path2", "string", "Of rename, link, symlink: the other one."),
    SOMETIMES("path2_base64", "string", "All bytes of a path that is no UTF-8."),
    SOMETIMES("bytes", "number", "That were written; a size; of chown uid << 32 | gid."),
    SOMETIMES("mode", "number", "Type and permissions, as stat(2) has them."),
    SOMETIMES("uid", "number", "Who did it, as the guest tells."),
    SOMETIMES("pid", "number", "The same."),
    SOMETIMES("comm", "string",
	      "The program that this process ran, as the guest tells; missing when that was late."),
    SOMETIMES("errno", "number", "Of class denied: the answer; else 0."),
    SOMETIMES("lost", "number", "Alone: so many events are missing here."),
    END};

static const struct schema_key ps_keys[] = {
    KEY("pid", "number", "As the guest tells, like all of these."),
    KEY("ppid", "number", "Its parent."),
    KEY("uid", "number", "Its user."),
    KEY("threads", "number", "Of the process."),
    KEY("rss_kib", "number", "Memory in KiB."),
    KEY("cpu_ms", "number", "Processor time in milliseconds."),
    KEY("start_ms", "number", "Milliseconds after the guest's start."),
    KEY("state", "string", "The letter of ps(1)."),
    KEY("comm", "string", "Its name."),
    KEY("command", "string", "Its command line."),
    END};

static const struct schema_key df_keys[] = {
    KEY("name", "string", "The jail."),
    KEY("upper", "number", "Bytes that it has written."),
    KEY("entries", "number", "Entries of its layer."),
    KEY("checkpoints", "number", "Bytes of its checkpoints."),
    KEY("shared", "number", "Bytes of them that forks have too."),
    KEY("other", "number", "Bytes of what gaol keeps about it."),
    KEY("total", "number", "Bytes of all."),
    END};

static const struct schema_key net_keys[] = {
    KEY("mode", "string", "As in jail.conf."),
    KEY("online", "boolean", "It has a network now."),
    KEY("in", "number", "Bytes that came in."),
    KEY("out", "number", "Bytes that went out."),
    SOMETIMES("waiting", "number", "Connections that wait for an answer."),
    SOMETIMES("queue", "array of object", "Those, the oldest first; --queue prints them alone."),
    SOMETIMES("rules", "array of object", "Answers that were given for a while."),
    SOMETIMES("flows", "array of object", "Connections that are or were there."),
    END};

static const struct schema_key prune_keys[] = {
    KEY("numbers", "array of number", "Checkpoints that went, or would go."),
    KEY("count", "number", "How many."), KEY("before", "number", "Bytes before."),
    KEY("after", "number", "Bytes after."), END};

static const struct schema_key doctor_keys[] = {
    KEY("name", "string", "What was looked at."), KEY("status", "string", "ok, warn or fail."),
    KEY("detail", "string", "What was found."),
    KEY("remedy", "string", "What to do, empty: nothing."), END};

static const struct schema_key audit_keys[] = {
    KEY("name", "string", "What was looked at; path may come several times."),
    KEY("verdict", "string", "ok, open, unknown or MISSING."),
    KEY("detail", "string", "What was found."), END};

const struct schema_verb schema_verbs[] = {
    {.verbs = {"ls"}, .shape = SCHEMA_ARRAY, .keys = ls_keys},
    {.verbs = {"log"}, .shape = SCHEMA_ARRAY, .keys = log_keys},
    {.verbs = {"checkpoint"}, .shape = SCHEMA_OBJECT, .keys = checkpoint_keys},
    {.verbs = {"rollback", "redo"}, .shape = SCHEMA_OBJECT, .keys = rollback_keys},
    {.verbs = {"diff", "compare"}, .shape = SCHEMA_ARRAY, .keys = diff_keys},
    {.verbs = {"events"}, .shape = SCHEMA_LINES, .keys = events_keys},
    {.verbs = {"ps"}, .shape = SCHEMA_ARRAY, .keys = ps_keys},
    {.verbs = {"df"}, .shape = SCHEMA_ARRAY, .keys = df_keys},
    {.verbs = {"net"}, .shape = SCHEMA_OBJECT, .keys = net_keys},
    {.verbs = {"prune"}, .shape = SCHEMA_OBJECT, .keys = prune_keys},
    {.verbs = {"audit"}, .shape = SCHEMA_ARRAY, .keys = audit_keys},
    {.verbs = {"doctor"}, .shape = SCHEMA_ARRAY, .keys = doctor_keys},
    {.verbs = {NULL}},
};

const struct schema_verb *schema_of(const char *verb)
{
	for (const struct schema_verb *s = schema_verbs; s->verbs[0]; s++)
		for (size_t i = 0; i < 4 && s->verbs[i]; i++)
			if (!strcmp(s->verbs[i], verb))
				return s;
	return NULL;
}

const char *schema_shape_text(enum schema_shape s)
{
	return s == SCHEMA_OBJECT  ? "one object"
	       : s == SCHEMA_ARRAY ? "an array of objects, each on a line of its own"
				   : "an object on each line";
}
