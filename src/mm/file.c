/* file.c -- files: their life, what can be told of them, the system's share of it all.
 *
 * Called by drivers through include/numabox/file.h. A file lives as long as somebody holds it: who
 * made it, each mapping, each request to the disk. Its last reference writes what is dirty (bytes
 * that were written are never lost), then its pages go. Source: fs/inode.c, evict(); mm/shmem.c,
 * shmem_evict_inode().
 */
#include "base/mem.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/replica.h"
#include "mm/shadow_nodes.h"
#include "mm/writeback.h"

struct nb_file_side *nb_file_side(struct nb_system *sys)
{
	struct nb_file_side *side, *none = NULL;

	side = __atomic_load_n(&sys->files, __ATOMIC_ACQUIRE);
	if (side)
		return side;
	if (!nb_task_side(sys)) /* policies come from there */
		return NULL;
	side = nb_system_alloc(sys, sizeof(*side));
	if (!side)
		return NULL;
	side->last = &side->files;
	nb_pool_init(&side->as_pool, sizeof(struct nb_address_space));
	nb_radix_pool_init(&side->node_pool);
	nb_pool_init(&side->range_pool, sizeof(struct nb_policy_range));
	side->writeback = nb_writeback_new(sys);
	side->replication = nb_replication_new(sys);
	side->shadows = nb_shadow_nodes_new(sys);
	if (!side->writeback || !side->replication || !side->shadows)
		return NULL;
	/* Another thread may have been faster; what was made here then stays unused. */
	if (!__atomic_compare_exchange_n(&sys->files, &none, side, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return none;
	if (!sys->hooks.node_dirty_ok)
		sys->hooks.node_dirty_ok = nb_node_dirty_ok;
	return side;
}

int nb_file_create(struct nb_system *sys, const char *name, uint64_t size,
		   struct nb_address_space **ret_file)
{
	struct nb_address_space *as;

	if (size >> sys->page_shift > NB_AS_MAX_INDEX)
		return -NB_EFBIG;
	as = nb_address_space_new(sys, NB_AS_FILE, name, size);
	if (!as)
		return -NB_ENOMEM;
	*ret_file = as;
	return 0;
}

int nb_file_create_device(struct nb_system *sys, const char *name, uint64_t size,
			  struct nb_address_space **ret_file)
{
	int err = nb_file_create(sys, name, size, ret_file);

	if (!err)
		(*ret_file)->gfp = NB_GFP_USER;
	return err;
}

void nb_file_set_backing(struct nb_address_space *file, const struct nb_backing_ops *ops)
{
	file->backing = *ops;
}

void nb_file_get(struct nb_address_space *file)
{
	if (file->sys->port->relax)
		__atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);
	else
		file->refs++;
}

bool nb_file_tryget(struct nb_address_space *file)
{
	unsigned old = __atomic_load_n(&file->refs, __ATOMIC_RELAXED);

	if (!file->sys->port->relax) {
		file->refs += old != 0;
		return old != 0;
	}
	while (old && !__atomic_compare_exchange_n(&file->refs, &old, old + 1, true,
						   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	return old != 0;
}

void nb_file_put(struct nb_address_space *file)
{
	struct nb_system *sys;
	bool last;

	if (!file)
		return;
	sys = file->sys;
	/* The last one writes first, while the requests for that may still hold the file. */
	if (__atomic_load_n(&file->refs, __ATOMIC_ACQUIRE) == 1 && nb_as_read(&file->nr_dirty))
		(void)nb_file_write_and_wait(sys, NULL, file, 0, UINT64_MAX);
	last = sys->port->relax ? !__atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL)
				: !--file->refs;
	if (!last)
		return;
	if (file->kind == NB_AS_HUGETLB)
		nb_huge_file_release(file);
	nb_file_drop_range(sys, NULL, file, 0, UINT64_MAX);
	nb_writeback_delist(file);
	nb_store_drop(file, 0, UINT64_MAX);
	nb_address_space_free(file);
}

void nb_file_info(const struct nb_address_space *file, struct nb_file_info *ret_info)
{
	*ret_info = (struct nb_file_info){
		.name = file->name,
		.ino = file->ino,
		.size = nb_as_size(file),
		.shmem = nb_as_is_shmem(file),
		.cached_pages = nb_as_read(&file->nrpages),
		.dirty_pages = nb_as_read(&file->nr_dirty),
		.writeback_pages = nb_as_read(&file->nr_writeback),
		.shadows = nb_as_read(&file->nrshadows),
	};
}

struct nb_address_space *nb_file_at(const struct nb_system *sys, unsigned i)
{
	struct nb_address_space *as = sys->files ? sys->files->files : NULL;

	while (as && i--)
		as = as->next;
	return as;
}

int nb_mmap_file(struct nb_task *t, struct nb_address_space *file, uint64_t offset, uint64_t addr,
		 uint64_t length_bytes, int prot, int flags, uint64_t *ret_addr)
{
	if (offset & ((UINT64_C(1) << t->sys->page_shift) - 1))
		return -NB_EINVAL;
	return nb_mmap_object(t, file, offset >> t->sys->page_shift, addr, length_bytes, prot,
			      flags, ret_addr);
}

int nb_file_node_for(const struct nb_task *t, struct nb_address_space *file, uint64_t index)
{
	int nid = nb_replica_node(t, file, index);

	return nid == NB_NO_NODE ? nb_file_node(file, index) : nid;
}

int nb_file_node(struct nb_address_space *file, uint64_t index)
{
	struct nb_zone *z = NULL;
	uint64_t e;

	if (file->kind == NB_AS_HUGETLB)
		return nb_huge_file_node(file, index);
	nb_lock(&file->lock, file->sys->port);
	e = nb_radix_load(&file->pages, index);
	if (nb_radix_is_page(e))
		(void)nb_pfn_to_page(file->sys, nb_radix_number(e), &z);
	nb_unlock(&file->lock, file->sys->port);
	return z ? z->pgdat->nid : -NB_ENOENT;
}
