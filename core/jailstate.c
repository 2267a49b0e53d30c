/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The announcement of a jail's state: its words and its JSON form. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/jail.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE_FILE "state"
#define STATE_MAX 16384

static const char *const state_names[JAIL_STATES] = {
    [JAIL_STOPPED] = "stopped",	  [JAIL_BOOTING] = "booting", [JAIL_RUNNING] = "running",
    [JAIL_STOPPING] = "stopping", [JAIL_SAVING] = "saving",   [JAIL_RESTORING] = "restoring",
    [JAIL_CRASHED] = "crashed",	  [JAIL_FAILED] = "failed",   [JAIL_PAUSED] = "paused",
};

const char *jail_state_name(enum jail_state s)
{
	return (unsigned)s < JAIL_STATES ? state_names[s] : "?";
}

int jail_state_parse(const char *s)
{
	for (int i = 0; i < JAIL_STATES; i++)
		if (!strcmp(s, state_names[i]))
			return i;
	return -1;
}

/* jansson refuses invalid UTF-8; our own sentences may quote foreign bytes. */
static json_t *text_json(const char *s)
{
	json_t *v = json_string(s);

	if (v)
		return v;
	char ascii[512];
	size_t n = 0;
	for (; *s && n + 1 < sizeof(ascii); s++)
		ascii[n++] = (unsigned char)*s < 0x80 ? *s : '?';
	return json_stringn(ascii, n);
}

int jail_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

struct json_t *jail_status_to_json(const struct jail_status *st)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", text_json(st->name));
	json_object_set_new(o, "state", json_string(jail_state_name(st->state)));
	json_object_set_new(o, "warden", json_integer(st->warden));
	json_object_set_new(o, "guest", json_integer(st->guest));
	json_object_set_new(o, "since", json_integer(st->since));
	json_object_set_new(o, "booted", json_integer(st->booted));
	json_object_set_new(o, "created", json_integer(st->created));
	json_object_set_new(o, "memory", json_integer((json_int_t)st->memory));
	json_object_set_new(o, "profile", text_json(st->profile));
	json_object_set_new(o, "speed", json_string(st->trusting ? "trusting" : "safe"));
	json_object_set_new(o, "throwaway", json_boolean(st->throwaway));
	json_object_set_new(o, "exit_status",
			    st->has_exit ? json_integer(st->exit_status) : json_null());
	json_object_set_new(o, "exit_code",
			    st->has_exit ? json_integer(jail_exit_code(st->exit_status)) : json_null());
	json_object_set_new(o, "reason", text_json(st->reason));
	json_object_set_new(o, "note", text_json(st->note));
	json_object_set_new(o, "checkpoint", json_integer(st->checkpoint));
	json_object_set_new(o, "checkpoint_time", json_integer(st->checkpoint_time));
	json_object_set_new(o, "net_waiting", json_integer((json_int_t)st->net_waiting));
	json_object_set_new(o, "moves", json_integer((json_int_t)st->moves));
	json_object_set_new(o, "events", json_integer((json_int_t)st->events));
	json_object_set_new(o, "viewers", json_integer(st->viewers));
	json_object_set_new(o, "rows", json_integer(st->rows));
	json_object_set_new(o, "cols", json_integer(st->cols));
	json_object_set_new(o, "window", text_json(st->window));
	json_object_set_new(o, "limits",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:s}", "size",
				      (json_int_t)st->size_limit, "inodes",
				      (json_int_t)st->inodes_limit, "files",
				      (json_int_t)st->files_limit, "pids",
				      (json_int_t)st->pids_limit, "cpu",
				      (json_int_t)st->cpu_share, "by", st->limits_by));
	json_object_set_new(o, "used",
			    json_pack("{s:I, s:I, s:b}", "size", (json_int_t)st->size_used, "inodes",
				      (json_int_t)st->inodes_used, "known", st->used_known));
	json_object_set_new(o, "restarts", json_integer(st->restarts));
	json_object_set_new(o, "restart_at", json_integer(st->restart_at));
	return o;
}

static int64_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void str(const json_t *o, const char *key, char *to, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));

	snprintf(to, size, "%s", s ? s : "");
}

