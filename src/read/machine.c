/* machine.c -- the dispatcher over the forms of MACHINE, and the options that all of them take.
 *
 * Called by every command. Each reader fills an empty machine; what the user said besides is
 * applied on top, then the machine is sealed: only whole and checked machines leave this file.
 */
#include "read/machine.h"

#include "base/fmt.h"
#include "read/acpi.h"
#include "read/capture.h"
#include "read/hwloc_form.h"
#include "read/qemu.h"
#include "read/shortform.h"
#include "read/spec.h"
#include "read/yaml.h"

#include <stdlib.h>
#include <string.h>

enum nb_arch nb_read_arch(const char *name)
{
	static const struct {
		const char *name;
		enum nb_arch arch;
	} table[] = {
		{"x86_64", NB_ARCH_X86_64},   {"amd64", NB_ARCH_X86_64},
		{"i386", NB_ARCH_I386},       {"i486", NB_ARCH_I386},
		{"i586", NB_ARCH_I386},       {"i686", NB_ARCH_I386},
		{"686", NB_ARCH_I386},        {"i386pae", NB_ARCH_I386PAE},
		{"i686pae", NB_ARCH_I386PAE}, {"686pae", NB_ARCH_I386PAE},
		{"arm64", NB_ARCH_ARM64},     {"aarch64", NB_ARCH_ARM64},
		{"arm", NB_ARCH_ARM},         {"armv6l", NB_ARCH_ARM},
		{"armv7l", NB_ARCH_ARM},      {"armhf", NB_ARCH_ARM},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!strcmp(name, table[i].name))
			return table[i].arch;
	}
	return NB_ARCH_OTHER;
}

bool nb_read_arch_known(const char *name)
{
	static const char *const others[] = {
		"other", "ia64",    "ppc64",       "ppc64le", "ppc",
		"s390x", "s390",    "riscv64",     "riscv32", "mips64",
		"mips",  "sparc64", "loongarch64", "alpha",   "parisc64",
	};

	if (nb_read_arch(name) != NB_ARCH_OTHER)
		return true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!strcmp(name, others[i]))
			return true;
	}
	return false;
}

static int set_kernel(struct nb_machine *m, const char *key, struct nb_error *err)
{
	const struct nb_kernel_profile *p = nb_kernel_by_key(key);
	struct nb_text keys = {0};
	int rc;

	if (p) {
		m->profile = p;
		m->release = nb_machine_strdup(m, key);
		return m->release ? 0 : -NB_ENOMEM;
	}
	for (unsigned i = 0; (p = nb_kernel_at(i)); i++)
		nb_text_printf(&keys, "%s%s", i ? ", " : "", p->key);
	rc = nb_error_set(err, -NB_EINVAL, 0, "--kernel %s: no such kernel; there are %s", key,
			  nb_text_str(&keys));
	nb_text_release(&keys);
	return rc;
}

static int set_arch(struct nb_machine *m, const char *name, struct nb_error *err)
{
	enum nb_arch arch = nb_read_arch(name);

	if (arch == NB_ARCH_OTHER)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "--arch %s: no such architecture; there are x86_64, i386, "
				    "i386pae, arm64, arm",
				    name);
	m->arch = arch;
	m->arch_name = nb_machine_strdup(m, name);
	return m->arch_name ? 0 : -NB_ENOMEM;
}

static int add_sysctl(struct nb_machine *m, const char *setting, struct nb_error *err)
{
	const char *eq = strchr(setting, '=');
	char *name;
	int rc;

	if (!eq || eq == setting)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"--sysctl %s: a setting is NAME=VALUE, as in vm.min_free_kbytes=67584",
			setting);
	name = nb_xstrndup(setting, (size_t)(eq - setting));
	rc = nb_machine_add_sysctl(m, name, eq + 1, 0);
	free(name);
	return rc;
}

int nb_read_apply_options(struct nb_machine *m, const struct nb_read_options *opt,
			  struct nb_error *err)
{
	int rc = 0;

