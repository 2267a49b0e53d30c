/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/pulse.h"
#include "core/loop.h"
#include "views/ask.h"
#include "views/model.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MS 2000
#define ANSWER_MS 2000

struct beat {
	struct beat *next;
	struct pulse *pulse;
	char jail[JAIL_NAME_MAX + 1];
	pid_t warden;
	struct ask *ask;
	int64_t due; /* ms of the monotonic clock */
	bool hung;
	unsigned rates[PULSE_BEATS]; /* events a second */
	size_t n;
	uint64_t events;
	int64_t told; /* ms of the monotonic clock at which events was heard, 0: never */
};

struct pulse {
	const struct view_env *env;
	struct beat *all;
};

struct pulse *pulse_new(const struct view_env *env)
{
	struct pulse *p = xcalloc(1, sizeof(*p));

	p->env = env;
	return p;
}

void pulse_free(struct pulse *p)
{
	while (p && p->all) {
		struct beat *b = p->all;

		p->all = b->next;
		ask_cancel(b->ask);
		free(b);
	}
	free(p);
}

static void count(struct beat *b, const json_t *o)
{
	json_int_t events = json_integer_value(json_object_get(o, "events"));
	int64_t now = loop_now_ms(), ms = now - b->told;
	uint64_t n = events > 0 ? (uint64_t)events : 0;

	if (b->told && ms > 0 && n >= b->events) {
		if (b->n == PULSE_BEATS)
			memmove(b->rates, b->rates + 1, --b->n * sizeof(*b->rates));
		b->rates[b->n++] = (unsigned)((n - b->events) * 1000 / (uint64_t)ms);
		env_dirty(b->pulse->env);
	}
	b->events = n;
	b->told = now;
}

static void answered(void *user, const json_t *o, int error)
{
	struct beat *b = user;
	bool hung = error == -ETIMEDOUT;

	b->ask = NULL;
	if (o)
		count(b, o);
	/* one that is silent is asked again soon */
	b->due = loop_now_ms() + (hung ? 0 : EVERY_MS);
	if (hung != b->hung)
		env_dirty(b->pulse->env);
	b->hung = hung;
}

static struct beat *find(const struct pulse *p, const char *jail)
{
	struct beat *b = p->all;

	while (b && strcmp(b->jail, jail))
		b = b->next;
	return b;
}

/* Of a jail whose warden is gone nothing is remembered. */
static void sweep(struct pulse *p)
{
	for (struct beat **at = &p->all; *at;) {
		struct beat *b = *at;
		const struct jail_status *st = model_find(p->env->model, b->jail);

		if (st && st->warden == b->warden) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		ask_cancel(b->ask);
		free(b);
	}
}

void pulse_tick(struct pulse *p)
{
	int64_t now = loop_now_ms();

	sweep(p);
	for (size_t i = 0; i < model_count(p->env->model); i++) {
		const struct jail_status *st = model_at(p->env->model, i);
		struct beat *b = find(p, st->name);

		if (!st->warden)
			continue;
		if (!b) {
			b = xcalloc(1, sizeof(*b));
			b->pulse = p;
			b->warden = st->warden;
			memcpy(b->jail, st->name, sizeof(b->jail));
			b->next = p->all;
			p->all = b;
		}
		if (!b->ask && now >= b->due)
			b->ask = ask_start(p->env, b->jail, "status", ANSWER_MS, answered, b);
	}
}

bool pulse_hung(const struct pulse *p, const char *jail)
{
	const struct beat *b = p ? find(p, jail) : NULL;

	return b && b->hung;
}

size_t pulse_rates(const struct pulse *p, const char *jail, unsigned out[PULSE_BEATS])
{
	const struct beat *b = p ? find(p, jail) : NULL;

	if (!b)
		return 0;
	memcpy(out, b->rates, b->n * sizeof(*out));
	return b->n;
}
