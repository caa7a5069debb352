/* tree_of.c -- captures made of a few texts, for the tests of the capture reader. */
#define _GNU_SOURCE /* nftw */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree_of.h"

struct nb_tree *tree_of(const struct text_file *files)
{
	struct nb_tree *t = nb_tree_new_empty("made");

	for (; files->path; files++)
		nb_tree_add(t, files->path, files->text, strlen(files->text));
	nb_tree_expand(t);
	return t;
}

void make_machine(struct made *m, const struct text_file *files)
{
	memset(m, 0, sizeof(*m));
	nb_port_posix(&m->port, false);
	m->bad = nb_capture_from_tree(tree_of(files), &m->capture, &m->err);
	if (m->bad)
		return;
	m->machine = nb_machine_new(&m->port);
	assert_non_null(m->machine);
	m->bad = nb_capture_to_machine(m->capture, m->machine, false, &m->err);
	if (!m->bad)
		m->bad = nb_machine_seal(m->machine, &m->err);
}

void must_make(struct made *m, const struct text_file *files)
{
	make_machine(m, files);
	if (m->bad)
		fail_msg("%s:%u: %s", m->err.file, m->err.line, m->err.text);
}

void unmake(struct made *m)
{
	nb_capture_free(m->capture);
	nb_machine_free(m->machine);
}

bool has_note(const struct made *m, const char *part)
{
	const char *note;

	for (size_t i = 0; (note = nb_capture_note(m->capture, i)); i++)
		if (strstr(note, part))
			return true;
	return false;
}

char *temp_dir(void)
{
	char *dir = strdup("nb-test-XXXXXX");

	assert_non_null(dir);
	assert_non_null(mkdtemp(dir));
	return dir;
}

void write_file(const char *dir, const char *path, const void *data, size_t len)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", dir, path);
	for (char *p = full + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	f = fopen(full, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

void write_text(const char *dir, const char *path, const char *text)
{
	write_file(dir, path, text, strlen(text));
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void remove_tree(char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(dir);
}
