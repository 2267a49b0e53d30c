/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/conf_schema.h"
#include "core/conf_type.h"
#include "core/journal.h"
#include "core/ring.h"
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define ID_MAX UINT64_C(4294967294) /* (uid_t)-1 means "no change" to the system */

/* The words of "access" in the order of enum auth_word. */
_Static_assert(AUTH_READ == 0 && AUTH_WRITE == 1 && AUTH_FRESH == 2 && AUTH_HIDE == 3,
	       "words of access");
/* type_number and type_word write these fields as unsigned. */
_Static_assert(sizeof(uid_t) == sizeof(unsigned) && sizeof(gid_t) == sizeof(unsigned), "ids");
_Static_assert(sizeof(enum conf_profile) == sizeof(unsigned) &&
		   sizeof(enum auth_word) == sizeof(unsigned),
	       "enums");

#define JAIL(field) .off = offsetof(struct conf, field)
#define PATH(field) .off = offsetof(struct conf_path, field)

const struct schema conf_schema[] = {
    {.k = {.section = "jail",
	   .key = "memory",
	   .deflt = "256M",
	   .help = "Memory of the guest. The host gives it out as it is used."},
     .type = &type_size,
     JAIL(memory),
     .min = 32 * MIB,
     .max = 1024 * GIB,
     .unit = MIB},
    {.k = {.section = "jail",
	   .key = "profile",
	   .words = "box|app|blank",
	   .deflt = "box",
	   .help = "What the guest sees of the host: box shows the system copy-on-write with "
		   "private homes, app shows programs and /etc read-only, blank is an empty "
		   "disk with the host's programs, read-only."},
     .type = &type_word,
     JAIL(profile)},
    {.k = {.section = "jail",
	   .key = "speed",
	   .words = "safe|trusting",
	   .deflt = "safe",
	   .help = "trusting is faster, but lets a guest process read and write all memory of "
		   "its guest. The host's walls hold in both."},
     .type = &type_word,
     JAIL(speed)},
    {.k = {.section = "jail",
	   .key = "cpus",
	   .deflt = "1",
	   .help = "Processors of the guest. More than 1 needs speed = trusting."},
     .type = &type_number,
     JAIL(cpus),
     .min = 1,
     .max = 64},
    {.k = {.section = "jail",
	   .key = "command",
	   .deflt = "",
	   .help = "Program that the guest runs; it powers off when the program ends. "
		   "Default: a login shell of the user."},
     .type = &type_command,
     JAIL(command)},
    {.k = {.section = "jail",
	   .key = "arg",
	   .deflt = "",
	   .help = "One argument of the command, taken as it is.",
	   .list = true},
     .type = &type_arg,
     JAIL(command)},
    {.k = {.section = "jail",
	   .key = "user",
	   .deflt = "root",
	   .help = "Login name that the command runs as."},
     .type = &type_user,
     JAIL(user)},
    {.k = {.section = "jail", .key = "uid", .deflt = "0", .help = "User ID of the command."},
     .type = &type_number,
     JAIL(uid),
     .max = ID_MAX},
    {.k = {.section = "jail", .key = "gid", .deflt = "0", .help = "Group ID of the command."},
     .type = &type_number,
     JAIL(gid),
     .max = ID_MAX},
    {.k = {.section = "jail",
	   .key = "group",
	   .deflt = "",
	   .help = "A supplementary group ID of the command.",
	   .list = true},
     .type = &type_groups,
     JAIL(groups),
     .max = ID_MAX},
    {.k = {.section = "jail",
	   .key = "home",
	   .deflt = "",
	   .help = "Home directory of the user. Default: /root for uid 0, else /home/USER."},
     .type = &type_path,
     JAIL(home)},
    {.k = {.section = "jail",
	   .key = "shell",
	   .deflt = "/bin/bash",
	   .help = "Login shell of the user."},
     .type = &type_path,
     JAIL(shell)},
    {.k = {.section = "jail",
	   .key = "hostname",
	   .deflt = "",
	   .help = "Name of the guest. Default: the jail's name."},
     .type = &type_host,
     JAIL(hostname)},
    {.k = {.section = "jail",
	   .key = "init",
	   .deflt = "",
	   .help = "A system's own init, /sbin/init for instance, to be the guest's first process. It "
		   "starts what it is set up for, the command is not run, and a stop asks it to power "
		   "off. Default: gaol's init, which runs the command."},
     .type = &type_path,
     JAIL(init)},
    {.k = {.section = "jail",
	   .key = "cwd",
	   .deflt = "",
	   .help = "Directory that the command starts in. Default: its home."},
     .type = &type_path,
     JAIL(cwd)},
    {.k = {.section = "jail",
	   .key = "env",
	   .deflt = "",
	   .help = "NAME=VALUE for the environment of the command. Nothing of the host's goes in.",
	   .list = true},
     .type = &type_env,
     JAIL(env)},
    {.k = {.section = "jail",
	   .key = "restart",
	   .words = "never|on-crash",
	   .deflt = "never",
	   .help = "on-crash boots a guest that crashed again, after 1, 2, 4 ... 60 seconds."},
     .type = &type_word,
     JAIL(restart)},
    {.k = {.section = "jail",
	   .key = "autostart",
	   .deflt = "no",
	   .help = "Started by `gaol start --all-enabled`, which systemd runs at boot or login."},
     .type = &type_bool,
     JAIL(autostart)},
    {.k = {.section = "jail",
	   .key = "note",
	   .deflt = "",
	   .help = "Your own words about the jail, shown in lists."},
     .type = &type_text,
     JAIL(note)},
    {.k = {.section = "limits",
	   .key = "size",
	   .deflt = "0",
	   .help = "Disk that the layer may take; beyond it the guest gets ENOSPC. 0: as much as "
		   "there is."},
     .type = &type_size,
     JAIL(limit_size),
     .max = 1024 * 1024 * GIB},
    {.k = {.section = "limits",
	   .key = "inodes",
	   .deflt = "0",
	   .help = "Files, directories and links that the layer may hold; beyond it the guest gets "
		   "ENOSPC. 0: as many as there are."},
     .type = &type_number,
     JAIL(limit_inodes),
     .max = 4000000000},
    {.k = {.section = "limits",
	   .key = "files",
	   .deflt = "0",
	   .help = "Files and directories of the layer that are open at once; beyond it the guest "
		   "gets ENFILE. 0: as many as the supervisor's descriptors allow."},
     .type = &type_number,
     JAIL(limit_files),
     .max = 1000000},
    {.k = {.section = "limits",
	   .key = "pids",
	   .deflt = "4096",
	   .help =
	       "Processes of the guest, held on the host by its resource limit, and by a cgroup "
	       "where one can be made."},
     .type = &type_number,
     JAIL(limit_pids),
     .min = 8,
     .max = 8000},
    {.k = {.section = "limits",
	   .key = "cpu",
	   .deflt = "100",
	   .help =
	       "Share of a busy host's processors: 50 is half of what others get, 200 twice. By "
	       "a cgroup where one can be made, else by the scheduler's nice value."},
     .type = &type_number,
     JAIL(limit_cpu),
     .min = 1,
     .max = 10000},
    {.k = {.section = "walls",
	   .key = "allow-missing",
	   .words = "landlock",
	   .deflt = "",
	   .help = "A wall that may be missing on this host. Without it a jail that would lack one "
		   "does not start; a new jail names what its host lacks.",
	   .list = true},
     .type = &type_words,
     JAIL(walls_missing)},
    {.k = {.section = "walls",
	   .key = "need",
	   .words = "cgroup|uid",
	   .deflt = "",
	   .help = "A wall that not every jail has and this one must, else it does not start: "
		   "cgroup holds its processes and share of the processors by a control group, uid "
		   "is one on the host that nobody else has (root's jails).",
	   .list = true},
     .type = &type_words,
     JAIL(walls_need)},
    {.k = {.section = "path",
	   .key = "access",
	   .words = "read|write|fresh|hide",
	   .deflt = "",
	   .help = "read shows the host's, write shows it copy-on-write, fresh is private and "
		   "starts empty, hide shows nothing. The longest path wins."},
     .type = &type_word,
     PATH(word)},
    {.k = {.section = "path",
	   .key = "own",
	   .deflt = "no",
	   .help = "Read the host's files with gaol's own authority, not as nobody would."},
     .type = &type_bool,
     PATH(own)},
    {.k = {.section = "path",
	   .key = "secret",
	   .deflt = "no",
	   .help = "With own: show credentials (.ssh, .gnupg, .aws, ...) too."},
     .type = &type_bool,
     PATH(secret)},
    {.k = {.section = "net",
	   .key = "mode",
	   .words = "none|open|ask|list",
	   .deflt = "none",
	   .help =
	       "Network of the guest: none is the loopback only; open lets everything out, list "
	       "only what an allow rule names, ask also what you allow when it is tried. "
	       "Private and link-local addresses and the host's own need a rule in each."},
     .type = &type_word,
     JAIL(net)},
    {.k = {.section = "net",
	   .key = "allow",
	   .deflt = "",
	   .help = "What the jail may reach: [PROTOCOL/]HOST[:PORT], HOST a name, *.NAME, an "
		   "address, a range or *; as www.example.org:80.",
	   .list = true},
     .type = &type_allow,
     JAIL(net_allow)},
    {.k = {.section = "net",
	   .key = "deny",
	   .deflt = "",
	   .help = "What it may not reach, whatever an allow rule says.",
	   .list = true},
     .type = &type_deny,
     JAIL(net_deny)},
    {.k = {.section = "net",
	   .key = "publish",
	   .deflt = "",
	   .help = "A port of the host that leads into the jail: [ADDRESS:]HOST:GUEST[/udp], as "
		   "8080:80. Without an address only the host itself can reach it.",
	   .list = true},
     .type = &type_publish,
     JAIL(net_publish)},
    {.k = {.section = "net",
	   .key = "rate",
	   .deflt = "0",
	   .help =
	       "Bytes a second that the jail may send, and as many that it may receive; 0 is no "
	       "limit."},
     .type = &type_size,
     JAIL(net_rate),
     .max = 1024 * GIB},
    {.k = {.section = "net",
	   .key = "quota",
	   .deflt = "0",
	   .help = "Bytes that the jail may send and receive until its next start; then it is off "
		   "the network. 0 is no limit."},
     .type = &type_size,
     JAIL(net_quota),
     .max = 1024 * 1024 * GIB},
    {.k = {.section = "checkpoint",
	   .key = "every",
	   .deflt = "0",
	   .help = "Time between automatic checkpoints of a running jail, made when something has "
		   "changed; 0 makes none."},
     .type = &type_duration,
     JAIL(checkpoint_every),
     .max = 366 * UINT64_C(86400)},
    {.k = {.section = "checkpoint",
	   .key = "at-start",
	   .deflt = "no",
	   .help = "Make a checkpoint before each start, when something has changed."},
     .type = &type_bool,
     JAIL(checkpoint_at_start)},
    {.k = {.section = "events",
	   .key = "ring",
	   .deflt = "4M",
	   .help = "Memory for recent events; a viewer that is slower loses the oldest."},
     .type = &type_size,
     JAIL(events_ring),
     .min = RING_SIZE_MIN,
     .max = RING_SIZE_MAX},
    {.k = {.section = "events",
	   .key = "keep",
	   .deflt = "16M",
	   .help =
	       "Disk for the journal of events, which outlives the warden; the oldest go first. "
	       "0 keeps none, else at least 256K."},
     .type = &type_size,
     JAIL(events_keep),
     .max = JOURNAL_KEEP_MAX},
    {.k = {.section = "events",
	   .key = "names",
	   .deflt = "yes",
	   .help = "Have the guest tell which program each process is, for its events. It costs "
		   "some 50 us for each process that is started."},
     .type = &type_bool,
     JAIL(events_names)},
    {.k = {.section = "events",
	   .key = "reads",
	   .deflt = "no",
	   .help = "Also record the first read of each of the host's files."},
     .type = &type_bool,
     JAIL(events_reads)},
    {.k = {.section = "console",
	   .key = "size",
	   .deflt = "1M",
	   .help = "Console output that is kept for viewers."},
     .type = &type_size,
     JAIL(console_size),
     .min = 64 * 1024,
     .max = 256 * MIB},
    {.k = {.section = "console",
	   .key = "record",
	   .deflt = "no",
	   .help = "Record each boot's console as asciicast: yes keeps it as "
		   "recordings/console.cast in the jail's directory, a path there; later ones "
		   "get .1, .2 behind their name."},
     .type = &type_text,
     JAIL(console_record)},
    {.k = {.section = "console",
	   .key = "record-size",
	   .deflt = "64M",
	   .help = "Where a recording ends at the latest."},
     .type = &type_size,
     JAIL(console_record_size),
     .min = 64 * 1024,
     .max = 1024 * GIB},
    {.k = {.section = "console",
	   .key = "detach",
	   .deflt = "Ctrl-] d",
	   .help = "The two keys that leave an attached console."},
     .type = &type_keys,
     JAIL(detach)},
};
const size_t conf_schema_n = sizeof(conf_schema) / sizeof(conf_schema[0]);

