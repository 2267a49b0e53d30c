/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/fd.h"
#include "core/text.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include "tui/cli/place.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOW_MAX (64u << 20) /* on a terminal: more than anybody reads */

/* Line by line, so that tabs stay. */
static void show(const struct buf *text)
{
	const char *p = buf_cstr(text), *end = p + text->len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);

		out_line(stdout, p, n);
		if (nl)
			putchar('\n');
		p += n + (nl != NULL);
	}
}

static int put(struct side *s, const char *path, const char *word, struct err *e)
{
	struct stat st;
	struct buf text = {0};

	int ret = side_stat(s, path, &st);
	if (!ret && !S_ISREG(st.st_mode))
		return err_set(e, -EINVAL,
			       "%s: not a regular file: `gaol cp -r` copies directories", word);
	if (!ret && isatty(1)) {
		ret = side_read(s, path, SHOW_MAX, &text);
		if (!ret)
			show(&text);
		buf_free(&text);
	} else if (!ret) {
		fflush(stdout);
		ret = side_cat(s, path, 1, false, NULL);
	}
	if (ret == -EFBIG)
		return err_set(e, ret, "%s: too large for a terminal: send it to a file or a pipe",
			       word);
	return ret ? err_set(e, ret, "%s: %s", word,
			     ret == -EPROTO ? side_error(s) : strerror(-ret))
		   : 0;
}

static int cat_one(struct cli *c, const struct verb *v, const char *word)
{
	struct place_view view;
	struct buf path = {0};
	struct place p;
	struct err e;

	if (!place_parse(word, &p))
		return cli_usage(v, "%s: not NAME:PATH or NAME@ID:PATH with an absolute PATH",
				 word);
	int ret = place_open(&view, c, &p, &e);
	if (!ret) {
		ret = jailview_follow(view.side, p.path, true, &path, &e);
		if (!ret)
			ret = put(view.side, buf_cstr(&path), word, &e);
		place_view_close(&view);
	}
	buf_free(&path);
	place_free(&p);
	return ret ? cli_fail(&e) : CLI_OK;
}

static int cat(struct cli *c, const struct verb *v, int argc, char **argv)
{
	int worst = CLI_OK;
	struct cli_args a;

	if (!cli_simple(&a, v, argc, argv, 1, 4096))
		return a.status;
	for (int i = 0; i < a.n; i++) {
		int status = cat_one(c, v, a.v[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

static const char *const examples[] = {
    "gaol cat demo:/etc/passwd", "The file as the jail sees it now.",
    "gaol cat demo@~1:/etc/passwd | diff - <(gaol cat demo:/etc/passwd)",
    "What it was one checkpoint before the present one.", NULL};

const struct verb verb_cat = {
    .name = "cat",
    .args = "NAME[@ID]:PATH...",
    .help = "Prints a file of a jail, as it is or as a checkpoint has it",
    .more = "Links are followed inside the jail. On a terminal what could steer it is "
	    "escaped; into a file or a pipe every byte passes. ID may be base: the "
	    "host's file as the jail would see it.",
    .examples = examples,
    .words = WORDS_COPY,
    .fn = cat,
};
