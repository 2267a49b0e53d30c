/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_schema: the one table of jail.conf's keys, for core/conf.c only.
 */
#ifndef GAOL_CORE_CONF_SCHEMA_H
#define GAOL_CORE_CONF_SCHEMA_H

#include "core/conf.h"

struct buf;
struct schema;

/* Why a value was refused, and what to write instead. */
struct conf_why {
	char text[256];
};

/* A kind of value. field points to where it lies in struct conf or struct conf_path. */
struct conf_type {
	const char *name;
	/* Stores value (NULL: the key stood alone); false with *why filled. */
	bool (*set)(const struct schema *s, void *field, const char *value, struct conf_why *why);
	/* Appends value number i as it would be written; false when there is none. */
	bool (*get)(const struct schema *s, const void *field, size_t i, struct buf *out);
};

struct schema {
	struct conf_key k;
	const struct conf_type *type;
	size_t off;	   /* in struct conf, for section "path" in struct conf_path */
	uint64_t min, max; /* of numbers and sizes */
	uint64_t unit;	   /* a size must be a multiple of it */
	/* Words and numbers beyond max that will mean something once it exists, and the refusal. */
	const char *later;
	const char *later_why;
};

extern const struct schema conf_schema[];
extern const size_t conf_schema_n;

/* What a [path] section has before its access is set; no word of jail.conf. */
#define CONF_NO_WORD AUTH_EMPTY

/* True for a key of [path "..."], whose values lie in a struct conf_path. */
bool schema_in_path(const struct schema *s);
/* The key of a section, or NULL. */
const struct schema *schema_find(const char *section, const char *key);
/* The first key of that name in any section, or NULL. */
const struct schema *schema_find_key(const char *key);
/* The key that an unknown one was probably meant to be, or NULL; section may be NULL (any). */
const struct schema *schema_guess(const char *section, const char *key);

/*
 * Splits "section.key", "path.DIR.key" or "key" (of the first section that has it) into its parts:
 * the key, and DIR into path ("" without one). DIR may hold dots itself, so the first and the last
 * dot count. NULL with *why filled.
 */
const struct schema *conf_split_key(const char *key, char *path, size_t size, struct conf_why *why);

/* Appends a copy of value to l; false when CONF_LIST_MAX is reached. */
bool conf_list_add(struct conf_list *l, const char *value);
void conf_list_free(struct conf_list *l);
/* Makes path normal ("/a//b/" is "/a/b") into buf of CONF_VALUE_MAX bytes; false with *why. */
bool conf_path_normal(const char *path, char *buf, struct conf_why *why);

#endif
