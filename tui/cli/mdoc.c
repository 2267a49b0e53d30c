/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/mdoc.h"
#include "core/buf.h"
#include "core/conf.h"
#include "keymaps/keymap.h"
#include "tui/cli/schema.h"
#include "tui/settings.h"
#include <string.h>

void mdoc_bytes(const char *s, size_t n, FILE *f)
{
	if (n && (*s == '.' || *s == '\''))
		fputs("\\&", f);
	for (; n; s++, n--) {
		if (*s == '\\')
			fputs("\\e", f);
		else if (*s == '-')
			fputs("\\-", f);
		else
			fputc(*s, f);
	}
}

void mdoc_text(const char *s, FILE *f)
{
	mdoc_bytes(s, strlen(s), f);
	fputc('\n', f);
}

void mdoc_fill(const char *s, size_t width, bool mdoc, const char *para, FILE *f)
{
	size_t col = 0;
	bool sentence = false;

	while (*s) {
		size_t gap = strspn(s, " \n"), n = strcspn(s + gap, " \n");
		bool brk = gap > 1 && s[0] == '\n' && s[1] == '\n';

		s += gap;
		if (col && (brk || col + 1 + n > width || (mdoc && sentence))) {
			fputc('\n', f);
			col = 0;
		}
		if (brk)
			fprintf(f, "%s\n", para);
		if (col)
			fputc(' ', f);
		if (mdoc)
			mdoc_bytes(s, n, f);
		else
			fwrite(s, 1, n, f);
		col += n + (col > 0);
		sentence = n && (s[n - 1] == '.' || (n > 1 && s[n - 1] == ')' && s[n - 2] == '.'));
		s += n;
	}
	fputc('\n', f);
}

/* ".It Cm word" and what may stand behind it. */
static void item(const char *word, const char *rest, FILE *f)
{
	fputs(".It Cm ", f);
	mdoc_bytes(word, strlen(word), f);
	if (rest && *rest) {
		fputs(" Ar ", f);
		mdoc_bytes(rest, strlen(rest), f);
	}
	fputc('\n', f);
}

static void section(const char *name, FILE *f)
{
	fputs(".Ss ", f);
	mdoc_text(name, f);
}

/* keys */

struct bindings {
	const struct command *command; /* NULL: all */
	enum command_id id;
	enum keymap_view view;
	struct buf *out;
};

static bool add_key(void *user, const struct keymap_binding *b)
{
	struct bindings *want = user;
	char text[64];

	if (b->command != want->id || b->view != KEYMAP_GENERIC || *b->args)
		return true;
	buf_fmt(want->out, "%s%s", want->out->len ? ", " : "",
		key_seq_text(b->keys, b->nkeys, text, sizeof(text)));
	return true;
}

static void mdoc_command(const struct keymap *km, enum command_id id, FILE *f)
{
	const struct command *c = command_get(id);
	struct buf keys = {0};
	struct bindings want = {.id = id, .out = &keys};

	item(c->name, c->args, f);
	keymap_each(km, add_key, &want);
	mdoc_fill(c->help, 76, true, ".Pp", f);
	if (keys.len) {
		fputs(".br\nKeys: ", f);
		mdoc_text(buf_cstr(&keys), f);
	}
	if (c->cli) {
		fputs(".br\nShell: ", f);
		mdoc_text(c->cli, f);
	}
	buf_free(&keys);
}

static bool own_binding(void *user, const struct keymap_binding *b)
{
	struct bindings *want = user;
	char text[64];

	if (b->view == want->view)
		buf_fmt(want->out, "%s: %s%s%s\n",
			key_seq_text(b->keys, b->nkeys, text, sizeof(text)),
			command_get(b->command)->name, *b->args ? " " : "", b->args);
	return true;
}

