/* sandbox.c -- tests of src/sim/{sandbox,safelib,sorted,coroutine,watchdog}.c: what a scenario
 * may do, what it cannot get out of, and that two runs show the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hosted/text.h"
#include "sim/sandbox.h"
#include "sim/watchdog.h"

#include <lauxlib.h>

static void print(void *ctx, const char *s, size_t len)
{
	nb_text_add(ctx, s, len);
}

/* Runs `code`; its prints in *out, the error (or "") in err. Returns Lua's status. */
static int run_limited(const char *code, struct nb_sandbox *sb, struct nb_text *out, char *err,
		       size_t n)
{
	int status;

	sb->print = print;
	sb->print_ctx = out;
	err[0] = '\0';
	assert_int_equal(nb_sandbox_open(sb), 0);
	status = luaL_loadbufferx(sb->L, code, strlen(code), "@test.lua", "t");
	if (status == LUA_OK)
		status = lua_pcall(sb->L, 0, 0, 0);
	nb_sandbox_failed(sb->L, status);
	if (status != LUA_OK)
		snprintf(err, n, "%s",
			 lua_isstring(sb->L, -1) ? lua_tostring(sb->L, -1) : "(no text)");
	nb_sandbox_close(sb);
	assert_int_equal(sb->memory, 0);
	return status;
}

static void check_prints(const char *code, const char *want)
{
	struct nb_sandbox sb = {.memory_limit = 512 << 20, .instruction_limit = 50000000};
	struct nb_text out = {0};
	char err[512];

	run_limited(code, &sb, &out, err, sizeof(err));
	assert_string_equal(err, "");
	assert_string_equal(nb_text_str(&out), want);
	nb_text_release(&out);
}

static void check_fails(const char *code, const char *part)
{
	struct nb_sandbox sb = {.memory_limit = 512 << 20, .instruction_limit = 50000000};
	struct nb_text out = {0};
	char err[512];

	assert_int_not_equal(run_limited(code, &sb, &out, err, sizeof(err)), LUA_OK);
	if (!strstr(err, part))
		fail_msg("'%s' failed with '%s', not '%s'", code, err, part);
	assert_int_equal(sb.stop, NB_STOP_NONE);
	nb_text_release(&out);
}

/* ---- what is not there ---- */

static void absent(void **state)
{
	(void)state;
	check_prints("for _, n in ipairs{'os','io','require','package','dofile','loadfile','debug',"
		     "'warn','loadstring','module'} do assert(_G[n] == nil, n) end "
		     "assert(string.dump == nil) print(type(_ENV), _VERSION)",
		     "table\tLua 5.4\n");
	check_fails("io.open('/etc/passwd')", "nil value (global 'io')");
	check_fails("os.execute('true')", "nil value (global 'os')");
}

static void load_text_only(void **state)
{
	(void)state;
	check_prints("print(load('return 1 + 1')())", "2\n");
	check_prints("print(load('return x', 'c', 't', { x = 7 })())", "7\n");
	check_prints("local f, e = load('\\27Lua') print(f, e)",
		     "nil\tattempt to load a binary chunk (mode is 't')\n");
	check_prints("local f, e = load('\\27LuaS\\0', 'x', 'b') print(f, e)",
		     "nil\tattempt to load a binary chunk (mode is 't')\n");
	check_prints(
		"local i = 0 print(load(function() i = i + 1 return ({'return', ' 5'})[i] end)())",
		"5\n");
}

static void no_finalizers(void **state)
{
	(void)state;
	check_fails("setmetatable({}, { __gc = function() while true do end end })", "__gc");
	check_prints("print(getmetatable(setmetatable({}, { x = 1 })).x)", "1\n");
	check_fails("collectgarbage('stop')", "collectgarbage");
	check_prints("print(collectgarbage())", "0\n");
}

/* ---- determinism ---- */

