/* doctor_nodes.c -- checks of nodes, their distances, and where memory came from.
 *
 * Called by doctor.c.
 */
#include "base/mask.h"
#include "read/doctor_priv.h"
#include <inttypes.h>
#include <string.h>

static void asymmetric(struct nb_doctor *d, unsigned n)
{
	unsigned nr = 0;
	int a = 0, b = 0;

	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = i + 1; k < n; k++) {
			int x = nb_system_node_id(d->sys, i), y = nb_system_node_id(d->sys, k);

			if (nb_system_distance(d->sys, x, y) == nb_system_distance(d->sys, y, x))
				continue;
			if (!nr++) {
				a = x;
				b = y;
			}
		}
	}
	if (!nr)
		return;
	nb_doctor_add(d, NB_SEVERITY_WARNING, NB_NO_NODE,
		      "the distance matrix is not symmetric: %u pair%s", nr, nr == 1 ? "" : "s");
	nb_doctor_evidence(d, "from node %d to %d it is %u, back it is %u", a, b,
			   nb_system_distance(d->sys, a, b), nb_system_distance(d->sys, b, a));
	nb_doctor_try(
		d, "hardware is seldom so: look for a newer firmware; fallback orders follow these "
		   "numbers");
}

/* Far and near do not say the same as the latencies that HMAT tells. */
static void against_latency(struct nb_doctor *d)
{
	const struct nb_machine *m = d->machine;

	if (!m->latency_ps)
		return;
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		const uint32_t *row = m->latency_ps + (size_t)i * m->nr_nodes;

		for (unsigned k = 0; k < m->nr_nodes; k++) {
			unsigned dist = nb_machine_distance(m, m->nodes[i].id, m->nodes[k].id);
			double told, rule = dist / 10.0;

			if (i == k || !row[i] || !row[k])
				continue;
			told = (double)row[k] / row[i];
			if (told < rule * 1.5 && rule < told * 1.5)
				continue;
			nb_doctor_add(d, NB_SEVERITY_NOTE, m->nodes[k].id,
				      "distance and latency of node %d to node %d disagree",
				      m->nodes[i].id, m->nodes[k].id);
			nb_doctor_evidence(
				d,
				"the distance says %.1f times local, HMAT %.1f times (%.0f "
				"ns)",
				rule, told, row[k] / 1000.0);
			nb_doctor_try(
				d, "numactl and the kernel's fallback go by the distance; measure "
				   "which is right");
			return;
		}
	}
}

void nb_check_distances(struct nb_doctor *d)
{
	unsigned n = nb_system_nr_nodes(d->sys), flat = 0, far = 0, pairs = 0, first = 0;
	bool odd = false;

	if (n < 2)
		return;
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < n; k++) {
			unsigned dist = nb_system_distance(d->sys, nb_system_node_id(d->sys, i),
							   nb_system_node_id(d->sys, k));

			if (i == k) {
				odd |= dist != 10;
				continue;
			}
			pairs++;
			odd |= dist <= 10;
			far += dist >= 100;
			first = first ? first : dist;
			flat += dist == first;
		}
	}
	if (odd) {
		nb_doctor_add(d, NB_SEVERITY_PROBLEM, NB_NO_NODE,
			      "the distance matrix has values that mean nothing");
		nb_doctor_evidence(d, "a node to itself must be 10, and every other more than 10");
		nb_doctor_try(
			d,
			"numactl --hardware; the kernel ignores such a table and takes 10 and 20");
	}
	asymmetric(d, n);
	if (far) {
		nb_doctor_add(d, NB_SEVERITY_WARNING, NB_NO_NODE,
			      "some nodes are ten times as far as local memory, says the firmware");
		nb_doctor_evidence(d, "%u pairs of distance 100 or more", far);
		nb_doctor_try(
			d, "true for fabric-attached memory alone; else look for a newer firmware");
	}
	if (d->machine->distance_source == NB_SOURCE_ABSENT) {
		nb_doctor_add(d, NB_SEVERITY_NOTE, NB_NO_NODE, "the firmware tells no distances");
		nb_doctor_evidence(d, "no SLIT: every other node counts as 20, near and far alike");
	} else if (n > 4 && flat == pairs) {
		nb_doctor_add(d, NB_SEVERITY_NOTE, NB_NO_NODE,
			      "all %u nodes are equally far from each other, says the firmware", n);
		nb_doctor_evidence(d, "every distance is %u; machines of so many nodes have hops",
				   first);
		nb_doctor_try(
			d, "measure (a latency checker per pair), and look for a newer firmware");
	}
	against_latency(d);
}

