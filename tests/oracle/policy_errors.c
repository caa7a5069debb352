/* policy_errors.c -- errors.jsonl: each row is a call as the recorder's C source has it, and its
 * errno. The calls are read back from that text: masks, pointers and addresses by the names that
 * they have there. Between rows the recorder sets things up without telling; what matters of that
 * is done here where the row's kind begins. Left out: pids of the system's own where the answer is
 * a count of pages that happened not to move. */
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES 16
#define WORDS 4096

struct rows {
	struct nb_task *root, *user, *now; /* `now` makes the calls */
	uint64_t p;
	json_t *setup;
	unsigned homes; /* set_mempolicy_home_node(p, …) rows so far */
	bool getting;
	uint64_t mask[8], big[WORDS], ones[WORDS], w1024[WORDS], out[WORDS];
	uint64_t q[2];
	int nd[2], st[2], mode;
};

void errors_begin(struct run *r)
{
	struct rows *s = calloc(1, sizeof(*s));

	s->root = s->now = child_on(r, r->cpn[0]);
	s->p = mk(r, s->root, PAGES, NULL, NULL);
	touch(s->root, s->p, PAGES);
	memset(s->ones, 0xff, 256);
	s->w1024[0] = s->w1024[16] = 1;
	s->q[0] = s->p;
	s->q[1] = s->p + PAGE;
	r->state = s;
}

void errors_end(struct run *r)
{
	struct rows *s = r->state;

	if (s->user)
		child_end(s->user);
	child_end(s->root);
	json_decref(s->setup);
	free(s);
}

/* The words of a call: its arguments, split at commas. */
static unsigned split_call(const char *call, char word[8][64])
{
	const char *p = strchr(call, '(') + 1;
	unsigned n = 0;

	while (*p && n < 8) {
		unsigned depth = 0;
		size_t len = 0;

		for (; *p && (depth || (*p != ',' && *p != ')')); p++) {
			depth += *p == '(';
			depth -= *p == ')';
			if (len < 63)
				word[n][len++] = *p;
		}
		word[n++][len] = '\0';
		if (*p++ != ',')
			break;
	}
	return n;
}

static const struct {
	const char *name;
	int value;
} words[] = {
	{"DEF", 0},
	{"PREF", 1},
	{"BIND", 2},
	{"ILV", 3},
	{"LOCAL", 4},
	{"PMANY", 5},
	{"WILV", 6},
	{"F_STATIC", NB_MPOL_F_STATIC_NODES},
	{"F_RELATIVE", NB_MPOL_F_RELATIVE_NODES},
	{"F_NUMAB", NB_MPOL_F_NUMA_BALANCING},
	{"1<<12", 1 << 12},
	{"MF_STRICT", NB_MPOL_MF_STRICT},
	{"MF_MOVE", NB_MPOL_MF_MOVE},
	{"MF_MOVE_ALL", NB_MPOL_MF_MOVE_ALL},
};

/* Names and numbers, joined by |. */
static int bits_of(const char *s)
{
	int bits = 0;

	while (*s) {
		size_t len = strcspn(s, "|"), i;

		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (strlen(words[i].name) == len && !strncmp(words[i].name, s, len))
				break;
		}
		bits |= i < sizeof(words) / sizeof(words[0]) ? words[i].value : atoi(s);
		s += len + (s[len] == '|');
	}
	return bits;
}

/* "64", "~0ul", "-1ul", "-PS", "16*PS", "1ul<<62", "maxn+1". */
static uint64_t number(const struct rows *s, const char *w)
{
	char *end;
	uint64_t n;

	if (!strncmp(w, "maxn", 4))
		return (uint64_t)num(s->setup, "maxnode") +
		       (w[4] == '+' ? strtoull(w + 5, NULL, 10) : 0);
	if (*w == '~')
		return ~strtoull(w + 1, NULL, 0);
	if (*w == '-')
		return 0 - number(s, w + 1);
	if (!strcmp(w, "PS"))
		return PAGE;
	n = strtoull(w, &end, 0);
	end += strspn(end, "ul");
	if (!strncmp(end, "<<", 2))
		return n << strtoul(end + 2, NULL, 10);
	return !strcmp(end, "*PS") ? n * PAGE : n;
}

/* "p", "p+1", "p+20*PS", "(ul)p", "(void*)0x10000". */
static uint64_t address(const struct rows *s, const char *w)
{
	if (*w == '(')
		w = strchr(w, ')') + 1;
	if (*w != 'p')
		return number(s, w);
	return s->p + (w[1] == '+' ? number(s, w + 2) : 0);
}

static struct nb_user buffer(void *at, uint64_t bytes)
{
	return (struct nb_user){at, bytes, false};
}

/* A pointer argument. */
static struct nb_user pointer(struct rows *s, const char *w)
{
	static const struct {
		const char *name;
		uint64_t bits;
	} masks[] = {{"m0", 1}, {"m1", 2}, {"m01", 3}, {"z", 0}, {"allbits", UINT64_MAX}};
	static unsigned slot;

