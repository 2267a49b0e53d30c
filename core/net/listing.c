/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The questions as a list, and which program of the guest's each comes from. */
#include "core/buf.h"
#include "core/net/judge_int.h"
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum {
	LIST_MAX = 200,
	RULES_LISTED = 200,
	LIST_TEXT = 24 * 1024, /* bytes; the connections come into the same message */
	QUESTION_TEXT = 220,   /* of one without its name, rule and command */
	RULE_JSON = 60,
};

/* Lists */

static json_t *question_json(struct judge *j, const struct question *q, int64_t now)
{
	const char *names[NAMES_OF_ONE];
	struct target t = ask_target(j, q, names, now);
	char text[RULE_TEXT_MAX], addr[NADDR_TEXT], proto[8];
	struct rule r;

	ask_rule(&t, false, &r);
	json_t *o = json_pack(
	    "{s:I, s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:s}", "id", (json_int_t)q->number, "proto",
	    rule_proto_name(r.proto, proto), "address", naddr_text(&q->addr, addr), "port",
	    (int)q->port, "name", t.nnames ? t.names[0] : "", "flows", (json_int_t)q->n, "times",
	    (json_int_t)q->times, "ms", (json_int_t)(now - q->since), "rule", rule_text(&r, text));
	if (o && q->command) {
		json_object_set_new(o, "pid", json_integer(q->pid));
		json_object_set_new(o, "uid", json_integer(q->uid));
		json_object_set_new(o, "command", json_string(q->command));
	}
	return o;
}

/* Calls fn for the questions that wait, each once, from the oldest flow on, until it says false. */
static void each_question(struct judge *j, bool (*fn)(void *user, struct question *q), void *user)
{
	uint64_t last = 0;
	unsigned n = 0;

	for (const struct held *h = j->oldest; h && n < LIST_MAX; h = h->newer) {
		if (h->next || h->question->number <= last)
			continue;
		last = h->question->number;
		n++;
		if (!fn(user, h->question))
			return;
	}
}

struct listing {
	struct judge *j;
	int64_t now;
	json_t *queue;
	size_t room; /* bytes of text */
};

static bool list_question(void *user, struct question *q)
{
	struct listing *l = user;
	json_t *o = question_json(l->j, q, l->now);
	size_t size = QUESTION_TEXT + json_string_length(json_object_get(o, "name")) +
		      json_string_length(json_object_get(o, "rule")) +
		      2 * json_string_length(json_object_get(o, "command"));

	if (size > l->room) {
		json_decref(o);
		return false;
	}
	l->room -= size;
	return !json_array_append_new(l->queue, o);
}

void judge_list(struct judge *j, json_t *o, int64_t now)
{
	struct listing l = {.j = j, .now = now, .queue = json_array(), .room = LIST_TEXT};
	json_t *rules = json_array();
	char text[RULE_TEXT_MAX];

	each_question(j, list_question, &l);
	for (size_t i = 0; i < j->rules.n && i < RULES_LISTED; i++) {
		const struct rule *r = &j->rules.v[i];

		if (strlen(rule_text(r, text)) + RULE_JSON > l.room)
			break;
		l.room -= strlen(text) + RULE_JSON;
		json_array_append_new(
		    rules, json_pack("{s:s, s:s, s:b, s:I}", "do", r->deny ? "deny" : "allow",
				     "rule", text, "kept", (int)r->kept, "ms_left",
				     (json_int_t)(r->until ? r->until - now : 0)));
	}
	json_object_set_new(o, "queue", l.queue);
	json_object_set_new(o, "rules", rules);
	json_object_set_new(o, "waiting", json_integer((json_int_t)j->nquestions));
}

/* Who asks */

struct strangers {
	struct judge_stranger *out;
	size_t n, max;
};

static bool take_stranger(void *user, struct question *q)
{
	struct strangers *s = user;

	if (q->asked)
		return true;
	if (s->n == s->max)
		return false;
	q->asked = true;
	s->out[s->n++] = (struct judge_stranger){.id = q->number,
						 .proto = q->proto,
						 .addr = q->addr,
						 .port = q->port,
						 .sport = q->held->sport};
	return true;
}

size_t judge_strangers(struct judge *j, struct judge_stranger *out, size_t max)
{
	struct strangers s = {.out = out, .max = max};

	each_question(j, take_stranger, &s);
	return s.n;
}

void judge_told(struct judge *j, const json_t *told)
{
	const json_t *v;
	size_t i;

	json_array_foreach(told, i, v)
	{
		const json_t *command = json_object_get(v, "command");
		struct question *q = ask_by_number(
		    j, (uint64_t)json_integer_value(json_object_get(v, "id")));

		if (!q || q->command || !json_is_string(command) ||
		    json_string_length(command) > JUDGE_COMMAND_MAX)
			continue;
		const char *comm = json_string_value(json_object_get(v, "comm"));
		q->command = xstrdup(json_string_value(command));
		snprintf(q->comm, sizeof(q->comm), "%s", comm ? comm : "");
		q->pid = (uint32_t)json_integer_value(json_object_get(v, "pid"));
		q->uid = (uint32_t)json_integer_value(json_object_get(v, "uid"));
	}
}
