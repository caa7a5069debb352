-- Lab 15: ZONE_NORMAL of a 32-bit kernel is another one
-- numabox: -m 4G:2,hole=0 --arch i386pae --kernel 6.1
--
-- FAILURE 6: which addresses a zone covers depends on the architecture and its configuration. On 32 bits
-- Normal is what the kernel has mapped at all times, from 16 MiB to about 896 MiB (how much exactly depends
-- on its vmalloc area), everything above is HighMem, and there is no DMA32.

local MiB = (1 << 20) // machine:page_size()
print("          from MiB    to MiB")
for _, name in ipairs{ "DMA", "Normal", "HighMem" } do
  local z = machine:zone(0, name)
  print(("%-8s %9d %9d"):format(name, z.start_pfn // MiB, (z.start_pfn + z.spanned) // MiB))
end

local normal, high = machine:zone(0, "Normal"), machine:zone(0, "HighMem")
expect(normal.start_pfn == 16 * MiB, "FAILURE 6: Normal begins at 16 MiB, not at 4 GiB")
expect(normal.start_pfn + normal.spanned < 900 * MiB, "and ends below 900 MiB")
expect(high.start_pfn == normal.start_pfn + normal.spanned, "HighMem begins where Normal ends")
expect(high.start_pfn + high.spanned == 4096 * MiB, "and goes to the end")
local none, errno = machine:zone(0, "DMA32")
expect(none == nil and errno == "EINVAL", "there is no zone DMA32")

-- The kernel's own memory must be mapped: Normal. A process's need not be: HighMem.
local kernel = machine:alloc_pages{ gfp = "GFP_KERNEL" }
local user = machine:alloc_pages{ gfp = "GFP_HIGHUSER" }
print(("GFP_KERNEL: zone %s, GFP_HIGHUSER: zone %s"):format(machine:page(kernel).zone,
  machine:page(user).zone))
expect(machine:page(kernel).zone == "Normal", "GFP_KERNEL is served from Normal")
expect(machine:page(user).zone == "HighMem", "GFP_HIGHUSER from HighMem")

-- So 3 GiB of HighMem are no use to the kernel: it runs out of Normal with most memory free.
local n = 0
while machine:alloc_pages{ gfp = "GFP_KERNEL|__GFP_NORETRY", order = 6 } do n = n + 1 end
local free = machine:zone(0, "HighMem").free
print(("after %d blocks of 256 KiB the kernel has none left; HighMem has %d MiB free"):format(n,
  free // MiB))
expect(free > 3000 * MiB, "out of low memory with 3 GiB free above")