void nb_check_zone_reclaim(struct nb_doctor *d)
{
	int64_t mode = 0;

	if (nb_tree_numberf(d->tree, &mode, "proc/sys/vm/zone_reclaim_mode")) {
		nb_doctor_skip(d, "no proc/sys/vm/zone_reclaim_mode");
		return;
	}
	if (!mode || nb_system_nr_nodes(d->sys) < 2)
		return;
	nb_doctor_add(d, NB_SEVERITY_WARNING, NB_NO_NODE,
		      "vm.zone_reclaim_mode is on (%" PRId64 ")", mode);
	nb_doctor_evidence(
		d, "a full node reclaims its own page cache before it uses memory of another%s%s",
		mode & 2 ? ", writing dirty pages" : "", mode & 4 ? ", swapping its tasks" : "");
	nb_doctor_try(
		d, "sysctl -w vm.zone_reclaim_mode=0, unless every task is bound to its node and "
		   "reads no file twice");
}

void nb_check_page_cache(struct nb_doctor *d)
{
	for (unsigned i = 0; i < nb_system_nr_nodes(d->sys); i++) {
		int nid = nb_system_node_id(d->sys, i);
		uint64_t total = nb_node_kib(d, nid, "MemTotal"),
			 fr = nb_node_kib(d, nid, "MemFree");
		uint64_t file = nb_node_kib(d, nid, "FilePages"),
			 shmem = nb_node_kib(d, nid, "Shmem");
		uint64_t foreign = nb_seen_numastat(d, nid, "numa_foreign");

		if (total == NB_UNKNOWN || fr == NB_UNKNOWN || file == NB_UNKNOWN || !total)
			continue;
		if (shmem != NB_UNKNOWN && shmem < file)
			file -= shmem;
		if (nb_percent(file, total) < 50 || nb_percent(fr, total) > 5 ||
		    foreign == NB_UNKNOWN || !foreign)
			continue;
		nb_doctor_add(d, NB_SEVERITY_WARNING, nid,
			      "page cache of node %d crowds its tasks out", nid);
		nb_doctor_evidence(d, "%.0f %% of the node is page cache, %.1f %% is free",
				   nb_percent(file, total), nb_percent(fr, total));
		nb_doctor_evidence(d,
				   "numa_foreign is %" PRIu64
				   ": so many requests that wanted this node "
				   "were sent elsewhere",
				   foreign);
		nb_doctor_try(
			d, "run what reads the files under numactl --interleave=all; posix_fadvise("
			   "DONTNEED) or O_DIRECT for streams");
		nb_doctor_try(d,
			      "sync; echo 1 > /proc/sys/vm/drop_caches shows whether it is that");
	}
}

void nb_check_numa_miss(struct nb_doctor *d)
{
	bool any = false;

	for (unsigned i = 0; i < nb_system_nr_nodes(d->sys); i++) {
		int nid = nb_system_node_id(d->sys, i);
		uint64_t hit = nb_seen_numastat(d, nid, "numa_hit");
		uint64_t miss = nb_seen_numastat(d, nid, "numa_miss");
		uint64_t other = nb_seen_numastat(d, nid, "other_node");

		if (hit == NB_UNKNOWN || miss == NB_UNKNOWN)
			continue;
		any = true;
		if (hit + miss < 100000)
			continue;
		if (miss * 20 > hit + miss) {
			nb_doctor_add(d, NB_SEVERITY_WARNING, nid,
				      "node %d serves many requests that wanted another node", nid);
			nb_doctor_evidence(
				d, "numa_miss %" PRIu64 " of %" PRIu64 " requests (%.1f %%)", miss,
				hit + miss, nb_percent(miss, hit + miss));
			nb_doctor_try(
				d,
				"numabox explain numastat -m CAPTURE; numastat -m: which node ran "
				"out, and of what");
		} else if (other != NB_UNKNOWN && other * 2 > hit + miss) {
			nb_doctor_add(d, NB_SEVERITY_NOTE, nid,
				      "most requests to node %d came from CPUs of other nodes",
				      nid);
			nb_doctor_evidence(
				d, "other_node %" PRIu64 " of %" PRIu64 " requests (%.1f %%)",
				other, hit + miss, nb_percent(other, hit + miss));
		}
	}
	if (!any)
		nb_doctor_skip(d, "no numastat of a node");
}

