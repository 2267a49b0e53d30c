/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands do. */
#include "tui/app_int.h"
#include "tui/console.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the view with the keys, else the one below it, says that a command acts on. */
static bool find_target(struct app *a, enum command_id c, struct target *t)
{
	struct view *v = app_focus(a), *top = app_top(a);
	struct err e = {.text = "no jail is meant here: choose one in the list of jails"};

	memset(t, 0, sizeof(*t));
	if (v->ops->target && v->ops->target(v, c, t, &e))
		return true;
	if (top != v && top->ops->target && top->ops->target(top, c, t, &e))
		return true;
	/* views without jails, help for instance: what lies below them is meant */
	for (size_t i = a->depth; !v->ops->target && i-- > 0;)
		if (a->stack[i]->ops->target && a->stack[i]->ops->target(a->stack[i], c, t, &e))
			return true;
	app_fail(a, "%s: %s", command_get(c)->name, e.text);
	return false;
}

/* The same for commands that may name a jail as their argument. */
static bool jail_target(struct app *a, enum command_id c, const char *args, struct target *t)
{
	if (!*args)
		return find_target(a, c, t);
	memset(t, 0, sizeof(*t));
	if (!model_find(a->model, args)) {
		app_fail(a, "%s: no jail %s: `:jails` lists them", command_get(c)->name, args);
		return false;
	}
	snprintf(t->jail, sizeof(t->jail), "%s", args);
	return true;
}

static void do_enter(struct app *a, enum command_id c, const char *args)
{
	struct view *top = app_top(a);
	struct target t;

	if (!find_target(a, c, &t))
		return;
	if (t.view)
		app_open(a, &t);
	else if (top->ops->pane && top->ops->pane(top))
		a->in_pane = true;
}

static void do_back(struct app *a, enum command_id c, const char *args)
{
	app_back(a);
}

static void do_list(struct app *a, enum command_id c, const char *args)
{
	static const struct view_ops *const views[CMD_COUNT] = {
	    [CMD_JAILS] = &jails_view,
	    [CMD_HELP] = &help_view,
	    [CMD_MESSAGES] = &messages_view,
	    [CMD_COMMANDS] = &commands_view,
	};
	struct view *top = app_top(a);
	struct target t = {0};

	/* the list of jails begins on the one that was looked at */
	if (c == CMD_JAILS && top->ops->target && !top->ops->target(top, c, &t, NULL))
		t.jail[0] = '\0';
	t.view = views[c];
	app_open(a, &t);
}

static void do_jails_view(struct app *a, enum command_id c, const char *args)
{
	static const struct {
		const struct view_ops *view;
		const char *verb;
	} views[CMD_COUNT] = {
	    [CMD_JAIL] = {.view = &jail_view, .verb = "top"},
	    [CMD_FEED] = {.view = &feed_view, .verb = "events"},
	    [CMD_LOG] = {.view = &log_view, .verb = "log"},
	    [CMD_PROCESSES] = {.view = &procs_view, .verb = "ps"},
	    [CMD_NET] = {.view = &net_view, .verb = "net"},
	};
	struct target t;

	if (!jail_target(a, c, args, &t))
		return;
	t.view = views[c].view;
	app_log(a, "gaol %s %s", views[c].verb, t.jail);
	app_open(a, &t);
}

static void do_tree(struct app *a, enum command_id c, const char *args)
{
	struct target t;

	if (!find_target(a, c, &t))
		return;
	if (*args)
		snprintf(t.a, sizeof(t.a), "%s", args);
	t.view = &tree_view;
	app_open(a, &t);
}

/* Two words of args over the sides that the view meant. */
static void do_diff(struct app *a, enum command_id c, const char *args)
{
	struct target t;
	size_t n = strcspn(args, " ");
	const char *rest = args + n + strspn(args + n, " ");

	if (!find_target(a, c, &t))
		return;
	if (*args) {
		snprintf(t.a, sizeof(t.a), "%.*s", (int)n, args);
		snprintf(t.b, sizeof(t.b), "%s", rest);
	}
	t.view = &diff_view;
	if (strcmp(t.a, TARGET_ROLLBACK))
		app_log(a, "gaol diff %s%s%s%s%s", t.jail, *t.a ? " " : "", t.a, *t.b ? " " : "",
			t.b);
	app_open(a, &t);
}

