/* hugetlb_file.c -- files of huge pages: hugetlbfs, shared segments, what stands behind
 * MAP_HUGETLB.
 *
 * Called by drivers through include/numabox/hugetlb.h, by file.c and hugetlb_vma.c. A shared file's
 * map knows which offsets are reserved or have a page; when pages go, the reservation of what had
 * none is given back. A mount may keep a minimum reserved and allow a maximum (its subpool).
 * Units: huge pages but for sizes of calls. Source: fs/hugetlbfs/inode.c: hugetlbfs_fallocate(),
 * remove_inode_hugepages(), hugetlb_vmtruncate(), hugetlbfs_read_iter() (there is no write(2)),
 * hugetlb_file_setup(), hugetlbfs_fill_super(); mm/hugetlb.c:
 * hugetlb_reserve_pages(), hugetlb_unreserve_pages(), hugepage_new_subpool().
 */
#include "base/mem.h"
#include "mm/filemap.h"
#include "mm/hugetlb.h"

#include <numabox/file.h>

struct nb_address_space *nb_huge_file_new(struct nb_system *sys, struct nb_hstate *h,
					  struct nb_subpool *sp, const char *name, uint64_t size)
{
	struct nb_hugetlb *s = sys->hugetlb;
	struct nb_huge_file *f = nb_pool_get(sys, &s->file_pool);
	struct nb_address_space *as;

	if (!f)
		return NULL;
	as = nb_address_space_new(sys, NB_AS_HUGETLB, name, size);
	if (!as) {
		nb_pool_put(sys, &s->file_pool, f);
		return NULL;
	}
	f->h = h;
	f->subpool = sp;
	if (sp)
		sp->refs++;
	as->private_data = f;
	return as;
}

static void put_subpool(struct nb_system *sys, struct nb_subpool *sp)
{
	if (!sp || --sp->refs)
		return;
	if (sp->min != UINT64_MAX)
		(void)nb_hstate_acct(sys, sp->h, -(int64_t)sp->min, NULL);
	nb_pool_put(sys, &sys->hugetlb->subpool_pool, sp);
}

struct nb_page *nb_huge_file_find(struct nb_address_space *as, uint64_t index,
				  struct nb_zone **ret_zone)
{
	struct nb_page *page = NULL;
	uint64_t e;

	nb_lock(&as->lock, as->sys->port);
	e = nb_radix_load(&as->pages, index);
	if (nb_radix_is_page(e)) {
		page = nb_pfn_to_page(as->sys, nb_radix_number(e), ret_zone);
		nb_get_page(as->sys, page);
	}
	nb_unlock(&as->lock, as->sys->port);
	return page;
}

int nb_huge_file_insert(struct nb_address_space *as, uint64_t index, struct nb_zone *z,
			struct nb_page *page)
{
	int err;

	nb_lock(&as->lock, as->sys->port);
	err = nb_radix_store(as->sys, &as->pages, index, 0,
			     nb_radix_page(nb_zone_page_pfn(z, page)), NULL);
	if (!err) {
		page->mapping = as->rmap.handle;
		nb_page_init_index(page, index << nb_huge_file(as)->h->order);
		nb_get_page(as->sys, page);
	}
	nb_unlock(&as->lock, as->sys->port);
	return err;
}

int nb_huge_reserve(struct nb_task *t, struct nb_address_space *as, uint64_t from, uint64_t to,
		    struct nb_vma *v)
{
	struct nb_huge_file *f = nb_huge_file(as);
	struct nb_system *sys = as->sys;
	struct nb_hugetlb *s = sys->hugetlb;
	bool shared = !v || v->shared;
	struct nb_resv_map *map = NULL;
	uint64_t pages = to - from;
	int64_t global;

	nb_lock(&s->lock, sys->port);
	if (shared)
		pages = nb_region_missing(&f->resv, from, to);
	global = nb_subpool_get(f->subpool, pages);
	nb_unlock(&s->lock, sys->port);
	if (!shared && global >= 0) {
		map = nb_pool_get(sys, &s->map_pool);
		if (!map)
			return -NB_ENOMEM;
		map->refs = 1;
	}
	if (global < 0 || nb_hstate_acct(sys, f->h, global, t)) {
		if (map)
			nb_pool_put(sys, &s->map_pool, map);
		nb_lock(&s->lock, sys->port);
		if (global >= 0)
			(void)nb_subpool_put(f->subpool, pages);
		nb_unlock(&s->lock, sys->port);
		return -NB_ENOMEM;
	}
	if (!shared) {
		v->resv = map;
		return 0;
	}
	nb_lock(&s->lock, sys->port);
	(void)nb_region_add(s, &f->resv, from, to);
	nb_unlock(&s->lock, sys->port);
	return 0;
}

