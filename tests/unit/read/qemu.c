/* qemu.c -- QEMU command lines: syntax, QEMU's defaults and checks, the machines that come of them.
 *
 * tests/oracle/qemu_args.c compares with recorded machines; here stand the cases that none of them
 * has. Firmware maps of the table were taken from SeaBIOS's log under QEMU 7.2.
 */
#include "read/qemu.h"
#include "form.h"
#include "read/qemu_opts.h"

static struct nb_machine *read_args(const char *args, struct nb_error *err)
{
	struct nb_text word = {0};
	struct nb_machine *m;

	nb_text_printf(&word, "qemu:%s", args);
	m = read_word(nb_text_str(&word), err);
	nb_text_release(&word);
	return m;
}

static struct nb_machine *good(const char *args)
{
	struct nb_error err;
	struct nb_machine *m = read_args(args, &err);

	if (!m)
		fail_msg("%s: %s", args, err.text);
	return m;
}

/* End of low RAM, high RAM: what decides zones. */
static const struct {
	const char *args;
	uint64_t low_end, high_start, high_end; /* RAM below 4 GiB and above */
} maps[] = {
	{"-machine q35 -m 1G", 0x3ffdf000, 0, 0},
	{"-machine q35 -m 1G -nodefaults", 0x3ffe0000, 0, 0},
	{"-machine pc -m 1G", 0x3ffe0000, 0, 0},
	{"-m 1G", 0x3ffe0000, 0, 0},       /* pc is the default */
	{"-m 1024", 0x3ffe0000, 0, 0},     /* MiB are the default */
	{"-nodefaults", 0x07fe0000, 0, 0}, /* 128 MiB are QEMU's default */
	{"-machine q35 -m 2815M", 0xafedf000, 0, 0},
	{"-machine q35 -m 2816M", 0x7ffdf000, 0x100000000, 0x130000000},
	{"-M pc -m 3500M", 0xdabe0000, 0, 0},
	{"-M pc -m 3600M", 0xbffe0000, 0x100000000, 0x121000000},
	{"-machine q35,max-ram-below-4g=1G -m 3G", 0x3ffdf000, 0x100000000, 0x180000000},
	{"-machine pc,max-ram-below-4g=3500M -m 4G", 0xbffe0000, 0x100000000, 0x140000000},
	/* SMBIOS tables of more than 600 bytes go to the top of low memory. */
	{"-machine pc -m 64G", 0xbffe0000, 0x100000000, 0x1040000000},
	{"-machine pc -m 80G", 0xbffdf000, 0x100000000, 0x1440000000},
	{"-machine pc -m 1G -smp 4,sockets=4", 0x3ffe0000, 0, 0},
	{"-machine pc -m 1G -smp 5,sockets=5", 0x3ffdf000, 0, 0},
	{"-machine q35 -m 600G", 0x7ffdf000, 0x100000000, 0x9680000000},
	{"-machine q35 -m 977G", 0x7ffde000, 0x100000000, 0xf4c0000000},
	/* What reaches AMD's HyperTransport range moves to 1 TiB; on other CPUs it does not. */
	{"-machine q35 -m 1000G -cpu EPYC", 0x7ffde000, 0x10000000000, 0x1f980000000},
	{"-machine q35 -m 1000G -cpu Skylake-Server", 0x7ffde000, 0x100000000, 0xfa80000000},
	{"-machine pc-q35-7.0 -m 1000G -cpu EPYC", 0x7ffde000, 0x100000000, 0xfa80000000},
	/* Queues of bootable disks */
	{"-machine q35 -m 1G -drive file=x,if=virtio", 0x3ffdc000, 0, 0},
	{"-machine q35 -m 1G -drive file=x,if=none,id=a -device virtio-blk-pci,drive=a -nodefaults",
	 0x3ffdd000, 0, 0},
	{"-machine q35 -m 1G -drive file=x,if=none,id=a -device nvme,drive=a", 0x3ffd7000, 0, 0},
};

static void test_firmware(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		uint64_t low_end = 0, high_start = 0, high_end = 0;
		struct nb_machine *m;

		m = good(maps[i].args);
		for (unsigned k = 0; k < m->nr_firmware; k++) {
			const struct nb_mem_range *r = &m->firmware[k];

			if (r->type != NB_MEM_RAM)
				continue;
			if (r->start == 0x100000)
				low_end = r->end;
			if (r->start >= UINT64_C(1) << 32) {
				high_start = r->start;
				high_end = r->end;
			}
		}
		if (low_end != maps[i].low_end || high_start != maps[i].high_start ||
		    high_end != maps[i].high_end)
			fail_msg("%s: low RAM to %#llx, high %#llx-%#llx", maps[i].args,
				 (unsigned long long)low_end, (unsigned long long)high_start,
				 (unsigned long long)high_end);
		nb_machine_free(m);
	}
}

