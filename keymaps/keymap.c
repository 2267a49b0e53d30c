/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keymaps/keymap.h"
#include "core/buf.h"
#include "core/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1024 * 1024)
#define INCLUDE_MAX 8 /* files within files */
#define WORDS_MAX 4   /* verb, view, key, command; arguments are the rest of the line */

static const char *const view_names[KEYMAP_VIEWS] = {
    [KEYMAP_GENERIC] = "generic",   [KEYMAP_JAILS] = "jails",
    [KEYMAP_JAIL] = "jail",	    [KEYMAP_PROCESSES] = "processes",
    [KEYMAP_TREE] = "tree",	    [KEYMAP_FEED] = "feed",
    [KEYMAP_LOG] = "log",	    [KEYMAP_DIFF] = "diff",
    [KEYMAP_HUNKS] = "hunks",	    [KEYMAP_CONSOLE] = "console",
    [KEYMAP_HELP] = "help",	    [KEYMAP_MESSAGES] = "messages",
    [KEYMAP_COMMANDS] = "commands", [KEYMAP_NET] = "net",
};

struct bound {
	struct keymap_binding b;
	unsigned file; /* index of its file; 0: the `:` line */
};

struct keymap {
	struct bound *all;
	size_t n, cap;
	char **files; /* names, for the bindings' sake; files[0] is the `:` line */
	size_t nfiles;
};

/* A text while it is read. */
struct reader {
	struct keymap *km;
	const char *name;
	unsigned file;
	unsigned line;
	int depth;
	int bad;
	keymap_error_fn *fn;
	void *user;
	struct err *e; /* instead of fn, for a single statement */
};

const char *keymap_view_name(enum keymap_view v)
{
	return view_names[v];
}

static unsigned add_file(struct keymap *km, const char *name)
{
	km->files = xrealloc(km->files, (km->nfiles + 1) * sizeof(*km->files));
	km->files[km->nfiles] = xstrdup(name);
	return (unsigned)km->nfiles++;
}

struct keymap *keymap_new(void)
{
	struct keymap *km = xcalloc(1, sizeof(*km));

	add_file(km, ":");
	return km;
}

static void forget(struct keymap *km, size_t i)
{
	free((char *)km->all[i].b.args);
	memmove(&km->all[i], &km->all[i + 1], (km->n - i - 1) * sizeof(*km->all));
	km->n--;
}

void keymap_free(struct keymap *km)
{
	if (!km)
		return;
	while (km->n)
		forget(km, km->n - 1);
	free(km->all);
	for (size_t i = 0; i < km->nfiles; i++)
		free(km->files[i]);
	free(km->files);
	free(km);
}