/* Reservations of [from, to) that `freed` pages had no use for go back. */
static void unreserve(struct nb_address_space *as, uint64_t from, uint64_t to, uint64_t freed)
{
	struct nb_huge_file *f = nb_huge_file(as);
	struct nb_hugetlb *s = as->sys->hugetlb;
	int64_t there;
	uint64_t global;

	nb_lock(&s->lock, as->sys->port);
	there = nb_region_del(s, &f->resv, from, to);
	global = there > (int64_t)freed ? nb_subpool_put(f->subpool, (uint64_t)there - freed) : 0;
	nb_unlock(&s->lock, as->sys->port);
	(void)nb_hstate_acct(as->sys, f->h, -(int64_t)global, NULL);
}

/* Takes the pages of [from, to) out of the file; how many. */
static uint64_t remove_pages(struct nb_task *t, struct nb_address_space *as, uint64_t from,
			     uint64_t to, bool truncate)
{
	struct nb_huge_file *f = nb_huge_file(as);
	uint64_t index = from, freed = 0, e;
	int cpu = nb_huge_cpu(as->sys, t);

	while (index < to && (e = nb_radix_next(&as->pages, &index, to - 1))) {
		struct nb_zone *z = NULL;
		struct nb_page *page = nb_pfn_to_page(as->sys, nb_radix_number(e), &z);

		nb_hugetlb_unmap_page(as, index, page, cpu);
		nb_lock(&as->lock, as->sys->port);
		(void)nb_radix_erase(as->sys, &as->pages, index);
		page->mapping = 0;
		nb_unlock(&as->lock, as->sys->port);
		nb_huge_put(as->sys, z, page, f->subpool, cpu);
		freed++;
		if (!truncate)
			unreserve(as, index, index + 1, 1);
		index++;
	}
	return freed;
}

void nb_huge_file_release(struct nb_address_space *as)
{
	struct nb_huge_file *f = nb_huge_file(as);
	uint64_t freed = remove_pages(NULL, as, 0, UINT64_MAX, true);

	unreserve(as, 0, UINT64_MAX, freed);
	put_subpool(as->sys, f->subpool);
	as->private_data = NULL;
	nb_pool_put(as->sys, &as->sys->hugetlb->file_pool, f);
}

static int allocate_range(struct nb_task *t, struct nb_address_space *as, uint64_t from,
			  uint64_t to)
{
	struct nb_huge_file *f = nb_huge_file(as);

	for (uint64_t i = from; i < to; i++) {
		struct nb_huge_request rq = {.task = t, .file = as, .index = i};
		struct nb_zone *z = NULL;
		struct nb_page *page = nb_huge_file_find(as, i, &z);
		int err;

		if (page) {
			nb_huge_put(as->sys, z, page, f->subpool, t->cpu);
			continue;
		}
		page = nb_huge_alloc(&rq);
		if (!page)
			return -NB_ENOSPC;
		err = nb_huge_file_insert(as, i, rq.zone, page);
		if (err) {
			nb_hstate_free_page(as->sys, rq.zone, page, f->subpool, rq.restore, t->cpu);
			return err;
		}
		nb_huge_put(as->sys, rq.zone, page, f->subpool, t->cpu);
	}
	return 0;
}

int nb_huge_fallocate(struct nb_task *t, struct nb_address_space *as, uint64_t offset,
		      uint64_t bytes, bool punch)
{
	struct nb_hstate *h = nb_huge_file(as)->h;
	uint64_t size = nb_hstate_bytes(as->sys, h), end = offset + bytes;
	unsigned shift = h->order + as->sys->page_shift;
	int err;

	if (!bytes || end < offset)
		return -NB_EINVAL;
	if (punch) { /* whole pages inside */
		uint64_t from = (offset + size - 1) >> shift, to = end >> shift;

		if (from < to)
			(void)remove_pages(t, as, from, to, false);
		return 0;
	}
	err = allocate_range(t, as, offset >> shift, (end + size - 1) >> shift);
	if (!err && end > nb_as_size(as))
		nb_as_set_size(as, end);
	return err;
}

int nb_huge_truncate(struct nb_task *t, struct nb_address_space *as, uint64_t size)
{
	struct nb_hstate *h = nb_huge_file(as)->h;
	uint64_t old = nb_as_size(as), from = size >> (h->order + as->sys->page_shift);

	if (size & (nb_hstate_bytes(as->sys, h) - 1))
		return -NB_EINVAL;
	nb_as_set_size(as, size);
	if (size < old)
		unreserve(as, from, UINT64_MAX, remove_pages(t, as, from, UINT64_MAX, true));
	return 0;
}

