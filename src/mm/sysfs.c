/* sysfs.c -- files of /sys and /proc/sys by path: who owns one, and how numbers are written in
 * them.
 *
 * Called by drivers through include/numabox/hugetlb.h. Units: none.
 * Source: lib/kstrtox.c, kstrtoul(); kernel/sysctl.c, proc_doulongvec_minmax();
 * lib/string_helpers.c, sysfs_streq().
 */
#include "mm/sysfs.h"

#include <numabox/hugetlb.h>

#include "base/fmt.h"

int nb_sysfs_read(struct nb_system *sys, const char *path, char *buf, size_t n)
{
	int ret = nb_hugetlb_sysfs_read(sys, path, buf, n);

	return ret == -NB_ENOENT ? nb_thp_sysfs_read(sys, path, buf, n) : ret;
}

int nb_sysfs_write(struct nb_system *sys, struct nb_task *task, const char *path, const char *text)
{
	int ret = nb_hugetlb_sysfs_write(sys, task, path, text);

	return ret == -NB_ENOENT ? nb_thp_sysfs_write(sys, task, path, text) : ret;
}

bool nb_sysfs_path(struct nb_system *sys, unsigned i, char *buf, size_t n)
{
	unsigned hugetlb = 0;

	if (nb_hugetlb_sysfs_path(sys, i, buf, n))
		return true;
	while (nb_hugetlb_sysfs_path(sys, hugetlb, buf, n))
		hugetlb++;
	return nb_thp_sysfs_path(sys, i - hugetlb, buf, n);
}

static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 16;
}

/* Digits of a base from *s on. */
static int read_digits(const char **s, unsigned base, uint64_t *ret)
{
	const char *p = *s;

	for (*ret = 0; digit(*p) < base; p++) {
		if (*ret > (UINT64_MAX - digit(*p)) / base)
			return -NB_ERANGE;
		*ret = *ret * base + digit(*p);
	}
	if (p == *s)
		return -NB_EINVAL;
	*s = p;
	return 0;
}

int nb_sysfs_read_ulong(const char *text, uint64_t *ret)
{
	uint64_t v;
	int err;

	if (*text == '+')
		text++;
	err = read_digits(&text, 10, &v);
	if (err)
		return err;
	if (*text == '\n')
		text++;
	if (*text)
		return -NB_EINVAL;
	*ret = v;
	return 0;
}

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int nb_sysctl_read_ulong(const char *text, uint64_t *ret)
{
	unsigned base = 10;
	uint64_t v;

	while (blank(*text))
		text++;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	} else if (text[0] == '0') {
		base = 8;
	}
	if (read_digits(&text, base, &v) || (*text && !blank(*text)))
		return -NB_EINVAL;
	*ret = v;
	return 0;
}

int nb_sysfs_word(const char *text, const char *const *words, unsigned n)
{
	size_t len = nb_strlen(text);

	if (len && text[len - 1] == '\n')
		len--;
	for (unsigned i = 0; i < n; i++) {
		if (nb_str_is(text, len, words[i]))
			return (int)i;
	}
	return -1;
}
