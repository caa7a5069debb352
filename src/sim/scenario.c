/* scenario.c -- from a Lua file to a finished run, and from Lua's errors to ours.
 *
 * Called by sim.c. Opens the sandbox, binds the simulation to it, runs the file as the first
 * strand under the watchdog, and turns any error into file, line and one line of text.
 */
#include "sim/scenario.h"

#include "sim/lua_host.h"
#include "sim/watchdog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

/* ---- reading ---- */

static int read_file(const char *path, struct nb_text *text, struct nb_error *err)
{
	FILE *f = fopen(path, "r");
	char buf[16384];
	size_t n;
	int e;

	nb_error_file(err, path);
	if (!f) {
		e = errno;
		return nb_error_set(err, -e, 0, "cannot read the scenario: %s", strerror(e));
	}
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0 && text->len <= NB_SCENARIO_MAX_BYTES)
		nb_text_add(text, buf, n);
	e = ferror(f) ? errno : 0;
	fclose(f);
	if (e)
		return nb_error_set(err, -e, 0, "cannot read the scenario: %s", strerror(e));
	if (text->len > NB_SCENARIO_MAX_BYTES)
		return nb_error_set(err, -NB_EFBIG, 0, "the scenario is longer than %u MiB",
				    NB_SCENARIO_MAX_BYTES >> 20);
	return 0;
}

/* ---- this process's memory ---- */

static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long long all, resident = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%llu %llu", &all, &resident) != 2)
		resident = 0;
	fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Work that fills memory with pages never filled before comes to an end by itself: it gets more
 * time. A loop that fills the same ones does not. */
static void note_growth(struct nb_host *h)
{
	struct nb_system_info info;

	nb_system_info(h->sim->sys, &info);
	if (!h->free_pages_low)
		h->free_pages_low = info.managed_pages;
	if (info.free_pages >= h->free_pages_low)
		return;
	atomic_fetch_add(&h->sb.extra_ms,
			 (h->free_pages_low - info.free_pages) / NB_SIM_PAGES_PER_MS);
	h->free_pages_low = info.free_pages;
}

void nb_host_note_work(struct nb_host *h)
{
	uint64_t now, took;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
	took = h->work_mark_ns ? now - h->work_mark_ns : 0;
	h->work_mark_ns = now;
	if (took > h->work_left_ns)
		took = h->work_left_ns;
	h->work_left_ns -= took;
	h->work_rest_ns += took;
	atomic_fetch_add(&h->sb.extra_ms, h->work_rest_ns / NS_PER_MS);
	h->work_rest_ns %= NS_PER_MS;
}

void nb_host_check_memory(lua_State *L)
{
	struct nb_host *h = nb_host_of(L);
	uint64_t bytes = resident_bytes();

	note_growth(h);

	if (bytes > h->memory_limit_bytes)
		luaL_error(L,
			   "the simulated pages and tasks take %d MiB of this computer's memory; "
			   "the limit is three quarters of it, %d MiB",
			   (int)(bytes >> 20), (int)(h->memory_limit_bytes >> 20));
}

static uint64_t memory_limit(void)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	return bytes / 4 * 3;
}

/* ---- errors ---- */

/* Line of the innermost Lua function of the file in a coroutine that died; 0 unknown. */
static unsigned line_of(lua_State *co)
{
	lua_Debug ar;

	for (int level = 0; co && lua_getstack(co, level, &ar); level++) {
		lua_getinfo(co, "Sl", &ar);
		if (ar.currentline > 0 && ar.source[0] == '@')
			return (unsigned)ar.currentline;
	}
	return 0;
}

/* Takes "FILE:LINE: " off the front of a message. Lua shortens long names in it, so the end of the
 * prefix is looked for, not the name. */
static const char *without_place(const char *text, const char *file, unsigned *line)
{
	size_t len = strlen(file);
	const char *p = text, *end;
	unsigned long n;

	if (strncmp(text, file, len) == 0 && text[len] == ':')
		p = text + len;
	else if (strncmp(text, "...", 3) == 0)
		p = strchr(text, ':');
	else
		return text;
	if (!p || p[1] < '0' || p[1] > '9')
		return text;
	n = strtoul(p + 1, (char **)&end, 10);
	if (end[0] != ':' || end[1] != ' ')
		return text;
	*line = (unsigned)n;
	return end + 2;
}

/* The error object on top of L as *err; `co` is the coroutine it comes from. */
static int report_error(struct nb_host *h, lua_State *L, lua_State *co, struct nb_error *err)
{
	const char *text;
	char one_line[700];
	unsigned line = line_of(co);
	size_t i;

	if (h->sb.stop != NB_STOP_NONE) {
		nb_sandbox_stop_text(&h->sb, one_line, sizeof(one_line));
		return nb_error_set(err, -NB_EINVAL, (unsigned)h->sb.stop_line, "%s", one_line);
	}
	text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
	if (!text)
		return nb_error_set(err, -NB_EINVAL, line,
				    "the scenario raised an error that is a %s, not a text",
				    luaL_typename(L, -1));
	text = without_place(text, h->file, &line);
	for (i = 0; text[i] && i < sizeof(one_line) - 1; i++)
		one_line[i] = text[i] == '\n' || text[i] == '\r' ? ' ' : text[i];
	one_line[i] = '\0';
	return nb_error_set(err, -NB_EINVAL, line, "%s", one_line);
}