int nb_huge_file_node(struct nb_address_space *as, uint64_t index)
{
	struct nb_huge_file *f = nb_huge_file(as);
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_huge_file_find(as, index >> f->h->order, &z);

	if (!page)
		return -NB_ENOENT;
	nb_huge_put(as->sys, z, page, f->subpool, 0);
	return z->pgdat->nid;
}

void nb_huge_file_read(struct nb_task *t, struct nb_address_space *as, uint64_t offset, void *buf,
		       uint64_t bytes)
{
	struct nb_huge_file *f = nb_huge_file(as);
	unsigned shift = f->h->order + as->sys->page_shift;
	uint64_t in = offset & (nb_hstate_bytes(as->sys, f->h) - 1);
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_huge_file_find(as, offset >> shift, &z);

	if (buf && page && nb_page_bytes(z, page))
		memcpy(buf, (char *)nb_page_bytes(z, page) + in, bytes);
	else if (buf)
		memset(buf, 0, bytes);
	if (page)
		nb_huge_put(as->sys, z, page, f->subpool, t->cpu);
}

static struct nb_hstate *hstate_of(struct nb_system *sys, uint64_t page_bytes)
{
	if (!sys->hugetlb)
		return NULL;
	return page_bytes ? nb_hstate_by_bytes(sys, page_bytes) : nb_hstate_default(sys->hugetlb);
}

int nb_hugetlbfs_mount(struct nb_system *sys, struct nb_task *task, uint64_t page_bytes,
		       uint64_t min_bytes, uint64_t size_bytes, struct nb_hugetlbfs **ret_mount)
{
	struct nb_hstate *h = hstate_of(sys, page_bytes);
	struct nb_hugetlb *s = sys->hugetlb;
	unsigned shift = h ? h->order + sys->page_shift : 0;
	struct nb_hugetlbfs *m;

	if (task && task->uid)
		return -NB_EPERM;
	if (!h ||
	    (size_bytes != UINT64_MAX && min_bytes && min_bytes >> shift > size_bytes >> shift))
		return -NB_EINVAL;
	m = nb_pool_get(sys, &s->mount_pool);
	if (!m)
		return -NB_ENOMEM;
	m->sys = sys;
	m->h = h;
	if (min_bytes || size_bytes != UINT64_MAX) {
		m->subpool = nb_pool_get(sys, &s->subpool_pool);
		if (!m->subpool || nb_hstate_acct(sys, h, (int64_t)(min_bytes >> shift), task)) {
			if (m->subpool)
				nb_pool_put(sys, &s->subpool_pool, m->subpool);
			nb_pool_put(sys, &s->mount_pool, m);
			return -NB_ENOMEM;
		}
		m->subpool->h = h;
		m->subpool->refs = 1;
		m->subpool->max = size_bytes == UINT64_MAX ? UINT64_MAX : size_bytes >> shift;
		m->subpool->min = min_bytes ? min_bytes >> shift : UINT64_MAX;
		m->subpool->reserved = min_bytes >> shift;
	}
	*ret_mount = m;
	return 0;
}

void nb_hugetlbfs_umount(struct nb_hugetlbfs *mount)
{
	struct nb_system *sys = mount->sys;

	put_subpool(sys, mount->subpool);
	nb_pool_put(sys, &sys->hugetlb->mount_pool, mount);
}

int nb_hugetlbfs_create(struct nb_hugetlbfs *mount, const char *name,
			struct nb_address_space **ret_file)
{
	struct nb_address_space *as =
		nb_huge_file_new(mount->sys, mount->h, mount->subpool, name, 0);

	if (!as)
		return -NB_ENOMEM;
	*ret_file = as;
	return 0;
}

int nb_hugetlb_shmget(struct nb_task *t, uint64_t page_bytes, uint64_t bytes, bool noreserve,
		      struct nb_address_space **ret_file)
{
	struct nb_hstate *h = hstate_of(t->sys, page_bytes);
	struct nb_address_space *as;
	uint64_t size;

	if (!h || !bytes)
		return -NB_EINVAL;
	size = nb_hstate_bytes(t->sys, h);
	bytes = (bytes + size - 1) & ~(size - 1);
	if (t->uid) /* neither CAP_IPC_LOCK nor in hugetlb_shm_group */
		return -NB_EPERM;
	as = nb_huge_file_new(t->sys, h, NULL, "/SYSV00000000", bytes);
	if (!as)
		return -NB_ENOMEM;
	if (!noreserve && nb_huge_reserve(t, as, 0, bytes / size, NULL)) {
		nb_file_put(as);
		return -NB_ENOMEM;
	}
	*ret_file = as;
	return 0;
}
