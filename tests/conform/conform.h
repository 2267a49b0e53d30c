/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conform: what a file system owes to its users, case by case; ext4's answers are the reference.
 *
 * Each case is a function that runs in a process and in a directory of its own. That directory
 * holds the kit (kit.c): once made by this very run ("fresh"), once found there because the driver
 * put it into the lower directory ("lower"), so that every change has a copy-up in front of it.
 * A case that comes back has passed; the first wrong answer ends its process with a message.
 */
#ifndef GAOL_TESTS_CONFORM_H
#define GAOL_TESTS_CONFORM_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum conform_needs {
	ANY = 0,
	ROOT = 1,   /* effective uid 0 with all capabilities */
	USER = 2,   /* anybody but root */
	LONG = 4,   /* only with --long */
	ONCE = 8,   /* does not touch the kit: no second run on lower objects */
	RDONLY = 16 /* for a read-only mount of the kit, and only there */
};

struct conform_case {
	const char *name; /* NOUN/WHAT */
	unsigned needs;
	void (*fn)(void);
};

/* Lists that end with a case without a name. */
extern const struct conform_case cases_acl[], cases_create[], cases_data[], cases_dir[],
    cases_ino[], cases_link[], cases_lock[], cases_map[], cases_meta[], cases_name[],
    cases_overlay[], cases_perm[], cases_readdir[], cases_rename[], cases_renamedir[],
    cases_special[], cases_time[], cases_xattr[];

/* main.c. Each ends the case when the answer is wrong; they give the answer. */
long conform_ok(long got, const char *what, const char *file, int line);
void conform_err(long got, int want, const char *what, const char *file, int line);
void conform_eq(long long got, long long want, const char *what, const char *file, int line);
_Noreturn void conform_skip(const char *why);

#define OK(x) conform_ok((long)(x), #x, __FILE__, __LINE__)
#define ERR(x, e) (errno = 0, conform_err((long)(x), e, #x, __FILE__, __LINE__))
#define EQ(a, b) conform_eq((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define NE(a, b) conform_eq((a) != (b), 1, #a " != " #b, __FILE__, __LINE__)
#define TRUE(x) conform_eq(!!(x), 1, #x, __FILE__, __LINE__)

/*
 * Runs what follows as somebody else, in a child: true there, and it ends with done(); the parent
 * gets false, after the child has ended well. group: one supplementary group, or -1.
 */
bool as(uid_t uid, gid_t gid, gid_t group);
_Noreturn void done(void);
/* The same without a change of ids. */
bool apart(void);
/* The path of this program. */
extern const char *conform_self;

/* kit.c */
#define KIT_F_SIZE 10000 /* bytes of kit file "f", byte i is KIT_BYTE(i) */
#define KIT_BYTE(i) ((char)('a' + (i) % 23))
#define KIT_BIG_HOLE 65536     /* "big": data, a hole from here ... */
#define KIT_BIG_DATA (1 << 20) /* ... to here, data again */
#define KIT_BIG_SIZE (KIT_BIG_DATA + 65536)
/* Makes the kit in the current directory:
 *   f (0644, attribute user.kit=1), g ("other\n"), su (04755), e/ (empty), d/{a,l->a,h3,sub/b},
 *   d2/x, l->f, dl->d, dangling->nowhere, h1 = h2 = d/h3 (one file, "linked\n"), big, p (fifo) */
int kit_make(void);

/* help.c */
struct stat st_of(const char *path); /* lstat */
struct stat st_fd(int fd);
ino_t ino_of(const char *path);
void put(const char *path, const char *text); /* creates or replaces by truncation */
void add(const char *path, const char *text); /* appends */
/* Exactly these bytes, read from the start. */
void holds(const char *path, const char *text);
void fd_holds(int fd, const char *text);
bool there(const char *path);
/* Number of names but for "." and ".."; entries by one name. */
int count(const char *dir);
int count_name(const char *dir, const char *name);
/* Removes the tree at name. */
void remove_all(const char *name);
void fill(char *p, size_t n, unsigned salt);
/* Waits until the clock that stamps files has moved on. */
void tick(void);
/* a is later than b */
bool later(struct timespec a, struct timespec b);
bool same_time(struct timespec a, struct timespec b);
int rename2(const char *from, const char *to, unsigned flags);
/* Runs our own binary, copied to path: "conform --probe WHAT"; its exit status. */
void copy_self(const char *path, mode_t mode);
int probe(const char *path, const char *what);

#endif
