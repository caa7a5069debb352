/* recorded_text.h -- recorded files of the captures, for tests of readers. */
#ifndef TESTS_UNIT_VIEW_RECORDED_TEXT_H
#define TESTS_UNIT_VIEW_RECORDED_TEXT_H

#include <stdio.h>
#include <stdlib.h>

/* A recorded file, or NULL where the captures are absent. */
static inline char *recorded(const char *path, size_t *len)
{
	const char *dir = getenv("NUMABOX_ORACLE");
	char full[1024], *text;
	FILE *f;

	if (!dir)
		return NULL;
	snprintf(full, sizeof(full), "%s/%s", dir, path);
	f = fopen(full, "rb");
	if (!f)
		return NULL;
	text = malloc(1 << 20);
	*len = fread(text, 1, (1 << 20) - 1, f);
	text[*len] = '\0';
	fclose(f);
	return text;
}

/* The phases of a recorded run under swap. */
static const char *const phases[] = {"0-empty", "1-filled", "2-read", "3-rewritten-random",
				     "4-hot-eighth"};

#endif