/* Tells a bad line. */
static int complain(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int complain(struct reader *r, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	if (r->line)
		buf_fmt(&b, "%s:%u: ", r->name, r->line);
	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	r->bad++;
	if (r->e)
		err_set(r->e, -EINVAL, "%s", buf_cstr(&b));
	else if (r->fn)
		r->fn(r->user, buf_cstr(&b));
	buf_free(&b);
	return -EINVAL;
}

static int find_view(const char *word)
{
	for (int v = 0; v < KEYMAP_VIEWS; v++)
		if (!strcmp(view_names[v], word))
			return v;
	return -1;
}

static size_t common(const struct keymap_binding *b, const uint32_t *keys, size_t n)
{
	size_t i = 0;

	while (i < n && i < b->nkeys && b->keys[i] == keys[i])
		i++;
	return i;
}

/* Refuses what the same file bound already, forgets what an earlier one did. */
static int settle(struct reader *r, int view, const uint32_t *keys, size_t n)
{
	struct keymap *km = r->km;
	char text[128];

	for (size_t i = km->n; i-- > 0;) {
		const struct bound *o = &km->all[i];
		size_t same = common(&o->b, keys, n);

		if ((int)o->b.view != view || (same < n && same < o->b.nkeys))
			continue;
		if (o->file == r->file && r->file)
			return complain(r, "%s is bound in line %u already: keep one of the two",
					key_seq_text(o->b.keys, o->b.nkeys, text, sizeof(text)),
					o->b.line);
		forget(km, i);
	}
	return 0;
}

static int do_bind(struct reader *r, char *words[WORDS_MAX], const char *args)
{
	struct keymap *km = r->km;
	struct keymap_binding b = {.line = r->line};
	int view;

	if (!words[3])
		return complain(r, "bind lacks something: write bind VIEW KEY COMMAND");
	view = find_view(words[1]);
	if (view < 0)
		return complain(r, "unknown view %s: write generic, jails, feed, log, diff, ...",
				words[1]);
	b.nkeys = key_parse_seq(words[2], b.keys);
	if (!b.nkeys)
		return complain(r, "no key: %s: write for instance x, <Enter>, <Ctrl-d>, <F1>",
				words[2]);
	b.command = command_find(words[3], strlen(words[3]));
	if (b.command == CMD_NONE)
		return complain(r, "unknown command %s: the help view lists them", words[3]);
	if (*args && !command_get(b.command)->args)
		return complain(r, "%s takes no argument: remove %s", words[3], args);
	if (settle(r, view, b.keys, b.nkeys))
		return -EINVAL;
	if (km->n == km->cap) {
		km->cap = km->cap ? km->cap * 2 : 64;
		km->all = xrealloc(km->all, km->cap * sizeof(*km->all));
	}
	b.view = (enum keymap_view)view;
	b.args = xstrdup(args);
	b.file = km->files[r->file];
	km->all[km->n++] = (struct bound){.b = b, .file = r->file};
	return 0;
}

static int do_unbind(struct reader *r, char *words[WORDS_MAX], const char *args)
{
	struct keymap *km = r->km;
	uint32_t keys[KEY_SEQ_MAX];
	size_t n = 0;
	int view = -1;

	if (!words[2] || words[3])
		return complain(r, "unbind takes a view and a key: write unbind VIEW KEY");
	if (strcmp(words[1], "*") && (view = find_view(words[1])) < 0)
		return complain(r, "unknown view %s: write generic, *, jails, feed, ...", words[1]);
	if (strcmp(words[2], "*") && !(n = key_parse_seq(words[2], keys)))
		return complain(r, "no key: %s: write for instance x, <Enter>, <Ctrl-d>", words[2]);
	for (size_t i = km->n; i-- > 0;) {
		const struct keymap_binding *b = &km->all[i].b;

		if ((view < 0 || (int)b->view == view) &&
		    (!n || (b->nkeys == n && common(b, keys, n) == n)))
			forget(km, i);
	}
	return 0;
}

static int load(struct keymap *km, const char *name, const char *text, int depth,
		keymap_error_fn *fn, void *user);

static const struct keymap_builtin *find_builtin(const char *name)
{
	for (const struct keymap_builtin *k = keymap_builtins; k->name; k++)
		if (!strcmp(k->name, name))
			return k;
	return NULL;
}

static int do_include(struct reader *r, char *words[WORDS_MAX], const char *args)
{
	const struct keymap_builtin *k;
	struct buf path = {0}, text = {0};
	const char *slash = strrchr(r->name, '/');
	int ret;

	if (!words[1] || words[2])
		return complain(r, "include takes one file: write include FILE");
	if (r->depth >= INCLUDE_MAX)
		return complain(r, "include %s: files include each other: remove a line", words[1]);
	if ((k = find_builtin(words[1]))) {
		r->bad += load(r->km, k->name, k->text, r->depth + 1, r->fn, r->user);
		return 0;
	}
	if (words[1][0] != '/' && slash)
		buf_add(&path, r->name, (size_t)(slash - r->name) + 1);
	buf_str(&path, words[1]);
	ret = file_read_at(AT_FDCWD, buf_cstr(&path), FILE_MAX, &text);
	if (!ret)
		r->bad +=
		    load(r->km, buf_cstr(&path), buf_cstr(&text), r->depth + 1, r->fn, r->user);
	else
		ret = complain(r, "include %s: %s: check the name", words[1], strerror(-ret));
	buf_free(&path);
	buf_free(&text);
	return ret;
}

/* Splits line in place: up to WORDS_MAX words, the rest into *args. A comment ends it; the third
 * word of a bind may be the key "#". */
static void split(char *line, char *words[WORDS_MAX], const char **args)
{
	size_t n = 0;
	char *rest;

	memset(words, 0, WORDS_MAX * sizeof(*words));
	*args = "";
	for (;;) {
		line += strspn(line, " \t");
		if (!*line || (*line == '#' && n != 2))
			return;
		if (n == WORDS_MAX)
			break;
		words[n++] = line;
		line += strcspn(line, " \t");
		if (*line)
			*line++ = '\0';
	}
	*args = line;
	if ((rest = strstr(line, " #")))
		*rest = '\0';
	for (rest = line + strlen(line); rest > line && strchr(" \t", rest[-1]); rest--)
		rest[-1] = '\0';
}

static int statement(struct reader *r, char *line)
{
	static const struct {
		const char *name;
		int (*fn)(struct reader *r, char *words[WORDS_MAX], const char *args);
	} verbs[] = {
	    {.name = "bind", .fn = do_bind},
	    {.name = "unbind", .fn = do_unbind},
	    {.name = "include", .fn = do_include},
	};
	char *words[WORDS_MAX];
	const char *args;

	split(line, words, &args);
	if (!words[0])
		return 0;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].name, words[0]))
			return verbs[i].fn(r, words, args);
	return complain(r, "unknown word %s: write bind, unbind or include", words[0]);
}

