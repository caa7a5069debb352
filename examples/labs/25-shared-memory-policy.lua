-- Lab 25: whose policy counts for shared memory, and what set_mempolicy does to pages that are there
-- numabox: -m 2x8G:4,dist=21,hole=0
--
-- A policy set by mbind on a shared segment belongs to the segment: whoever faults a page in gets it from
-- there. A task's own policy counts for what no other policy says. None of them moves existing pages.

local page = machine:page_size()
local segment = machine:shmem("segment", "64M")
local writer = machine:task{ cpu = 0, comm = "writer" }
local reader = machine:task{ cpu = 4, comm = "reader" }
local a = writer:mmap{ length = "64M", shared = true, file = segment }
local b = reader:mmap{ length = "64M", shared = true, file = segment }

-- Without a policy: first touch, whoever it is.
writer:touch(a, "16M")
reader:touch(b + (16 << 20), "16M")
local nodes = segment:nodes(0, "32M")
print(("first touch: the writer's pages on node %d, the reader's on node %d"):format(nodes[1], nodes[8192]))
expect(nodes[1] == 0 and nodes[4096] == 0 and nodes[4097] == 1 and nodes[8192] == 1,
  "each page on the node of who touched it first")

-- The writer binds the rest of the segment to node 1; the reader's policy of node 0 does not count there.
writer:mbind(a + (32 << 20), "32M", "bind", { 1 })
reader:set_mempolicy("bind", { 0 })
reader:touch(b + (32 << 20), "16M")
nodes = segment:nodes("32M", "16M")
print(("after mbind by the writer: the reader's faults are on node %d"):format(nodes[1]))
expect(nodes[1] == 1 and nodes[4096] == 1, "the segment's policy comes before the task's")
expect(table.concat(select(2, reader:get_mempolicy{ addr = b + (32 << 20) }), " ") == "1",
  "and the reader sees it by get_mempolicy")

-- Private memory of the reader follows its own policy.
local c = reader:mmap{ length = "4M" }
reader:touch(c, "4M")
expect(reader:nodes(c, page)[1] == 0, "a private mapping follows the task's policy")

-- A new policy leaves what is there alone, unless told to move it.
writer:set_mempolicy("bind", { 1 })
expect(writer:nodes(a, page)[1] == 0, "set_mempolicy moves nothing")
writer:mbind(a, "16M", "bind", { 1 })
expect(writer:nodes(a, page)[1] == 0, "mbind without MPOL_MF_MOVE moves nothing")
local ok, errno = writer:mbind(a, "16M", "bind", { 1 }, { "strict" })
expect(ok == nil and errno == "EIO", "MPOL_MF_STRICT says that pages are elsewhere")
expect(writer:mbind(a, "16M", "bind", { 1 }, { "move", "strict" }), "MPOL_MF_MOVE moves them")
print(("moved: the first page is on node %d now"):format(writer:nodes(a, page)[1]))
expect(writer:nodes(a, page)[1] == 1 and segment:nodes("16M" , page)[1] == 1, "now they are on node 1")
