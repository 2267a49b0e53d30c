/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/thin.h"
#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Segments that are not writable hold nothing but the file's bytes. (Pages that the linker has
 * written and then protected, RELRO, lie in writable ones: they would be lost.) Text relocations
 * would be lost too, so an object that has any is left alone.
 */
static int let_go(struct dl_phdr_info *o, size_t size, void *user)
{
	uintptr_t page = *(const uintptr_t *)user;

	(void)size;
	for (int i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Dyn) *d = (const void *)(o->dlpi_addr + o->dlpi_phdr[i].p_vaddr);
		if (o->dlpi_phdr[i].p_type != PT_DYNAMIC)
			continue;
		for (; d->d_tag != DT_NULL; d++)
			if (d->d_tag == DT_TEXTREL ||
			    (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL)))
				return 0;
	}
	for (int i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];
		uintptr_t from = (o->dlpi_addr + p->p_vaddr) & ~(page - 1);
		uintptr_t to = (o->dlpi_addr + p->p_vaddr + p->p_memsz + page - 1) & ~(page - 1);
		/* the vdso is no file: the call fails, and nothing happens */
		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W) && p->p_memsz == p->p_filesz)
			madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void thin_out(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	malloc_trim(0);
	dl_iterate_phdr(let_go, &page);
}
