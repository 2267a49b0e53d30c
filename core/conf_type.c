/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of values in jail.conf. */
#include "core/conf_type.h"
#include "core/buf.h"
#include "core/chanproto.h"
#include "core/net/publish.h"
#include "core/net/rule.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(struct conf_why *why, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct conf_why *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return false;
}

static void replace(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

static void add_size(struct buf *out, uint64_t v)
{
	static const char units[] = " KMGT";
	int u = 0;

	while (v && v % 1024 == 0 && u < 4) {
		v /= 1024;
		u++;
	}
	buf_fmt(out, "%llu", (unsigned long long)v);
	if (u)
		buf_ch(out, units[u]);
}

/* size */

static bool set_size(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	struct buf least = {0}, most = {0};
	uint64_t v;
	bool ok;

	if (!value || !conf_size_parse(value, &v))
		return refuse(why, "not a size: write for instance %s",
			      strcmp(s->k.deflt, "0") ? s->k.deflt : "2G");
	ok = v >= s->min && v <= s->max && (!s->unit || v % s->unit == 0);
	if (ok) {
		*(uint64_t *)field = v;
		return true;
	}
	add_size(&least, s->min);
	add_size(&most, s->max);
	refuse(why, "out of range: write %s to %s%s", buf_cstr(&least), buf_cstr(&most),
	       s->unit ? ", in whole M" : "");
	buf_free(&least);
	buf_free(&most);
	return false;
}

static bool get_size(const struct schema *s, const void *field, size_t i, struct buf *out)
{
	if (!i)
		add_size(out, *(const uint64_t *)field);
	return !i;
}

const struct conf_type type_size = {.name = "size", .set = set_size, .get = get_size};

/* number: an unsigned, a uid_t or a gid_t */

static bool parse_number(const struct schema *s, const char *value, unsigned *out,
			 struct conf_why *why)
{
	uint64_t v = 0;

	/* a size without a unit is a number */
	if (!value || !*value || strspn(value, "0123456789") != strlen(value) ||
	    !conf_size_parse(value, &v) || v < s->min || v > s->max)
		return refuse(why, "not a number from %llu to %llu: write one",
			      (unsigned long long)s->min, (unsigned long long)s->max);
	*out = (unsigned)v;
	return true;
}

static bool set_number(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	return parse_number(s, value, field, why);
}

static bool get_number(const struct schema *s, const void *field, size_t i, struct buf *out)
{
	if (!i)
		buf_fmt(out, "%u", *(const unsigned *)field);
	return !i;
}

const struct conf_type type_number = {.name = "number", .set = set_number, .get = get_number};

/* groups: struct conf_groups */

static bool set_group(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	struct conf_groups *g = field;
	unsigned v = 0;

	if (!parse_number(s, value, &v, why))
		return false;
	if (g->n == CHAN_MAX_GROUPS)
		return refuse(why, "too many groups: %d are the end", CHAN_MAX_GROUPS);
	g->v = xrealloc(g->v, (g->n + 1) * sizeof(g->v[0]));
	g->v[g->n++] = v;
	return true;
}

static bool get_group(const struct schema *s, const void *field, size_t i, struct buf *out)
{
	const struct conf_groups *g = field;

	if (i < g->n)
		buf_fmt(out, "%u", g->v[i]);
	return i < g->n;
}

const struct conf_type type_groups = {.name = "number", .set = set_group, .get = get_group};

/* boolean */

static bool set_bool(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

	if (!value) {
		*(bool *)field = true;
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(value, words[i])) {
			*(bool *)field = i & 1;
			return true;
		}
	return refuse(why, "not a boolean: write yes or no");
}

static bool get_bool(const struct schema *s, const void *field, size_t i, struct buf *out)
{
	if (!i)
		buf_str(out, *(const bool *)field ? "yes" : "no");
	return !i;
}

const struct conf_type type_bool = {.name = "boolean", .set = set_bool, .get = get_bool};

/* duration, in seconds */

static bool set_duration(const struct schema *s, void *field, const char *value,
			 struct conf_why *why)
{
	unsigned v;

	if (!value || !conf_duration_parse(value, &v))
		return refuse(why, "not a duration: write for instance 30s, 10m, 2h or 1d");
	if (v > s->max)
		return refuse(why, "%s", s->later_why ? s->later_why : "too long");
	*(unsigned *)field = v;
	return true;
}

const struct conf_type type_duration = {.name = "duration", .set = set_duration, .get = get_number};

/* one word of a set; the field is an enum that counts them from 0 */

/* The place of value among words "a|b|c", or -1. */
static int word_index(const char *words, const char *value)
{
	size_t n = strlen(value);

	for (int i = 0; *words; i++) {
		size_t k = strcspn(words, "|");

		if (n == k && !strncasecmp(words, value, n))
			return i;
		words += k + (words[k] == '|');
	}
	return -1;
}

static bool set_word(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	int i = value ? word_index(s->k.words, value) : -1;
	char list[128];

	if (i >= 0) {
		*(unsigned *)field = (unsigned)i;
		return true;
	}
	if (value && s->later && word_index(s->later, value) >= 0)
		return refuse(why, "%s", s->later_why);
	snprintf(list, sizeof(list), "%s", s->k.words);
	for (char *p = list; (p = strchr(p, '|'));)
		*p = ' ';
	return refuse(why, "not a word that this key knows: write one of %s", list);
}

static bool get_word(const struct schema *s, const void *field, size_t i, struct buf *out)
{
	const char *w = s->k.words;

	if (i)
		return false;
	for (unsigned k = *(const unsigned *)field; k; k--) {
		w += strcspn(w, "|");
		w += *w == '|';
	}
	buf_add(out, w, strcspn(w, "|"));
	return true;
}

const struct conf_type type_word = {.name = "word", .set = set_word, .get = get_word};

/* texts: char *, NULL when not set */

static bool get_text(const struct schema *s, const void *field, size_t i, struct buf *out)
{
	const char *v = *(char *const *)field;

	if (v && !i)
		buf_str(out, v);
	return v && !i;
}

/* True when s has no control characters: it stays on one line everywhere. */
static bool one_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static bool set_text(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	if (!value || !one_line(value))
		return refuse(why, "not one line of text: write text without control characters");
	replace(field, value);
	return true;
}

const struct conf_type type_text = {.name = "text", .set = set_text, .get = get_text};

/* A login name, as useradd(8) takes it: it becomes a field of /etc/passwd. */
static bool set_user(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	size_t n = value ? strlen(value) : 0;

	if (!n || n > 32 || *value == '-' || value[n - 1] == '.' ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
		n ||
	    strspn(value, "0123456789") == n)
		return refuse(why, "not a login name: write letters, digits, '_', '-', '.', "
				   "32 at most and not only digits");
	replace(field, value);
	return true;
}

const struct conf_type type_user = {.name = "name", .set = set_user, .get = get_text};

static bool set_host(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	size_t n = value ? strlen(value) : 0;

	/* '_' is no host name, but a jail's name may have one and is the default */
	if (!n || n > 63 || strchr("-.", value[0]) || strchr("-.", value[n - 1]) ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != n)
		return refuse(why, "not a host name: write letters, digits, '-', '.', 63 at most");
	replace(field, value);
	return true;
}

const struct conf_type type_host = {.name = "name", .set = set_host, .get = get_text};

bool conf_path_normal(const char *path, char *buf, struct conf_why *why)
{
	size_t n = 0;

	if (!path || *path != '/')
		return refuse(why, "not an absolute path: begin with /");
	if (strlen(path) >= CONF_VALUE_MAX || !one_line(path))
		return refuse(why, "not a usable path: 4095 bytes at most, no control characters");
	while (*path) {
		size_t k;

		path += strspn(path, "/");
		k = strcspn(path, "/");
		if (k == 2 && !memcmp(path, "..", 2))
			return refuse(why, "a path with .. in it: write where it leads");
		if (k > 255)
			return refuse(why, "a name in the path is longer than 255 bytes");
		if (k && !(k == 1 && *path == '.')) {
			buf[n++] = '/';
			memcpy(buf + n, path, k);
			n += k;
		}
		path += k;
	}
	if (!n)
		buf[n++] = '/';
	buf[n] = '\0';
	return true;
}

static bool set_path(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	char buf[CONF_VALUE_MAX];

	if (!conf_path_normal(value, buf, why))
		return false;
	/* home and shell are fields of /etc/passwd */
	if (strchr(buf, ':'))
		return refuse(why, "a path with ':' in it: choose another");
	replace(field, buf);
	return true;
}

const struct conf_type type_path = {.name = "path", .set = set_path, .get = get_text};

/* the command: the first string of a list, and the others */

static bool set_command(const struct schema *s, void *field, const char *value,
			struct conf_why *why)
{
	struct conf_list *l = field;

	if (!value || !*value)
		return refuse(why, "no program: write a path or a name, or leave the key out "
				   "for a login shell");
	if (!l->n)
		return conf_list_add(l, value);
	replace(&l->v[0], value);
	return true;
}

static bool get_command(const struct schema *s, const void *field, size_t i, struct buf *out)
{
	const struct conf_list *l = field;

	if (!i && l->n)
		buf_str(out, l->v[0]);
	return !i && l->n;
}

const struct conf_type type_command = {.name = "program", .set = set_command, .get = get_command};

static bool set_arg(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	struct conf_list *l = field;

	if (!value)
		return refuse(why, "no text: write arg = TEXT, or arg = \"\" for an empty one");
	if (!l->n) /* the program may come later in the file; conf_check wants one */
		conf_list_add(l, "");
	if (!conf_list_add(l, value))
		return refuse(why, "too many arguments: %d are the end", CONF_LIST_MAX);
	return true;
}

static bool get_arg(const struct schema *s, const void *field, size_t i, struct buf *out)
{
	const struct conf_list *l = field;

	if (i + 1 < l->n)
		buf_str(out, l->v[i + 1]);
	return i + 1 < l->n;
}

const struct conf_type type_arg = {.name = "text", .set = set_arg, .get = get_arg};

/* NAME=VALUE; a name given again replaces the earlier one */

static bool set_env(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	static const char name_chars[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	struct conf_list *l = field;
	size_t n = value ? strspn(value, name_chars) : 0;

	if (!n || value[n] != '=' || (*value >= '0' && *value <= '9'))
		return refuse(why, "not a variable: write env = NAME=VALUE");
	for (size_t i = 0; i < l->n; i++)
		if (!strncmp(l->v[i], value, n + 1)) {
			replace(&l->v[i], value);
			return true;
		}
	if (!conf_list_add(l, value))
		return refuse(why, "too many variables: %d are the end", CONF_LIST_MAX);
	return true;
}

static bool get_env(const struct schema *s, const void *field, size_t i, struct buf *out)
{
	const struct conf_list *l = field;

	if (i < l->n)
		buf_str(out, l->v[i]);
	return i < l->n;
}

/* several of k.words */

static bool set_words(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	struct conf_list *l = field;
	size_t n = value ? strlen(value) : 0;

	for (size_t i = 0; i < l->n; i++)
		if (value && !strcmp(l->v[i], value))
			return true;
	for (const char *w = s->k.words; n; w++) {
		size_t k = strcspn(w, "|");

		if (k == n && !strncmp(w, value, n))
			return conf_list_add(l, value);
		w += k;
		if (!*w)
			break;
	}
	return refuse(why, "not known: write %s", s->k.words);
}

const struct conf_type type_words = {.name = "words", .set = set_words, .get = get_env};

static bool set_rule(struct conf_list *l, const char *value, bool deny, struct conf_why *why)
{
	struct rule r;
	struct err e;

	if (!value || rule_parse(value, deny, &r, &e)) {
		const char *text = value ? strstr(e.text, ": ") : NULL;

		return refuse(why, "%s",
			      text ? text + 2 : "no rule: write for instance www.example.org:80");
	}
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], value))
			return true;
	if (!conf_list_add(l, value))
		return refuse(why, "too many rules: %d are the end", CONF_LIST_MAX);
	return true;
}

