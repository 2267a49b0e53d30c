/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/runask.h"
#include "core/buf.h"
#include "core/client.h"
#include "core/fd.h"
#include "core/loop.h"
#include "core/text.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	AGAIN_MS = 100, /* until it is looked again who asks */
	WHO_MS = 1000,	/* that a question waits for the guest's word on that */
	PROCESS_MAX = 60, /* bytes of a command that are shown */
	NAME_MAX_SHOWN = 48,
};

struct runask {
	struct client *client;
	struct exec_aside aside;
	int list;	     /* tag of the call that is under way, 0: none */
	int64_t id, since;   /* of the question that stands or is about to, 0: none */
	bool stands;
};

static void ask_list(struct runask *a)
{
	int tag = a->list ? 0 : client_send_call(a->client, "net", json_pack("{s:s}", "do", "list"));

	if (tag > 0)
		a->list = tag;
}

static int64_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void put(struct buf *out, const json_t *o, const char *key, size_t max)
{
	const char *s = json_string_value(json_object_get(o, key));
	size_t n = s ? strlen(s) : 0;

	text_escape(out, s ? s : "", n < max ? n : max, 0);
}

/* Of a long name the end, which says whose it is. */
static void put_name(struct buf *out, const json_t *q)
{
	const char *name = json_string_value(json_object_get(q, "name"));
	size_t n = name ? strlen(name) : 0;

	if (!n) {
		put(out, q, "address", NAME_MAX_SHOWN);
		return;
	}
	if (n > NAME_MAX_SHOWN)
		buf_str(out, "...");
	text_escape(out, n > NAME_MAX_SHOWN ? name + n - NAME_MAX_SHOWN : name,
		    n > NAME_MAX_SHOWN ? NAME_MAX_SHOWN : n, 0);
	buf_str(out, " (");
	put(out, q, "address", NAME_MAX_SHOWN);
	buf_str(out, ")");
}

/* What the guest says comes last: it could be worded like all that stands before it. */
static void put_question(const json_t *q, struct buf *out)
{
	buf_str(out, "gaol: ");
	put(out, q, "proto", 8);
	buf_str(out, " ");
	put_name(out, q);
	if (num(q, "port"))
		buf_fmt(out, " port %" PRId64, num(q, "port"));
	if (num(q, "times") > 1)
		buf_fmt(out, ", %" PRId64 " times", num(q, "times"));
	buf_str(out, "? [y]es [o]nce [n]o [d]eny once ");
	if (!json_object_get(q, "command"))
		return;
	buf_fmt(out, "(it says: %" PRId64 ", uid %" PRId64 ", ", num(q, "pid"), num(q, "uid"));
	put(out, q, "command", PROCESS_MAX);
	buf_str(out, ") ");
}

static const json_t *by_id(const json_t *queue, int64_t id)
{
	const json_t *q;
	size_t i;

	json_array_foreach(queue, i, q)
		if (num(q, "id") == id)
			return q;
	return NULL;
}

static void take_list(struct runask *a, const json_t *o, struct buf *out)
{
	const json_t *queue = json_object_get(o, "queue"), *q = json_array_get(queue, 0);

	if (a->stands) {
		if (by_id(queue, a->id))
			return;
		a->stands = false;
		buf_str(out, "answered elsewhere, or too late");
		return;
	}
	if (q && num(q, "id") != a->id) {
		a->id = num(q, "id");
		a->since = loop_now_ms();
	}
	if (!q)
		return;
	if (!json_object_get(q, "command") && loop_now_ms() - a->since < WHO_MS) {
		a->aside.wait_ms = AGAIN_MS;
		return;
	}
	a->stands = true;
	put_question(q, out);
}

static void take(struct runask *a, const struct client_msg *m, struct buf *out)
{
	int fd = m->fd;
	bool ours = a->list && m->head.tag == (uint32_t)a->list;

	fd_close(&fd);
	if (m->head.type == PROTO_STATUS) {
		ask_list(a);
	} else if (ours && (m->head.type == PROTO_RESULT || m->head.type == PROTO_ERROR)) {
		json_t *o = m->head.type == PROTO_RESULT ? proto_json(m->data, m->len) : NULL;

		a->list = 0;
		take_list(a, o, out);
		json_decref(o);
	}
}

static bool ready(void *user, struct buf *out)
{
	struct runask *a = user;
	struct client_msg m;
	int ret = 0;
	bool stood = a->stands;

	if (a->aside.wait_ms >= 0)
		ask_list(a);
	a->aside.wait_ms = -1;
	/* A question that is over is told before another one begins. */
	while (a->stands == stood && (ret = client_next(a->client, &m)) > 0)
		take(a, &m, out);
	if (ret < 0) {
		a->aside.fd = -1;
		a->stands = false;
	}
	if (stood && !a->stands && a->aside.fd >= 0)
		a->aside.wait_ms = 0;
	return a->stands;
}

static const struct {
	unsigned char key;
	const char *word, *told;
} answers[] = {
    {.key = 'y', .word = "run", .told = "allowed for this run"},
    {.key = 'o', .word = "once", .told = "allowed once"},
    {.key = 'n', .word = "never", .told = "refused for this run"},
    {.key = 'd', .word = "deny", .told = "refused once"},
    /* Ctrl-C is the program's as well, which may not be there any more to ask. */
    {.key = 3, .word = "deny", .told = "refused once"},
};

static bool key(void *user, unsigned char k, struct buf *out)
{
	struct runask *a = user;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (answers[i].key != k)
			continue;
		int tag = client_send_call(a->client, "net",
					   json_pack("{s:s, s:I, s:s, s:i}", "do", "answer", "id",
						     (json_int_t)a->id, "word", answers[i].word,
						     "minutes", 0));
		if (tag < 0)
			return true;
		a->stands = false;
		a->aside.wait_ms = 0;
		buf_str(out, answers[i].told);
		return false;
	}
	return true;
}

struct runask *runask_new(const struct jail *j, struct err *e)
{
	struct runask *a = xcalloc(1, sizeof(*a));

	if (client_connect(&a->client, j, e)) {
		free(a);
		return NULL;
	}
	if (client_send_call(a->client, "watch", NULL) < 0) {
		err_set(e, -EPIPE, "the warden does not answer");
		runask_free(a);
		return NULL;
	}
	a->aside = (struct exec_aside){.fd = client_fd(a->client),
				       .wait_ms = 0,
				       .ready = ready,
				       .key = key,
				       .user = a};
	return a;
}

void runask_free(struct runask *a)
{
	if (!a)
		return;
	client_free(a->client);
	free(a);
}

struct exec_aside *runask_aside(struct runask *a)
{
	return &a->aside;
}