static void do_next_pane(struct app *a, enum command_id c, const char *args)
{
	struct view *v = app_top(a);

	if (v->ops->pane && v->ops->pane(v))
		a->in_pane = !a->in_pane;
}

static void do_zoom(struct app *a, enum command_id c, const char *args)
{
	struct view *v = app_top(a);

	if (v->ops->pane && v->ops->pane(v))
		a->zoomed = !a->zoomed;
}

static void do_copy(struct app *a, enum command_id c, const char *args)
{
	if (*args)
		copy_begin(a, args);
	else
		input_prompt(a, c, "copy the text of this view to file: ", NULL);
}

void act_scan(struct app *a)
{
	struct view *v = app_focus(a);
	int found = view_scan(v, &a->scan);

	a->scanning = found < 0;
	if (!found && v->search) {
		snprintf(a->message, sizeof(a->message), "not found: %s", v->search);
		a->message_style = STYLE_BAD;
	}
}

static void search(struct app *a, int dir, bool here)
{
	if (!app_focus(a)->search) {
		app_say(a, "nothing to search for: / takes a text");
		return;
	}
	view_scan_begin(app_focus(a), &a->scan, dir, here);
	act_scan(a);
}

static void do_search(struct app *a, enum command_id c, const char *args)
{
	if (c != CMD_SEARCH) {
		search(a, c == CMD_SEARCH_NEXT ? 1 : -1, false);
	} else if (*args) {
		view_set_search(app_focus(a), args);
		search(a, 1, true);
	} else {
		input_prompt(a, c, "/", NULL);
	}
}

static void do_filter(struct app *a, enum command_id c, const char *args)
{
	if (*args)
		view_set_filter(app_focus(a), args);
	else
		input_prompt(a, c, "& show only: ", app_focus(a)->filter);
}

static void do_nothing_here(struct app *a, enum command_id c, const char *args)
{
	app_say(a, "%s%s%s has no meaning here", command_get(c)->name, *args ? " " : "", args);
}

/* What is the program's own; the rest is for views. */
static void do_toggle(struct app *a, enum command_id c, const char *args)
{
	if (strcmp(args, "mouse")) {
		do_nothing_here(a, c, args);
		return;
	}
	a->settings.mouse = !a->settings.mouse;
	screen_settings(a->screen, &a->settings);
	app_say(a, "the mouse is %s",
		a->settings.mouse ? "used here" : "left to the terminal: select text with it");
}

/* Starts one operation for each marked jail, or for the one that is meant. */
static void do_operation(struct app *a, enum command_id c, const char *args)
{
	struct view *v = app_top(a);
	struct target t;

	if (!*args && v->ops->marked && v->ops->marked(v, 0)) {
		for (size_t i = 0; v->ops->marked(v, i); i++)
			op_begin(a, c, v->ops->marked(v, i), "");
		return;
	}
	if (jail_target(a, c, args, &t))
		op_begin(a, c, t.jail, "");
}

static void do_attach(struct app *a, enum command_id c, const char *args)
{
	struct target t;

	if (jail_target(a, c, args, &t))
		op_begin(a, c, t.jail, "");
}

/* One who only looks boots nothing. */
static void do_console(struct app *a, enum command_id c, const char *args)
{
	struct target t;

	if (!jail_target(a, c, args, &t))
		return;
	t.view = &console_view;
	if (a->opt->read_only)
		app_open(a, &t);
	else
		op_begin(a, c, t.jail, "");
}

static void do_checkpoint(struct app *a, enum command_id c, const char *args)
{
	struct view *v = app_top(a);
	struct target t;
	char label[64];

	a->asked_jail[0] = '\0'; /* the marked ones */
	if (v->ops->marked && v->ops->marked(v, 0)) {
		snprintf(label, sizeof(label), "checkpoint of all marked, message: ");
	} else {
		if (!find_target(a, c, &t))
			return;
		memcpy(a->asked_jail, t.jail, sizeof(a->asked_jail));
		snprintf(label, sizeof(label), "checkpoint of %s, message: ", t.jail);
	}
	if (*args)
		act_prompted(a, c, args);
	else
		input_prompt(a, c, label, NULL);
}

