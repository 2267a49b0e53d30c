/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/audit.h"
#include "core/auditfacts.h"
#include "core/buf.h"
#include "core/layer/authority.h"
#include "core/wall/probe.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct teller {
	audit_fn *fn;
	void *user;
};

static void __attribute__((format(printf, 4, 5)))
tell(const struct teller *t, const char *name, enum audit_verdict v, const char *format, ...)
{
	struct audit_line l = {.name = name, .verdict = v};
	va_list ap;

	va_start(ap, format);
	vsnprintf(l.detail, sizeof(l.detail), format, ap);
	va_end(ap);
	t->fn(t->user, &l);
}

const char *audit_verdict_name(enum audit_verdict v)
{
	static const char *const names[] = {[AUDIT_OK] = "ok",
					    [AUDIT_OPEN] = "open",
					    [AUDIT_UNKNOWN] = "unknown",
					    [AUDIT_MISSING] = "MISSING"};

	return names[v];
}

/* Paths: every place where another word begins to hold. */
struct walk {
	const struct teller *t;
	struct auth_at at;
	const char *path;
};

static const char *word_means(struct auth_at at)
{
	switch (at.word) {
	case AUTH_READ:
		return "the host's, read-only";
	case AUTH_WRITE:
		return "the host's, copy-on-write";
	case AUTH_FRESH:
		return "private, starts empty";
	default:
		return "not there";
	}
}

static void tell_path(const struct walk *w)
{
	bool shown = w->at.word == AUTH_READ || w->at.word == AUTH_WRITE;
	const char *who = !shown	 ? ""
			  : w->at.secret ? ", read with your rights, credentials too"
			  : w->at.own	 ? ", read with your rights, without credentials"
					 : ", only what everybody can read";

	tell(w->t, "path", shown && (w->at.own || w->at.secret) ? AUDIT_OPEN : AUDIT_OK,
	     "%s: %s: %s%s", w->path, auth_word_name(w->at.word), word_means(w->at), who);
}

static void walk_child(void *user, const char *name, size_t n)
{
	const struct walk *up = user;
	char *path = xasprintf("%s/%.*s", strcmp(up->path, "/") ? up->path : "", (int)n, name);
	struct walk w = {.t = up->t, .at = authority_step(up->at, name, n), .path = path};

	if (w.at.word != up->at.word || w.at.own != up->at.own || w.at.secret != up->at.secret)
		tell_path(&w);
	auth_each_child(w.at, walk_child, &w);
	free(path);
}

static void tell_net(const struct teller *t, const struct conf *c)
{
	static const char *const means[] = {
	    [CONF_NET_NONE] = "its own loopback only",
	    [CONF_NET_OPEN] = "all but private, link-local and the host's own addresses",
	    [CONF_NET_ASK] = "what you allow when asked, and by its rules",
	    [CONF_NET_LIST] = "what its rules allow"};

	tell(t, "network", c->net == CONF_NET_NONE ? AUDIT_OK : AUDIT_OPEN,
	     "%s: %s (%zu allowed, %zu denied by rules)", conf_net_name(c->net), means[c->net],
	     c->net_allow.n, c->net_deny.n);
	/* The order in which they count: what is denied stays so. */
	for (size_t i = 0; c->net != CONF_NET_NONE && i < c->net_deny.n; i++)
		tell(t, "rule", AUDIT_OK, "deny %s", c->net_deny.v[i]);
	for (size_t i = 0; c->net != CONF_NET_NONE && i < c->net_allow.n; i++)
		tell(t, "rule", AUDIT_OPEN, "allow %s", c->net_allow.v[i]);
	for (size_t i = 0; i < c->net_publish.n; i++)
		tell(t, "port", AUDIT_OPEN, "%s: led from the host into the jail",
		     c->net_publish.v[i]);
}

static void tell_limits(const struct teller *t, const struct conf *c)
{
	if (c->limit_size)
		tell(t, "disk", AUDIT_OK, "%llu MiB at most",
		     (unsigned long long)(c->limit_size >> 20));
	else
		tell(t, "disk", AUDIT_OPEN, "no limit: until the host's is full (size = ...)");
	if (c->limit_inodes)
		tell(t, "files", AUDIT_OK, "%u at most", c->limit_inodes);
	else
		tell(t, "files", AUDIT_OPEN, "as many as the host's disk takes (inodes = ...)");
}

int audit_conf(const struct conf *c, audit_fn *fn, void *user, struct err *e)
{
	const struct teller t = {fn, user};
	struct walk w = {.t = &t, .path = "/"};
	struct authority *a;
	int ret = conf_authority(c, &a, e);

	if (ret)
		return ret;
	w.at = authority_root(a);
	tell_path(&w);
	auth_each_child(w.at, walk_child, &w);
	authority_free(a);
	tell(&t, "speed", c->speed == CONF_TRUSTING ? AUDIT_OPEN : AUDIT_OK,
	     c->speed == CONF_TRUSTING
		 ? "trusting: a program in it can read and write all memory of its guest"
		 : "safe: programs are held apart by ptrace, on one processor");
	tell_net(&t, c);
	tell_limits(&t, c);
	return 0;
}

static void tell_rights(const struct teller *t, const struct audit_facts *f)
{
	tell(t, "user", f->uid_ours ? AUDIT_MISSING : AUDIT_OK,
	     "uid %u on the host%s, %u processes", (unsigned)f->uid,
	     f->uid_ours ? ", which is no other than yours" : "", f->processes);
	if (f->caps)
		tell(t, "capabilities", AUDIT_MISSING, "%llx in one of its processes",
		     (unsigned long long)f->caps);
	else
		tell(t, "capabilities", AUDIT_OK, "none, and none to be had");
	tell(t, "privileges", f->new_privs ? AUDIT_MISSING : AUDIT_OK, "%s",
	     f->new_privs ? "a set-id program would count" : "no program gives it any");
	if (f->unfiltered)
		tell(t, "calls", AUDIT_MISSING, "%u of its processes may make any system call",
		     f->unfiltered);
	else
		tell(t, "calls", AUDIT_OK, "a list of system calls holds for each process");
	/* Not to be seen in /proc: the guest is started below it wherever it is. */
	if (probe_landlock() > 0)
		tell(t, "landlock", AUDIT_OK, "the host's kernel has it, the guest is below it");
	else
		tell(t, "landlock", AUDIT_MISSING,
		     "the host's kernel has it not, or it is switched off (lsm=)");
}

/* A list that should be empty. */
static void tell_none(const struct teller *t, const char *name, const char *list, bool unseen,
		      const char *bad, const char *good)
{
	if (list[0])
		tell(t, name, AUDIT_MISSING, "%s: %s", bad, list);
	else if (unseen)
		tell(t, name, AUDIT_UNKNOWN, "this user cannot look");
	else
		tell(t, name, AUDIT_OK, "%s", good);
}

int audit_guest(pid_t guest, audit_fn *fn, void *user)
{
	const struct teller t = {fn, user};
	struct audit_facts f;
	int ret = audit_facts(guest, &f);

	if (ret)
		return ret;
	tell_rights(&t, &f);
	tell_none(&t, "namespaces", f.shared, f.unseen, "shared with the host",
		  "user, mount, pid, ipc, uts, network and cgroup of its own");
	tell_none(&t, "mounts", f.mounts, false, "beyond those of every guest",
		  "its kernel, a tmpfs, a socket for each device");
	tell_none(&t, "descriptors", f.files, f.unseen, "of files of the host",
		  "none of a file of the host");
	tell_none(&t, "limits", f.unlimited, false, "not set",
		  "core dumps, data, processes, open files");
	return 0;
}