/* ---- the run ---- */

struct start {
	struct nb_host *host;
	const struct nb_sim_options *opt;
	const struct nb_text *text;
};

/* Fills the globals and makes the first strand; runs protected. */
static int prepare(lua_State *L)
{
	const struct start *s = lua_touserdata(L, 1);
	const char *source;
	char name[600];
	size_t skip;
	lua_State *co;

	nb_lua_task_open(L);
	nb_lua_file_open(L);
	nb_lua_cgroup_types_open(L);
	nb_lua_hugetlb_types_open(L);
	nb_lua_machine_open(L);
	nb_lua_expect_open(L);
	lua_createtable(L, (int)s->opt->nr_args, 1);
	lua_pushstring(L, s->opt->scenario);
	lua_rawseti(L, -2, 0);
	for (unsigned i = 0; i < s->opt->nr_args; i++) {
		lua_pushstring(L, s->opt->args[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setglobal(L, "arg");
	snprintf(name, sizeof(name), "@%s", s->opt->scenario);
	co = lua_newthread(L);
	source = nb_text_str(s->text);
	/* "#!/usr/bin/numabox sim": a first line for the shell; its newline is kept for line
	 * numbers */
	skip = source[0] == '#' ? strcspn(source, "\n") : 0;
	if (luaL_loadbufferx(co, source + skip, s->text->len - skip, name, "t") != LUA_OK) {
		lua_xmove(co, L, 1);
		return lua_error(L);
	}
	for (unsigned i = 0; i < s->opt->nr_args; i++)
		lua_pushstring(co, s->opt->args[i]);
	s->host->main =
		nb_strand_new(s->host, L, co, (int)s->opt->nr_args, NULL, s->host->sim->now_ns);
	return 0;
}

static int run(struct nb_host *h, const struct start *s, struct nb_error *err)
{
	lua_State *L = h->sb.L;
	struct nb_strand *broken;
	int status;

	lua_pushcfunction(L, prepare);
	lua_pushlightuserdata(L, (void *)(uintptr_t)s);
	status = lua_pcall(L, 1, 0, 0);
	nb_sandbox_failed(L, status);
	if (status != LUA_OK)
		return report_error(h, L, NULL, err);
	if (nb_strands_run(h) == LUA_OK)
		return 0;
	broken = h->strands;
	while (broken && !broken->broken)
		broken = broken->next;
	return report_error(h, L, broken ? broken->co : NULL, err);
}

int nb_scenario_run(struct nb_sim *sim, const struct nb_sim_options *opt,
		    void (*print)(void *ctx, const char *s, size_t len), void *ctx,
		    struct nb_scenario_result *ret_result, struct nb_error *err)
{
	struct nb_host h = {
		.sim = sim, .file = opt->scenario, .work_left_ns = opt->work_limit_s * NS_PER_S};
	struct nb_watchdog dog = {
		.sb = &h.sb, .file = opt->scenario, .flush = opt->flush, .ctx = opt->ctx};
	struct nb_text text = {0};
	struct start start = {.host = &h, .opt = opt, .text = &text};
	uint64_t instructions;
	int ret = read_file(opt->scenario, &text, err);

	if (ret)
		goto out;
	instructions = opt->instruction_limit;
	if (!instructions)
		instructions = opt->time_limit_s * NB_SIM_INSTRUCTIONS_PER_S;
	h.memory_limit_bytes = memory_limit();
	h.sb = (struct nb_sandbox){.memory_limit = opt->memory_limit_bytes,
				   .instruction_limit = instructions,
				   .time_limit_s = opt->time_limit_s,
				   .work_is_extra = opt->work_limit_s != 0,
				   .seed = opt->seed,
				   .print = print,
				   .print_ctx = ctx,
				   .host = &h};
	ret = nb_sandbox_open(&h.sb);
	if (ret) {
		nb_error_set(err, ret, 0, "--memory-limit: %llu bytes are too few to begin with",
			     (unsigned long long)opt->memory_limit_bytes);
		goto out;
	}
	ret = nb_watchdog_start(&dog);
	if (ret)
		nb_error_set(err, ret, 0, "cannot start the watchdog's thread");
	else
		ret = run(&h, &start, err);
	/* closing runs pending to-be-closed variables: still under the watchdog */
	nb_sandbox_close(&h.sb);
	nb_watchdog_end(&dog);
	*ret_result = (struct nb_scenario_result){h.held, h.failed, h.nr_live};
	nb_strands_release(&h);
out:
	nb_text_release(&text);
	return ret;
}