/* SRAT's memory entries and the CPUs of the nodes that come of them. */
static const struct {
	const char *args, *affinity, *cpus, *distances;
} numa[] = {
	{"-M q35 -m 4G -smp 4 -numa node,mem=2G,cpus=0-1 -numa node,mem=2G,cpus=2-3",
	 "0:0-0x9ffff 0:0x100000-0x7fffffff 1:0x100000000-0x17fffffff", "0-1|2-3|", ""},
	/* A distance told one way stands for both. */
	{"-M q35 -m 2G -smp 2 -numa node,mem=1G,cpus=0 -numa node,mem=1G,cpus=1 -numa "
	 "dist,src=1,dst=0,val=21",
	 "0:0-0x9ffff 0:0x100000-0x3fffffff 1:0x40000000-0x7fffffff", "0|1|", "10 21 21 10"},
	/* QEMU's node 0 has memory alone: Linux numbers nodes with CPUs first. */
	{"-M q35 -m 2G -smp 2 -numa node,mem=1G -numa node,mem=1G,cpus=0-1 -numa "
	 "dist,src=0,dst=1,val=31",
	 "1:0-0x9ffff 1:0x100000-0x3fffffff 0:0x40000000-0x7fffffff", "0-1||", "10 31 31 10"},
	/* A node without anything does not come into being. */
	{"-M q35 -m 1G -smp 2 -numa node,mem=1G,cpus=0-1 -numa node,mem=0",
	 "0:0-0x9ffff 0:0x100000-0x3fffffff", "0-1|", ""},
	/* No CPU is named: sockets in turn. */
	{"-M q35 -m 2G -smp 4,sockets=4 -numa node,mem=1G -numa node,mem=1G",
	 "0:0-0x9ffff 0:0x100000-0x3fffffff 1:0x40000000-0x7fffffff", "0,2|1,3|", ""},
	/* Some are named: the others go to node 0. */
	{"-M q35 -m 2G -smp 4 -numa node,mem=1G -numa node,mem=1G,cpus=1",
	 "0:0-0x9ffff 0:0x100000-0x3fffffff 1:0x40000000-0x7fffffff", "0,2-3|1|", ""},
	/* No memory is named: dealt out in parts of 8 MiB, the last takes the rest. */
	{"-M q35 -m 1000M -smp 3,sockets=3 -numa node -numa node -numa node",
	 "0:0-0x9ffff 0:0x100000-0x147fffff 1:0x14800000-0x297fffff 2:0x29800000-0x3e7fffff",
	 "0|1|2|", ""},
	{"-M q35 -m 2G -smp 8,sockets=2,cores=2,threads=2 -numa node,mem=1G -numa node,mem=1G "
	 "-numa cpu,node-id=0,socket-id=1 -numa cpu,node-id=1,socket-id=0",
	 "1:0-0x9ffff 1:0x100000-0x3fffffff 0:0x40000000-0x7fffffff", "0-3|4-7|", ""},
	/* Room for DIMMs: a hot-pluggable range of the last node. */
	{"-M q35 -m 2G,slots=2,maxmem=6G -smp 2 -numa node,mem=1G,cpus=0 -numa node,mem=1G,cpus=1",
	 "0:0-0x9ffff 0:0x100000-0x3fffffff 1:0x40000000-0x7fffffff 1:0x100000000-0x27fffffff",
	 "0|1|", ""},
	/* CPUs that may come later have entries, so their node exists. */
	{"-M q35 -m 1G -smp 1,maxcpus=2,sockets=2 -numa node,mem=1G,cpus=0 -numa node,cpus=1",
	 "0:0-0x9ffff 0:0x100000-0x3fffffff", "0||", ""},
};

static void test_numa(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(numa) / sizeof(numa[0]); i++) {
		struct nb_machine *m = good(numa[i].args);
		struct nb_text t = {0};

		put_ranges(&t, m->affinity, m->nr_affinity);
		assert_string_equal(nb_text_str(&t), numa[i].affinity);
		nb_text_release(&t);
		check_cpus(m, numa[i].cpus);
		check_distances(m, numa[i].distances);
		nb_machine_free(m);
	}
}

