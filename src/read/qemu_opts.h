/* qemu_opts.h -- the syntax of QEMU's options: words, "key=value,key=value", JSON.
 *
 * Called by qemu.c. "a,,b" is one value "a,b"; a first piece without "=" has the option's own key
 * (-m 4G is size=4G); later pieces without "=" mean "on". libvirt writes -object and -device as
 * JSON. Memory: everything belongs to struct qemu_opts until qemu_opts_release().
 */
#ifndef NB_READ_QEMU_OPTS_H
#define NB_READ_QEMU_OPTS_H

#include <numabox/error.h>
#include <numabox/types.h>

struct qemu_opt {
	char *key, *value;
};

struct qemu_opts {
	const char *name; /* of the option in messages: "-numa" */
	struct qemu_opt *v;
	unsigned n;
};

/* `implied` is the key of a first piece without "=", or NULL. -NB_EINVAL with *err for broken JSON.
 */
int qemu_opts_parse(struct qemu_opts *o, const char *name, const char *text, const char *implied,
		    struct nb_error *err);
void qemu_opts_release(struct qemu_opts *o);

/* Value of the last `key`, or NULL. */
const char *qemu_opt(const struct qemu_opts *o, const char *key);
bool qemu_opt_is_on(const struct qemu_opts *o, const char *key);

/* Numbers and sizes; *ret stays as it is where the key is not there. A size without suffix counts
 * in `unit` bytes. -NB_EINVAL with *err naming option, key and value. */
int qemu_opt_number(const struct qemu_opts *o, const char *key, uint64_t max, uint64_t *ret,
		    struct nb_error *err);
int qemu_opt_size(const struct qemu_opts *o, const char *key, uint64_t unit, uint64_t *ret,
		  struct nb_error *err);

/* -NB_EINVAL with *err listing `known` (NULL-terminated) when some key is none of them. */
int qemu_opts_check(const struct qemu_opts *o, const char *const *known, struct nb_error *err);

/* Splits a text into words as a shell does: blanks part them, '…' and "…" hold them together,
 * \ takes the next byte as it is. -NB_EINVAL for a quote left open, -NB_E2BIG past NB_QEMU_MAX_ARGS
 * words. The words come from malloc, qemu_words_free() frees them. */
#define NB_QEMU_MAX_ARGS 65536
int qemu_words(const char *text, size_t len, char ***ret_words, unsigned *ret_n,
	       struct nb_error *err);
void qemu_words_free(char **words, unsigned n);

#endif