static void do_rollback(struct app *a, enum command_id c, const char *args)
{
	struct view *v = app_top(a);
	struct target t;

	if (!*args && v->ops->marked && v->ops->marked(v, 0)) {
		do_operation(a, c, args);
		return;
	}
	if (find_target(a, c, &t))
		op_begin(a, c, t.jail, *args ? args : t.a);
}

static void do_new(struct app *a, enum command_id c, const char *args)
{
	if (*args)
		act_prompted(a, c, args);
	else
		input_prompt(a, c, "new jail, name: ", NULL);
}

typedef char jail_name[JAIL_NAME_MAX + 1];

/* The jails that a command that destroys is for: the marked ones, or the one that is meant. An
 * array to be freed, NULL: none, and told. */
static jail_name *find_jails(struct app *a, enum command_id c, const char *args, size_t *n)
{
	struct view *v = app_top(a);
	jail_name *names = NULL;
	struct target t;

	*n = 0;
	for (const char *name; !*args && v->ops->marked && (name = v->ops->marked(v, *n)); ++*n) {
		names = xrealloc(names, (*n + 1) * sizeof(*names));
		snprintf(names[*n], sizeof(*names), "%s", name);
	}
	if (*n || !jail_target(a, c, args, &t))
		return names;
	names = xcalloc(1, sizeof(*names));
	memcpy(names[0], t.jail, sizeof(*names));
	*n = 1;
	return names;
}

static void do_remove(struct app *a, enum command_id c, const char *args)
{
	size_t n;
	jail_name *names = find_jails(a, c, args, &n);

	if (names)
		op_ask_remove(a, (const char(*)[JAIL_NAME_MAX + 1]) names, n);
	free(names);
}

static void do_kill(struct app *a, enum command_id c, const char *args)
{
	size_t n;
	jail_name *names = find_jails(a, c, args, &n);

	if (names)
		ask_kill(a, names, n);
}

/* What a file of the diff, or of the tree, is to become. */
static bool file_target(struct app *a, enum command_id c, struct target *t)
{
	if (!find_target(a, c, t))
		return false;
	if (!*t->path)
		app_fail(a, "%s: no file is meant here: choose one in a diff or a tree",
			 command_get(c)->name);
	return *t->path;
}

static void do_restore(struct app *a, enum command_id c, const char *args)
{
	bool hunk = !strcmp(args, "hunk");
	struct target t;

	if (!file_target(a, c, &t))
		return;
	if (hunk && (!t.line || strcmp(t.b, "now")))
		app_fail(a, "restore: no hunk of a file as it is now is under the cursor");
	else
		child_restore(a, &t, hunk);
}

static void do_apply(struct app *a, enum command_id c, const char *args)
{
	struct target t;

	if (file_target(a, c, &t))
		ask_apply(a, &t);
}

static void do_verdict(struct app *a, enum command_id c, const char *args)
{
	struct target t;

	if (find_target(a, c, &t))
		child_verdict(a, c, &t, args);
}

static void do_settings(struct app *a, enum command_id c, const char *args)
{
	struct target t;

	if (!jail_target(a, c, args, &t))
		return;
	app_log(a, "$EDITOR %s/jails/%s/jail.conf", a->opt->places->home, t.jail);
	edit_settings(a, t.jail, NULL);
}

static void do_prompt(struct app *a, enum command_id c, const char *args)
{
	char *text = *args ? xasprintf("%s ", args) : NULL;

	input_prompt(a, c, ":", text);
	free(text);
}

static void do_verb(struct app *a, enum command_id c, const char *args)
{
	if (*args)
		foreground_begin(a, args);
	else
		input_prompt(a, c, "gaol ", NULL);
}

static void do_bind(struct app *a, enum command_id c, const char *args)
{
	struct err e;
	char *line = xasprintf("%s %s", command_get(c)->name, args);

	if (keymap_statement(a->keymap, line, &e))
		app_fail(a, "%s", e.text);
	free(line);
}

static void do_reload(struct app *a, enum command_id c, const char *args)
{
	app_reload(a);
}

