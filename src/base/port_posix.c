/* port_posix.c -- the port of a POSIX host: address space by mmap.
 *
 * Part of libnumabox, not of the freestanding core. Reservations are readable and writable at once
 * and take host memory only where they are touched (MAP_NORESERVE), so that commit has nothing to
 * do. Huge pages are off at first: a table of which a few entries are touched must stay small.
 */
#define _GNU_SOURCE
#include <numabox/port.h>

#include <sched.h>
#include <sys/mman.h>

#define ALIGN_BYTES ((size_t)64 << 10)

static size_t whole(size_t bytes)
{
	return (bytes + ALIGN_BYTES - 1) & ~(ALIGN_BYTES - 1);
}

static void *posix_reserve(void *ctx, size_t bytes)
{
	size_t size = whole(bytes), before;
	char *p, *start;

	(void)ctx;
	if (!bytes || size < bytes || size + ALIGN_BYTES < size)
		return NULL;
	p = mmap(NULL, size + ALIGN_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	before = (size_t)(0 - (uintptr_t)p) & (ALIGN_BYTES - 1);
	start = p + before;
	if (before)
		munmap(p, before);
	munmap(start + size, ALIGN_BYTES - before);
#ifdef MADV_NOHUGEPAGE
	(void)madvise(start, size, MADV_NOHUGEPAGE);
#endif
	return start;
}

static int posix_commit(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)p;
	(void)bytes;
	return 0;
}

static void posix_release(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	if (p)
		munmap(p, whole(bytes));
}

static void posix_relax(void *ctx)
{
	(void)ctx;
	sched_yield();
}

void nb_port_posix(struct nb_port *port, bool threaded)
{
	*port = (struct nb_port){
		.reserve = posix_reserve,
		.commit = posix_commit,
		.release = posix_release,
		.relax = threaded ? posix_relax : NULL,
	};
}
