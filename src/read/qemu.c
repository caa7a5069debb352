/* qemu.c -- reads a QEMU command line, option by option.
 *
 * Called by machine.c and the capture reader. One handler an option that says something about
 * memory, CPUs or NUMA; every other option is passed over with its value. Nothing is opened or run.
 * Bounds: NB_QEMU_MAX_ARGS words; tables of fixed size in qemu_priv.h.
 */
#include "read/qemu.h"

#include "base/fmt.h"
#include "read/qemu_opts.h"
#include "read/qemu_priv.h"

#include <stdlib.h>
#include <string.h>

#define LL(x) ((unsigned long long)(x))
#define MiB (UINT64_C(1) << 20)
#define MAX_BYTES 262144

static void set_text(char **slot, const char *s)
{
	free(*slot);
	*slot = nb_xstrdup(s);
}

static int read_memory(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	static const char *const known[] = {"size", "slots", "maxmem", NULL};
	int rc = qemu_opts_check(o, known, err);

	if (!rc)
		rc = qemu_opt_size(o, "size", MiB, &q->ram_bytes, err);
	if (!rc)
		rc = qemu_opt_size(o, "maxmem", MiB, &q->maxram_bytes, err);
	if (!rc)
		rc = qemu_opt_number(o, "slots", 256, &q->slots, err);
	return rc;
}

static int read_smp(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	static const char *const known[] = {"cpus",     "maxcpus", "sockets", "dies",
					    "clusters", "cores",   "threads", NULL};
	struct {
		const char *key;
		uint64_t *to;
	} fields[] = {
		{"cpus", &q->smp.cpus},         {"maxcpus", &q->smp.maxcpus},
		{"sockets", &q->smp.sockets},   {"dies", &q->smp.dies},
		{"clusters", &q->smp.clusters}, {"cores", &q->smp.cores},
		{"threads", &q->smp.threads},
	};
	int rc = qemu_opts_check(o, known, err);

	for (size_t i = 0; !rc && i < sizeof(fields) / sizeof(fields[0]); i++)
		rc = qemu_opt_number(o, fields[i].key, NB_MAX_CPUS, fields[i].to, err);
	return rc;
}

/* "q35", "pc-q35-7.2", "pc", "pc-i440fx-7.2", "virt", "virt-7.2". */
static int read_board(struct qemu *q, const char *type, struct nb_error *err)
{
	static const struct {
		const char *prefix;
		enum qemu_board board;
	} boards[] = {
		{"q35", QEMU_Q35}, {"pc-q35-", QEMU_Q35}, {"pc-i440fx-", QEMU_PC},
		{"pc", QEMU_PC},   {"virt-", QEMU_VIRT},  {"virt", QEMU_VIRT},
	};

	for (size_t i = 0; i < sizeof(boards) / sizeof(boards[0]); i++) {
		size_t n = strlen(boards[i].prefix);
		uint64_t major = 7, minor = 2;
		const char *dot;

		if (strncmp(type, boards[i].prefix, n))
			continue;
		if (boards[i].prefix[n - 1] == '-') {
			dot = strchr(type + n, '.');
			if (!dot || nb_parse_u64(type + n, (size_t)(dot - type) - n, &major) ||
			    major > 1000 ||
			    nb_parse_u64(dot + 1, strspn(dot + 1, "0123456789"), &minor) ||
			    minor > 99)
				break;
		} else if (type[n]) {
			continue;
		}
		q->board = boards[i].board;
		q->has_board = true;
		q->board_version = (unsigned)(major * 100 + minor);
		return 0;
	}
	return nb_error_set(err, -NB_EINVAL, 0,
			    "-machine %s: not a machine whose layout is known; there are q35, pc, "
			    "virt and their versions "
			    "(pc-q35-7.2)",
			    type);
}

