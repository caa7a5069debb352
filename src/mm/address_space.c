/* address_space.c -- see address_space.h: pages into a file's cache and out of it, marks, counts.
 *
 * Each call takes the file's lock for its length. A page's flags and its marks in the tree change
 * together under it. Counters kept here: nr_file (every page of a cache), nr_shmem (those of files
 * in memory), nr_dirty, nr_writeback of the page's zone. Pages under a frame-sized index only: a
 * descriptor keeps 40 bits of it, so no file is longer (nb_address_space_new() refuses).
 * Source: mm/filemap.c, __filemap_add_folio(), __filemap_remove_folio(); mm/migrate.c,
 * folio_migrate_mapping(); mm/page-writeback.c, __folio_start_writeback().
 */
#include "mm/address_space.h"

#include "mm/fault.h"
#include "mm/file_event.h"
#include "mm/replica.h"
#include "mm/shadow_nodes.h"
#include "mm/writeback.h"

struct nb_address_space *nb_address_space_new(struct nb_system *sys, enum nb_as_kind kind,
					      const char *name, uint64_t size)
{
	struct nb_file_side *side = nb_file_side(sys);
	struct nb_address_space *as;

	if (!side || size >> sys->page_shift > NB_AS_MAX_INDEX)
		return NULL;
	as = nb_pool_get(sys, &side->as_pool);
	if (!as)
		return NULL;
	if (nb_rmap_register(sys, &as->rmap, false)) {
		nb_pool_put(sys, &side->as_pool, as);
		return NULL;
	}
	as->sys = sys;
	as->kind = kind;
	as->refs = 1;
	as->size = size;
	as->gfp = NB_GFP_HIGHUSER_MOVABLE;
	as->ra.prev_pos = UINT64_MAX;
	nb_radix_init(&as->pages, &side->node_pool);
	if (kind == NB_AS_FILE)
		nb_shadow_nodes_watch(&as->pages);
	nb_radix_init(&as->store, &side->node_pool);
	nb_radix_init(&as->replicas, &side->node_pool);
	for (size_t n = 0; name && name[n] && n + 1 < sizeof(as->name); n++)
		as->name[n] = name[n];
	nb_lock(&side->lock, sys->port);
	as->ino = ++side->next_ino;
	as->link = side->last;
	*side->last = as;
	side->last = &as->next;
	nb_unlock(&side->lock, sys->port);
	return as;
}

void nb_address_space_free(struct nb_address_space *as)
{
	struct nb_system *sys = as->sys;
	struct nb_file_side *side = nb_file_side(sys);

	nb_lock(&side->lock, sys->port);
	*as->link = as->next;
	if (as->next)
		as->next->link = as->link;
	else
		side->last = as->link;
	nb_unlock(&side->lock, sys->port);
	nb_stat_add(sys, &sys->committed_pages, -(int64_t)as->committed_pages);
	nb_lock(&as->lock, sys->port); /* the shrinker may be at one of its nodes */
	nb_radix_release(sys, &as->pages);
	nb_unlock(&as->lock, sys->port);
	nb_shared_policy_release(sys, &as->policy);
	nb_rmap_unregister(sys, &as->rmap);
	nb_pool_put(sys, &side->as_pool, as);
}

static int64_t pages_of(const struct nb_page *page)
{
	return INT64_C(1) << nb_page_order(page);
}

void nb_as_count(struct nb_address_space *as, struct nb_zone *z, int64_t n)
{
	nb_as_add(&as->nrpages, n);
	nb_stat_add(as->sys, &z->nr_file, n);
	if (nb_as_is_shmem(as))
		nb_stat_add(as->sys, &z->nr_shmem, n);
}

/* Memory that has no disk behind it is never written back: PG_DIRTY alone tells that it was written
 * to. Source: noop_dirty_folio(), mapping_can_writeback(). */
static bool counts_dirty(const struct nb_address_space *as)
{
	return as->kind == NB_AS_FILE;
}

struct nb_page *nb_as_find(struct nb_address_space *as, uint64_t index, struct nb_zone **ret_zone,
			   uint64_t *ret_shadow)
{
	struct nb_system *sys = as->sys;
	struct nb_page *page = NULL;
	uint64_t e;

	nb_lock(&as->lock, sys->port);
	e = nb_radix_load(&as->pages, index);
	if (nb_radix_is_page(e)) {
		page = nb_pfn_to_page(sys, nb_radix_number(e), ret_zone);
		nb_get_page(sys, page);
	}
	nb_unlock(&as->lock, sys->port);
	if (ret_shadow)
		*ret_shadow = nb_radix_is_value(e) ? nb_radix_number(e) : 0;
	return page;
}