static void sorted_pairs(void **state)
{
	(void)state;
	check_prints("for k, v in pairs{ b = 1, a = 2, [3] = 'x', [-1] = 'y', [2.5] = 'z', "
		     "[true] = 't', [false] = 'f' } do print(k, v) end",
		     "-1\ty\n2.5\tz\n3\tx\na\t2\nb\t1\nfalse\tf\ntrue\tt\n");
	check_prints("for k, v in pairs{ 5, 6, 7 } do print(k, v) end", "1\t5\n2\t6\n3\t7\n");
	check_prints("for k in pairs{} do print(k) end", "");
	/* fields may be cleared on the way, as the manual says */
	check_prints(
		"local t = { a = 1, b = 2, c = 3 } for k in pairs(t) do print(k) t.b = nil end",
		"a\nc\n");
	check_prints("local t = { 1, 2, 3 } for k in pairs(t) do print(k) t[2] = nil end",
		     "1\n3\n");
	check_prints("local p = setmetatable({}, { __pairs = function(t) return "
		     "function(_, k) if not k then return 1, 'own' end end, t, nil end }) "
		     "for k, v in pairs(p) do print(k, v) end",
		     "1\town\n");
	check_fails("for k in pairs{ [{}] = 1, [{}] = 2 } do end", "no order");
	check_prints("local x = {} for k in pairs{ [x] = 1, a = 2 } do print(k) end",
		     "a\ntable: 1\n");
	check_fails("pairs(5)", "table expected");
}

static void sorted_next(void **state)
{
	(void)state;
	check_prints("print(next{}, next{ 5 })", "nil\t1\t5\n");
	check_prints(
		"local t, k = { z = 1, y = 2, x = 3 } repeat k = next(t, k) print(k) until not k",
		"x\ny\nz\nnil\n");
	check_prints("local t = { a = 1, b = 2, c = 3 } print(next(t, 'b')) print(next(t, 'a'))",
		     "c\t3\nb\t2\n");
	check_fails("next({}, 'nope')", "not in the table");
}

static void no_addresses(void **state)
{
	(void)state;
	check_prints("local a, b = {}, {} print(a, b, a)", "table: 1\ttable: 2\ttable: 1\n");
	check_prints("print(tostring(print) == tostring(print), #tostring(print) < 14)",
		     "true\ttrue\n");
	check_prints("print(string.format('%s|%5d|%-4s|%%|%q', {}, 42, 'ab', 'x'))",
		     "table: 1|   42|ab  |%|\"x\"\n");
	check_prints("print(('%s %s'):format(setmetatable({}, { __tostring = function() return "
		     "'me' end }), nil))",
		     "me nil\n");
	check_fails("string.format('%p', {})", "address");
	check_fails("string.format('%d', {})", "number expected, got table");
	check_prints("print(coroutine.create(print))", "thread: 1\n");
}

static void seeded(void **state)
{
	struct nb_text out[3] = {{0}};
	char err[512];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct nb_sandbox sb = {.seed = i < 2 ? 7 : 8};

		run_limited("print(math.random(1 << 40), math.random(1 << 40)) math.randomseed() "
			    "print(math.random(1 << 40))",
			    &sb, &out[i], err, sizeof(err));
		assert_string_equal(err, "");
	}
	assert_string_equal(nb_text_str(&out[0]), nb_text_str(&out[1]));
	assert_string_not_equal(nb_text_str(&out[0]), nb_text_str(&out[2]));
	for (int i = 0; i < 3; i++)
		nb_text_release(&out[i]);
}

/* ---- coroutines and protected calls still are what they were ---- */

static void coroutines(void **state)
{
	(void)state;
	check_prints("local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) "
		     "local d, e = coroutine.yield(c * 2) return d + e end) "
		     "print(coroutine.resume(co, 1, 2)) print(coroutine.resume(co, 10)) "
		     "print(coroutine.status(co)) print(coroutine.resume(co, 3, 4)) "
		     "print(coroutine.status(co)) print(coroutine.resume(co))",
		     "true\t3\ntrue\t20\nsuspended\ntrue\t7\ndead\nfalse\tcannot resume dead "
		     "coroutine\n");
	check_prints(
		"local g = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) "
		"print(g(), g(), g())",
		"1\t2\t3\n");
	check_prints("local co = coroutine.create(function() error('oops') end) "
		     "print(coroutine.resume(co))",
		     "false\ttest.lua:1: oops\n");
	check_prints("print(pcall(coroutine.wrap(function() error({ 1 }) end)))",
		     "false\ttable: 1\n");
	check_fails("coroutine.yield(1)", "outside a coroutine");
	check_prints("print(coroutine.isyieldable(), select(2, coroutine.running())) "
		     "coroutine.wrap(function() print(coroutine.isyieldable(), "
		     "select(2, coroutine.running())) end)()",
		     "false\ttrue\ntrue\tfalse\n");
	check_prints("local co co = coroutine.wrap(function() print(pcall(co)) end) co()",
		     "false\tcannot resume non-suspended coroutine\n");
	check_prints("local co = coroutine.create(function() local x <close> = setmetatable({}, "
		     "{ __close = function() print('closed') end }) coroutine.yield() end) "
		     "coroutine.resume(co) print(coroutine.close(co), coroutine.status(co))",
		     "closed\ntrue\tdead\n");
}