static int load(struct keymap *km, const char *name, const char *text, int depth,
		keymap_error_fn *fn, void *user)
{
	struct reader r = {.km = km, .depth = depth, .fn = fn, .user = user};
	struct buf line = {0};

	r.file = add_file(km, name);
	r.name = km->files[r.file];
	while (*text) {
		size_t n = strcspn(text, "\n");

		r.line++;
		buf_reset(&line);
		buf_add(&line, text, n && text[n - 1] == '\r' ? n - 1 : n);
		statement(&r, line.p);
		text += n + (text[n] == '\n');
	}
	buf_free(&line);
	return r.bad;
}

int keymap_load_text(struct keymap *km, const char *name, const char *text, keymap_error_fn *fn,
		     void *user)
{
	return load(km, name, text, 0, fn, user);
}

int keymap_load_builtin(struct keymap *km, const char *name, keymap_error_fn *fn, void *user)
{
	const struct keymap_builtin *k = find_builtin(name);

	return k ? load(km, k->name, k->text, 0, fn, user) : -ENOENT;
}

int keymap_load_file(struct keymap *km, const char *path, keymap_error_fn *fn, void *user)
{
	struct buf text = {0};
	int ret = file_read_at(AT_FDCWD, path, FILE_MAX, &text);

	if (!ret)
		ret = load(km, path, buf_cstr(&text), 0, fn, user);
	buf_free(&text);
	return ret;
}

int keymap_statement(struct keymap *km, const char *line, struct err *e)
{
	struct reader r = {.km = km, .name = km->files[0], .e = e};
	char *copy = xstrdup(line);
	int ret = statement(&r, copy);

	free(copy);
	return ret;
}

/* Looks in one view only; a key and a longer sequence never stand there together (settle). */
static enum keymap_answer look_in(const struct keymap *km, enum keymap_view v, const uint32_t *keys,
				  size_t n, const struct keymap_binding **out)
{
	for (size_t i = 0; i < km->n; i++) {
		const struct keymap_binding *b = &km->all[i].b;

		if (b->view != v || common(b, keys, n) < n)
			continue;
		if (b->nkeys > n)
			return KEYMAP_PREFIX;
		*out = b;
		return KEYMAP_HIT;
	}
	return KEYMAP_MISS;
}

enum keymap_answer keymap_lookup(const struct keymap *km, enum keymap_view v, const uint32_t *keys,
				 size_t n, const struct keymap_binding **out)
{
	enum keymap_answer a = look_in(km, v, keys, n, out);

	return a == KEYMAP_MISS ? look_in(km, KEYMAP_GENERIC, keys, n, out) : a;
}

const struct keymap_binding *keymap_key_of(const struct keymap *km, enum keymap_view v,
					   enum command_id command, const char *args)
{
	const struct keymap_binding *best = NULL, *got;

	for (size_t i = 0; i < km->n; i++) {
		const struct keymap_binding *b = &km->all[i].b;

		if (b->command != command || (b->view != v && b->view != KEYMAP_GENERIC) ||
		    (args && strcmp(b->args, args)))
			continue;
		if (keymap_lookup(km, v, b->keys, b->nkeys, &got) != KEYMAP_HIT || got != b)
			continue;
		if (!best || (b->view == v && best->view != v))
			best = b;
	}
	return best;
}

void keymap_each(const struct keymap *km, bool (*fn)(void *user, const struct keymap_binding *b),
		 void *user)
{
	for (size_t i = 0; i < km->n; i++)
		if (!fn(user, &km->all[i].b))
			return;
}
