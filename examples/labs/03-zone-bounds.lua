-- Lab 3: the zone bounds of a machine with 64 GiB
-- numabox: -m 64G:8,hole=0
--
-- The document reckons without the hole that a PC has below 4 GiB (hole=0 says the same to
-- numabox), and says once that DMA32 includes DMA (FAILURES 2 and 7). The zones don't overlap: what
-- overlaps is what a request may use. A DMA32 *request* may fall back to zone DMA.

local page = machine:page_size()
local zones = { "DMA", "DMA32", "Normal" }
local begins = { 0, 16 << 20, 4 << 30 }
local ends = { 16 << 20, 4 << 30, 64 << 30 }
local total = 0

for i, name in ipairs(zones) do
  local pages = (ends[i] - begins[i]) // page
  total = total + pages
  print(("%d. ZONE_%-7s 0x%x - 0x%x = %d pages"):format(i, name:upper(), begins[i], ends[i], pages))
end
print(("4. all: %d pages\n5. 64 GiB / 4 KiB = %d pages"):format(total, (64 << 30) // page))
expect(total == 16777216 and total == (64 << 30) // page, "the parts make the whole")
expect((ends[1] - begins[1]) // page == 4096, "DMA: 4096 pages")
expect((ends[2] - begins[2]) // page == 1044480, "DMA32: 1044480 pages")
expect((ends[3] - begins[3]) // page == 15728640, "Normal: 15728640 pages")

print("\nThe kernel's lines at boot:\n")
print((machine:view("layout"):gsub("Movable zone start.*", "")))

-- (On a real PC frame 0 and 640 KiB to 1 MiB are left out: there zone DMA begins at frame 1.)
print(("%-8s %12s %12s %12s %12s"):format("", "start_pfn", "spanned", "present", "managed"))
for i, name in ipairs(zones) do
  local z = machine:zone(0, name)
  print(("%-8s %12d %12d %12d %12d"):format(name, z.start_pfn, z.spanned, z.present, z.managed))
  expect(z.start_pfn == begins[i] // page, name .. " begins at its bound")
  expect(z.spanned == (ends[i] - begins[i]) // page, name .. " spans all pages to its end")
end

local dma, dma32 = machine:zone(0, "DMA"), machine:zone(0, "DMA32")
expect(dma.start_pfn + dma.spanned == dma32.start_pfn,
  "FAILURE 2: DMA32 begins where DMA ends, it does not include it")
expect(dma32.start_pfn == 4096 and dma32.start_pfn + dma32.spanned == 1048576,
  "FAILURE 7: zone DMA32 is 16 MiB to 4 GiB")

-- The request is what may use both. Take all of DMA32 by requests for DMA32:
local seen = {}
local function take(gfp, order)
  for _ = 1, 2000000 do
    local pfn = machine:alloc_pages{ gfp = gfp, order = order, cpu = 0 }
    if not pfn then break end
    seen[machine:page(pfn).zone] = true
    if pfn >= 1 << 20 then expect(false, "a frame of a DMA32 request lies above 4 GiB") end
  end
end
take("GFP_NOWAIT|GFP_DMA32", 10)
print(("\nDMA32 requests emptied zone DMA32 to %d pages; DMA still has %d:"):format(
  machine:zone(0, "DMA32").free, machine:zone(0, "DMA").free))
print(("DMA keeps %d pages back from requests that could have had DMA32 (lowmem_reserve)"):format(
  dma.protection.DMA32))
expect(seen.DMA32 and not seen.DMA and not seen.Normal, "DMA is protected, Normal is out of reach")

-- One that may ignore the reserves (it frees memory itself) goes on into DMA, never into Normal.
take("GFP_NOWAIT|GFP_DMA32|__GFP_MEMALLOC", 8)
expect(seen.DMA and not seen.Normal,
  "FAILURE 2: a DMA32 request may use zone DMA too, and nothing above 4 GiB")