static int read_machine(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	const char *type = qemu_opt(o, "type"), *accel = qemu_opt(o, "accel");
	int rc = 0;

	if (type)
		rc = read_board(q, type, err);
	if (!rc)
		rc = qemu_opt_size(o, "max-ram-below-4g", 1, &q->max_ram_below_4g, err);
	if (!rc && (q->max_ram_below_4g > UINT64_C(1) << 32 ||
		    (q->max_ram_below_4g && q->max_ram_below_4g < 2 * MiB)))
		rc = nb_error_set(err, -NB_EINVAL, 0,
				  "-machine: max-ram-below-4g is from 2M to 4G");
	if (qemu_opt(o, "memory-backend"))
		set_text(&q->memory_backend, qemu_opt(o, "memory-backend"));
	if (qemu_opt(o, "hmat"))
		q->hmat = qemu_opt_is_on(o, "hmat");
	if (accel)
		q->kvm = !strncmp(accel, "kvm", 3);
	return rc;
}

static int read_cpu(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	static const char *const amd[] = {"qemu64", "max", "EPYC", "Opteron", "phenom", "athlon"};
	const char *model = qemu_opt(o, "model"), *lm = qemu_opt(o, "lm");

	(void)err;
	q->amd_cpu = false;
	for (size_t i = 0; model && i < sizeof(amd) / sizeof(amd[0]); i++)
		q->amd_cpu |= !strncmp(model, amd[i], strlen(amd[i]));
	q->long_mode = !qemu_opt(o, "-lm") && (!lm || qemu_opt_is_on(o, "lm"));
	return 0;
}

static int read_object(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	const char *type = qemu_opt(o, "qom-type"), *id = qemu_opt(o, "id");
	struct qemu_backend b = {0};
	int rc;

	if (!type || strncmp(type, "memory-backend-", 15))
		return 0;
	if (!id || !id[0] || !qemu_opt(o, "size"))
		return nb_error_set(err, -NB_EINVAL, 0, "-object %s: needs id= and size=", type);
	if (qemu_find_backend(q, id))
		return nb_error_set(err, -NB_EINVAL, 0, "-object %s: id=%s stands twice", type, id);
	if (q->nr_backends == QEMU_MAX_BACKENDS)
		return nb_error_set(err, -NB_E2BIG, 0, "-object: more than %d memory backends",
				    QEMU_MAX_BACKENDS);
	rc = qemu_opt_size(o, "size", 1, &b.bytes, err);
	if (rc)
		return rc;
	if (!b.bytes)
		return nb_error_set(err, -NB_EINVAL, 0, "-object %s: size=0", type);
	b.id = nb_xstrdup(id);
	q->backends[q->nr_backends++] = b;
	return 0;
}

static int read_device(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	const char *driver = qemu_opt(o, "driver");
	struct qemu_dimm d = {.addr = UINT64_MAX};
	int rc;

	if (driver && !strncmp(driver, "virtio-blk", 10))
		q->nr_virtio_blk++;
	if (driver && !strcmp(driver, "nvme"))
		q->nr_nvme++;
	if (!driver || strcmp(driver, "pc-dimm"))
		return 0;
	if (q->nr_dimms == QEMU_MAX_DIMMS)
		return nb_error_set(err, -NB_E2BIG, 0, "-device pc-dimm: more than %d",
				    QEMU_MAX_DIMMS);
	rc = qemu_opt_number(o, "node", QEMU_MAX_NODES - 1, &d.node, err);
	if (!rc)
		rc = qemu_opt_number(o, "addr", UINT64_C(1) << 51, &d.addr, err);
	if (rc)
		return rc;
	if (qemu_opt(o, "memdev"))
		d.memdev = nb_xstrdup(qemu_opt(o, "memdev"));
	q->dimms[q->nr_dimms++] = d;
	return 0;
}

static int read_drive(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	const char *interface = qemu_opt(o, "if");

	(void)err;
	if (interface && !strcmp(interface, "virtio"))
		q->nr_virtio_blk++;
	if (!interface || !strcmp(interface, "ide"))
		q->nr_ahci_disks++;
	return 0;
}

