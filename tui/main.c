/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gaol: without arguments the console program, with a verb one thing. */
#include "core/jail.h"
#include "tui/app.h"
#include "tui/cli/cli.h"
#include "tui/cmd_layer.h"
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS 16384

/* Descriptors 0 to 2 are there, whoever called us: else a file of ours would become one. */
static void fill_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/* A descriptor or two for each directory of a nested path: a guest chooses how deep one is. */
static void raise_descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) || rl.rlim_cur >= DESCRIPTORS)
		return;
	rl.rlim_cur = rl.rlim_max < DESCRIPTORS ? rl.rlim_max : DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &rl);
}

/* Options of the console program: all of them, or it is a verb's command line. */
static bool console_options(struct tui_options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--read-only"))
			o->read_only = true;
		else if (!strcmp(argv[i], "--jail") && i + 1 < argc)
			o->jail = argv[++i];
		else if (!strcmp(argv[i], "--message") && i + 1 < argc)
			o->message = argv[++i];
		else
			return false;
	}
	return true;
}

static int console(struct tui_options *o)
{
	struct jail_places places;
	struct err e;

	if (jail_places_init(&places, &e))
		return cli_fail(&e);
	o->places = &places;
	int status = tui_main(o);
	jail_places_free(&places);
	return status;
}

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *called = slash ? slash + 1 : argc ? argv[0] : "gaol";

	fill_descriptors();
	raise_descriptors();
	setlocale(LC_CTYPE, "");
	if (!strncmp(called, "mount.", strlen("mount.")))
		return cmd_layer(argc, argv);
	struct tui_options o = {0};
	if (console_options(&o, argc, argv) && isatty(0) && isatty(1))
		return console(&o);
	return cli_main(argc, argv);
}
