/* port_posix.c -- the port of a POSIX host: address space by mmap.
 *
 * Part of libnumabox, not of the freestanding core. Reservations are readable and writable at once
 * and take host memory only where they are touched (MAP_NORESERVE). Huge pages are off at first: a
 * table of which a few entries are touched must stay small. Who commits 2 MiB at once is about to
 * fill them, and gets huge pages there if the host has any: a quarter of the time of a first touch.
 */
#define _GNU_SOURCE
#include <numabox/port.h>

#include <sched.h>
#include <sys/mman.h>

#define ALIGN_BYTES ((size_t)64 << 10)
#define HUGE_BYTES ((size_t)2 << 20)

/* Large reservations begin where a huge page may. */
static size_t align_of(size_t bytes)
{
	return bytes < HUGE_BYTES ? ALIGN_BYTES : HUGE_BYTES;
}

static size_t whole(size_t bytes)
{
	return (bytes + ALIGN_BYTES - 1) & ~(ALIGN_BYTES - 1);
}

static void *posix_reserve(void *ctx, size_t bytes)
{
	size_t size = whole(bytes), align = align_of(bytes), before;
	char *p, *start;

	(void)ctx;
	if (!bytes || size < bytes || size + align < size)
		return NULL;
	p = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	before = (size_t)(0 - (uintptr_t)p) & (align - 1);
	start = p + before;
	if (before)
		munmap(p, before);
	munmap(start + size, align - before);
#ifdef MADV_NOHUGEPAGE
	(void)madvise(start, size, MADV_NOHUGEPAGE);
#endif
	return start;
}

static int posix_commit(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
#ifdef MADV_HUGEPAGE
	if (bytes >= HUGE_BYTES)
		(void)madvise(p, bytes, MADV_HUGEPAGE);
#else
	(void)p;
	(void)bytes;
#endif
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
