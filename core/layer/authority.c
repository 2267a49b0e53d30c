/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/layer/authority.h"
#include "core/buf.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A place: a path component below its parent. Children are sorted by name for a binary search. */
struct auth_node {
	char *name;
	size_t len;
	bool has_rule;
	enum auth_word word;
	bool own;
	bool secret;
	struct auth_node **child;
	size_t nchild;
};

struct authority {
	struct auth_node *root;
};

static const char *const word_names[] = {
    [AUTH_READ] = "read", [AUTH_WRITE] = "write", [AUTH_FRESH] = "fresh",
    [AUTH_HIDE] = "hide", [AUTH_EMPTY] = "empty",
};

struct rule {
	const char *path;
	enum auth_word word;
};

/* box: an installer can do its worst; app: the system is read-only, state is private; blank: an
 * empty disk with the host's programs, and what those need to be found and linked. */
static const struct rule box_rules[] = {
    {"/", AUTH_WRITE},	  {"/home", AUTH_FRESH}, {"/root", AUTH_FRESH},
    {"/tmp", AUTH_FRESH}, {"/run", AUTH_FRESH},	 {NULL, AUTH_READ},
};
static const struct rule app_rules[] = {
    {"/", AUTH_WRITE},	   {"/usr", AUTH_READ},	  {"/bin", AUTH_READ},	 {"/sbin", AUTH_READ},
    {"/lib", AUTH_READ},   {"/lib32", AUTH_READ}, {"/lib64", AUTH_READ}, {"/libx32", AUTH_READ},
    {"/etc", AUTH_READ},   {"/boot", AUTH_READ},  {"/var", AUTH_WRITE},	 {"/home", AUTH_FRESH},
    {"/root", AUTH_FRESH}, {"/tmp", AUTH_FRESH},  {"/run", AUTH_FRESH},	 {NULL, AUTH_READ},
};
static const struct rule blank_rules[] = {
    {"/", AUTH_FRESH},
    {"/usr", AUTH_READ},
    {"/bin", AUTH_READ},
    {"/sbin", AUTH_READ},
    {"/lib", AUTH_READ},
    {"/lib32", AUTH_READ},
    {"/lib64", AUTH_READ},
    {"/libx32", AUTH_READ},
    {"/etc/alternatives", AUTH_READ},
    {"/etc/ld.so.cache", AUTH_READ},
    {"/etc/ssl/certs", AUTH_READ},
    {"/home", AUTH_FRESH},
    {"/root", AUTH_FRESH},
    {"/tmp", AUTH_FRESH},
    {"/run", AUTH_FRESH},
    {"/var/tmp", AUTH_FRESH},
    {"/dev", AUTH_FRESH},
    {"/proc", AUTH_FRESH},
    {"/sys", AUTH_FRESH},
    {"/usr/local", AUTH_FRESH},
    {NULL, AUTH_READ},
};

/*
 * Names that hold credentials; a path given on the command line shows them only with secret = yes.
 * Keep jail.conf(5) in step.
 */
static const char *const secret_names[] = {
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".pki",
    ".gcloud",
    ".kube",
    ".docker",
    ".netrc",
    ".pgpass",
    ".my.cnf",
    ".npmrc",
    ".pypirc",
    ".vault-token",
    ".git-credentials",
    ".password-store",
    ".gnome2",
    ".mozilla",
    ".thunderbird",
    ".s3cfg",
    ".boto",
    ".rclone.conf",
    ".terraform.d",
    ".electrum",
    ".bitcoin",
    "gcloud",
    "keyrings",
    "google-chrome",
    "chromium",
    "credentials.toml",
    ".bash_history",
    ".zsh_history",
    ".psql_history",
    ".mysql_history",
    ".python_history",
    ".lesshst",
    ".Xauthority",
    ".ICEauthority",
    ".authinfo",
    ".authinfo.gpg",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".smbcredentials",
};

int auth_word_parse(const char *s)
{
	for (size_t i = 0; i < sizeof(word_names) / sizeof(*word_names); i++)
		if (!strcmp(word_names[i], s))
			return (int)i;
	return -1;
}

const char *auth_word_name(enum auth_word w)
{
	return w <= AUTH_EMPTY ? word_names[w] : "?";
}

bool authority_is_secret(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(secret_names) / sizeof(*secret_names); i++)
		if (strlen(secret_names[i]) == n && !memcmp(secret_names[i], name, n))
			return true;
	return false;
}

static int name_compare(const char *a, size_t na, const char *b, size_t nb)
{
	int c = memcmp(a, b, na < nb ? na : nb);

	return c ? c : (na > nb) - (na < nb);
}