static void protected_calls(void **state)
{
	(void)state;
	check_prints(
		"print(pcall(error, 'x')) print(pcall(function(...) return ... end, 1, nil, 3))",
		"false\tx\ntrue\t1\tnil\t3\n");
	check_prints("print(xpcall(function(a) return a end, print, 5)) "
		     "print(xpcall(error, function(e) return 'handled ' .. e end, 'y'))",
		     "true\t5\nfalse\thandled y\n");
	/* a yield across pcall */
	check_prints(
		"local g = coroutine.wrap(function() print(pcall(function() coroutine.yield(1) "
		"error('late', 0) end)) return 2 end) print(g()) print(g())",
		"1\nfalse\tlate\n2\n");
	check_fails("pcall()", "value expected");
}

/* ---- limits ---- */

static void check_stopped(const char *code, enum nb_stop why)
{
	struct nb_sandbox sb = {.memory_limit = 32 << 20, .instruction_limit = 3000000};
	struct nb_text out = {0};
	char err[512];

	assert_int_not_equal(run_limited(code, &sb, &out, err, sizeof(err)), LUA_OK);
	if (sb.stop != why)
		fail_msg("'%s' was stopped by %d, not %d (%s)", code, (int)sb.stop, (int)why, err);
	/* nothing ran on long after the limit */
	assert_true(sb.instructions <= 3000000 + 100 * NB_SANDBOX_HOOK_COUNT);
	assert_string_equal(nb_text_str(&out), "");
	nb_text_release(&out);
}

static void instruction_limit(void **state)
{
	static const char *const loops[] = {
		"while true do end",
		"::a:: goto a",
		"local function f() return f() end f()",
		"while true do pcall(function() while true do end end) end",
		"while true do pcall(error) end",
		"while true do xpcall(function() while true do end end, function() while true do "
		"end "
		"end) end",
		"pcall(pcall, pcall, function() while true do end end) print('swallowed')",
		"local co = coroutine.create(function() while true do end end) "
		"while true do coroutine.resume(co) end",
		"while true do coroutine.resume(coroutine.create(function() while true do end "
		"end)) end",
		"while true do pcall(coroutine.wrap(function() while true do end end)) end",
		"local co = coroutine.wrap(function() while true do coroutine.yield() end end) "
		"while true do co() end",
		"local x <close> = setmetatable({}, { __close = function() while true do end end "
		"}) "
		"while true do end",
		"while true do local x <close> = setmetatable({}, { __close = function() "
		"while true do end end }) end",
		"local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) "
		"while true do pcall(function() return t[1] end) end",
		"table.sort({ 3, 2, 1, 4, 5 }, function(a, b) while true do end end)",
		"string.gsub('abc', '.', function() while true do end end)",
		"load(function() while true do end end)",
		"while true do load('while true do end')() end",
		"for _ in pairs(setmetatable({}, { __pairs = function() while true do end end })) "
		"do end",
		"print(setmetatable({}, { __tostring = function() while true do end end }))",
		"local co = coroutine.create(function() local x <close> = setmetatable({}, { "
		"__close = "
		"function() while true do end end }) coroutine.yield() end) coroutine.resume(co) "
		"coroutine.close(co)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(loops) / sizeof(*loops); i++)
		check_stopped(loops[i], NB_STOP_INSTRUCTIONS);
}

static void memory_limit(void **state)
{
	static const char *const bombs[] = {
		"local s = 'x' while true do s = s .. s end",
		"local s = ('x'):rep(1 << 30)",
		"local s = ('x'):rep(1 << 20) while true do pcall(function() s = s .. s end) end",
		"local t = {} for i = 1, 1e12 do t[i] = i end",
		"local s = ('x'):rep(1 << 20):gsub('x', ('y'):rep(1 << 20))",
		"local s = ('x'):rep(1 << 24) pcall(table.concat, { s, s, s, s }) "
		"print('swallowed')",
		"local co = coroutine.create(function() return ('x'):rep(1 << 30) end) "
		"coroutine.resume(co) print('swallowed')",
		"pcall(string.format, ('%s'):rep(64), table.unpack(setmetatable({}, { __index = "
		"function() return ('x'):rep(1 << 22) end }), 1, 64)) print('swallowed')",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bombs) / sizeof(*bombs); i++)
		check_stopped(bombs[i], NB_STOP_MEMORY);
	{
		struct nb_sandbox sb = {.memory_limit = 1000}; /* not even the libraries fit */

		assert_int_equal(nb_sandbox_open(&sb), -NB_ENOMEM);
	}
}

