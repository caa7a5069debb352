/* tree_of.h -- captures made of a few texts, for the tests of the capture reader.
 *
 * A machine is built from {path, text} pairs in memory; every helper fails the test instead of
 * returning an error.
 */
#ifndef TESTS_UNIT_READ_TREE_OF_H
#define TESTS_UNIT_READ_TREE_OF_H

#include "read/capture.h"

struct text_file {
	const char *path, *text;
};

struct made {
	struct nb_port port;
	struct nb_capture *capture;
	struct nb_machine *machine;
	struct nb_error err;
	int bad; /* of nb_capture_to_machine() and nb_machine_seal() */
};

/* Files end with a NULL path. */
struct nb_tree *tree_of(const struct text_file *files);
/* A capture's sealed machine; `bad` and err say why there is none. */
void make_machine(struct made *m, const struct text_file *files);
/* The same, and it must work. */
void must_make(struct made *m, const struct text_file *files);
void unmake(struct made *m);
/* Is some note of the capture one that contains `part`? */
bool has_note(const struct made *m, const char *part);

/* A directory below the test's working directory, removed with remove_tree(). */
char *temp_dir(void);
void write_file(const char *dir, const char *path, const void *data, size_t len);
void write_text(const char *dir, const char *path, const char *text);
void remove_tree(char *dir);

#endif
