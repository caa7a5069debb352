/* numabox/file.h -- files and shared memory: page cache, tmpfs, write-back.
 *
 * Callers: the simulator, embedders. A file is an nb_address_space: a size, and the pages of it
 *          that are in memory. No directories and no names that matter: who makes a file holds it.
 * Memory:  a file is counted: nb_file_get(), nb_file_put(); mappings hold it as well. With the last
 *          reference a file on a disk loses its cache (what is dirty is written first), one in
 *          memory its pages.
 * Bytes:   only a backed system's pages hold any (nb_boot_options.backed). Their files come from
 *          nb_backing_ops; without, the system keeps what was written itself.
 * Errors:  the kernel's errno, negated. Units: bytes, but where a name says _pages.
 * Threads: several may use one file at once, each for a task of its own (task.h); a read that meets
 *          a write sees each page before or after it, or between. nb_writeback_step() may run
 * beside all. docs/threads.md. Source:  mm/filemap.c, mm/shmem.c, mm/readahead.c,
 * mm/page-writeback.c.
 */
#ifndef NUMABOX_FILE_H
#define NUMABOX_FILE_H

#include <numabox/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_address_space;

/* Where the bytes of a file are. Both may be NULL (zeroes are read; what is written is lost). */
struct nb_backing_ops {
	void *ctx;
	/* Fills [buf, buf + bytes) from the file at offset. 0, or an error: the page stays out. */
	int (*read)(void *ctx, uint64_t offset, void *buf, size_t bytes);
	/* Writes them there. 0, or an error: the page stays dirty. What truncation cuts off is
	 * written as zeroes. */
	int (*write)(void *ctx, uint64_t offset, const void *buf, size_t bytes);
};

/* A file on the disk, `size` bytes long. The name (cut at 63 characters) is for views. */
int nb_file_create(struct nb_system *sys, const char *name, uint64_t size,
		   struct nb_address_space **ret_file);
/* The cache of a block device itself (`dd if=/dev/sda`): as a file, but its pages cannot be moved
 * by their type (GFP_USER), so that they share pageblocks with the kernel's own. Source:
 * block/bdev.c, bdev_alloc(). */
int nb_file_create_device(struct nb_system *sys, const char *name, uint64_t size,
			  struct nb_address_space **ret_file);
/* Where its bytes are, in a backed system; *ops is copied. Before the first page is read. */
void nb_file_set_backing(struct nb_address_space *file, const struct nb_backing_ops *ops);
/* A file of tmpfs, a memfd or a shared segment (shmget): pages in memory alone. `mpol` is the mount
 * option's text ("interleave:0-1", NULL: none). 0, -NB_EINVAL for a bad policy, -NB_ENOMEM. */
int nb_shmem_create(struct nb_system *sys, const char *name, uint64_t size, const char *mpol,
		    struct nb_address_space **ret_file);
/* A segment that is promised whole when it is made (shmget, shared anonymous memory), as
 * vm.overcommit_memory has it, not page by page as the files above; `noreserve` (SHM_NORESERVE): as
 * these. 0, -NB_ESRCH, -NB_EINVAL, -NB_ENOMEM. Source: shmem_acct_size(). */
int nb_shmem_segment(struct nb_task *t, const char *name, uint64_t size, const char *mpol,
		     bool noreserve, struct nb_address_space **ret_file);
/* One more reference, and one fewer: the file goes with its last one, as do its pages and shadows.
 * Mappings hold references of their own. */
void nb_file_get(struct nb_address_space *file);
/* See nb_file_get(). NULL: nothing. What is dirty then is written first. */
void nb_file_put(struct nb_address_space *file);

struct nb_file_info {
	const char *name; /* owned by the file */
	uint64_t ino, size;
	bool shmem;
	uint64_t cached_pages, dirty_pages, writeback_pages, shadows;
};
/* What it is, and base pages of it by state, as they are now. */
void nb_file_info(const struct nb_address_space *file, struct nb_file_info *ret_info);
/* Node of the cached page that holds page `index`; -NB_ENOENT: it is not cached. */
int nb_file_node(struct nb_address_space *file, uint64_t index);
/* The same as the task would read it: its own node where there is a copy (numabox/replica.h). */
int nb_file_node_for(const struct nb_task *t, struct nb_address_space *file, uint64_t index);
/* The i-th file of the system, or NULL past the end. */
struct nb_address_space *nb_file_at(const struct nb_system *sys, unsigned i);

/* A mapping of a file from `offset` (whole pages) on; otherwise as nb_mmap(), whose errors it has.
 * -NB_EINVAL: offset. */
int nb_mmap_file(struct nb_task *t, struct nb_address_space *file, uint64_t offset, uint64_t addr,
		 uint64_t length_bytes, int prot, int flags, uint64_t *ret_addr);

/* read(2) by a task; buf may be NULL (always, where pages hold no bytes). *ret_bytes: how many were
 * read; the end of the file cuts. 0, -NB_ENOMEM, -NB_EIO. */
