/* strings.c -- the string pool: chunks of bytes, and a hash table of what lies in them. */
#include "view/strings.h"
#include "base/hosted/text.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 4096

struct nb_strings_chunk {
	struct nb_strings_chunk *next;
	size_t used, size;
	char bytes[];
};

/* FNV-1a: short words, no need for more. */
static uint64_t hash(const char *s, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

static const char **slot_of(const char **table, size_t cap, const char *s, size_t len)
{
	size_t i = (size_t)hash(s, len) & (cap - 1);

	while (table[i] && (strncmp(table[i], s, len) != 0 || table[i][len] != '\0'))
		i = (i + 1) & (cap - 1);
	return &table[i];
}

static void grow(struct nb_strings *p)
{
	size_t cap = p->cap ? p->cap * 2 : 64;
	const char **table = nb_xcalloc(cap, sizeof(*table));

	for (size_t i = 0; i < p->cap; i++)
		if (p->table[i])
			*slot_of(table, cap, p->table[i], strlen(p->table[i])) = p->table[i];
	free(p->table);
	p->table = table;
	p->cap = cap;
}

static char *take(struct nb_strings *p, size_t n)
{
	struct nb_strings_chunk *c = p->chunks;

	if (!c || c->size - c->used < n) {
		size_t size = n > CHUNK_BYTES ? n : CHUNK_BYTES;

		c = nb_xcalloc(1, sizeof(*c) + size);
		c->size = size;
		c->next = p->chunks;
		p->chunks = c;
	}
	c->used += n;
	return c->bytes + c->used - n;
}

const char *nb_strings_intern(struct nb_strings *p, const char *s, size_t len)
{
	if (p->nr * 2 >= p->cap)
		grow(p);

	const char **slot = slot_of(p->table, p->cap, s, len);

	if (!*slot) {
		char *copy = take(p, len + 1);

		memcpy(copy, s, len);
		*slot = copy;
		p->nr++;
	}
	return *slot;
}

void nb_strings_release(struct nb_strings *p)
{
	while (p->chunks) {
		struct nb_strings_chunk *c = p->chunks;

		p->chunks = c->next;
		free(c);
	}
	free(p->table);
	*p = (struct nb_strings){0};
}