/* The bindings that only one view has, or all that a map has beside another. */
static void mdoc_view(const struct keymap *km, enum keymap_view v, FILE *f)
{
	struct buf lines = {0};
	struct bindings want = {.view = v, .out = &lines};
	char *line, *save = NULL;

	keymap_each(km, own_binding, &want);
	if (lines.len) {
		fprintf(f, ".It Cm %s\n", keymap_view_name(v));
		for (line = strtok_r(lines.p, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			if (line != lines.p)
				fputs(".br\n", f);
			mdoc_text(line, f);
		}
	}
	buf_free(&lines);
}

void mdoc_keys(FILE *f)
{
	struct keymap *km = keymap_new();

	keymap_load_builtin(km, "default", NULL, NULL);
	for (int g = 0; g < GROUP_COUNT; g++) {
		section(command_group_name((enum command_group)g), f);
		fputs(".Bl -tag -width Ds\n", f);
		for (int id = CMD_NONE + 1; id < CMD_COUNT; id++)
			if ((int)command_get((enum command_id)id)->group == g)
				mdoc_command(km, (enum command_id)id, f);
		fputs(".El\n", f);
	}
	section("In one view only", f);
	fputs(".Bl -tag -width commands\n", f);
	for (int v = KEYMAP_GENERIC + 1; v < KEYMAP_VIEWS; v++)
		mdoc_view(km, (enum keymap_view)v, f);
	fputs(".El\n", f);
	keymap_free(km);
}

/* files of settings */

/* A list of keys, a subsection for each section. */
struct listing {
	FILE *f;
	char section[32];
};

static void begin_section(struct listing *l, const char *name, const char *heading)
{
	if (!strcmp(l->section, name))
		return;
	if (*l->section)
		fputs(".El\n", l->f);
	snprintf(l->section, sizeof(l->section), "%s", name);
	section(heading, l->f);
	fputs(".Bl -tag -width Ds\n", l->f);
}

/* key = words, its help, its default. */
static void entry(struct listing *l, const char *key, const char *what, const char *help,
		  const char *deflt)
{
	item(key, NULL, l->f);
	mdoc_fill(help, 76, true, ".Pp", l->f);
	if (what && *what) {
		fputs(".br\nValue: ", l->f);
		mdoc_text(what, l->f);
	}
	if (deflt && *deflt) {
		fputs(".br\nDefault: ", l->f);
		mdoc_text(deflt, l->f);
	}
}

static bool setting(void *user, const struct settings_key *k)
{
	struct listing *l = user;
	char heading[48];

	snprintf(heading, sizeof(heading), "[%s]", k->section);
	begin_section(l, k->section, heading);
	entry(l, k->key, k->words, k->help, k->deflt);
	return true;
}

void mdoc_settings(FILE *f)
{
	struct listing l = {.f = f};

	settings_each(setting, &l);
	fputs(".El\n", f);
}

static bool jail_key(void *user, const struct conf_key *k)
{
	struct listing *l = user;
	char heading[48], what[160];
	bool path = !strcmp(k->section, "path");

	snprintf(heading, sizeof(heading), path ? "[%s \"/DIRECTORY\"]" : "[%s]", k->section);
	snprintf(what, sizeof(what), "%s%s",
		 k->words  ? k->words
		 : k->type ? k->type
			   : "",
		 k->list ? ", may be given several times" : "");
	begin_section(l, k->section, heading);
	entry(l, k->key, what, k->help, k->deflt);
	return true;
}

void mdoc_jail(FILE *f)
{
	struct listing l = {.f = f};

	conf_each_key(jail_key, &l);
	fputs(".El\n", f);
}

/* --json */

void mdoc_json(FILE *f)
{
	for (const struct schema_verb *s = schema_verbs; s->verbs[0]; s++) {
		struct buf name = {0};

		for (size_t i = 0; i < 4 && s->verbs[i]; i++)
			buf_fmt(&name, "%sgaol %s", i ? ", " : "", s->verbs[i]);
		section(buf_cstr(&name), f);
		fprintf(f, "Prints %s.\n.Bl -tag -width Ds\n", schema_shape_text(s->shape));
		for (const struct schema_key *k = s->keys; k->name; k++) {
			item(k->name, k->type, f);
			if (k->sometimes)
				fputs("Not always.\n", f);
			mdoc_fill(k->help, 76, true, ".Pp", f);
		}
		fputs(".El\n", f);
		buf_free(&name);
	}
}