int nb_as_insert_reading(struct nb_address_space *as, uint64_t index, struct nb_zone *z,
			 struct nb_page *page, bool reading, uint64_t *ret_shadow)
{
	struct nb_system *sys = as->sys;
	uint64_t e, values = 0;
	int err;

	nb_lock(&as->lock, sys->port);
	e = nb_radix_load(&as->pages, index);
	as->pages.nid = (uint16_t)z->pgdat->index;
	err = nb_radix_store(sys, &as->pages, index, nb_page_order(page),
			     nb_radix_page(nb_zone_page_pfn(z, page)), &values);
	nb_as_add(&as->nrshadows, -(int64_t)values);
	if (!err) {
		nb_page_set_owner(page, as->rmap.handle);
		nb_page_set_index(sys, page, index);
		nb_page_change_flags(sys, page, nb_as_is_shmem(as) ? PG_SWAPBACKED : 0, PG_ANON);
		nb_get_page(sys, page);
		nb_as_count(as, z, pages_of(page));
		if (reading)
			nb_radix_set_mark(&as->pages, index, NB_MARK_READING);
	}
	nb_unlock(&as->lock, sys->port);
	if (!err && ret_shadow)
		*ret_shadow = nb_radix_is_value(e) ? nb_radix_number(e) : 0;
	return err;
}

/* Under the lock. */
static void remove_locked(struct nb_address_space *as, struct nb_zone *z, struct nb_page *page,
			  uint64_t shadow)
{
	struct nb_system *sys = as->sys;
	uint64_t index = nb_page_index(page);
	int64_t n = pages_of(page);

	if (counts_dirty(as) && nb_page_flags(page) & PG_DIRTY) {
		nb_as_add(&as->nr_dirty, -n);
		nb_stat_add(sys, &z->nr_dirty, -n);
	}
	nb_page_change_flags(sys, page, 0, PG_DIRTY);
	if (shadow) {
		nb_radix_retire(&as->pages, index, shadow);
		nb_as_add(&as->nrshadows, 1);
	} else {
		(void)nb_radix_erase(sys, &as->pages, index);
	}
	nb_page_set_owner(page, 0);
	nb_as_count(as, z, -n);
}

void nb_as_remove(struct nb_address_space *as, struct nb_zone *z, struct nb_page *page,
		  uint64_t shadow)
{
	nb_lock(&as->lock, as->sys->port);
	remove_locked(as, z, page, shadow);
	nb_unlock(&as->lock, as->sys->port);
}

/* Does the page stand in the tree? Copies on other nodes do not. */
static bool is_master(const struct nb_address_space *as, const struct nb_zone *z,
		      const struct nb_page *page)
{
	return nb_radix_load(&as->pages, nb_page_index(page)) ==
	       nb_radix_page(nb_zone_page_pfn(z, page));
}

/* Reclaim takes it: a copy goes alone; in a master's place comes a copy. Under the lock. */
static void take_out(struct nb_address_space *as, struct nb_zone *z, struct nb_page *page,
		     uint64_t shadow)
{
	struct nb_zone *to_zone = NULL;
	struct nb_page *to;

	if (!as->replicas.root) {
		remove_locked(as, z, page, shadow);
		return;
	}
	if (!is_master(as, z, page)) {
		(void)nb_replica_detach(as, page);
		nb_page_set_owner(page, 0);
		return;
	}
	to = nb_replica_promote(as, nb_page_index(page), &to_zone);
	if (!to) {
		remove_locked(as, z, page, shadow);
		return;
	}
	(void)nb_radix_replace(&as->pages, nb_page_index(page),
			       nb_radix_page(nb_zone_page_pfn(to_zone, to)));
	nb_page_set_owner(page, 0);
	nb_as_count(as, z, -1);
	nb_as_count(as, to_zone, 1);
}

bool nb_as_remove_if_unused(struct nb_address_space *as, struct nb_zone *z, struct nb_page *page,
			    unsigned refs, uint64_t shadow)
{
	bool unused;

	nb_lock(&as->lock, as->sys->port);
	unused = nb_page_owner(page) == as->rmap.handle && nb_page_refcount(page) == refs + 1 &&
		 !(nb_page_flags(page) & (PG_DIRTY | PG_WRITEBACK));
	if (unused)
		take_out(as, z, page, shadow);
	nb_unlock(&as->lock, as->sys->port);
	return unused;
}