static void test_hmat(void **state)
{
	struct nb_machine *m = good("-machine q35,hmat=on -m 2G -smp 2 -numa node,mem=1G,cpus=0-1 "
				    "-numa node,mem=1G,initiator=0 "
				    "-numa "
				    "hmat-lb,initiator=0,target=1,hierarchy=memory,data-type="
				    "access-latency,latency=250 "
				    "-numa "
				    "hmat-lb,initiator=0,target=0,hierarchy=first-level,data-type="
				    "access-latency,latency=5 "
				    "-numa "
				    "hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=read-"
				    "bandwidth,bandwidth=16G "
				    "-numa hmat-cache,node-id=0,size=1M,level=1");

	(void)state;
	assert_int_equal(m->latency_ps[1], 250000);
	assert_int_equal(m->latency_ps[0], 0);
	assert_true(m->bandwidth_bytes[1] == UINT64_C(16) << 30);
	nb_machine_free(m);
}

static void test_dimms(void **state)
{
	struct nb_machine *m = good(
		"-M q35 -m 1G,slots=3,maxmem=8G -object memory-backend-ram,id=a,size=1G "
		"-object '{\"qom-type\":\"memory-backend-ram\",\"id\":\"b\",\"size\":536870912}' "
		"-object memory-backend-file,id=c,size=256M,mem-path=/x,share=on "
		"-device pc-dimm,memdev=a,addr=0x100000000 -device pc-dimm,memdev=b -device "
		"pc-dimm,memdev=c");

	(void)state;
	check_ranges(
		m, "0:0x100000000-0x13fffffff 0:0x140000000-0x15fffffff 0:0x160000000-0x16fffffff");
	assert_int_equal(m->ranges[0].flags, NB_RANGE_HOTADDED);
	nb_machine_free(m);
}

static void test_virt(void **state)
{
	struct nb_machine *m =
		good("qemu-system-aarch64 -M virt,gic-version=3 -m 3G -smp 4,clusters=2 "
		     "-numa node,mem=1G,cpus=0-1 -numa node,mem=2G -numa node,cpus=2-3 "
		     "-numa dist,src=0,dst=1,val=15 -numa dist,src=0,dst=2,val=20 -numa "
		     "dist,src=1,dst=2,val=25 "
		     "-kernel /boot/vmlinuz-6.12.9-arm64-16k -append 'root=/dev/vda quiet'");

	(void)state;
	assert_int_equal(m->arch, NB_ARCH_ARM64);
	assert_int_equal(m->page_shift, 14);
	assert_string_equal(m->release, "6.12.9-arm64-16k");
	assert_string_equal(m->cmdline, "root=/dev/vda quiet");
	assert_int_equal(m->nr_firmware, 0);
	check_ranges(m, "0:0x40000000-0x7fffffff 1:0x80000000-0xffffffff");
	check_cpus(m, "0-1||2-3|");
	check_distances(m, "10 15 20 15 10 25 20 25 10");
	nb_machine_free(m);
	m = good("-machine virt -m 2G");
	assert_int_equal(m->arch, NB_ARCH_ARM64);
	check_ranges(m, "0:0x40000000-0xbfffffff");
	nb_machine_free(m);
}