	if (!opt)
		return 0;
	if (opt->arch)
		rc = set_arch(m, opt->arch, err);
	if (!rc && opt->kernel)
		rc = set_kernel(m, opt->kernel, err);
	if (!rc && opt->cmdline && opt->cmdline[0])
		rc = nb_machine_add_cmdline(m, opt->cmdline);
	for (unsigned i = 0; !rc && i < opt->nr_sysctls; i++)
		rc = add_sysctl(m, opt->sysctls[i], err);
	if (rc)
		nb_error_set(err, rc, 0, "out of memory");
	return rc;
}

/* A form whose contents stand in a file. */
static int read_file_form(struct nb_machine *m, const struct nb_spec *spec, struct nb_error *err)
{
	struct nb_text text = {0};
	int rc;

	rc = nb_read_file(spec->rest, NB_READ_MAX_FILE, &text, err);
	if (!rc && spec->form == NB_SPEC_YAML)
		rc = nb_read_yaml(m, spec->rest, nb_text_str(&text), text.len, err);
	else if (!rc)
		rc = nb_read_hwloc_xml(m, nb_text_str(&text), text.len, err);
	nb_text_release(&text);
	return rc;
}

static int read_capture(struct nb_machine *m, const struct nb_spec *spec,
			const struct nb_read_options *opt, struct nb_capture **ret_capture,
			struct nb_error *err)
{
	int rc;

	if (spec->form == NB_SPEC_HOST)
		rc = nb_capture_host(ret_capture, err);
	else
		rc = nb_capture_open(spec->rest, ret_capture, err);
	if (rc)
		return rc;
	return nb_capture_to_machine(*ret_capture, m, opt && opt->boot_fresh, err);
}

static int read_form(struct nb_machine *m, const struct nb_spec *spec,
		     const struct nb_read_options *opt, struct nb_capture **ret_capture,
		     struct nb_error *err)
{
	switch (spec->form) {
	case NB_SPEC_HOST:
	case NB_SPEC_CAPTURE:
		return read_capture(m, spec, opt, ret_capture, err);
	case NB_SPEC_YAML:
	case NB_SPEC_XML:
		return read_file_form(m, spec, err);
	case NB_SPEC_SHORT:
		return nb_read_shortform(m, spec->rest, strlen(spec->rest), err);
	case NB_SPEC_HWLOC:
		return nb_read_hwloc_synthetic(m, spec->rest, err);
	case NB_SPEC_QEMU:
		return nb_read_qemu_text(m, spec->rest, strlen(spec->rest), err);
	case NB_SPEC_ACPI:
		return nb_read_acpi_dir(m, spec->rest, err);
	}
	return nb_error_set(err, -NB_EINVAL, 0, "unknown form");
}

/* Name, origin, and the name of the input in messages, where the reader gave none. */
static int set_identity(struct nb_machine *m, const char *word)
{
	if (!m->origin)
		m->origin = nb_machine_strdup(m, word);
	if (!m->name)
		m->name = nb_machine_strdup(m, word);
	if (!m->file)
		m->file = nb_machine_strdup(m, word);
	return m->origin && m->name && m->file ? 0 : -NB_ENOMEM;
}

int nb_read_machine(const struct nb_port *port, const char *word, const struct nb_read_options *opt,
		    struct nb_machine **ret_machine, struct nb_capture **ret_capture,
		    struct nb_error *err)
{
	struct nb_capture *capture = NULL;
	struct nb_machine *m = nb_machine_new(port);
	struct nb_spec spec;
	int rc;

	if (!m)
		return nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
	if (!word || !word[0])
		word = "host";
	rc = nb_spec_parse(word, &spec, err);
	if (!rc)
		rc = read_form(m, &spec, opt, &capture, err);
	if (!rc)
		rc = set_identity(m, word);
	if (rc)
		nb_error_set(err, rc, 0, "cannot be read");
	if (rc)
		nb_error_file(err, word);
	if (!rc)
		rc = nb_read_apply_options(m, opt, err);
	if (!rc) {
		rc = nb_machine_seal(m, err);
		if (rc)
			nb_error_file(err, word);
	}
	if (rc || !ret_capture) {
		nb_capture_free(capture);
		capture = NULL;
	}
	if (rc) {
		nb_machine_free(m);
		return rc;
	}
	*ret_machine = m;
	if (ret_capture)
		*ret_capture = capture;
	return 0;
}