bool schema_in_path(const struct schema *s)
{
	return !strcmp(s->k.section, "path");
}

const struct schema *schema_find(const char *section, const char *key)
{
	for (size_t i = 0; i < conf_schema_n; i++)
		if (!strcasecmp(conf_schema[i].k.section, section) &&
		    !strcasecmp(conf_schema[i].k.key, key))
			return &conf_schema[i];
	return NULL;
}

const struct schema *schema_find_key(const char *key)
{
	for (size_t i = 0; i < conf_schema_n; i++)
		if (!strcasecmp(conf_schema[i].k.key, key))
			return &conf_schema[i];
	return NULL;
}

/* Edits (insert, delete, replace a character) from a to b, both short. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b);

	if (n >= sizeof(row) / sizeof(row[0]) || strlen(a) > 64)
		return 99;
	for (size_t i = 0; i <= n; i++)
		row[i] = i;
	for (; *a; a++) {
		size_t diagonal = row[0]++;

		for (size_t i = 1; i <= n; i++) {
			size_t least = diagonal + (*a != b[i - 1]);

			diagonal = row[i];
			if (least > row[i] + 1)
				least = row[i] + 1;
			if (least > row[i - 1] + 1)
				least = row[i - 1] + 1;
			row[i] = least;
		}
	}
	return row[n];
}

const struct schema *schema_guess(const char *section, const char *key)
{
	const struct schema *best = NULL;
	size_t least = 3; /* more edits make another word of it */

	for (size_t i = 0; i < conf_schema_n; i++) {
		size_t d;

		if (section && strcasecmp(conf_schema[i].k.section, section) != 0)
			continue;
		d = distance(key, conf_schema[i].k.key);
		if (d < least && d < strlen(key)) {
			least = d;
			best = &conf_schema[i];
		}
	}
	return best;
}

void conf_each_key(bool (*fn)(void *user, const struct conf_key *k), void *user)
{
	for (size_t i = 0; i < conf_schema_n; i++) {
		struct conf_key k = conf_schema[i].k;

		k.type = conf_schema[i].type->name;
		if (!fn(user, &k))
			return;
	}
}
