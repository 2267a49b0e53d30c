/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths, events and refusals. */
#include "core/layer/internal.h"
#include <errno.h>
#include <string.h>

/* Writes the path from its end; name (may be NULL) hangs below node i. */
ssize_t path_of(struct layer *l, uint32_t i, const char *name, char *buf, size_t size)
{
	size_t at = size, n;

	if (!size)
		return -ERANGE;
	buf[--at] = '\0';
	while (name || i != ROOT) {
		const char *s = name;
		if (s) {
			name = NULL;
		} else {
			const struct name *nm = node_at(l, i)->names;
			if (!nm)
				return -ENOENT;
			s = nm->s;
			i = nm->parent;
		}
		n = strlen(s);
		if (n + 1 > at)
			return -ENAMETOOLONG;
		at -= n;
		memcpy(buf + at, s, n);
		buf[--at] = '/';
	}
	if (at == size - 1) {
		if (!at)
			return -ENAMETOOLONG;
		buf[--at] = '/';
	}
	n = size - 1 - at;
	memmove(buf, buf + at, n + 1);
	return (ssize_t)n;
}

ssize_t layer_path(struct layer *l, uint64_t node, char *buf, size_t size)
{
	uint32_t i = node_index(l, node);

	return i ? path_of(l, i, NULL, buf, size) : -ESTALE;
}

static void tell_event(struct layer *l, struct event *ev, const struct layer_cred *c, ssize_t len)
{
	/* a path longer than a path can be is told by its end being unknown: "?" */
	ev->path = len >= 0 ? l->path[0] : "?";
	ev->path_len = len >= 0 ? (size_t)len : 1;
	if (c) {
		ev->uid = c->uid;
		ev->pid = c->pid;
	}
	l->on_event(l->event_user, ev);
}

void tell(struct layer *l, unsigned op, uint32_t dir, const char *name, mode_t mode, uint64_t bytes,
	  const struct layer_cred *c, const char *text)
{
	struct event ev = {
	    .op = (uint16_t)op,
	    .class = EVENT_CHANGE,
	    .mode = mode,
	    .bytes = bytes,
	    .path2 = text,
	    .path2_len = text ? strlen(text) : 0,
	};

	if (l->on_event)
		tell_event(l, &ev, c, path_of(l, dir, name, l->path[0], sizeof(l->path[0])));
}

void tell_node(struct layer *l, unsigned op, uint32_t i, mode_t mode, uint64_t bytes,
	       const struct layer_cred *c, const char *text)
{
	tell(l, op, i, NULL, mode, bytes, c, text);
}

void tell_two(struct layer *l, unsigned op, uint32_t dir, const char *name, uint32_t dir2,
	      const char *name2, mode_t mode, const struct layer_cred *c)
{
	struct event ev = {.op = (uint16_t)op, .class = EVENT_CHANGE, .mode = mode};
	ssize_t len;

	if (!l->on_event)
		return;
	len = path_of(l, dir2, name2, l->path[1], sizeof(l->path[1]));
	ev.path2 = len >= 0 ? l->path[1] : "?";
	ev.path2_len = len >= 0 ? (size_t)len : 1;
	tell_event(l, &ev, c, path_of(l, dir, name, l->path[0], sizeof(l->path[0])));
}

void tell_read(struct layer *l, uint32_t i, const struct layer_cred *c)
{
	struct event ev = {.op = EVENT_OPENREAD, .class = EVENT_READ, .mode = node_at(l, i)->mode};

	if (l->on_event && l->events_read)
		tell_event(l, &ev, c, path_of(l, i, NULL, l->path[0], sizeof(l->path[0])));
}

int refuse(struct layer *l, int err, uint32_t dir, const char *name, const struct layer_cred *c)
{
	return refuse_why(l, err, dir, name, c, NULL);
}

int refuse_why(struct layer *l, int err, uint32_t dir, const char *name, const struct layer_cred *c,
	       const char *why)
{
	struct event ev = {.op = EVENT_REFUSE,
			   .class = EVENT_DENIED,
			   .err = -err,
			   .path2 = why,
			   .path2_len = why ? strlen(why) : 0};

	if (l->on_event)
		tell_event(l, &ev, c, path_of(l, dir, name, l->path[0], sizeof(l->path[0])));
	return err;
}

int may_change(struct layer *l, struct auth_at at, uint32_t dir, const char *name,
	       const struct layer_cred *c)
{
	if (l->readonly || l->upper < 0)
		return -EROFS;
	if (at.word == AUTH_READ)
		return refuse(l, -EROFS, dir, name, c);
	if (at.word == AUTH_HIDE)
		return refuse(l, -EACCES, dir, name, c);
	return 0;
}

int may_change_node(struct layer *l, uint32_t i, const struct layer_cred *c)
{
	struct auth_at at;
	int err;

	if (l->readonly || l->upper < 0)
		return -EROFS;
	/* a file without a name is out of reach of any rule */
	if (!node_at(l, i)->names && i != ROOT)
		return 0;
	err = node_auth(l, i, &at);
	return err ? err : may_change(l, at, i, NULL, c);
}
