/* child.c -- one piece of work in a child process, with bounds on time and memory; see child.h.
 *
 * The child sends its result as struct reply and then the text. Parent and child are the same
 * program, so the struct needs no other form; its contents are still not trusted: lengths are
 * checked, texts are ended.
 */
#define _GNU_SOURCE /* pipe2 */
#include "read/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A sanitizer's shadow alone is larger than any bound on memory. gcc says so by a macro, clang by a
 * feature. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NB_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define NB_SANITIZED
#endif
#endif

struct reply {
	int code;
	struct nb_error err;
};

static void send_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			_exit(1);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

static void bound_child(unsigned seconds)
{
	struct rlimit cpu = {seconds, seconds + 1}, core = {0, 0};

	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
#ifndef NB_SANITIZED
	struct rlimit memory = {NB_CHILD_MAX_MEMORY, NB_CHILD_MAX_MEMORY};

	setrlimit(RLIMIT_AS, &memory);
#endif
}

__attribute__((noreturn)) static void
run_child(int fd, unsigned seconds,
	  int (*work)(void *ctx, struct nb_text *out, struct nb_error *err), void *ctx)
{
	struct reply reply = {0};
	struct nb_text out = {0};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	/* A program that catches its own crashes would do so here too, with the parent's state. */
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	bound_child(seconds);
	reply.code = work(ctx, &out, &reply.err);
	send_all(fd, &reply, sizeof(reply));
	send_all(fd, nb_text_str(&out), out.len);
	_exit(0);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* All that the child sends. 0, or -NB_EFBIG past time or size. */
static int receive(int fd, unsigned seconds, struct nb_text *all)
{
	int64_t deadline = now_ms() + (int64_t)seconds * 1000, left;
	char buf[65536];
	ssize_t n;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		left = deadline - now_ms();
		if (left <= 0)
			return -NB_EFBIG;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return -NB_EIO;
		if (!p.revents)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -NB_EIO;
		if (n > 0)
			nb_text_add(all, buf, (size_t)n);
		if (all->len > NB_CHILD_MAX_OUTPUT)
			return -NB_EFBIG;
	}
}

/* Why there is no whole reply. */
static int report_death(const char *what, unsigned seconds, int rc, int status,
			struct nb_error *err)
{
	if (rc == -NB_EFBIG || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
		return nb_error_set(
			err, -NB_EFBIG, 0,
			"%s cannot be read: it takes more than %u seconds or too much room", what,
			seconds);
	if (rc)
		return nb_error_set(err, rc, 0, "%s cannot be read", what);
	return nb_error_set(err, -NB_EINVAL, 0,
			    "%s cannot be read: the library for it fails on this input", what);
}

static int take_reply(const char *what, unsigned seconds, const struct nb_text *all, int rc,
		      int status, struct nb_text *out, struct nb_error *err)
{
	struct reply reply;

	if (rc || !WIFEXITED(status) || WEXITSTATUS(status) || all->len < sizeof(reply))
		return report_death(what, seconds, rc, status, err);
	memcpy(&reply, all->s, sizeof(reply));
	reply.err.file[sizeof(reply.err.file) - 1] = '\0';
	reply.err.text[sizeof(reply.err.text) - 1] = '\0';
	if (reply.code) {
		nb_error_set(err, reply.code, reply.err.line, "%s",
			     reply.err.text[0] ? reply.err.text : "cannot be read");
		return reply.code;
	}
	nb_text_add(out, all->s + sizeof(reply), all->len - sizeof(reply));
	return 0;
}

int nb_in_child(const char *what, unsigned seconds,
		int (*work)(void *ctx, struct nb_text *out, struct nb_error *err), void *ctx,
		struct nb_text *out, struct nb_error *err)
{
	struct nb_text all = {0};
	int fds[2], status = 0, rc;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return nb_error_set(err, -errno, 0, "no pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		run_child(fds[1], seconds, work, ctx);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return nb_error_set(err, -NB_EAGAIN, 0, "no further process: %s", strerror(errno));
	}
	rc = receive(fds[0], seconds, &all);
	close(fds[0]);
	if (rc)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	rc = take_reply(what, seconds, &all, rc, status, out, err);
	nb_text_release(&all);
	return rc;
}