/* The release out of a kernel image's name: "/boot/vmlinuz-6.12.9-amd64". */
static int read_kernel(struct qemu *q, const char *path)
{
	const char *base = strrchr(path, '/'), *dash;

	base = base ? base + 1 : path;
	dash = strchr(base, '-');
	if (dash && dash[1] >= '0' && dash[1] <= '9')
		set_text(&q->release, dash + 1);
	return 0;
}

/* Options that matter. Those without `read` are handled by name in take_option(). `pass` 0: all
 * options; 1: -machine first, since hmat=on may stand anywhere. */
static const struct option {
	const char *name, *implied;
	int (*read)(struct qemu *, const struct qemu_opts *, struct nb_error *);
	bool first;
} options[] = {
	{"m", "size", read_memory, false},        {"smp", "cpus", read_smp, false},
	{"machine", "type", read_machine, true},  {"M", "type", read_machine, true},
	{"numa", "type", qemu_read_numa, false},  {"object", "qom-type", read_object, false},
	{"device", "driver", read_device, false}, {"cpu", "model", read_cpu, false},
	{"drive", NULL, read_drive, false},
};

static int take_option(struct qemu *q, const char *name, const char *value, bool first,
		       struct nb_error *err)
{
	struct qemu_opts o;
	char dashed[16];
	int rc;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(name, options[i].name))
			continue;
		if (options[i].first != first)
			return 0;
		if (!value)
			return nb_error_set(err, -NB_EINVAL, 0, "-%s: needs a value", name);
		nb_snprintf(dashed, sizeof(dashed), "-%s", name);
		rc = qemu_opts_parse(&o, dashed, value, options[i].implied, err);
		if (!rc)
			rc = options[i].read(q, &o, err);
		qemu_opts_release(&o);
		return rc;
	}
	if (first)
		return 0;
	if (!strcmp(name, "acpitable"))
		return nb_error_set(err, -NB_EOPNOTSUPP, 0,
				    "-acpitable: its tables replace QEMU's own and are not read "
				    "from here; give them as acpi:DIR");
	if (!strcmp(name, "nodefaults"))
		q->nodefaults = true;
	else if (!strcmp(name, "enable-kvm"))
		q->kvm = true;
	else if (!strcmp(name, "accel") && value)
		q->kvm = !strncmp(value, "kvm", 3);
	else if (!strcmp(name, "kernel") && value)
		return read_kernel(q, value);
	else if (!strcmp(name, "append") && value)
		set_text(&q->cmdline, value);
	else if (name[0] == 'h' && name[1] == 'd' && value)
		q->nr_ahci_disks++;
	return 0;
}

/* The emulator's name says the architecture: "/usr/bin/qemu-system-aarch64". */
static void read_program(struct qemu *q, const char *word)
{
	const char *arch = strstr(word, "qemu-system-");

	if (!arch)
		return;
	set_text(&q->arch_name, arch + 12);
	if (!strcmp(q->arch_name, "aarch64") || !strcmp(q->arch_name, "arm64"))
		q->arm = true;
	if (!strcmp(q->arch_name, "i386"))
		q->amd_cpu = false; /* its default model is qemu32 */
}

/* Does this option take the next word whatever it looks like? Those that are known here do. */
static bool takes_value(const char *name)
{
	static const char *const others[] = {"accel", "kernel", "append", "initrd", "acpitable"};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (!strcmp(name, options[i].name))
			return true;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!strcmp(name, others[i]))
			return true;
	}
	return false;
}

static int walk(struct qemu *q, const char *const *args, unsigned n, bool first,
		struct nb_error *err)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < n; i++) {
		const char *name = args[i], *value = NULL;

		if (name[0] != '-' || !name[1]) {
			if (i == 0)
				read_program(q, name);
			continue;
		}
		name += name[1] == '-' ? 2 : 1;
		if (i + 1 < n && (takes_value(name) || args[i + 1][0] != '-'))
			value = args[++i];
		rc = take_option(q, name, value, first, err);
	}
	return rc;
}

