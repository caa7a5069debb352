/* threads.c -- libnumabox driven by several threads: two programs read more than fits, and the
 * kernel's daemon of each node, in a thread of its own, makes room for them.
 *
 * cc threads.c $(pkg-config --cflags --libs numabox) -pthread && ./a.out
 *
 * A worker is a task on a CPU of its own. A kswapd sleeps until the engine calls woken(), steps its
 * node until that is balanced, and naps as long as it is told to. Time is the computer's own. The
 * rules for threads: docs/threads.md.
 */
#include <numabox/file.h>
#include <numabox/reclaim.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MIB (UINT64_C(1) << 20)
#define NODES 2

static struct nb_system *sys;
static struct nb_address_space *file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t due[NODES] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
static int woken_nodes, stop;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* In the middle of some thread's call: only notes it. */
static void woken(void *ctx, int nid)
{
	(void)ctx;
	pthread_mutex_lock(&lock);
	woken_nodes |= 1 << nid;
	pthread_cond_signal(&due[nid]);
	pthread_mutex_unlock(&lock);
}

/* Until the node's daemon is woken, or its time has come. */
static void rest(int nid, uint64_t until_ns)
{
	struct timespec at = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};

	pthread_mutex_lock(&lock);
	while (!stop && !(woken_nodes >> nid & 1) && now_ns() < until_ns) {
		if (until_ns == UINT64_MAX)
			pthread_cond_wait(&due[nid], &lock);
		else if (pthread_cond_timedwait(&due[nid], &lock, &at))
			break;
	}
	woken_nodes &= ~(1 << nid);
	pthread_mutex_unlock(&lock);
}

static void *kswapd(void *arg)
{
	int nid = *(int *)arg;
	uint64_t next, scanned;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		nb_system_set_time_ns(sys, now_ns());
		if (nb_kswapd_step(sys, nid, &next, &scanned))
			break;
		if (next > nb_system_time_ns(sys))
			rest(nid, next);
	}
	return NULL;
}

static void *worker(void *arg)
{
	int cpu = *(int *)arg;
	struct nb_task *t;
	uint64_t n;

	if (nb_task_create(sys, cpu, "reader", &t))
		return NULL;
	nb_file_read(t, file, (uint64_t)cpu * 256 * MIB, NULL, 256 * MIB, &n);
	printf("CPU %d read %llu MiB\n", cpu, (unsigned long long)(n / MIB));
	nb_task_exit(t);
	nb_task_put(t);
	return NULL;
}

static uint64_t counter(const char *name)
{
	uint64_t value;
	const char *is;

	for (unsigned i = 0; nb_vm_event(sys, i, &is, &value); i++) {
		if (!strcmp(is, name))
			return value;
	}
	return 0;
}

int main(void)
{
	struct nb_error err = {0};
	pthread_t thread[2 * NODES];
	struct nb_port port;
	struct nb_machine *m;
	int id[NODES];

	nb_port_posix(&port, true); /* threaded: its relax() gives the CPU to another thread */
	m = nb_machine_new(&port);
	for (int i = 0; m && i < NODES; i++) {
		nb_machine_add_node(m, &(struct nb_node){.id = i, .online = true});
		nb_machine_add_cpu(m, &(struct nb_cpu){.id = i, .nid = i, .online = true});
		nb_machine_add_range(m, &(struct nb_mem_range){.start = (uint64_t)i * 128 * MIB,
							       .end = (uint64_t)(i + 1) * 128 * MIB,
							       .nid = i});
	}
	if (!m || nb_machine_seal(m, &err) || nb_system_boot(&port, m, NULL, &sys, &err) ||
	    nb_kswapd_start(sys, woken, NULL) || nb_file_create(sys, "data", 512 * MIB, &file)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (int i = 0; i < NODES; i++) {
		id[i] = i;
		pthread_create(&thread[i], NULL, worker, &id[i]);
		pthread_create(&thread[NODES + i], NULL, kswapd, &id[i]);
	}
	for (int i = 0; i < NODES; i++)
		pthread_join(thread[i], NULL);
	pthread_mutex_lock(&lock);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < NODES; i++)
		pthread_cond_signal(&due[i]);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < NODES; i++)
		pthread_join(thread[NODES + i], NULL);
	printf("kswapd made room for %llu pages, the readers themselves for %llu\n",
	       (unsigned long long)counter("pgsteal_kswapd"),
	       (unsigned long long)counter("pgsteal_direct"));
	int right = !nb_system_check(sys, &err) && counter("pgsteal_kswapd") > 0;

	nb_file_put(file);
	nb_system_shutdown(sys);
	nb_machine_free(m);
	return !right;
}