static void deep_recursion(void **state)
{
	(void)state;
	check_fails("local function f() return 1 + f() end f()", "stack overflow");
	check_fails("local s = ('('):rep(1000) assert(load(s))", "overflow");
}

/* ---- the watchdog: limits of time, in a child ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say_flushed(void *ctx)
{
	(void)ctx;
	(void)!write(STDOUT_FILENO, "flushed\n", 8);
}

struct child {
	pid_t pid;
	int out; /* its stdout and stderr */
};

/* Runs code under a limit of one second in a child. */
static struct child begin(const char *code)
{
	struct child c;
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		struct nb_sandbox sb = {.time_limit_s = 1};
		struct nb_watchdog w = {.sb = &sb, .file = "test.lua", .flush = say_flushed};
		struct nb_text out = {0};
		char err[512];

		dup2(fd[1], 1);
		dup2(fd[1], 2);
		close(fd[0]);
		nb_watchdog_start(&w);
		run_limited(code, &sb, &out, err, sizeof(err));
		nb_watchdog_end(&w);
		dprintf(1, "stop %d line %d", (int)sb.stop, sb.stop_line);
		_exit(sb.stop == NB_STOP_TIME ? 3 : 4);
	}
	close(fd[1]);
	c.out = fd[0];
	return c;
}

/* Waits for it; its exit status and what it wrote. */
static int end(struct child c, char *text, size_t n)
{
	size_t len = 0;
	ssize_t got;
	int status;

	while (len < n - 1 && (got = read(c.out, text + len, n - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(c.out);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Expect a loop in Lua to be stopped by the hook, with its line. */
static void time_in_lua(void **state)
{
	double start = now();
	char text[600];

	(void)state;
	assert_int_equal(end(begin("local x\nwhile true do pcall(function() while true do end end) "
				   "end"),
			     text, sizeof(text)),
			 3);
	assert_string_equal(text, "stop 3 line 2");
	assert_true(now() - start < 20);
}

/* Expect a loop inside a string function, which no hook interrupts, to end the process, after all
 * that was printed is out, with the line that called it. All at once, since each takes its time. */
static void time_in_c(void **state)
{
	static const struct {
		const char *code, *place;
	} loops[] = {
		{"local s = ('a'):rep(40)\nlocal p = ('a*'):rep(30) .. 'b'\ns:find(p)", ":3: "},
		{"local s = ('a'):rep(40)\nlocal p = ('a-'):rep(30) .. 'b'\n"
		 "for w in s:gmatch(p) do end",
		 ":3: "},
		{"\n\nlocal s = (''):rep(1 << 60)", ":3: "},
		{"\n\ntable.move({}, 1, 1 << 60, 2)", ":3: "},
		{"local s, p = ('a'):rep(40), ('a*'):rep(30) .. 'b'\n\npcall(string.gsub, s, p, "
		 "'')",
		 ":3: "},
	};
	enum { N = sizeof(loops) / sizeof(*loops) };
	struct child children[N];
	double start = now();

	(void)state;
	for (int i = 0; i < N; i++)
		children[i] = begin(loops[i].code);
	for (int i = 0; i < N; i++) {
		char text[600], want[200];

		assert_int_equal(end(children[i], text, sizeof(text)), 2);
		snprintf(want, sizeof(want),
			 "flushed\nnumabox: test.lua%sscenario ran past its limit of 1 s",
			 loops[i].place);
		if (!strstr(text, want))
			fail_msg("'%s' is not in '%s'", want, text);
	}
	assert_true(now() - start < 20);
}

static void time_enough(void **state)
{
	char text[600];

	(void)state;
	assert_int_equal(
		end(begin("local n = 0 for i = 1, 1000 do n = n + i end"), text, sizeof(text)), 4);
	assert_string_equal(text, "stop 0 line 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent),          cmocka_unit_test(load_text_only),
		cmocka_unit_test(no_finalizers),   cmocka_unit_test(sorted_pairs),
		cmocka_unit_test(sorted_next),     cmocka_unit_test(no_addresses),
		cmocka_unit_test(seeded),          cmocka_unit_test(coroutines),
		cmocka_unit_test(protected_calls), cmocka_unit_test(instruction_limit),
		cmocka_unit_test(memory_limit),    cmocka_unit_test(deep_recursion),
		cmocka_unit_test(time_in_lua),     cmocka_unit_test(time_in_c),
		cmocka_unit_test(time_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
