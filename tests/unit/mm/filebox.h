/* filebox.h -- a small machine with files on it, one task, and time that passes while it waits.
 *
 * The port's wait() is a driver in small: it steps the flusher until the time is reached. Every
 * step that fails ends the test; filebox_end() proves that all pages came back.
 */
#ifndef TESTS_UNIT_MM_FILEBOX_H
#define TESTS_UNIT_MM_FILEBOX_H

#include "sysbox.h"

#include "mm/writeback.h"

#define PAGE UINT64_C(4096)

struct filebox {
	struct sysbox box;
	struct nb_system *sys;
	struct nb_task *t;
	uint64_t free_before; /* pages, with no file there */
	unsigned waits;
	uint64_t waited_ns;
	bool timeless; /* wait() does nothing: as where the port has none */
};

/* nodes as sysbox; kernel NULL: 6.12. */
void filebox_boot(struct filebox *b, const char *nodes, const char *kernel, bool backed);
void filebox_end(struct filebox *b);
/* Invariants of files and system. */
void filebox_check(struct filebox *b);
/* Lets time pass, the flusher stepped. */
void filebox_run(struct filebox *b, uint64_t ns);
struct nb_address_space *filebox_file(struct filebox *b, uint64_t pages);
struct nb_address_space *filebox_shmem(struct filebox *b, uint64_t pages, const char *mpol);
/* Whole pages. */
void filebox_read(struct filebox *b, struct nb_address_space *as, uint64_t first, uint64_t pages);
void filebox_write(struct filebox *b, struct nb_address_space *as, uint64_t first, uint64_t pages);
/* "0-3,8": pages that are cached; a mark follows the page that has PG_READAHEAD: "0-3*,4-7". */
const char *filebox_cached(struct filebox *b, struct nb_address_space *as, char *buf, size_t n);
uint64_t filebox_sum(const struct filebox *b, size_t counter); /* offsetof(struct nb_zone, nr_x) */
uint64_t filebox_vm_event(const struct filebox *b, const char *name);

#endif