static void test_kernels(void **state)
{
	static const struct {
		const char *args;
		enum nb_arch arch;
		const char *release;
	} cases[] = {
		{"-m 1G -kernel vmlinuz-6.1.0-56-686-pae", NB_ARCH_I386PAE, "6.1.0-56-686-pae"},
		{"-m 1G -kernel vmlinuz-6.1.0-56-686", NB_ARCH_I386, "6.1.0-56-686"},
		{"qemu-system-i386 -m 1G", NB_ARCH_I386PAE, ""},
		{"/usr/bin/qemu-system-x86_64 -m 1G -kernel /x/bzImage", NB_ARCH_X86_64, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nb_machine *m = good(cases[i].args);

		assert_int_equal(m->arch, cases[i].arch);
		assert_string_equal(m->release, cases[i].release);
		nb_machine_free(m);
	}
}

static void test_smp(void **state)
{
	static const struct {
		const char *smp;
		unsigned cpus;
		int last_package, last_core;
	} cases[] = {
		{"4", 4, 0, 3}, /* cores before sockets */
		{"8,threads=2", 8, 0, 3},
		{"8,cores=2", 8, 3, 1}, /* then the sockets are worked out */
		{"8,sockets=2", 8, 1, 3},
		{"sockets=2,cores=3", 6, 1, 2},
		{"16,sockets=2,dies=2,cores=2,threads=2", 16, 1, 1},
		{"2,maxcpus=8", 2, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nb_machine *m;
		char args[128];

		snprintf(args, sizeof(args), "-m 1G -smp %s", cases[i].smp);
		m = good(args);
		assert_int_equal(m->nr_cpus, cases[i].cpus);
		assert_int_equal(m->cpus[m->nr_cpus - 1].package, cases[i].last_package);
		assert_int_equal(m->cpus[m->nr_cpus - 1].core, cases[i].last_core);
		nb_machine_free(m);
	}
}

static const struct {
	const char *args, *says;
} bad[] = {
	{"", "no QEMU options"},
	{"-m", "-m: needs a value"},
	{"-m 4Q", "-m: size=4Q is no size"},
	{"-m 99999999999999999999G", "does not fit into 64 bits"},
	{"-m 17592186044417", "does not fit into 64 bits"},
	{"-m 4G,slot=1", "-m: unknown key \"slot\"; there are size, slots, maxmem"},
	{"-m 4G,maxmem=2G", "maxmem"},
	{"-m 1M", "at least 2M"},
	{"-m 3000T", "at most 2048T"},
	{"-smp x", "-smp: cpus=x is no number"},
	{"-smp 4,socket=2", "-smp: unknown key \"socket\""},
	{"-smp 7,sockets=2,cores=2,threads=2", "is 8 CPUs; maxcpus is 7"},
	{"-smp 8,maxcpus=4", "8 CPUs are more than maxcpus=4"},
	{"-smp 8192,sockets=8192,cores=8192,threads=8192,dies=8192", "must be equal"},
	{"-machine microvm",
	 "-machine microvm: not a machine whose layout is known; there are q35, pc, virt"},
	{"-machine pc-q35-x", "-machine pc-q35-x"},
	{"-machine q35,max-ram-below-4g=5G", "max-ram-below-4g is from 2M to 4G"},
	{"qemu-system-aarch64 -m 1G", "no default machine"},
	{"qemu-system-aarch64 -M q35", "is not known"},
	{"qemu-system-riscv64 -M virt", "is not known"},
	{"-acpitable file=x", "give them as acpi:DIR"},
	{"-numa foo", "-numa foo: there are node, cpu, dist"},
	{"-numa node,cpu=0", "-numa node: unknown key \"cpu\"; there are type, nodeid"},
	{"-numa node,nodeid=128", "nodeid=128 is no number from 0 to 127"},
	{"-numa node,nodeid=0 -numa node,nodeid=0", "nodeid=0 stands twice"},
	{"-numa node,nodeid=1", "node 0 is missing"},
	{"-numa node,mem=1G,memdev=x", "keep one"},
	{"-numa node,memdev=m0", "no such memory; -object memory-backend-ram,id=m0"},
	{"-m 1G -object memory-backend-ram,id=m0,size=512M -numa node,memdev=m0 -numa "
	 "node,memdev=m0",
	 "in use already"},
	{"-m 1G -numa node,mem=512M", "the nodes have 512 MiB together, -m says 1024 MiB"},
	{"-m 1G -smp 2 -numa node,cpus=0-1 -numa node,cpus=1", "CPU 1 is in node 0 and in node 1"},
	{"-m 1G -smp 2 -numa node,cpus=0-2", "CPU 2; -smp gives CPUs 0 to 1"},
	{"-m 1G -numa node,cpus=1-0", "cpus=1-0 is no list of CPUs"},
	{"-numa dist,src=0,dst=1,val=9", "val=9; a node is at 10 from itself"},
	{"-numa dist,src=0,dst=0,val=20", "val=20"},
	{"-numa dist,src=0,dst=1,val=256", "val=256 is no number from 0 to 255"},
	{"-numa dist,src=0,val=20", "needs src="},
	{"-m 1G -smp 3 -numa node -numa node -numa node -numa dist,src=0,dst=1,val=20",
	 "the distance between node 0 and 2 is missing"},
	{"-m 1G -smp 3 -numa node -numa node -numa node -numa dist,src=0,dst=1,val=20 -numa "
	 "dist,src=1,dst=0,val=30 "
	 "-numa dist,src=0,dst=2,val=20 -numa dist,src=1,dst=2,val=20",
	 "src=2,dst=0 is missing; where one pair is asymmetric"},
	{"-m 1G -numa node -numa cpu,node-id=3,socket-id=0", "node-id=3: no such node"},
	{"-m 1G -numa node -numa cpu,node-id=0,socket-id=7", "no CPU has these ids"},
	{"-m 1G -numa node -numa cpu,socket-id=0", "needs node-id="},
	{"-m 1G -numa node -numa hmat-lb,initiator=0,target=0", "needs -machine hmat=on"},
	{"-M q35,hmat=on -m 1G -numa node -numa hmat-lb,initiator=0,target=0,data-type=speed",
	 "data-type=speed"},
	{"-m 2G -machine memory-backend=m0 -object memory-backend-ram,id=m0,size=1G",
	 "they must be equal"},
	{"-object memory-backend-ram,id=m0", "needs id= and size="},
	{"-object memory-backend-ram,id=m0,size=1G -object memory-backend-ram,id=m0,size=1G",
	 "id=m0 stands twice"},
	{"-object memory-backend-ram,id=m0,size=0", "size=0"},
	{"-object '{\"qom-type\":'", "-object: not a JSON object"},
	{"-object '{ 3 }'", "-object: not a JSON object"},
	{"-m 1G -object memory-backend-ram,id=a,size=1G -device pc-dimm,memdev=a", "does not fit"},
	{"-m 1G,slots=1,maxmem=2G -device pc-dimm,memdev=a", "needs a memory-backend"},
	{"-m 'open", "a quote is left open"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nb_error err;
		struct nb_machine *m = read_args(bad[i].args, &err);

		if (m || !strstr(err.text, bad[i].says))
			fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].args, err.text, bad[i].says);
	}
}

