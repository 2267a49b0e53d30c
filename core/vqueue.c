/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/vqueue.h"
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <string.h>

/* Guest memory changes under us: one volatile access per value, never a second look. */
static uint16_t get16(const void *p, size_t index)
{
	return ((const volatile uint16_t *)p)[index];
}

static void put16(void *p, size_t index, uint16_t v)
{
	((volatile uint16_t *)p)[index] = v;
}

/* struct vring_avail: flags, idx, ring[num], used_event; struct vring_used: flags, idx, ring[num]
 * of {id, len}, avail_event. */
enum { AVAIL_FLAGS = 0, AVAIL_IDX = 1, AVAIL_RING = 2, USED_FLAGS = 0, USED_IDX = 1 };

static size_t avail_event_at(const struct vqueue *r)
{
	return 2 + (size_t)r->num * sizeof(struct vring_used_elem) / 2;
}

int vqueue_place(struct vqueue *r, const struct vmem *m, uint64_t desc, uint64_t avail,
		 uint64_t used)
{
	if (!r->num || desc % 16 || avail % 2 || used % 4)
		return -EINVAL;
	r->desc = vmem_at_uva(m, desc, sizeof(struct vring_desc) * r->num);
	r->avail = vmem_at_uva(m, avail, 2 * (3 + (uint64_t)r->num));
	r->used = vmem_at_uva(m, used, 6 + sizeof(struct vring_used_elem) * r->num);
	if (r->desc && r->avail && r->used)
		return 0;
	r->desc = r->avail = r->used = NULL;
	return -EINVAL;
}

bool vqueue_pending(const struct vqueue *r)
{
	return r->enabled && r->avail && get16(r->avail, AVAIL_IDX) != r->last_avail;
}

void vqueue_quiet(struct vqueue *r, bool quiet)
{
	if (!r->used)
		return;
	if (!r->event_idx) {
		put16(r->used, USED_FLAGS, quiet ? VRING_USED_F_NO_NOTIFY : 0);
	} else {
		/* Quiet: an index that was passed long ago, so that it takes 32768 more requests
		 * until the guest would kick. */
		uint16_t at = quiet ? (uint16_t)(r->last_avail - 0x8000) : r->last_avail;

		put16(r->used, avail_event_at(r), at);
	}
	atomic_thread_fence(memory_order_seq_cst);
}

bool vqueue_should_notify(struct vqueue *r)
{
	uint16_t old = r->signalled, now = r->used_idx;

	if (!r->used || old == now)
		return false;
	r->signalled = now;
	/* What was pushed must be visible before we look whether the guest sleeps. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!r->event_idx)
		return !(get16(r->avail, AVAIL_FLAGS) & VRING_AVAIL_F_NO_INTERRUPT);
	return vring_need_event(get16(r->avail, AVAIL_RING + (size_t)r->num), now, old);
}

void vqueue_push_all(struct vqueue *r, const struct vhost_used *u, unsigned n)
{
	if (!r->used)
		return;
	for (unsigned i = 0; i < n; i++) {
		volatile struct vring_used_elem *e =
		    (volatile struct vring_used_elem *)((char *)r->used + 4) + r->used_idx % r->num;

		e->id = u[i].head;
		e->len = u[i].len;
		r->used_idx++;
	}
	atomic_thread_fence(memory_order_release);
	put16(r->used, USED_IDX, r->used_idx);
}

void vqueue_push(struct vqueue *r, uint16_t head, uint32_t len)
{
	vqueue_push_all(r, &(struct vhost_used){head, len}, 1);
}

/* The walk over one chain's descriptors. */
struct walk {
	const struct vmem *m;
	struct vhost_chain *c;
	const char *table; /* the ring's own, or an indirect one */
	uint32_t entries;
	uint32_t steps;
	bool is_indirect;
	bool writing; /* a writable segment was seen */
	const char *why;
};

static void add_segment(struct walk *w, const struct vring_desc *d)
{
	struct vhost_chain *c = w->c;
	void *p = vmem_at(w->m, d->addr, d->len);
	bool write = d->flags & VRING_DESC_F_WRITE;
	bool first_write = write && !w->writing;

	w->writing = w->writing || write;
	if (!d->len)
		return;
	if (!p || c->nread + c->nwrite == VHOST_SEGMENTS) {
		c->err = p ? -E2BIG : -EFAULT;
		return;
	}
	c->iov[c->nread + c->nwrite] = (struct iovec){p, d->len};
	if (write) {
		c->nwrite++;
		c->write_len += d->len;
		c->first_write_ok = c->first_write_ok || first_write;
	} else {
		c->nread++;
		c->read_len += d->len;
	}
}

static int enter_indirect(struct walk *w, const struct vring_desc *d)
{
	if (w->is_indirect || (d->flags & VRING_DESC_F_NEXT)) {
		w->why = "a nested or chained indirect descriptor";
		return -EPROTO;
	}
	if (!d->len || d->len % sizeof(*d) || d->len / sizeof(*d) > VHOST_SEGMENTS) {
		w->why = "an indirect table of impossible size";
		return -EPROTO;
	}
	w->table = vmem_at(w->m, d->addr, d->len);
	w->entries = d->len / (uint32_t)sizeof(*d);
	w->is_indirect = true;
	w->steps = 0;
	if (!w->table) {
		w->why = "an indirect table outside guest memory";
		return -EPROTO;
	}
	return 0;
}

static int walk_chain(struct walk *w, uint16_t head)
{
	struct vring_desc d;
	uint32_t i = head;

	for (;;) {
		if (i >= w->entries || ++w->steps > w->entries) {
			w->why = "a descriptor chain that leaves its table or loops";
			return -EPROTO;
		}
		/* An indirect table need not be aligned. Behind the fence the compiler cannot look
		 * at guest memory a second time. */
		memcpy(&d, w->table + i * sizeof(d), sizeof(d));
		atomic_signal_fence(memory_order_seq_cst);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			int r = enter_indirect(w, &d);
			if (r)
				return r;
			i = 0;
			continue;
		}
		if (w->writing && !(d.flags & VRING_DESC_F_WRITE)) {
			w->why = "a readable descriptor behind a writable one";
			return -EPROTO;
		}
		add_segment(w, &d);
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
	}
}

int vqueue_pop(struct vqueue *r, const struct vmem *m, struct vhost_chain *c, const char **why)
{
	if (!r->enabled || !r->avail)
		return 0;
	uint16_t idx = get16(r->avail, AVAIL_IDX);
	if (idx == r->last_avail)
		return 0;
	if ((uint16_t)(idx - r->last_avail) > r->num) {
		*why = "an available index beyond the ring";
		return -EPROTO;
	}
	atomic_thread_fence(memory_order_acquire);
	uint16_t head = get16(r->avail, AVAIL_RING + r->last_avail % r->num);
	struct walk w = {.m = m, .c = c, .table = r->desc, .entries = r->num};

	c->head = head;
	c->err = 0;
	c->first_write_ok = false;
	c->nread = c->nwrite = 0;
	c->read_len = c->write_len = 0;
	if (walk_chain(&w, head)) {
		*why = w.why;
		return -EPROTO;
	}
	if (w.is_indirect && !r->indirect) {
		*why = "an indirect descriptor that was not negotiated";
		return -EPROTO;
	}
	r->last_avail++;
	return 1;
}