static void limits_from_json(const json_t *o, struct jail_status *st)
{
	const json_t *l = json_object_get(o, "limits"), *u = json_object_get(o, "used");

	st->size_limit = (uint64_t)num(l, "size");
	st->inodes_limit = (unsigned)num(l, "inodes");
	st->files_limit = (unsigned)num(l, "files");
	st->pids_limit = (unsigned)num(l, "pids");
	st->cpu_share = (unsigned)num(l, "cpu");
	str(l, "by", st->limits_by, sizeof(st->limits_by));
	st->size_used = (uint64_t)num(u, "size");
	st->inodes_used = (uint64_t)num(u, "inodes");
	st->used_known = json_is_true(json_object_get(u, "known"));
}

int jail_status_from_json(const struct json_t *o, struct jail_status *st)
{
	char word[32];

	*st = (struct jail_status){0};
	str(o, "state", word, sizeof(word));
	int s = jail_state_parse(word);
	if (s < 0)
		return -EPROTO;
	st->state = (enum jail_state)s;
	str(o, "name", st->name, sizeof(st->name));
	st->warden = (pid_t)num(o, "warden");
	st->guest = (pid_t)num(o, "guest");
	st->since = num(o, "since");
	st->booted = num(o, "booted");
	st->created = num(o, "created");
	st->memory = (uint64_t)num(o, "memory");
	str(o, "profile", st->profile, sizeof(st->profile));
	str(o, "speed", word, sizeof(word));
	st->trusting = !strcmp(word, "trusting");
	st->throwaway = json_is_true(json_object_get(o, "throwaway"));
	st->has_exit = json_is_integer(json_object_get(o, "exit_status"));
	st->exit_status = (int)num(o, "exit_status");
	str(o, "reason", st->reason, sizeof(st->reason));
	str(o, "note", st->note, sizeof(st->note));
	st->checkpoint = (unsigned)num(o, "checkpoint");
	st->checkpoint_time = num(o, "checkpoint_time");
	st->net_waiting = (uint64_t)num(o, "net_waiting");
	st->moves = (uint64_t)num(o, "moves");
	st->events = (uint64_t)num(o, "events");
	st->viewers = (int)num(o, "viewers");
	st->rows = (uint16_t)num(o, "rows");
	st->cols = (uint16_t)num(o, "cols");
	str(o, "window", st->window, sizeof(st->window));
	limits_from_json(o, st);
	st->restarts = (unsigned)num(o, "restarts");
	st->restart_at = num(o, "restart_at");
	return 0;
}

/* The state file as it stands; a jail that was never started has none. */
static int read_file(const struct jail *j, struct jail_status *st)
{
	struct buf b = {0};
	int ret = file_read_at(j->dirfd, STATE_FILE, STATE_MAX, &b);

	if (!ret) {
		json_t *o = json_loadb(buf_cstr(&b), b.len, 0, NULL);
		ret = o && json_is_object(o) ? jail_status_from_json(o, st) : -EPROTO;
		json_decref(o);
	}
	buf_free(&b);
	return ret;
}

int jail_status_read(const struct jail *j, struct jail_status *st)
{
	bool live = jail_locked(j);
	int ret = read_file(j, st);

	if (ret && ret != -ENOENT && ret != -EPROTO)
		return ret;
	if (ret)
		*st = (struct jail_status){0};
	snprintf(st->name, sizeof(st->name), "%s", j->name);
	if (live)
		return 0;
	/* Nobody holds the lock: what only a warden can keep up is over. */
	bool needs_warden =
	    st->state != JAIL_STOPPED && st->state != JAIL_CRASHED && st->state != JAIL_FAILED;
	if (needs_warden) {
		st->state = JAIL_CRASHED;
		snprintf(st->reason, sizeof(st->reason), "the warden was killed");
	}
	st->warden = st->guest = 0;
	st->booted = 0;
	st->viewers = 0;
	st->restart_at = 0;
	st->window[0] = '\0';
	return 0;
}

int jail_status_write(const struct jail *j, const struct jail_status *st)
{
	json_t *o = jail_status_to_json(st);
	char *text = json_dumps(o, JSON_INDENT(1));
	int ret =
	    text ? file_replace_at(j->dirfd, STATE_FILE, text, strlen(text), 0600, false) : -ENOMEM;

	free(text);
	json_decref(o);
	return ret;
}
