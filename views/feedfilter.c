/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/feedfilter.h"
#include "core/buf.h"
#include "core/conf.h"
#include "views/view.h"
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define TERMS_MAX 16

enum what { TERM_WORD, TERM_PATH, TERM_OP, TERM_CLASS, TERM_SIZE, TERM_UID, TERM_PID };

struct term {
	enum what what;
	bool not ;
	const char *text; /* in the filter's words */
	bool glob;
	bool less; /* size:< */
	uint64_t number;
};

struct feedfilter {
	char *text, *words; /* as it was given; cut into words */
	struct term terms[TERMS_MAX];
	size_t n;
};

static const struct {
	const char *key;
	enum what what;
} keys[] = {
    {"path:", TERM_PATH}, {"op:", TERM_OP},   {"class:", TERM_CLASS},
    {"size:", TERM_SIZE}, {"uid:", TERM_UID}, {"pid:", TERM_PID},
};

static void parse_term(struct term *t, const char *word)
{
	*t = (struct term){.what = *word == '/' ? TERM_PATH : TERM_WORD, .text = word};
	if (*word == '!' && word[1]) {
		parse_term(t, word + 1);
		t->not = !t->not ;
		return;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t n = strlen(keys[i].key);

		if (strncmp(word, keys[i].key, n))
			continue;
		t->what = keys[i].what;
		t->text = word + n;
	}
	t->glob = t->what == TERM_PATH && strpbrk(t->text, "*?[");
	t->less = t->what == TERM_SIZE && *t->text == '<';
	if (t->what == TERM_SIZE)
		conf_size_parse(t->text + strspn(t->text, "<>="), &t->number);
	if (t->what == TERM_UID || t->what == TERM_PID)
		t->number = strtoull(t->text, NULL, 10);
}

struct feedfilter *feedfilter_parse(const char *text)
{
	struct feedfilter *f = xcalloc(1, sizeof(*f));
	char *at, *word;

	f->text = xstrdup(text);
	f->words = at = xstrdup(text);
	while (f->n < TERMS_MAX && (word = strsep(&at, " \t")))
		if (*word)
			parse_term(&f->terms[f->n++], word);
	return f;
}

void feedfilter_free(struct feedfilter *f)
{
	if (!f)
		return;
	free(f->text);
	free(f->words);
	free(f);
}

const char *feedfilter_text(const struct feedfilter *f)
{
	return f->text;
}

/* A path as a C string; what is longer than any path is cut. */
static bool in_path(const struct term *t, const char *path, size_t n)
{
	char text[PATH_MAX];

	if (!n)
		return false;
	n = n < sizeof(text) ? n : sizeof(text) - 1;
	memcpy(text, path, n);
	text[n] = '\0';
	return t->glob ? !fnmatch(t->text, text, 0) : text_matches(text, t->text, NULL, NULL);
}

static bool in_paths(const struct term *t, const struct event *ev)
{
	return in_path(t, ev->path, ev->path_len) || in_path(t, ev->path2, ev->path2_len);
}

static bool holds(const struct term *t, const struct event *ev)
{
	switch (t->what) {
	case TERM_PATH:
		return in_paths(t, ev);
	case TERM_OP:
		return !strncmp(event_op_name(ev->op), t->text, strlen(t->text));
	case TERM_CLASS:
		return !strncmp(event_class_name(ev->class), t->text, strlen(t->text));
	case TERM_SIZE:
		if (ev->op != EVENT_WRITE && ev->op != EVENT_TRUNCATE && ev->op != EVENT_FALLOCATE)
			return false;
		return t->less ? ev->bytes < t->number : ev->bytes >= t->number;
	case TERM_UID:
		return ev->class != EVENT_JAIL && ev->uid == t->number;
	case TERM_PID:
		return ev->class != EVENT_JAIL && ev->pid == t->number;
	case TERM_WORD:
		break;
	}
	return in_paths(t, ev) || text_matches(event_op_name(ev->op), t->text, NULL, NULL);
}

bool feedfilter_matches(const struct feedfilter *f, const struct event *ev)
{
	for (size_t i = 0; i < f->n; i++)
		if (holds(&f->terms[i], ev) == f->terms[i].not )
			return false;
	return true;
}