static void do_redraw(struct app *a, enum command_id c, const char *args)
{
	screen_spoiled(a->screen);
}

static void do_suspend(struct app *a, enum command_id c, const char *args)
{
	app_leave_screen(a);
	raise(SIGTSTP);
	app_return_screen(a);
}

static void do_quit(struct app *a, enum command_id c, const char *args)
{
	app_quit(a);
}

typedef void command_fn(struct app *a, enum command_id c, const char *args);
static command_fn *const table[CMD_COUNT] = {
    [CMD_NEXT_PART] = do_nothing_here,
    [CMD_PREV_PART] = do_nothing_here,
    [CMD_NEXT_PANE] = do_next_pane,
    [CMD_NEXT_FILE] = do_nothing_here,
    [CMD_PREV_FILE] = do_nothing_here,
    [CMD_ENTER] = do_enter,
    [CMD_BACK] = do_back,
    [CMD_JAILS] = do_list,
    [CMD_JAIL] = do_jails_view,
    [CMD_FEED] = do_jails_view,
    [CMD_LOG] = do_jails_view,
    [CMD_PROCESSES] = do_jails_view,
    [CMD_NET] = do_jails_view,
    [CMD_DIFF] = do_diff,
    [CMD_PREVIEW] = do_diff,
    [CMD_TREE] = do_tree,
    [CMD_CONSOLE] = do_console,
    [CMD_HELP] = do_list,
    [CMD_MESSAGES] = do_list,
    [CMD_COMMANDS] = do_list,
    [CMD_SEARCH] = do_search,
    [CMD_SEARCH_NEXT] = do_search,
    [CMD_SEARCH_PREV] = do_search,
    [CMD_FILTER] = do_filter,
    [CMD_MARK] = do_nothing_here,
    [CMD_UNMARK] = do_nothing_here,
    [CMD_TOGGLE] = do_toggle,
    [CMD_REFRESH] = do_redraw,
    [CMD_ZOOM] = do_zoom,
    [CMD_COPY] = do_copy,
    [CMD_BLAME] = do_nothing_here,
    [CMD_SORT] = do_nothing_here,
    [CMD_FOLD] = do_nothing_here,
    [CMD_NEW] = do_new,
    [CMD_START] = do_operation,
    [CMD_STOP] = do_operation,
    [CMD_KILL] = do_kill,
    [CMD_PAUSE] = do_operation,
    [CMD_RESUME] = do_operation,
    [CMD_ATTACH] = do_attach,
    [CMD_WATCH] = do_attach,
    [CMD_CHECKPOINT] = do_checkpoint,
    [CMD_ROLLBACK] = do_rollback,
    [CMD_REDO] = do_operation,
    [CMD_SETTINGS] = do_settings,
    [CMD_RESTORE] = do_restore,
    [CMD_APPLY] = do_apply,
    [CMD_ALLOW] = do_verdict,
    [CMD_DENY] = do_verdict,
    [CMD_REMOVE] = do_remove,
    [CMD_PROMPT] = do_prompt,
    [CMD_VERB] = do_verb,
    [CMD_BIND] = do_bind,
    [CMD_UNBIND] = do_bind,
    [CMD_RELOAD] = do_reload,
    [CMD_REDRAW] = do_redraw,
    [CMD_SUSPEND] = do_suspend,
    [CMD_QUIT] = do_quit,
};

void act(struct app *a, enum command_id c, const char *args)
{
	const struct command *cmd = command_get(c);
	struct view *v = app_focus(a), *top = app_top(a);

	a->dirty = true;
	if (a->env.read_only && (cmd->flags & CMD_STEERS)) {
		app_fail(a, "%s: this console %s: it looks only", cmd->name,
			 a->opt->read_only ? "was started with --read-only"
					   : "has read-only = yes in gaol.conf");
		return;
	}
	if (v->ops->command && v->ops->command(v, c, args))
		return;
	if (view_move(v, c))
		return;
	/* what a pane does not know may be its view's business */
	if (v != top && c != CMD_BACK && top->ops->command && top->ops->command(top, c, args))
		return;
	if (table[c])
		table[c](a, c, args);
}
