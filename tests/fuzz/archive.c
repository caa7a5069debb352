/* archive.c -- a tar archive from memory: what is kept has clean names and stays within the bounds.
 */
#include "read/archive.h"
#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nb_files files = {0};
	struct nb_error err = {0};
	int rc = nb_archive_load_memory("fuzz", data, size, &files, &err);

	must(!rc || (err.code == rc && err.text[0] && !files.nr));
	for (size_t i = 0; i < files.nr; i++) {
		const struct nb_file *f = files.all[i];

		must(f->path[0] && f->path[0] != '/' && !strstr(f->path, "//"));
		must(strncmp(f->path, "../", 3) && !strstr(f->path, "/../"));
		must(f->kind != NB_FILE_LINK || (f->data[0] == '/' && !strstr(f->data, "/../")));
		must(f->data[f->len] == '\0');
	}
	nb_files_release(&files);
	return 0;
}