	if (!strcmp(w, "0"))
		return buffer(NULL, 0);
	if (*w == '(')
		return (struct nb_user){NULL, 0, true};
	if (!strcmp(w, "big"))
		return buffer(s->big, sizeof(s->big));
	if (!strcmp(w, "ones"))
		return buffer(s->ones, sizeof(s->ones));
	if (!strcmp(w, "w1024"))
		return buffer(s->w1024, sizeof(s->w1024));
	if (!strcmp(w, "out"))
		return buffer(s->out, sizeof(s->out));
	if (!strcmp(w, "q"))
		return buffer(s->q, sizeof(s->q));
	if (!strcmp(w, "nd"))
		return buffer(s->nd, sizeof(s->nd));
	if (!strcmp(w, "st"))
		return buffer(s->st, sizeof(s->st));
	if (!strcmp(w, "&mode"))
		return buffer(&s->mode, sizeof(s->mode));
	slot = (slot + 1) % 8;
	s->mask[slot] = strtoull(str(s->setup, strcmp(w, "&mm") ? w + 1 : "memmask"), NULL, 16);
	for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		if (!strcmp(w + 1, masks[i].name))
			s->mask[slot] = masks[i].bits;
	}
	return buffer(&s->mask[slot], sizeof(s->mask[slot]));
}

/* The whole of p; where the node has no memory this fails, as it did for the recorder. */
static void bind_all(struct rows *s, int mode, uint64_t mask)
{
	struct nb_nodemask m = mask_of(mask);

	(void)nb_mbind(s->root, s->p, PAGES * PAGE, mode, &m, 0);
}

/* What the recorder does before the n-th of these rows. */
static void before_home(struct rows *s, uint64_t memmask)
{
	static const struct {
		int mode;
		bool all;
	} policy[] = {{-1, false},
		      {NB_MPOL_BIND, true},
		      {NB_MPOL_INTERLEAVE, true},
		      {NB_MPOL_PREFERRED_MANY, true},
		      {NB_MPOL_PREFERRED, false}};
	unsigned n = s->homes++;

	if (n && n < sizeof(policy) / sizeof(policy[0]))
		bind_all(s, policy[n].mode, policy[n].all ? memmask : 1);
}

static int call(struct run *r, struct rows *s, const char *text, char w[8][64])
{
	struct nb_task *t = s->now;

	if (!strncmp(text, "set_mp(", 7))
		return nb_sys_set_mempolicy(t, bits_of(w[0]), pointer(s, w[1]), number(s, w[2]));
	if (!strncmp(text, "mbind_(", 7))
		return nb_sys_mbind(t, address(s, w[0]), number(s, w[1]), (uint64_t)bits_of(w[2]),
				    pointer(s, w[3]), number(s, w[4]), (unsigned)bits_of(w[5]));
	if (!strncmp(text, "get_mp(", 7)) {
		if (!s->getting)
			bind_all(s, NB_MPOL_DEFAULT, 0);
		s->getting = true;
		return nb_sys_get_mempolicy(t, pointer(s, w[0]), pointer(s, w[1]), number(s, w[2]),
					    address(s, w[3]), number(s, w[4]));
	}
	if (!strncmp(text, "movep(", 6))
		return nb_sys_move_pages(t, (int)number(s, w[0]), number(s, w[1]), pointer(s, w[2]),
					 pointer(s, w[3]), pointer(s, w[4]), bits_of(w[5]));
	if (!strncmp(text, "migp(", 5))
		return nb_sys_migrate_pages(t, (int)number(s, w[0]), number(s, w[1]),
					    pointer(s, w[2]), pointer(s, w[3]));
	if (!strncmp(text, "homen(", 6)) {
		if (!strcmp(text, "homen((ul)p,16*PS,0,0)"))
			before_home(s, r->memmask);
		return nb_sys_set_mempolicy_home_node(t, address(s, w[0]), number(s, w[1]),
						      number(s, w[2]), number(s, w[3]));
	}
	fail_msg("%s: an unknown call: %s", r->name, text);
	return 0;
}

void play_error(struct run *r, json_t *o)
{
	struct rows *s = r->state;
	const char *text = str(o, "call");
	char w[8][64];
	int err;

	if (!strcmp(r->case_name, "errors-setup")) {
		s->setup = json_incref(o);
		return;
	}
	if (!strcmp(r->case_name, "errors-now-uid-1000")) {
		bind_all(s, NB_MPOL_DEFAULT, 0);
		assert_int_equal(nb_task_fork(s->root, &s->user), 0);
		nb_task_set_uid(s->user, 1000);
		s->now = s->user;
		return;
	}
	r->case_name = text;
	(void)split_call(text, w);
	err = call(r, s, text, w);
	equal(r, "errno", err < 0 ? -err : 0, num(o, "errno"));
	if (num(o, "ret") <= 0) /* a count of another process's pages is nobody's to predict */
		equal(r, "result", err < 0 ? -1 : err, num(o, "ret"));
	(void)nb_set_mempolicy(s->now, NB_MPOL_DEFAULT, NULL);
}