/* Lists are short and cost much: their number is bounded by the length of all. */
static void test_length(void **state)
{
	struct nb_text args = {0};
	struct nb_error err;

	(void)state;
	nb_text_puts(&args, "-m 1G -smp 8192 -numa node");
	for (int i = 0; i < 30000; i++)
		nb_text_puts(&args, ",cpus=0-8191");
	assert_null(read_args(nb_text_str(&args), &err));
	assert_int_equal(err.code, -NB_E2BIG);
	nb_text_release(&args);
}

static void test_words(void **state)
{
	static const char text[] = " a 'b c'  \"d \\\" e\"f\\ g '' \t-x\\\ny 'it''s'\n";
	static const char *const expected[] = {"a", "b c", "d \" ef g", "", "-xy", "its"};
	char **words;
	unsigned n;

	(void)state;
	assert_int_equal(qemu_words(text, strlen(text), &words, &n, NULL), 0);
	assert_int_equal(n, 6);
	for (unsigned i = 0; i < n; i++)
		assert_string_equal(words[i], expected[i]);
	qemu_words_free(words, n);
}

static void test_opts(void **state)
{
	struct qemu_opts o;
	uint64_t v = 7;

	(void)state;
	assert_int_equal(
		qemu_opts_parse(&o, "-x", "q35,a=1,,2,b,a=3,size=0x10,s2=2k", "type", NULL), 0);
	assert_string_equal(qemu_opt(&o, "type"), "q35");
	assert_string_equal(qemu_opt(&o, "a"), "3"); /* the last counts */
	assert_string_equal(o.v[1].value, "1,2");
	assert_true(qemu_opt_is_on(&o, "b"));
	assert_null(qemu_opt(&o, "c"));
	assert_int_equal(qemu_opt_size(&o, "none", 1, &v, NULL), 0);
	assert_int_equal(v, 7);
	assert_int_equal(qemu_opt_size(&o, "size", 1 << 20, &v, NULL), 0);
	assert_int_equal(v, 16 << 20);
	assert_int_equal(qemu_opt_size(&o, "s2", 1 << 20, &v, NULL), 0);
	assert_int_equal(v, 2048);
	qemu_opts_release(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_firmware), cmocka_unit_test(test_numa),
		cmocka_unit_test(test_hmat),     cmocka_unit_test(test_dimms),
		cmocka_unit_test(test_virt),     cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_smp),      cmocka_unit_test(test_bad),
		cmocka_unit_test(test_length),   cmocka_unit_test(test_words),
		cmocka_unit_test(test_opts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
