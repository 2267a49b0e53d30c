/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gaol.conf and the themes. */
#include "core/buf.h"
#include "tui/settings.h"
#include "tui/theme.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct settings set;
static struct buf told;

static void setup(void)
{
	settings_init(&set);
	buf_reset(&told);
}

static void teardown(void)
{
	buf_free(&told);
}

static void tell(void *user, const char *text)
{
	buf_fmt(&told, "%s\n", text);
}

static int load(const char *text)
{
	return settings_load_text(&set, "gaol.conf", text, strlen(text), tell, NULL);
}

START_TEST(defaults)
{
	ck_assert_int_eq(load(""), 0);
	ck_assert_uint_eq(set.theme, SETTINGS_THEME_AUTO);
	ck_assert_uint_eq(set.colours, SETTINGS_COLOURS_AUTO);
	ck_assert_uint_eq(set.drawing, SETTINGS_LINES_AUTO);
	ck_assert(set.mouse && !set.read_only);
	ck_assert_str_eq(set.keymap, "default");
	ck_assert_int_eq(set.detach[0], 0);
	ck_assert_int_eq(settings_load_file(&set, "/nonexistent/gaol.conf", tell, NULL), -ENOENT);
}
END_TEST

START_TEST(everything)
{
	ck_assert_int_eq(load("[console]\n\ttheme = light # a comment\n\tcolours = TRUE\n"
			      "\tlines = utf-8\n\tmouse = off\n\tread-only\n"
			      "[keys]\n\tmap = vi\n\tdetach = Ctrl-\\\\ q\n"),
			 0);
	ck_assert_str_eq(buf_cstr(&told), "");
	ck_assert_uint_eq(set.theme, SETTINGS_LIGHT);
	ck_assert_uint_eq(set.colours, SETTINGS_TRUE);
	ck_assert_uint_eq(set.drawing, SETTINGS_UTF8);
	ck_assert(!set.mouse && set.read_only);
	ck_assert_str_eq(set.keymap, "vi");
	ck_assert_int_eq(set.detach[0], 0x1c);
	ck_assert_int_eq(set.detach[1], 'q');
}
END_TEST

START_TEST(bad_lines_are_told_and_left_out)
{
	ck_assert_int_eq(load("[console]\n\ttheme = pink\n\tcolour = 8\n\tmouse = no\n"
			      "[konsole]\n\ttheme = dark\n[keys]\n\tdetach = x\n"),
			 4);
	ck_assert_str_eq(
	    buf_cstr(&told),
	    "gaol.conf:2: theme: not a value: pink: write auto|dark|light|mono\n"
	    "gaol.conf:3: no such setting in [console]: colour: it has theme, colours, lines, "
	    "mouse, read-only\n"
	    "gaol.conf:5: no such section: konsole: write [console] or [keys]\n"
	    "gaol.conf:8: detach: not a value: x: write for instance Ctrl-] d\n");
	ck_assert(!set.mouse);
	buf_reset(&told);
	ck_assert_int_eq(load("[console]\n\ttheme = mono\n[broken\n"), 1);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&told), "gaol.conf:3: "));
	ck_assert_uint_eq(set.theme, SETTINGS_MONO);
}
END_TEST

static bool whole(void *user, const struct settings_key *k)
{
	size_t *n = user;

	ck_assert(k->section && k->key && k->deflt && k->help);
	ck_assert_int_eq(k->help[strlen(k->help) - 1], '.');
	(*n)++;
	return true;
}

START_TEST(the_table_is_whole)
{
	size_t n = 0;

	settings_each(whole, &n);
	ck_assert_uint_eq(n, 7);
}
END_TEST

START_TEST(nearest_colours)
{
	for (int32_t c = 16; c < 256; c++)
		ck_assert_int_eq(theme_rgb_of(theme_near256(theme_rgb_of(c))), theme_rgb_of(c));
	ck_assert_int_eq(theme_near256(0xffffff), 231);
	ck_assert_int_eq(theme_near256(0x8a8a8b), 245);
}
END_TEST

/* Light of a colour in thousandths, and how it stands out from another (WCAG's formula, with a
 * gamma of 2). */
static double light_of(int32_t rgb)
{
	double r = (rgb >> 16) / 255.0, g = (rgb >> 8 & 255) / 255.0, b = (rgb & 255) / 255.0;

	return 0.2126 * r * r + 0.7152 * g * g + 0.0722 * b * b;
}

static double contrast(int32_t a, int32_t b)
{
	double x = light_of(a) + 0.05, y = light_of(b) + 0.05;

	return x > y ? x / y : y / x;
}

static int32_t rgb_at(int32_t colour, int32_t colours, int32_t own)
{
	return colour == THEME_OWN ? own : colours == 256 ? theme_rgb_of(colour) : colour;
}

static void check_readable(enum theme_name t, int32_t colours, int32_t fg, int32_t bg)
{
	for (int s = 0; s < STYLE_COUNT; s++) {
		for (int g = 0; g < GROUND_COUNT; g++) {
			struct theme_paint p =
			    theme_paint(t, colours, (enum style)s, (enum theme_ground)g);
			double got = contrast(rgb_at(p.fg, colours, fg), rgb_at(p.bg, colours, bg));

			ck_assert_msg(got >= (g ? 2.7 : 4), "style %d ground %d: %f", s, g, got);
		}
	}
}

START_TEST(everything_can_be_read)
{
	check_readable(THEME_DARK, 256, 0xd0d0d0, 0x000000);
	check_readable(THEME_DARK, 1 << 24, 0xd0d0d0, 0x000000);
	check_readable(THEME_LIGHT, 256, 0x202020, 0xffffff);
	check_readable(THEME_LIGHT, 1 << 24, 0x202020, 0xffffff);
}
END_TEST

/* Without colours the cursor, the bar and what is bad are told apart by attributes. */
START_TEST(mono_has_attributes)
{
	static const int32_t colours[] = {0, 8, 256, 1 << 24};

	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
		for (int s = 0; s < STYLE_COUNT; s++) {
			struct theme_paint p =
			    theme_paint(THEME_MONO, colours[i], (enum style)s, GROUND_NONE);

			ck_assert_int_eq(p.fg, THEME_OWN);
			ck_assert_int_eq(p.bg, THEME_OWN);
			p = theme_paint(THEME_MONO, colours[i], (enum style)s, GROUND_CURSOR);
			ck_assert(p.attr & THEME_REVERSE);
		}
		ck_assert(theme_paint(THEME_MONO, colours[i], STYLE_BAR, GROUND_NONE).attr &
			  THEME_REVERSE);
		ck_assert(theme_paint(THEME_MONO, colours[i], STYLE_BAD, GROUND_NONE).attr);
	}
	/* a terminal without colours gets no other theme */
	ck_assert_int_eq(theme_paint(THEME_DARK, 0, STYLE_BAD, GROUND_NONE).fg, THEME_OWN);
	ck_assert_int_eq(theme_paint(THEME_DARK, 8, STYLE_BAD, GROUND_NONE).fg, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("settings");
	TCase *tc = tcase_create("settings");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, everything);
	tcase_add_test(tc, bad_lines_are_told_and_left_out);
	tcase_add_test(tc, the_table_is_whole);
	tcase_add_test(tc, nearest_colours);
	tcase_add_test(tc, everything_can_be_read);
	tcase_add_test(tc, mono_has_attributes);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
