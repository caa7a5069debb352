/* machine.c -- the dispatcher: which form a word has, and what --kernel, --arch, --cmdline and
 * --sysctl do.
 *
 * Files are made in a directory of the test's own.
 */
#include "form.h"
#include "read/spec.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/numabox-test-XXXXXX";

static const char *put_file(const char *name, const void *bytes, size_t len)
{
	static char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
	return path;
}

static enum nb_spec_form form_of(const char *word)
{
	struct nb_error err = {0};
	struct nb_spec spec;

	if (nb_spec_parse(word, &spec, &err))
		fail_msg("%s: %s", word, err.text);
	return spec.form;
}

#define YAML "machine: { nodes: [ { memory: 1G, cpus: 0 } ] }\n"

static void test_forms(void **state)
{
	char ustar[512] = "x";

	(void)state;
	memcpy(ustar + 257, "ustar", 5);
	assert_int_equal(form_of("host"), NB_SPEC_HOST);
	assert_int_equal(form_of("2x32G"), NB_SPEC_SHORT);
	assert_int_equal(form_of("hwloc:node:2 1"), NB_SPEC_HWLOC);
	assert_int_equal(form_of("qemu:-m 4G"), NB_SPEC_QEMU);
	assert_int_equal(form_of("acpi:/x"), NB_SPEC_ACPI);
	assert_int_equal(form_of("-"), NB_SPEC_YAML);
	assert_int_equal(form_of(dir), NB_SPEC_CAPTURE);
	/* by suffix */
	assert_int_equal(form_of(put_file("a.yaml", "", 0)), NB_SPEC_YAML);
	assert_int_equal(form_of(put_file("a.YML", "", 0)), NB_SPEC_YAML);
	assert_int_equal(form_of(put_file("a.xml", "", 0)), NB_SPEC_XML);
	assert_int_equal(form_of(put_file("a.tar", "", 0)), NB_SPEC_CAPTURE);
	assert_int_equal(form_of(put_file("a.tar.zst", "", 0)), NB_SPEC_CAPTURE);
	assert_int_equal(form_of(put_file("2x32G.tgz", "", 0)), NB_SPEC_CAPTURE);
	/* by first bytes */
	assert_int_equal(form_of(put_file("b", YAML, strlen(YAML))), NB_SPEC_YAML);
	assert_int_equal(form_of(put_file("c", "# x\nmachine:\n", 13)), NB_SPEC_YAML);
	assert_int_equal(form_of(put_file("d", "\n <?xml", 7)), NB_SPEC_XML);
	assert_int_equal(form_of(put_file("e", "\x1f\x8b\x08", 3)), NB_SPEC_CAPTURE);
	assert_int_equal(form_of(put_file("f", "\x28\xb5\x2f\xfd", 4)), NB_SPEC_CAPTURE);
	assert_int_equal(form_of(put_file("g", ustar, sizeof(ustar))), NB_SPEC_CAPTURE);
}

static void test_unknown_forms(void **state)
{
	static const char *const forms[] = {"host",   "DIR/",     "FILE.tar", "FILE.yaml", "2x32G",
					    "hwloc:", "FILE.xml", "qemu:",    "acpi:"};
	struct nb_error err;

	(void)state;
	assert_null(read_word("nosuch", &err));
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		assert_non_null(strstr(err.text, forms[i]));
	assert_string_equal(err.file, "nosuch");
	assert_null(read_word(put_file("h", "what?", 5), &err));
	assert_non_null(strstr(err.text, "is no form of machine"));
	assert_null(read_word("/no/such.yaml", &err));
	assert_int_equal(err.code, -NB_ENOENT);
	assert_null(read_word("nosuch.yaml", &err));
	assert_int_equal(err.code, -NB_ENOENT);
	assert_string_equal(err.text, "no such file or directory");
}

static void test_file(void **state)
{
	const char *path = put_file("good.yaml", YAML, strlen(YAML));
	struct nb_machine *m = read_good(path);
	struct nb_error err;

	(void)state;
	assert_string_equal(m->name, path);
	assert_string_equal(m->origin, path);
	nb_machine_free(m);
	path = put_file("bad.yaml", "machine:\n  nodes: 3\n", 20);
	assert_null(read_word(path, &err));
	assert_string_equal(err.file, path);
	assert_int_equal(err.line, 2);
}

static struct nb_machine *with(const struct nb_read_options *opt, struct nb_error *err)
{
	struct nb_machine *m = NULL;
	int rc;