int nb_file_read(struct nb_task *t, struct nb_address_space *file, uint64_t offset, void *buf,
		 uint64_t bytes, uint64_t *ret_bytes);
/* write(2), the same way; one at the end makes the file longer. 0, -NB_ENOMEM, -NB_EIO, -NB_EFBIG.
 */
int nb_file_write(struct nb_task *t, struct nb_address_space *file, uint64_t offset,
		  const void *buf, uint64_t bytes, uint64_t *ret_bytes);

/* Read-ahead of one open file description: struct file_ra_state. Pages. The engine's. */
struct nb_readahead {
	uint64_t start;
	unsigned size, async_size;
	unsigned ra_pages; /* the most at once; 0: none */
	unsigned mmap_miss;
	uint64_t prev_pos; /* byte behind the last read; UINT64_MAX: none */
};
/* An open file description (open(2)): what is read through it is read ahead by itself. Without one
 * all readers of a file share a window. The caller's memory; the file must live as long. */
struct nb_open_file {
	struct nb_address_space *file;
	struct nb_readahead ra;
};
void nb_open_file_init(struct nb_open_file *open, struct nb_address_space *file);
/* As nb_file_read(). */
int nb_open_file_read(struct nb_task *t, struct nb_open_file *open, uint64_t offset, void *buf,
		      uint64_t bytes, uint64_t *ret_bytes);

/* ftruncate(2): pages behind the new end go, from mappings too. */
int nb_file_truncate(struct nb_task *t, struct nb_address_space *file, uint64_t size);
/* fallocate(2): a file in memory gets its pages now (by its policies), one on a disk becomes that
 * long; with `punch` a hole instead, whose whole pages go (the size stays). -NB_EINVAL: no bytes;
 * -NB_EFBIG, -NB_ENOMEM, -NB_EIO. */
int nb_file_fallocate(struct nb_task *t, struct nb_address_space *file, uint64_t offset,
		      uint64_t bytes, bool punch);
/* fsync(2): its dirty pages are on the disk afterwards; -NB_EIO where one could not be written
 * since the last call. t (may be NULL) is who waits. */
int nb_file_sync(struct nb_task *t, struct nb_address_space *file);
/* sync(2): everybody's are. */
int nb_sync(struct nb_system *sys, struct nb_task *t);
/* msync(2): what the task's shared mappings of files in [addr, addr + length) have made dirty is on
 * the disk afterwards (NB_MS_SYNC), or nothing is done but the checks. -NB_EINVAL: flags, an
 * address within a page; -NB_ENOMEM: not all of it is mapped (the rest is written all the same);
 * -NB_EBUSY: NB_MS_INVALIDATE of locked memory; -NB_EIO. */
enum { NB_MS_ASYNC = 1, NB_MS_INVALIDATE = 2, NB_MS_SYNC = 4 };
int nb_msync(struct nb_task *t, uint64_t addr, uint64_t length, int flags);

/* Numbers of include/uapi/linux/fadvise.h. */
enum nb_fadvice {
	NB_FADV_NORMAL,
	NB_FADV_RANDOM,
	NB_FADV_SEQUENTIAL,
	NB_FADV_WILLNEED,
	NB_FADV_DONTNEED,
	NB_FADV_NOREUSE
};
/* posix_fadvise(2); bytes 0: to the end. -NB_EINVAL: advice. */
int nb_file_fadvise(struct nb_task *t, struct nb_address_space *file, uint64_t offset,
		    uint64_t bytes, enum nb_fadvice advice);

/* vm.drop_caches: 1 clean, unmapped cache goes, 2 what shrinkers can give back, 3 both. */
void nb_drop_caches(struct nb_system *sys, unsigned what);

/* Pages that may be dirty now: from `background` on the flusher writes, near `thresh` tasks wait.
 * Either may be NULL. As nr_dirty_threshold and nr_dirty_background_threshold of /proc/vmstat. */
void nb_writeback_limits(const struct nb_system *sys, uint64_t *ret_thresh,
			 uint64_t *ret_background);

/* The disk that files are on. A request takes latency_ns, and its bytes at that many a second; so
 * many requests are under way at once, more wait in order. */
struct nb_disk {
	uint64_t latency_ns, bytes_per_second;
	unsigned queue_depth; /* 1 or more */
};
/* Before the first read or write; default 100 us, 2 GB/s, 32. -NB_EINVAL: a zero. */
int nb_set_disk(struct nb_system *sys, const struct nb_disk *disk);

/* One step of the flusher and of the disk at the system's time: ends requests, starts write-back.
 * Returns the virtual time of its next step; UINT64_MAX: nothing is to be done. Drivers call it
 * from a daemon of theirs (src/sim/driver.h). */
uint64_t nb_writeback_step(struct nb_system *sys);
/* fn is told when a step is to be made earlier than the last one said. */
void nb_set_writeback_wake(struct nb_system *sys, void (*fn)(void *ctx, uint64_t when_ns),
			   void *ctx);

#ifdef __cplusplus
}
#endif
#endif
