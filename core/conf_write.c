/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A struct conf as the text of a jail.conf. */
#include "core/buf.h"
#include "core/conf.h"
#include "core/conf_schema.h"
#include "core/fd.h"
#include "core/ini.h"
#include <string.h>

/* Appends the help of a key as comment lines. */
static void write_help(struct buf *out, const struct schema *s)
{
	const char *p = s->k.help;

	while (*p) {
		size_t n = strlen(p);

		if (n > 88)
			for (n = 88; n > 1 && p[n] != ' ';)
				n--;
		buf_str(out, "\t# ");
		buf_add(out, p, n);
		buf_ch(out, '\n');
		p += n;
		p += *p == ' ';
	}
	if (s->k.words && strchr(s->k.words, '|'))
		buf_fmt(out, "\t# One of %s.\n", s->k.words);
}

/* Appends all values of a key as settings; returns how many. */
static size_t write_values(struct buf *out, const struct schema *s, const void *field)
{
	size_t i;

	for (i = 0;; i++) {
		struct buf v = {0};
		bool is = s->type->get(s, field, i, &v);

		if (is)
			ini_write_value(out, s->k.key, buf_cstr(&v));
		buf_free(&v);
		if (!is)
			return i;
	}
}

/* Appends one key: as settings when it differs from the default, else as a comment. */
static void write_key(struct buf *out, const struct schema *s, const struct conf *c,
		      const struct conf *deflt)
{
	struct buf now = {0}, before = {0};
	size_t n = write_values(&now, s, (const char *)c + s->off);

	write_values(&before, s, (const char *)deflt + s->off);
	write_help(out, s);
	if (n && strcmp(buf_cstr(&now), buf_cstr(&before)) != 0)
		buf_add(out, now.p, now.len);
	else if (*s->k.deflt)
		buf_fmt(out, "#\t%s = %s\n", s->k.key, s->k.deflt);
	else
		buf_fmt(out, "#\t%s =\n", s->k.key);
	buf_free(&now);
	buf_free(&before);
}

static void write_paths(struct buf *out, const struct conf *c)
{
	buf_str(out, "\n# What the guest sees of a path of the host, over the profile:\n");
	for (size_t i = 0; i < conf_schema_n; i++)
		if (schema_in_path(&conf_schema[i])) {
			buf_fmt(out, "# %s:\n", conf_schema[i].k.key);
			write_help(out, &conf_schema[i]);
		}
	buf_str(out, "#[path \"/srv\"]\n#\taccess = hide\n");
	for (size_t k = 0; k < c->npaths; k++) {
		const struct conf_path *p = &c->paths[k];

		ini_write_section(out, "path", p->path);
		for (size_t i = 0; i < conf_schema_n; i++) {
			const struct schema *s = &conf_schema[i];
			const void *field = (const char *)p + s->off;

			if (!schema_in_path(s) ||
			    (p->word == CONF_NO_WORD && !strcmp(s->k.key, "access")))
				continue;
			if (strcmp(s->k.deflt, "no") != 0 || *(const bool *)field)
				write_values(out, s, field);
		}
	}
}

void conf_write(const struct conf *c, struct buf *out)
{
	const char *section = "";
	struct conf deflt;

	conf_init(&deflt);
	buf_str(out, "# What this jail is; see jail.conf(5). Changes take effect at its next "
		     "start.\n");
	for (size_t i = 0; i < conf_schema_n; i++) {
		const struct schema *s = &conf_schema[i];

		if (strcmp(section, s->k.section) != 0) {
			section = s->k.section;
			if (schema_in_path(s)) {
				write_paths(out, c);
			} else {
				buf_ch(out, '\n');
				ini_write_section(out, section, NULL);
			}
		}
		if (!schema_in_path(s))
			write_key(out, s, c, &deflt);
	}
	conf_free(&deflt);
}

int conf_save(const struct conf *c, int dirfd, const char *path, struct err *e)
{
	struct buf text = {0};
	int ret;

	conf_write(c, &text);
	ret = file_replace_at(dirfd, path, text.p, text.len, 0600, true);
	if (ret < 0)
		err_set(e, ret, "%s: cannot be written: %s", path, strerror(-ret));
	buf_free(&text);
	return ret;
}
