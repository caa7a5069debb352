/* linear.c -- the linear map: frames by address, and their bytes in a backed system.
 *
 * nb_boot_linear_map() runs at the end of boot. A phantom system has addresses and no bytes: they
 * are those of the architecture's PAGE_OFFSET without KASLR. A backed system reserves as much of
 * the host's address space as the machine has below its last frame, and an address there is the
 * page's first byte; blocks are committed when they are handed out (nb_back_block()), and stay so.
 * Frame and address differ by one constant, so both ways cost nothing. High memory of 32-bit
 * kernels has no address in either. Units: bytes, pages. Source: page_address(), virt_to_page(),
 * arch/x86/include/asm/page.h, Documentation/arch/x86/x86_64/mm.rst, arch/arm64 memory.rst.
 */
#include "mm/linear.h"

#include "base/mem.h"
#include "mm/boot.h"
#include "mm/page.h"

static uint64_t page_offset(enum nb_arch arch)
{
	switch (arch) {
	case NB_ARCH_I386:
	case NB_ARCH_I386PAE:
		return UINT64_C(0xc0000000);
	case NB_ARCH_ARM64:
		return UINT64_C(0xffff000000000000);
	default:
		return UINT64_C(0xffff888000000000);
	}
}

int nb_boot_linear_map(struct nb_system *sys, bool backed, struct nb_error *err)
{
	uint64_t bytes = sys->max_pfn << sys->page_shift;

	sys->linear_base = page_offset(sys->machine->arch);
	if (!backed)
		return 0;
	if (bytes <= SIZE_MAX)
		sys->backing = sys->port->reserve(sys->port->ctx, (size_t)bytes);
	if (!sys->backing)
		return nb_error_set(err, -NB_ENOMEM, 0,
				    "no %llu MiB of address space for the bytes of a backed system",
				    (unsigned long long)(bytes >> 20));
	sys->backed = true;
	sys->linear_base = (uint64_t)(uintptr_t)sys->backing;
	return 0;
}

void nb_release_linear_map(struct nb_system *sys)
{
	if (sys->backing)
		sys->port->release(sys->port->ctx, sys->backing,
				   (size_t)(sys->max_pfn << sys->page_shift));
}

uint64_t nb_page_address(const struct nb_system *sys, nb_pfn_t pfn)
{
	struct nb_zone *z;

	if (!nb_pfn_to_page(sys, pfn, &z) || z->type == NB_ZONE_HIGHMEM ||
	    (nb_zone_configured(sys, NB_ZONE_HIGHMEM) && pfn >= sys->max_low_pfn))
		return 0;
	return sys->linear_base + (pfn << sys->page_shift);
}

nb_pfn_t nb_address_to_pfn(const struct nb_system *sys, uint64_t addr)
{
	nb_pfn_t pfn = (addr - sys->linear_base) >> sys->page_shift;

	return addr >= sys->linear_base && nb_page_address(sys, pfn) ? pfn : NB_NO_PFN;
}

bool nb_back_block(struct nb_system *sys, nb_pfn_t pfn, unsigned order, bool zero)
{
	char *p = (char *)sys->backing + (pfn << sys->page_shift);
	size_t bytes = (size_t)1 << (order + sys->page_shift);

	if (sys->port->commit(sys->port->ctx, p, bytes))
		return false;
	if (zero)
		memset(p, 0, bytes);
	return true;
}
