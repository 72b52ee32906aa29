/* replay.c: runs a fuzz target over files and folders of inputs once, for the builds without libFuzzer.
 *
 *	fuzz_thing PATH...	exit 1 when there is no input at all */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_LENGTH_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_LENGTH_MAX);
	if (file == NULL || data == NULL) {
		perror(path);
		exit(1);
	}
	size_t size = fread(data, 1, INPUT_LENGTH_MAX, file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

/* The number of inputs below the path. */
static unsigned replay(const char *path)
{
	struct stat status;
	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode))
		return replay_file(path);
	DIR *folder = opendir(path);
	if (folder == NULL) {
		perror(path);
		exit(1);
	}
	unsigned count = 0;
	for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		if (entry->d_name[0] == '.')
			continue;
		char child[4096];
		snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
		count += replay(child);
	}
	closedir(folder);
	return count;
}

int main(int argument_count, char **arguments)
{
	unsigned count = 0;
	for (int i = 1; i < argument_count; i++)
		count += replay(arguments[i]);
	printf("%u inputs\n", count);
	return count == 0;
}
