/* usermem.c -- see usermem.h.
 *
 * A program's pointer is an embedder's buffer with a length: what the kernel would read behind its
 * end is a fault, as at the end of a mapping. Masks are read a word at a time from their end, so
 * that a program may pass far longer ones than there are nodes.
 */
#include "mm/usermem.h"

#include "base/mem.h"

static bool reachable(const struct nb_user *u, uint64_t at, size_t n)
{
	return u->at && !u->bad && at <= u->bytes && n <= u->bytes - at;
}

int nb_user_read(const struct nb_user *u, uint64_t at, void *buf, size_t n)
{
	if (!reachable(u, at, n))
		return -NB_EFAULT;
	memcpy(buf, (const char *)u->at + at, n);
	return 0;
}

int nb_user_write(const struct nb_user *u, uint64_t at, const void *buf, size_t n)
{
	if (!reachable(u, at, n))
		return -NB_EFAULT;
	memcpy((char *)u->at + at, buf, n);
	return 0;
}

unsigned nb_node_ids(const struct nb_system *sys)
{
	return (unsigned)sys->pgdat[sys->nr_pgdat - 1]->nid + 1;
}

/* Whole words that hold `bits` bits; those above are cut. */
static int read_bits(const struct nb_user *mask, uint64_t *words, uint64_t bits)
{
	uint64_t n = (bits + 63) / 64;

	if (nb_user_read(mask, 0, words, n * sizeof(*words)))
		return -NB_EFAULT;
	if (bits % 64)
		words[n - 1] &= (UINT64_C(1) << bits % 64) - 1;
	return 0;
}

int nb_user_get_nodes(const struct nb_system *sys, const struct nb_user *mask, uint64_t maxnode,
		      struct nb_nodemask *ret)
{
	uint64_t word;

	memset(ret, 0, sizeof(*ret));
	maxnode--; /* the interface counts from one; 0 becomes far too many */
	if (maxnode == 0 || nb_user_null(mask))
		return 0;
	if (maxnode > UINT64_C(8) << sys->page_shift)
		return -NB_EINVAL;
	/* Bits for nodes that cannot be must be zero; the whole last word is looked at. */
	while (maxnode > NB_MAX_NODES) {
		if (nb_user_read(mask, (maxnode - 1) / 64 * 8, &word, sizeof(word)))
			return -NB_EFAULT;
		if (word)
			return -NB_EINVAL;
		maxnode = maxnode - 64 >= NB_MAX_NODES ? maxnode - 64 : NB_MAX_NODES;
	}
	return read_bits(mask, ret->bits, maxnode);
}

int nb_user_put_nodes(const struct nb_system *sys, const struct nb_user *mask, uint64_t maxnode,
		      const struct nb_nodemask *nodes)
{
	uint64_t copy = (maxnode - 1 + 63) / 64 * 8, have = (nb_node_ids(sys) + 63) / 64 * 8;
	uint64_t zero = 0;

	if (copy > have) {
		if (copy > UINT64_C(1) << sys->page_shift)
			return -NB_EINVAL;
		for (uint64_t at = have; at < copy; at += sizeof(zero)) {
			if (nb_user_write(mask, at, &zero, sizeof(zero)))
				return -NB_EFAULT;
		}
		copy = have;
	}
	return nb_user_write(mask, 0, nodes->bits, copy);
}

int nb_find_task(struct nb_task *t, int pid, struct nb_task **ret_task)
{
	struct nb_task_side *side = nb_task_side(t->sys);
	struct nb_task *found = NULL;

	if (pid == 0) {
		*ret_task = t;
		return 0;
	}
	nb_lock(&side->lock, t->sys->port);
	for (found = side->tasks; found && found->pid != pid; found = found->next)
		;
	nb_unlock(&side->lock, t->sys->port);
	*ret_task = found;
	return found || pid == NB_INIT_PID || pid == NB_KTHREADD_PID ? 0 : -NB_ESRCH;
}

void nb_task_set_uid(struct nb_task *t, unsigned uid)
{
	t->uid = uid;
}

unsigned nb_task_uid(const struct nb_task *t)
{
	return t->uid;
}