static bool set_allow(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	return set_rule(field, value, false, why);
}

static bool set_deny(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	return set_rule(field, value, true, why);
}

const struct conf_type type_allow = {.name = "rule", .set = set_allow, .get = get_env};
const struct conf_type type_deny = {.name = "rule", .set = set_deny, .get = get_env};

static bool set_publish(const struct schema *s, void *field, const char *value,
			struct conf_why *why)
{
	struct conf_list *l = field;
	struct publish p;

	if (!value || !publish_parse(value, &p))
		return refuse(why, "not a port: write [ADDRESS:]HOST:GUEST[/udp], for instance "
				   "8080:80");
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], value))
			return true;
	if (l->n == PUBLISH_MAX || !conf_list_add(l, value))
		return refuse(why, "too many ports: %d are the end", PUBLISH_MAX);
	return true;
}

const struct conf_type type_publish = {.name = "port", .set = set_publish, .get = get_env};

const struct conf_type type_env = {.name = "variable", .set = set_env, .get = get_env};

/* two keys */

static bool set_keys(const struct schema *s, void *field, const char *value, struct conf_why *why)
{
	if (!value || !conf_detach_parse(value, field))
		return refuse(why, "not two keys for detaching: write for instance Ctrl-] d; the "
				   "first a control key but A B C D H I J M P Q S Z and [");
	return true;
}

static bool get_keys(const struct schema *s, const void *field, size_t i, struct buf *out)
{
	char text[16];

	if (!i)
		buf_str(out, conf_detach_text(field, text, sizeof(text)));
	return !i;
}

const struct conf_type type_keys = {.name = "keys", .set = set_keys, .get = get_keys};