int nb_as_replace(struct nb_address_space *as, struct nb_zone *zfrom, struct nb_page *from,
		  struct nb_zone *zto, struct nb_page *to, unsigned refs)
{
	const uint32_t moved = PG_DIRTY | PG_SWAPBACKED;
	struct nb_system *sys = as->sys;
	int64_t n = pages_of(from);
	int err = -NB_EAGAIN;

	nb_lock(&as->lock, sys->port);
	if (nb_page_refcount(from) == 1 + refs + (uint32_t)nb_page_mapcount(from) &&
	    !(nb_page_flags(from) & PG_WRITEBACK) && nb_page_owner(from) == as->rmap.handle &&
	    is_master(as, zfrom, from)) {
		nb_copy_page_bytes(zfrom, from, zto, to);
		(void)nb_radix_replace(&as->pages, nb_page_index(from),
				       nb_radix_page(nb_zone_page_pfn(zto, to)));
		nb_page_set_owner(to, as->rmap.handle);
		nb_page_set_index(sys, to, nb_page_index(from));
		nb_page_change_flags(sys, to, nb_page_flags(from) & moved, PG_ANON);
		nb_get_page(sys, to);
		nb_as_count(as, zfrom, -n);
		nb_as_count(as, zto, n);
		if (counts_dirty(as) && nb_page_flags(from) & PG_DIRTY) {
			nb_stat_add(sys, &zfrom->nr_dirty, -n);
			nb_stat_add(sys, &zto->nr_dirty, n);
		}
		nb_page_change_flags(sys, from, 0, PG_DIRTY);
		nb_page_set_owner(from, 0);
		nb_page_unref(sys, from);
		err = 0;
	}
	nb_unlock(&as->lock, sys->port);
	return err;
}

struct nb_address_space *nb_page_as(const struct nb_system *sys, const struct nb_page *page)
{
	struct nb_rmap *r;

	uint32_t handle = nb_page_owner(page);

	if (!handle || nb_page_flags(page) & PG_ANON)
		return NULL;
	r = nb_rmap_object(sys, handle);
	return r && !r->anon ? (struct nb_address_space *)r : NULL;
}

/* ---- marks ---- */

enum change { DIRTY_ON, DIRTY_OFF, WRITEBACK_ON, WRITEBACK_OFF };

/* Under the lock, before the counts change. */
static void tell_mark(struct nb_address_space *as, uint64_t index, enum change c, int64_t n,
		      int cpu)
{
	if (c == DIRTY_ON)
		nb_event_dirtied(as, index, !as->nr_dirty, cpu);
	else if (c == WRITEBACK_ON && !as->nr_writeback)
		nb_event_inode_writeback(as, NB_EV_SB_MARK_INODE_WRITEBACK, cpu);
	else if (c == WRITEBACK_OFF && as->nr_writeback == (uint64_t)-n)
		nb_event_inode_writeback(as, NB_EV_SB_CLEAR_INODE_WRITEBACK, cpu);
}

static bool change_mark(struct nb_zone *z, struct nb_page *page, enum change c, int cpu)
{
	bool wb = c == WRITEBACK_ON || c == WRITEBACK_OFF, on = c == DIRTY_ON || c == WRITEBACK_ON;
	enum nb_mark mark = wb ? NB_MARK_WRITEBACK : NB_MARK_DIRTY;
	uint32_t flag = wb ? PG_WRITEBACK : PG_DIRTY;
	struct nb_system *sys = z->sys;
	struct nb_address_space *as = nb_page_as(sys, page);
	int64_t n = on ? pages_of(page) : -pages_of(page);
	bool changed;

	if (!as)
		return false;
	nb_lock(&as->lock, sys->port);
	changed = nb_page_owner(page) == as->rmap.handle && !(nb_page_flags(page) & flag) == on;
	if (changed)
		nb_page_change_flags(sys, page, on ? flag : 0, on ? 0 : flag);
	if (changed && counts_dirty(as)) {
		if (c == DIRTY_ON && !as->nr_dirty)
			nb_writeback_enlist(as);
		tell_mark(as, nb_page_index(page), c, n, cpu);
		if (on)
			nb_radix_set_mark(&as->pages, nb_page_index(page), mark);
		else
			nb_radix_clear_mark(&as->pages, nb_page_index(page), mark);
		nb_as_add(wb ? &as->nr_writeback : &as->nr_dirty, n);
		nb_stat_add(sys, wb ? &z->nr_writeback : &z->nr_dirty, n);
	}
	if (changed && c == DIRTY_OFF)
		nb_radix_clear_mark(&as->pages, nb_page_index(page), NB_MARK_TOWRITE);
	nb_unlock(&as->lock, sys->port);
	return changed;
}

