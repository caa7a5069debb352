-- Lab 5: DMA32 is not only on node 0
-- numabox: -m 1G:4+7G:4,hole=0
--
-- The document says that DMA and DMA32 are on node 0. Linux: any node that has memory below 4 GiB has
-- zone DMA32. Here node 0 ends at 1 GiB, so node 1 holds the addresses from 1 GiB on.

for _, node in ipairs(machine:nodes()) do
  for _, name in ipairs{ "DMA", "DMA32", "Normal" } do
    local z = machine:zone(node, name)
    print(("node %d %-7s %8d pages"):format(node, name, z.present))
  end
end
expect(machine:zone(0, "Normal").present == 0, "node 0 has no Normal memory at all")
expect(machine:zone(1, "DMA32").present == 3 << 18, "node 1 has 3 GiB of DMA32")
expect(machine:zone(1, "Normal").present == 4 << 18, "and 4 GiB of Normal")

-- The first to serve a DMA32 request is the nearest node that has any: the asking CPU's own.
for cpu, node in pairs{ [0] = 0, [4] = 1 } do
  local pfn = machine:alloc_pages{ gfp = "GFP_KERNEL|GFP_DMA32", cpu = cpu }
  print(("GFP_DMA32 on CPU %d: node %d"):format(cpu, machine:page(pfn).node))
  expect(machine:page(pfn).node == node, "from its own node")
end
