/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/vmem.h"
#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define REGION_MAX (UINT64_C(1) << 38) /* 256 GiB: more is no guest of ours */

struct slot {
	_Atomic(uintptr_t) start; /* 0: free */
	size_t len;
	_Atomic(bool) broken;
};

static struct slot slots[VMEM_SLOTS];

static void on_sigbus(int signo, siginfo_t *si, void *context)
{
	uintptr_t at = (uintptr_t)si->si_addr;
	int saved = errno;

	(void)context;
	for (size_t i = 0; i < VMEM_SLOTS; i++) {
		uintptr_t start = atomic_load(&slots[i].start);

		if (!start || at < start || at - start >= slots[i].len)
			continue;
		if (mmap((void *)start, slots[i].len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			 0) == MAP_FAILED)
			break;
		atomic_store(&slots[i].broken, true);
		errno = saved;
		return;
	}
	/* Not ours: the access is repeated and ends the process as it should. */
	signal(signo, SIG_DFL);
	errno = saved;
}

static void install_handler(void)
{
	struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER};
	struct sigaction old;

	if (!sigaction(SIGBUS, NULL, &old) && (old.sa_flags & SA_SIGINFO) &&
	    old.sa_sigaction == on_sigbus)
		return;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGBUS, &sa, NULL);
}

static int slot_take(uint8_t *p, size_t len)
{
	for (int i = 0; i < VMEM_SLOTS; i++) {
		if (atomic_load(&slots[i].start))
			continue;
		slots[i].len = len;
		atomic_store(&slots[i].broken, false);
		atomic_store(&slots[i].start, (uintptr_t)p);
		return i;
	}
	return -1;
}

static int check_file(int fd, uint64_t size, uint64_t offset, struct err *e)
{
	struct stat st;
	struct statfs fs;

	if (fstat(fd, &st) || fstatfs(fd, &fs))
		return err_sys(e, "guest memory");
	if (!S_ISREG(st.st_mode) || (unsigned long)fs.f_type != TMPFS_MAGIC)
		return err_set(e, -EINVAL, "guest memory is no file of tmpfs");
	if (size > (uint64_t)st.st_size || offset > (uint64_t)st.st_size - size)
		return err_set(e, -EINVAL, "guest memory lies beyond the end of its file");
	return 0;
}

int vmem_add(struct vmem *m, int fd, uint64_t gpa, uint64_t size, uint64_t uva, uint64_t offset,
	     struct err *e)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t slack = offset % page;

	if (m->n == VMEM_REGIONS)
		return err_set(e, -EINVAL, "too many regions of guest memory");
	if (!size || size > REGION_MAX || gpa > UINT64_MAX - size || uva > UINT64_MAX - size)
		return err_set(e, -EINVAL, "a region of guest memory has no sensible size");
	int r = check_file(fd, size, offset, e);
	if (r)
		return r;
	uint8_t *p = mmap(NULL, size + slack, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			  fd, (off_t)(offset - slack));
	if (p == MAP_FAILED)
		return err_sys(e, "cannot map guest memory");
	/* The guest's pages are no secret of ours, but they would make a core dump huge. */
	madvise(p, size + slack, MADV_DONTDUMP);
	madvise(p, size + slack, MADV_DONTFORK);
	int slot = slot_take(p, size + slack);
	if (slot < 0) {
		munmap(p, size + slack);
		return err_set(e, -ENFILE, "too many regions of guest memory in this process");
	}
	install_handler();
	m->r[m->n++] = (struct vmem_region){gpa, uva, size, p + slack, slot};
	return 0;
}

void vmem_clear(struct vmem *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct slot *s = &slots[m->r[i].slot];
		uintptr_t start = atomic_exchange(&s->start, 0);

		munmap((void *)start, s->len);
	}
	m->n = 0;
}

bool vmem_is_broken(const struct vmem *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (atomic_load(&slots[m->r[i].slot].broken))
			return true;
	return false;
}

void *vmem_at(const struct vmem *m, uint64_t gpa, uint64_t len)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct vmem_region *r = &m->r[i];

		if (gpa >= r->gpa && len <= r->size && gpa - r->gpa <= r->size - len)
			return r->p + (gpa - r->gpa);
	}
	return NULL;
}

void *vmem_at_uva(const struct vmem *m, uint64_t uva, uint64_t len)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct vmem_region *r = &m->r[i];

		if (uva >= r->uva && len <= r->size && uva - r->uva <= r->size - len)
			return r->p + (uva - r->uva);
	}
	return NULL;
}