static struct qemu *qemu_new(void)
{
	struct qemu *q = nb_xcalloc(1, sizeof(*q));

	q->board_version = 702;
	q->amd_cpu = true; /* qemu64, the default model, is one */
	q->long_mode = true;
	q->backends = nb_xcalloc(QEMU_MAX_BACKENDS, sizeof(*q->backends));
	q->dimms = nb_xcalloc(QEMU_MAX_DIMMS, sizeof(*q->dimms));
	q->cpu_rules = nb_xcalloc(NB_MAX_CPUS, sizeof(*q->cpu_rules));
	for (unsigned i = 0; i < NB_MAX_CPUS; i++)
		q->cpu_node[i] = NB_NO_NODE;
	q->acpi = nb_acpi_new();
	return q;
}

static void qemu_free(struct qemu *q)
{
	for (unsigned i = 0; i < q->nr_backends; i++)
		free(q->backends[i].id);
	for (unsigned i = 0; i < QEMU_MAX_NODES; i++)
		free(q->nodes[i].memdev);
	for (unsigned i = 0; i < q->nr_dimms; i++)
		free(q->dimms[i].memdev);
	free(q->backends);
	free(q->dimms);
	free(q->cpu_rules);
	free(q->memory_backend);
	free(q->release);
	free(q->cmdline);
	free(q->arch_name);
	nb_acpi_free(q->acpi);
	free(q);
}

/* Board and architecture must fit; each says the other where it is not told. */
static int settle_board(struct qemu *q, struct nb_error *err)
{
	if (q->has_board && q->board == QEMU_VIRT && !q->arch_name)
		q->arm = true;
	if (!q->has_board && q->arm)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"-machine: qemu-system-%s has no default machine; -machine virt is "
			"one",
			q->arch_name);
	if (q->arm != (q->board == QEMU_VIRT) ||
	    (!q->arm && q->arch_name && strcmp(q->arch_name, "x86_64") &&
	     strcmp(q->arch_name, "i386")))
		return nb_error_set(err, -NB_EINVAL, 0,
				    "qemu-system-%s with this -machine is not known; there are "
				    "x86_64 and i386 with q35 or pc, "
				    "aarch64 with virt",
				    q->arch_name ? q->arch_name : "x86_64");
	return 0;
}

/* No shell hands over more than this many bytes; lists in options cost more than their length. */
static int check_length(const char *const *args, unsigned n, struct nb_error *err)
{
	size_t total = 0;

	for (unsigned i = 0; i < n; i++) {
		total += strnlen(args[i], MAX_BYTES + 1) + 1;
		if (total > MAX_BYTES)
			return nb_error_set(err, -NB_E2BIG, 0, "more than %d bytes of options",
					    MAX_BYTES);
	}
	return 0;
}

int nb_read_qemu(struct nb_machine *m, const char *const *args, unsigned n, struct nb_error *err)
{
	struct qemu *q = qemu_new();
	int rc = check_length(args, n, err);

	if (!rc)
		rc = walk(q, args, n, true, err);
	if (!rc)
		rc = walk(q, args, n, false, err);
	if (!rc)
		rc = settle_board(q, err);
	if (!rc)
		rc = qemu_complete(q, err);
	if (!rc)
		rc = qemu_to_machine(q, m, err);
	qemu_free(q);
	return rc;
}

int nb_read_qemu_text(struct nb_machine *m, const char *text, size_t len, struct nb_error *err)
{
	char **words = NULL;
	unsigned n = 0;
	int rc = qemu_words(text, len, &words, &n, err);

	if (rc)
		return rc;
	if (!n)
		rc = nb_error_set(
			err, -NB_EINVAL, 0,
			"no QEMU options, as in 'qemu:-m 4G -smp 4 -numa node,cpus=0-3,mem=4G'");
	else
		rc = nb_read_qemu(m, (const char *const *)words, n, err);
	qemu_words_free(words, n);
	return rc;
}