static unsigned nr_packages(const struct nb_machine *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->nr_cpus; i++) {
		bool new = m->cpus[i].package >= 0;

		for (unsigned k = 0; k < i && new; k++)
			new = m->cpus[k].package != m->cpus[i].package;
		n += new;
	}
	return n;
}

void nb_check_topology(struct nb_doctor *d)
{
	unsigned nodes = nb_system_nr_nodes(d->sys), packages = nr_packages(d->machine);

	for (unsigned i = 0; i < nodes; i++) {
		struct nb_node_info n;

		if (nb_node_info(d->sys, nb_system_node_id(d->sys, i), &n))
			continue;
		if (!n.has_memory && n.has_cpu) {
			nb_doctor_add(d, NB_SEVERITY_WARNING, n.nid,
				      "node %d has CPUs but no memory", n.nid);
			nb_doctor_evidence(
				d,
				"all that its CPUs touch is remote: fallback begins at node "
				"%d",
				n.nr_fallback
					? n.fallback[n.nr_fallback > 1 && n.fallback[0] == n.nid]
					: 0);
			nb_doctor_try(d, "spread the memory modules over all sockets");
		} else if (n.has_memory && !n.has_cpu) {
			nb_doctor_add(d, NB_SEVERITY_NOTE, n.nid, "node %d has memory but no CPUs",
				      n.nid);
			nb_doctor_evidence(
				d, "memory of an expander (CXL, PMEM): used by fallback, policy or "
				   "demotion alone");
		}
	}
	if (packages > 1 && nodes == 1) {
		nb_doctor_add(d, NB_SEVERITY_WARNING, NB_NO_NODE,
			      "%u sockets, but one node: the firmware interleaves memory or tells "
			      "no nodes",
			      packages);
		nb_doctor_evidence(d, "no task can be kept near its memory");
		nb_doctor_try(
			d,
			"switch node interleaving off in the firmware's setup; numa=off must not "
			"stand on the command line");
	}
}

void nb_check_kernel_words(struct nb_doctor *d)
{
	static const struct {
		const char *word, *title, *why;
	} words[] = {
		{"numa=off", "numa=off hides the nodes",
		 "the kernel takes all memory for one node, near or far"},
		{"numa=noacpi", "numa=noacpi hides the firmware's nodes",
		 "SRAT and SLIT are not read"},
		{"mem=", "mem= leaves memory unused", "what lies above is not used at all"},
		{"numa=fake=", "numa=fake= cuts nodes that are none",
		 "distances and CPUs are the real nodes', bounds are not"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t len;
		const char *v = nb_machine_option(d->machine, words[i].word, &len);
		bool prefix = false;

		if (!v && strncmp(words[i].word, "numa=", 5) == 0) {
			v = nb_machine_option(d->machine, "numa=", &len);
			prefix = v && len >= strlen(words[i].word + 5) &&
				 strncmp(v, words[i].word + 5, strlen(words[i].word + 5)) == 0;
			v = prefix ? v : NULL;
		}
		if (!v)
			continue;
		nb_doctor_add(d, i < 3 ? NB_SEVERITY_WARNING : NB_SEVERITY_NOTE, NB_NO_NODE, "%s",
			      words[i].title);
		nb_doctor_evidence(d, "on the kernel's command line; %s", words[i].why);
		nb_doctor_try(d, "boot without it");
	}
}
