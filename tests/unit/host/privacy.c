/* privacy.c -- tests of src/host/privacy.c: what may leave the machine, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/privacy.h"

static void expect_cmdline(const char *line, const char *want)
{
	struct nb_text out = {0};

	nb_mask_cmdline(line, strlen(line), &out);
	assert_string_equal(nb_text_str(&out), want);
	nb_text_release(&out);
}

static void test_memory_words_stay(void **state)
{
	static const char line[] =
		"kernelcore=50% movablecore=8G,2G movable_node mem=4G "
		"memmap=1G$2G,exactmap numa=fake=4 numa=off hugepagesz=1G hugepages=16 "
		"transparent_hugepage=never page_alloc.shuffle=1 vmalloc=384M "
		"crashkernel=256M isolcpus=0-3,8 nokaslr";

	(void)state;
	expect_cmdline(line, line);
	expect_cmdline("", "");
	expect_cmdline("  quiet\tro\n", "quiet ro");
}

static void test_secrets_go(void **state)
{
	(void)state;
	expect_cmdline("quiet password=hunter2 ro", "quiet password=MASKED ro");
	expect_cmdline("API_TOKEN=abc nfs.secret=x wifi_key=y",
		       "API_TOKEN=MASKED nfs.secret=MASKED wifi_key=MASKED");
	expect_cmdline("root=UUID=0a1b2c3d-1111-2222-3333-444455556666 rw", "root=MASKED rw");
	expect_cmdline("rd.luks.uuid=luks-0a1b2c3d-1111-2222-3333-444455556666",
		       "rd.luks.uuid=MASKED");
	expect_cmdline("BOOTIF=01-52-54-00-12-34-56", "BOOTIF=MASKED");
	expect_cmdline("x=52:54:00:12:34:56", "x=MASKED");
	expect_cmdline("ip=192.168.1.7::gw:255.255.255.0", "ip=MASKED");
	expect_cmdline("systemd.hostname=db7 quiet", "systemd.hostname=MASKED quiet");
	expect_cmdline("dyndbg=\"file x +p\" token=\"a b\" z",
		       "dyndbg=\"file x +p\" token=MASKED z");
	expect_cmdline("quiet -- --password x", "quiet");
	expect_cmdline("root=/dev/vda1 init=/bin/sh", "root=/dev/vda1 init=/bin/sh");
	expect_cmdline("ver=6.12.113 x=1.2", "ver=6.12.113 x=1.2"); /* not four numbers */
}

static void test_log(void **state)
{
	static const char log[] =
		"[    0.000000] Linux version 6.12 (a@b) #1\n"
		"[    0.000000] Command line: quiet token=x\n"
		"[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
		"[    0.000000] DMI: Vendor Model/Serial 12345\n"
		"[    0.100000] Zone ranges:\n"
		"[    0.100000]   DMA      [mem 0x0000000000001000-0x0000000000ffffff]\n"
		"[    0.100000]   node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
		"<6>[    1.0][    T1] Freeing initrd memory: 4744K\n"
		"[    2.000000] e1000 0000:00:02.0 eth0: 52:54:00:12:34:56\n"
		"[    3.000000] systemd[1]: Hostname set to <db7>.\n"
		"[    4.000000] 615MB LOWMEM available.\n"
		"[    5.000000] 615 things that nobody knows\n"
		"[    6.000000]     0: 0x00000010 -> 0x0000009f\n";
	struct nb_text out = {0};

	(void)state;
	nb_filter_log(log, strlen(log), &out);
	assert_string_equal(
		nb_text_str(&out),
		"[    0.000000] Linux version 6.12 (a@b) #1\n"
		"[    0.000000] Command line: quiet token=MASKED\n"
		"[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
		"[    0.100000] Zone ranges:\n"
		"[    0.100000]   DMA      [mem 0x0000000000001000-0x0000000000ffffff]\n"
		"[    0.100000]   node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
		"<6>[    1.0][    T1] Freeing initrd memory: 4744K\n"
		"[    4.000000] 615MB LOWMEM available.\n"
		"[    6.000000]     0: 0x00000010 -> 0x0000009f\n");
	nb_text_release(&out);
}

static void test_cpuinfo(void **state)
{
	static const char text[] = "processor\t: 0\nSerial\t\t: 00000000abcd\nHardware\t: Board\n";
	struct nb_text out = {0};

	(void)state;
	nb_filter_cpuinfo(text, strlen(text), &out);
	assert_string_equal(nb_text_str(&out), "processor\t: 0\nHardware\t: Board\n");
	nb_text_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_words_stay),
		cmocka_unit_test(test_secrets_go),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_cpuinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
