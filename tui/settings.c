/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/settings.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/fd.h"
#include "core/ini.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SETTINGS_MAX (64 * 1024)

struct entry;
/* Stores a value (NULL: the key stood alone); false when it is none. */
typedef bool set_fn(const struct entry *en, void *field, const char *value);

struct entry {
	struct settings_key k;
	set_fn *set;
	size_t off;	  /* in struct settings */
	const char *want; /* what to write, where k.words does not say it */
};

/* The index of value among words separated by "|", -1: it is none. */
static int find_word(const char *words, const char *value)
{
	for (int i = 0; *words; i++) {
		size_t n = strcspn(words, "|");

		if (strlen(value) == n && !strncasecmp(words, value, n))
			return i;
		words += n + (words[n] == '|');
	}
	return -1;
}

static bool set_word(const struct entry *en, void *field, const char *value)
{
	int i = value ? find_word(en->k.words, value) : -1;

	if (i >= 0)
		*(unsigned *)field = (unsigned)i;
	return i >= 0;
}

/* As git: a key alone is yes. */
static bool set_bool(const struct entry *en, void *field, const char *value)
{
	bool yes = !value || find_word("yes|true|on|1", value) >= 0;

	if (!yes && find_word("no|false|off|0", value) < 0)
		return false;
	*(bool *)field = yes;
	return true;
}

static bool set_name(const struct entry *en, void *field, const char *value)
{
	size_t size = sizeof(((struct settings *)0)->keymap);

	if (!value || !*value || strlen(value) >= size)
		return false;
	snprintf(field, size, "%s", value);
	return true;
}

static bool set_keys(const struct entry *en, void *field, const char *value)
{
	return value && conf_detach_parse(value, field);
}

#define FIELD(name) .off = offsetof(struct settings, name)

/* The order of words is that of the enums in settings.h. */
static const struct entry entries[] = {
    {.k = {.section = "console",
	   .key = "theme",
	   .words = "auto|dark|light|mono",
	   .deflt = "auto",
	   .help = "Colours for a dark or a light ground, or none. auto is light where COLORFGBG "
		   "says that the terminal is, else dark. NO_COLOR, set and not empty, is mono."},
     .set = set_word,
     FIELD(theme)},
    {.k = {.section = "console",
	   .key = "colours",
	   .words = "auto|true|256|8|none",
	   .deflt = "auto",
	   .help =
	       "How many colours are used at most. auto is what terminfo says of TERM. true looks "
	       "for the terminal's entry with -direct behind its name, which asks for colours "
	       "as they are; without one it is auto."},
     .set = set_word,
     FIELD(colours)},
    {.k = {.section = "console",
	   .key = "lines",
	   .words = "auto|utf-8|ascii",
	   .deflt = "auto",
	   .help = "What lines and signs are drawn with. auto is ascii in a locale without UTF-8 "
		   "and on terminals whose fonts lack them (linux, vt*, screen.linux)."},
     .set = set_word,
     FIELD(drawing)},
    {.k = {.section = "console",
	   .key = "mouse",
	   .deflt = "yes",
	   .help =
	       "Select, scroll, sort and drag with the mouse. The terminal's own selection then "
	       "needs Shift held down; `:toggle mouse` and its key switch while one works."},
     .set = set_bool,
     .want = "yes or no",
     FIELD(mouse)},
    {.k = {.section = "console",
	   .key = "read-only",
	   .deflt = "no",
	   .help = "Look only, as gaol --read-only: nothing that changes a jail can be done."},
     .set = set_bool,
     .want = "yes or no",
     FIELD(read_only)},
    {.k = {.section = "keys",
	   .key = "map",
	   .deflt = "default",
	   .help = "The map of keys that one's own keys file goes over: default, vi or emacs."},
     .set = set_name,
     .want = "default, vi or emacs",
     FIELD(keymap)},
    {.k = {.section = "keys",
	   .key = "detach",
	   .deflt = "",
	   .help = "The two keys that leave a jail's console, for instance Ctrl-] d; they win over "
		   "those of jail.conf. Default: what jail.conf says."},
     .set = set_keys,
     .want = "for instance Ctrl-] d",
     FIELD(detach)},
};
#define NENTRIES (sizeof(entries) / sizeof(entries[0]))

void settings_init(struct settings *s)
{
	*s = (struct settings){.mouse = true, .keymap = "default"};
}

struct reading {
	struct settings *s;
	const char *name;
	settings_error_fn *fn;
	void *user;
	int bad;
};

static void complain(struct reading *r, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void complain(struct reading *r, unsigned line, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	if (line)
		buf_fmt(&b, "%s:%u: ", r->name, line);
	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	r->bad++;
	if (r->fn)
		r->fn(r->user, buf_cstr(&b));
	buf_free(&b);
}

/* "theme, colours, lines" */
static void list_keys(const char *section, struct buf *out)
{
	for (size_t i = 0; i < NENTRIES; i++)
		if (!strcmp(entries[i].k.section, section))
			buf_fmt(out, "%s%s", out->len ? ", " : "", entries[i].k.key);
}

static int take(void *user, const struct ini_item *it, struct err *e)
{
	struct reading *r = user;
	struct buf known = {0};
	const struct entry *en = NULL;

	list_keys(it->section, &known);
	for (size_t i = 0; it->key && i < NENTRIES; i++)
		if (!strcmp(entries[i].k.section, it->section) &&
		    !strcmp(entries[i].k.key, it->key))
			en = &entries[i];
	if (it->sub || !known.len) {
		if (!it->key)
			complain(r, it->line, "no such section: %s: write [console] or [keys]",
				 it->section);
	} else if (it->key && !en) {
		complain(r, it->line, "no such setting in [%s]: %s: it has %s", it->section,
			 it->key, buf_cstr(&known));
	} else if (en && !en->set(en, (char *)r->s + en->off, it->value)) {
		complain(r, it->line, "%s: not a value: %s: write %s", it->key,
			 it->value ? it->value : "(nothing)", en->want ? en->want : en->k.words);
	}
	buf_free(&known);
	return 0;
}

int settings_load_text(struct settings *s, const char *name, const char *text, size_t n,
		       settings_error_fn *fn, void *user)
{
	struct reading r = {.s = s, .name = name, .fn = fn, .user = user};
	struct err e;

	if (ini_parse(text, n, name, take, &r, &e))
		complain(&r, 0, "%s", e.text);
	return r.bad;
}

int settings_load_file(struct settings *s, const char *path, settings_error_fn *fn, void *user)
{
	struct buf text = {0};
	int ret = file_read_at(AT_FDCWD, path, SETTINGS_MAX, &text);

	if (!ret)
		ret = settings_load_text(s, path, buf_cstr(&text), text.len, fn, user);
	buf_free(&text);
	return ret;
}

char *settings_dir(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && *config == '/')
		return xasprintf("%s/gaol", config);
	return home && *home == '/' ? xasprintf("%s/.config/gaol", home) : NULL;
}

void settings_mine(struct settings *s)
{
	char *dir = settings_dir(), *path = dir ? xasprintf("%s/" SETTINGS_FILE, dir) : NULL;

	settings_init(s);
	if (path)
		settings_load_file(s, path, NULL, NULL);
	free(path);
	free(dir);
}

void settings_each(bool (*fn)(void *user, const struct settings_key *k), void *user)
{
	for (size_t i = 0; i < NENTRIES && fn(user, &entries[i].k); i++)
		;
}