	memset(err, 0, sizeof(*err));
	rc = nb_read_machine(test_port(), "2x1G", opt, &m, NULL, err);
	assert_int_equal(rc, err->code);
	return m;
}

static void test_options(void **state)
{
	const char *sysctls[] = {"vm.min_free_kbytes=67584", "vm.lowmem_reserve_ratio=256 256 32"};
	struct nb_read_options opt = {.kernel = "6.1",
				      .arch = "i386pae",
				      .cmdline = "a=1 b",
				      .sysctls = sysctls,
				      .nr_sysctls = 2};
	struct nb_error err;
	struct nb_machine *m = with(&opt, &err);

	(void)state;
	assert_non_null(m);
	assert_string_equal(m->profile->key, "6.1");
	assert_true(m->profile_exact);
	assert_int_equal(m->arch, NB_ARCH_I386PAE);
	assert_string_equal(m->cmdline, "a=1 b");
	assert_int_equal(m->nr_sysctls, 2);
	assert_string_equal(m->sysctls[0].name, "vm.min_free_kbytes");
	assert_string_equal(m->sysctls[0].value, "67584");
	assert_string_equal(m->sysctls[1].value, "256 256 32");
	nb_machine_free(m);
	/* Words are put after the machine's own. */
	opt = (struct nb_read_options){.cmdline = "b=2"};
	m = nb_machine_new(test_port());
	assert_int_equal(nb_machine_add_cmdline(m, "a=1"), 0);
	assert_int_equal(nb_read_apply_options(m, &opt, &err), 0);
	assert_string_equal(m->cmdline, "a=1 b=2");
	nb_machine_free(m);
}

static void test_bad_options(void **state)
{
	const char *no_value[] = {"vm.min_free_kbytes"}, *no_name[] = {"=1"};
	const struct {
		struct nb_read_options opt;
		const char *says;
	} cases[] = {
		{{.kernel = "7.0"}, "--kernel 7.0: no such kernel; there are 6.12, 6.1"},
		{{.arch = "vax"}, "--arch vax: no such architecture; there are x86_64, i386"},
		{{.sysctls = no_value, .nr_sysctls = 1},
		 "--sysctl vm.min_free_kbytes: a setting is NAME=VALUE"},
		{{.sysctls = no_name, .nr_sysctls = 1}, "--sysctl =1: a setting is NAME=VALUE"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nb_error err;

		assert_null(with(&cases[i].opt, &err));
		if (!strstr(err.text, cases[i].says))
			fail_msg("\"%s\" lacks \"%s\"", err.text, cases[i].says);
	}
}

static void test_arch(void **state)
{
	(void)state;
	assert_int_equal(nb_read_arch("x86_64"), NB_ARCH_X86_64);
	assert_int_equal(nb_read_arch("amd64"), NB_ARCH_X86_64);
	assert_int_equal(nb_read_arch("i686"), NB_ARCH_I386);
	assert_int_equal(nb_read_arch("aarch64"), NB_ARCH_ARM64);
	assert_int_equal(nb_read_arch("armv7l"), NB_ARCH_ARM);
	assert_int_equal(nb_read_arch("ppc64le"), NB_ARCH_OTHER);
	assert_true(nb_read_arch_known("ppc64le"));
	assert_true(nb_read_arch_known("arm64"));
	assert_false(nb_read_arch_known("x86-64"));
}

/* No file of more than the bound is taken, whatever it is; a directory is none. */
static void test_read_file(void **state)
{
	const char *path = put_file("long", "0123456789", 10);
	struct nb_text text = {0};
	struct nb_error err = {0};

	(void)state;
	assert_int_equal(nb_read_file(path, 10, &text, &err), 0);
	assert_string_equal(nb_text_str(&text), "0123456789");
	nb_text_clear(&text);
	assert_int_equal(nb_read_file(path, 9, &text, &err), -NB_EFBIG);
	assert_string_equal(err.file, path);
	memset(&err, 0, sizeof(err));
	assert_int_equal(nb_read_file("/dev/zero", 100000, &text, &err), -NB_EFBIG);
	memset(&err, 0, sizeof(err));
	assert_int_equal(nb_read_file(dir, 10, &text, &err), -NB_EISDIR);
	nb_text_release(&text);
}

static int remove_files(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),       cmocka_unit_test(test_unknown_forms),
		cmocka_unit_test(test_file),        cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad_options), cmocka_unit_test(test_arch),
		cmocka_unit_test(test_read_file),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_files);
}
