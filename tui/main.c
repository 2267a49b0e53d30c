/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gaol: without arguments the console program, with a verb one thing. */
#include "core/jail.h"
#include "tui/app.h"
#include "tui/cli/cli.h"
#include "tui/cmd_layer.h"
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

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

static int console(bool read_only)
{
	struct tui_options o = {.read_only = read_only};
	struct jail_places places;
	struct err e;

	if (jail_places_init(&places, &e))
		return cli_fail(&e);
	o.places = &places;
	int status = tui_main(&o);
	jail_places_free(&places);
	return status;
}

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *called = slash ? slash + 1 : argc ? argv[0] : "gaol";

	fill_descriptors();
	setlocale(LC_CTYPE, "");
	if (!strncmp(called, "mount.", strlen("mount.")))
		return cmd_layer(argc, argv);
	bool read_only = argc == 2 && !strcmp(argv[1], "--read-only");
	if ((argc < 2 || read_only) && isatty(0) && isatty(1))
		return console(read_only);
	return cli_main(argc, argv);
}
