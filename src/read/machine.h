/* machine.h -- from the word after -m to a sealed machine.
 *
 * Callers: every command that needs a machine; tests. nb_read_machine() looks at the form of the
 *          word (spec.h), lets the reader of that form fill an empty machine, applies what the
 *          user said on the command line (--kernel, --arch, --cmdline, --sysctl) and seals it.
 * Memory:  the machine belongs to the caller (nb_machine_free()), the capture too
 *          (nb_capture_free(), read/capture.h).
 * Input:   untrusted. Readers bound what they take (docs/formats.md, Limits), and nothing is
 *          returned unless the whole is right.
 */
#ifndef NB_READ_MACHINE_H
#define NB_READ_MACHINE_H

#include <numabox/machine.h>

struct nb_capture;

/* What the user adds to the machine's own description; zeroed means nothing. */
struct nb_read_options {
	const char *kernel; /* --kernel: a profile's key ("6.1"); NULL: the machine's own */
	const char *arch;   /* --arch: x86_64, i386, i386pae, arm64, ...; NULL: the machine's own */
	const char *cmdline;        /* --cmdline: words put after the machine's own; NULL none */
	const char *const *sysctls; /* --sysctl: "NAME=VALUE", written after the machine's own */
	unsigned nr_sysctls;
	bool boot_fresh; /* --fresh: boot by rule; observed sysctls and state are left out */
};

/* Reads MACHINE (CONTRACT, "MACHINE") and seals it.
 *
 * `spec` NULL or "" means "host". *ret_capture (may be NULL when the caller has no use for it)
 * gets the capture for forms that are one (host, tree, archive), NULL for all others.
 * 0, or a negative errno with *err: -NB_EINVAL for a wrong form or contents, -NB_ENOENT when
 * there is no such file, -NB_EFBIG past a limit, -NB_ENOMEM. On failure nothing is returned. */
int nb_read_machine(const struct nb_port *port, const char *spec, const struct nb_read_options *opt,
		    struct nb_machine **ret_machine, struct nb_capture **ret_capture,
		    struct nb_error *err);

/* Applies the options to a machine that is not yet sealed: what nb_read_machine() does between
 * reading and sealing. 0 or -NB_EINVAL with *err (unknown kernel, architecture, no '='). */
int nb_read_apply_options(struct nb_machine *m, const struct nb_read_options *opt,
			  struct nb_error *err);

/* The architecture of that name: what uname -m, --arch or Debian say ("x86_64", "amd64", "i386",
 * "i686", "i386pae", "arm64", "aarch64", "arm", "armv7l"); NB_ARCH_OTHER for any other. */
enum nb_arch nb_read_arch(const char *name);

/* Is `name` an architecture at all: one of the above, one whose zones are not modelled ("ppc64le",
 * "s390x", "ia64", ...), or "other"? */
bool nb_read_arch_known(const char *name);

#endif