bool nb_as_set_dirty(struct nb_zone *z, struct nb_page *page, int cpu)
{
	return change_mark(z, page, DIRTY_ON, cpu);
}

bool nb_as_clear_dirty(struct nb_zone *z, struct nb_page *page)
{
	return change_mark(z, page, DIRTY_OFF, 0);
}

bool nb_as_start_writeback(struct nb_zone *z, struct nb_page *page, int cpu)
{
	return change_mark(z, page, WRITEBACK_ON, cpu);
}

bool nb_as_end_writeback(struct nb_zone *z, struct nb_page *page, int cpu)
{
	return change_mark(z, page, WRITEBACK_OFF, cpu);
}

/* ---- checking ---- */

static int check_page(struct nb_address_space *as, uint64_t index, uint64_t entry, uint64_t *pages,
		      uint64_t *dirty, uint64_t *writeback, struct nb_error *err)
{
	struct nb_zone *z = NULL;
	const struct nb_page *page = nb_pfn_to_page(as->sys, nb_radix_number(entry), &z);
	uint32_t flags = page ? nb_page_flags(page) : 0;
	const char *what = NULL;

	if (!page || !(flags & PG_ALLOCATED))
		what = "is not allocated";
	else if (nb_page_owner(page) != as->rmap.handle || flags & PG_ANON)
		what = "belongs elsewhere";
	else if (nb_page_index(page) != index ||
		 nb_page_order(page) != nb_radix_order(&as->pages, index))
		what = "has another index or order";
	else if (nb_page_refcount(page) < 1 + (uint32_t)nb_page_mapcount(page))
		what = "has too few references";
	else if (counts_dirty(as) &&
		 !(flags & PG_DIRTY) == nb_radix_get_mark(&as->pages, index, NB_MARK_DIRTY))
		what = "differs from its dirty mark";
	else if (!(flags & PG_WRITEBACK) == nb_radix_get_mark(&as->pages, index, NB_MARK_WRITEBACK))
		what = "differs from its write-back mark";
	if (what)
		return nb_error_set(err, -NB_EIO, 0, "file %llu: page %llu, frame 0x%llx, %s",
				    (unsigned long long)as->ino, (unsigned long long)index,
				    (unsigned long long)nb_radix_number(entry), what);
	*pages += (uint64_t)pages_of(page);
	*dirty += counts_dirty(as) && flags & PG_DIRTY ? (uint64_t)pages_of(page) : 0;
	*writeback += flags & PG_WRITEBACK ? (uint64_t)pages_of(page) : 0;
	return 0;
}

int nb_address_space_check(struct nb_address_space *as, struct nb_error *err)
{
	uint64_t index = 0, e, pages = 0, dirty = 0, writeback = 0, shadows;
	int ret = nb_radix_check(&as->pages, NULL, &shadows, err);

	while (!ret && (e = nb_radix_next(&as->pages, &index, UINT64_MAX))) {
		uint64_t width = UINT64_C(1) << nb_radix_order(&as->pages, index);

		if (nb_radix_is_page(e))
			ret = check_page(as, index, e, &pages, &dirty, &writeback, err);
		index += width;
		if (!index)
			break;
	}
	if (ret)
		return ret;
	if (pages != as->nrpages || shadows != as->nrshadows || dirty != as->nr_dirty ||
	    writeback != as->nr_writeback)
		return nb_error_set(err, -NB_EIO, 0,
				    "file %llu: %llu pages, %llu shadows, %llu dirty, %llu being "
				    "written; counted "
				    "%llu, %llu, %llu, %llu",
				    (unsigned long long)as->ino, (unsigned long long)as->nrpages,
				    (unsigned long long)as->nrshadows,
				    (unsigned long long)as->nr_dirty,
				    (unsigned long long)as->nr_writeback, (unsigned long long)pages,
				    (unsigned long long)shadows, (unsigned long long)dirty,
				    (unsigned long long)writeback);
	ret = nb_replica_check(as, err);
	return ret ? ret : nb_shared_policy_check(&as->policy, err);
}

int nb_files_check(const struct nb_system *sys, struct nb_error *err)
{
	struct nb_address_space *as = sys->files ? sys->files->files : NULL;
	int ret = 0;

	for (; !ret && as; as = as->next) {
		if (as->kind != NB_AS_HUGETLB)
			ret = nb_address_space_check(as, err);
	}
	return ret;
}
