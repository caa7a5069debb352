/* jsonq.c -- reads a JSON file strictly and prints one value of it; for the shell tests.
 *
 * jsonq FILE             is it JSON, with no key twice?
 * jsonq FILE a.0.b       the value there: text bare, anything else as JSON
 * jsonq FILE a#          how many members or elements
 * Status 1: not JSON, 2: nothing at that path.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const json_t *step(const json_t *j, const char *key)
{
	char *end;
	size_t i;

	if (!json_is_array(j))
		return json_object_get(j, key);
	i = strtoul(key, &end, 10);
	return *key && !*end ? json_array_get(j, i) : NULL;
}

static void print(const json_t *j)
{
	if (json_is_string(j))
		puts(json_string_value(j));
	else if (j && json_dumpf(j, stdout, JSON_ENCODE_ANY | JSON_COMPACT) == 0)
		putchar('\n');
}

int main(int argc, char **argv)
{
	json_error_t err;
	json_t *root;
	const json_t *at;
	bool count = false;

	if (argc < 2)
		return 2;
	root = json_load_file(argv[1], JSON_REJECT_DUPLICATES, &err);
	if (!root) {
		fprintf(stderr, "%s:%d: %s\n", argv[1], err.line, err.text);
		return 1;
	}
	at = root;
	if (argc > 2) {
		size_t len = strlen(argv[2]);

		if (len && argv[2][len - 1] == '#') {
			count = true;
			argv[2][len - 1] = '\0';
		}
		for (char *key = strtok(argv[2], "."); key && at; key = strtok(NULL, "."))
			at = step(at, key);
		if (!at) {
			fprintf(stderr, "%s: nothing there\n", argv[2]);
			return 2;
		}
		if (count)
			printf("%zu\n",
			       json_is_array(at) ? json_array_size(at) : json_object_size(at));
		else
			print(at);
	}
	json_decref(root);
	return 0;
}
