-- Lab 26: who asks for a page: a task, a node's driver, an interrupt
-- numabox: -m 2x8G:4,dist=21,hole=0
--
-- The kernel's own requests follow the running task's policy, too; a request for a node (alloc_pages_node)
-- and one in interrupt context do not: an interrupt only happens to run while some task is there.

local t = machine:task{ cpu = 0, comm = "task" }
t:set_mempolicy("bind", { 1 })

local function node_of(pfn) return machine:page(pfn).node end
local by_task = node_of(machine:alloc_pages{ gfp = "GFP_KERNEL", task = t })
local by_node = node_of(machine:alloc_pages_node{ node = 0, gfp = "GFP_KERNEL", cpu = 0 })
local by_interrupt = node_of(machine:alloc_pages{ gfp = "GFP_ATOMIC", task = t, interrupt = true })
print(("CPU 0, a task bound to node 1 is running:\n  its own request     node %d\n  for node 0 by id    node %d\n  an interrupt        node %d"):format(
  by_task, by_node, by_interrupt))
expect(by_task == 1, "a request of the task follows its policy")
expect(by_node == 0, "one that names a node asks no policy")
expect(by_interrupt == 0, "in interrupt context the default policy counts: local")

-- An interleaving task's turn is not moved on by interrupts.
t:set_mempolicy("interleave", { 0, 1 })
local turn = {}
for i = 1, 6 do
  turn[i] = node_of(machine:alloc_pages{ gfp = "GFP_KERNEL", task = t })
  machine:alloc_pages{ gfp = "GFP_ATOMIC", task = t, interrupt = true }
end
print("interleaved requests of the task, interrupts in between: " .. table.concat(turn, " "))
expect(table.concat(turn, " ") == "0 1 0 1 0 1", "the task's counter is the task's")

-- The policy restricts only requests that may use the highest zone: one for DMA is served by who has it.
t:set_mempolicy("bind", { 1 })
local low = machine:alloc_pages{ gfp = "GFP_KERNEL|GFP_DMA32", task = t }
print(("the bound task asks for GFP_DMA32: node %d"):format(node_of(low)))
expect(node_of(low) == 0, "MPOL_BIND does not count below the policy zone: node 1 has no DMA32")