/* Index of the child name, or where it would go; *found tells which. */
static size_t child_search(const struct auth_node *n, const char *name, size_t len, bool *found)
{
	size_t lo = 0, hi = n->nchild;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = name_compare(name, len, n->child[mid]->name, n->child[mid]->len);
		if (!c) {
			*found = true;
			return mid;
		}
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static struct auth_node *node_make(const char *name, size_t len)
{
	struct auth_node *n = xcalloc(1, sizeof(*n));

	n->name = xmalloc(len + 1);
	memcpy(n->name, name, len);
	n->name[len] = '\0';
	n->len = len;
	return n;
}

static void node_free(struct auth_node *n)
{
	for (size_t i = 0; i < n->nchild; i++)
		node_free(n->child[i]);
	free(n->child);
	free(n->name);
	free(n);
}

static struct auth_node *child_get(struct auth_node *n, const char *name, size_t len)
{
	bool found;
	size_t at = child_search(n, name, len, &found);

	if (found)
		return n->child[at];
	n->child = xrealloc(n->child, (n->nchild + 1) * sizeof(*n->child));
	memmove(n->child + at + 1, n->child + at, (n->nchild - at) * sizeof(*n->child));
	n->child[at] = node_make(name, len);
	n->nchild++;
	return n->child[at];
}

static void rule_set(struct auth_node *n, enum auth_word word, bool own, bool secret)
{
	n->has_rule = true;
	n->word = word;
	n->own = own;
	n->secret = secret;
}

struct authority *authority_new(enum auth_word word)
{
	struct authority *a = xcalloc(1, sizeof(*a));

	a->root = node_make("", 0);
	rule_set(a->root, word, false, false);
	return a;
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	node_free(a->root);
	free(a);
}

/* Absolute, and no empty, "." or ".." component; "/" alone is fine. */
static bool path_is_normal(const char *p)
{
	if (*p != '/')
		return false;
	if (!p[1])
		return true;
	while (*p) {
		size_t n = strcspn(++p, "/");
		if (!n || n > 255 || (n == 1 && *p == '.') || (n == 2 && !memcmp(p, "..", 2)))
			return false;
		p += n;
	}
	return true;
}

int authority_add(struct authority *a, const char *path, enum auth_word word, bool own, bool secret,
		  struct err *e)
{
	struct auth_node *n = a->root;

	if (!path_is_normal(path))
		return err_set(e, -EINVAL,
			       "%s: not an absolute path without empty, \".\" or \"..\" parts: "
			       "write it out in full",
			       path);
	for (const char *p = path + 1; *p;) {
		size_t len = strcspn(p, "/");
		n = child_get(n, p, len);
		p += len;
		p += *p == '/';
	}
	rule_set(n, word, own, secret);
	return 0;
}

int authority_profile(struct authority *a, const char *name, struct err *e)
{
	const struct rule *r = NULL;
	int err = 0;

	if (!strcmp(name, "box"))
		r = box_rules;
	else if (!strcmp(name, "app"))
		r = app_rules;
	else if (!strcmp(name, "blank"))
		r = blank_rules;
	else
		return err_set(e, -EINVAL, "profile %s: unknown: use box, app or blank", name);
	for (; r->path && !err; r++)
		err = authority_add(a, r->path, r->word, false, false, e);
	return err;
}

struct auth_at authority_root(const struct authority *a)
{
	const struct auth_node *n = a->root;

	return (struct auth_at){.node = n, .word = n->word, .own = n->own, .secret = n->secret};
}

struct auth_at authority_step(struct auth_at at, const char *name, size_t n)
{
	const struct auth_node *c;
	bool found;
	size_t i;

	if (!at.node)
		return at;
	i = child_search(at.node, name, n, &found);
	c = found ? at.node->child[i] : NULL;
	at.node = c;
	if (c && c->has_rule) {
		at.word = c->word;
		at.own = c->own;
		at.secret = c->secret;
	}
	return at;
}

struct auth_at authority_find(const struct authority *a, const char *path)
{
	struct auth_at at = authority_root(a);

	while (*path) {
		size_t n;
		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n)
			at = authority_step(at, path, n);
		path += n;
	}
	return at;
}

/* A rule that shows something must be reached; a hidden one needs no way to it. */
static bool leads_somewhere(const struct auth_node *n)
{
	for (size_t i = 0; i < n->nchild; i++) {
		const struct auth_node *c = n->child[i];
		if ((c->has_rule && c->word != AUTH_HIDE) || leads_somewhere(c))
			return true;
	}
	return false;
}

bool auth_is_waypoint(struct auth_at at)
{
	return at.node && leads_somewhere(at.node);
}

void auth_each_child(struct auth_at at, void (*fn)(void *user, const char *name, size_t n),
		     void *user)
{
	if (!at.node)
		return;
	for (size_t i = 0; i < at.node->nchild; i++)
		fn(user, at.node->child[i]->name, at.node->child[i]->len);
}
