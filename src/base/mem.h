/* mem.h -- the four functions that every C compiler may call by itself.
 *
 * Included by the core instead of <string.h>, which a freestanding build lacks. A hosted program
 * gets them from libc; an embedder without one supplies them (port.h).
 */
#ifndef NB_BASE_MEM_H
#define NB_BASE_MEM_H

#include <stddef.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
