/* vmstat_tick.c -- the vmstat workers: once a virtual second they look after the page sets and
 * counters of the CPUs that were at work.
 *
 * Called by the driver. One entry of the clock stands for the workers of all CPUs, at whole
 * seconds, CPUs in ascending order (the kernel spreads them by round_jiffies(); which comes first
 * within a second is our choice). A worker goes on until a round changes nothing, then sleeps until
 * its CPU has been at work again, as the kernel's shepherd has it; so long idle times cost nothing.
 * Source: mm/vmstat.c: vmstat_update(), vmstat_shepherd(); sysctl vm.stat_interval, 1 s.
 */
#include "sim/daemons.h"

#include "base/mask.h"

#define INTERVAL_NS UINT64_C(1000000000)

static uint64_t next_second(uint64_t now_ns)
{
	return (now_ns / INTERVAL_NS + 1) * INTERVAL_NS;
}

static void tick(struct nb_due *d)
{
	struct nb_sim *s = d->ctx;
	unsigned n = s->cost.nr_cpus;
	bool again = false;

	for (unsigned i = 0; i < NB_MAX_CPUS / 64; i++)
		s->vmstat_cpus.bits[i] |= s->rec.tally.cpus.bits[i];
	for (unsigned cpu = nb_bits_next(s->vmstat_cpus.bits, n, 0); cpu < n;
	     cpu = nb_bits_next(s->vmstat_cpus.bits, n, cpu + 1)) {
		s->rec.pid = nb_worker_pid(s, cpu);
		if (nb_vmstat_update(s->sys, (int)cpu))
			again = true;
		else
			nb_bit_clear(s->vmstat_cpus.bits, cpu);
	}
	/* the drains of this round are no work */
	s->rec.tally.cpus = (struct nb_cpumask){0};
	s->rec.tally.any = false;
	if (again)
		nb_clock_set(&s->clock, d, next_second(d->time_ns));
}

void nb_sim_vmstat_init(struct nb_sim *s)
{
	nb_due_init(&s->clock, &s->vmstat, NB_DUE_VMSTAT, 0, tick, s);
}

void nb_sim_vmstat_wake(struct nb_sim *s)
{
	if (s->rec.tally.any && !s->vmstat.place)
		nb_clock_set(&s->clock, &s->vmstat, next_second(s->now_ns));
}
