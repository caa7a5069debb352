/* replay.c -- runs a fuzz target over a corpus without libFuzzer, for `make check`.
 *
 * Each file of the directory goes in as it is, cut short at many lengths, and with bytes changed.
 * The changes follow from the file's own contents, so every run is the same. A crash, a
 * sanitizer's report or a hang fails the test; one line of TAP a file.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUTS = 32, CHANGES = 64, FILES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* xorshift64*: small, and the same everywhere. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

/* From a block of its own size, so that a read past the end is seen. */
static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void replay(const uint8_t *data, size_t size)
{
	uint64_t state = 0x9e3779b97f4a7c15u ^ size;
	uint8_t *changed = malloc(size ? size : 1);

	if (!changed)
		abort();
	feed(data, size);
	for (size_t i = 0; i < CUTS && size; i++)
		feed(data, size * i / CUTS);
	for (size_t i = 0; i < CHANGES && size; i++) {
		memcpy(changed, data, size);
		for (unsigned n = 1 + i % 4; n > 0; n--)
			changed[next(&state) % size] = (uint8_t)next(&state);
		feed(changed, size);
	}
	free(changed);
}

static uint8_t *slurp(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, n;

	if (!f)
		return NULL;
	do {
		data = realloc(data, size + 65536);
		if (!data)
			abort();
		n = fread(data + size, 1, 65536, f);
		size += n;
	} while (n > 0);
	fclose(f);
	*ret_size = size;
	return data;
}

int main(int argc, char **argv)
{
	struct dirent **names;
	int count = argc == 2 ? scandir(argv[1], &names, NULL, alphasort) : -1;
	unsigned done = 0, failed = 0;

	if (count < 0) {
		fprintf(stderr, "usage: fuzz_NAME CORPUS-DIRECTORY\n");
		return 2;
	}
	for (int i = 0; i < count; i++) {
		char path[4096];
		size_t size = 0;
		uint8_t *data;

		if (names[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]->d_name);
			data = slurp(path, &size);
			if (data)
				replay(data, size);
			failed += !data;
			printf("%s %u - %s\n", data ? "ok" : "not ok", ++done, names[i]->d_name);
			fflush(stdout);
			free(data);
		}
		free(names[i]);
	}
	free(names);
	/* An empty corpus proves nothing. */
	if (done == 0)
		printf("not ok %u - no files in %s\n", ++done, argv[1]);
	printf("1..%u\n", done);
	return done == 0 || failed ? 1 : 0;
}
