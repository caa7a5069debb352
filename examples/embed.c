/* embed.c -- libnumabox in another program: a machine, a boot, pages taken and given back.
 *
 * cc embed.c $(pkg-config --cflags --libs numabox) && ./a.out
 */
#include <numabox/page_alloc.h>

#include <stdio.h>

#define GIB (UINT64_C(1) << 30)

/* Two nodes of 4 GiB with a CPU each, 21 apart. */
static struct nb_machine *describe(const struct nb_port *port, struct nb_error *err)
{
	static const uint8_t distances[] = {10, 21, 21, 10};
	struct nb_machine *m = nb_machine_new(port);

	if (!m)
		return NULL;
	for (int nid = 0; nid < 2; nid++) {
		uint64_t start = 4 * GIB * (uint64_t)nid;

		nb_machine_add_node(m, &(struct nb_node){.id = nid, .online = true});
		nb_machine_add_cpu(m, &(struct nb_cpu){.id = nid,
						       .nid = nid,
						       .online = true,
						       .package = nid,
						       .die = -1,
						       .cluster = -1,
						       .core = nid,
						       .llc = -1});
		nb_machine_add_range(m, &(struct nb_mem_range){.start = start,
							       .end = start + 4 * GIB,
							       .type = NB_MEM_RAM,
							       .nid = nid});
	}
	nb_machine_set_distances(m, distances, 2);
	if (nb_machine_seal(m, err)) {
		nb_machine_free(m);
		return NULL;
	}
	return m;
}

int main(void)
{
	struct nb_error err = {0};
	struct nb_system *sys;
	struct nb_page_info page;
	struct nb_port port;
	struct nb_machine *m;
	nb_pfn_t pfn;

	nb_port_posix(&port, false); /* or your own: reserve, commit, release */
	m = describe(&port, &err);
	if (!m || nb_system_boot(&port, m, NULL, &sys, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	pfn = nb_alloc_pages(
		sys, &(struct nb_alloc_request){
			     .gfp = NB_GFP_KERNEL, .order = 3, .cpu = 1, .nid = NB_NO_NODE});
	if (pfn == NB_NO_PFN || nb_page_info(sys, pfn, &page))
		return 1;
	printf("8 pages at frame 0x%llx: node %d, zone %s\n", (unsigned long long)pfn, page.nid,
	       nb_zone_name(page.zone));
	nb_free_pages(sys, 1, pfn, 3);
	nb_system_shutdown(sys);
	nb_machine_free(m);
	return 0;
}
