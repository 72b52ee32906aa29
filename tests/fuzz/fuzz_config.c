/* fuzz_config.c: any text as the value of any key, in the environment, in flags, in files and in a file of settings. Taken or refused, it
 * is shown on one line.
 *
 * The input is cut at zero bytes. A piece is a variable, NAME=value, unless it begins with
 *	-	it is an argument
 *	+	an argument follows
 *	%	decimal digits follow, the most bytes that the arena may have
 *	*	decimal digits follow, zero bytes that the file has behind its text
 *	@	the text of the file follows, to the end of the input, zero bytes and all; its path is FILE_PATH.
 * An input that names another device or descriptor is left out: reading might wait for it. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"

#define FILE_NUMBER 999
#define FILE_PATH "/dev/fd/999"
#define PIECES_MAX 32
#define ARENA_MAX ((size_t)16 << 20)
#define FILE_ZEROS_MAX ((size_t)1 << 17)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	char *variables[PIECES_MAX + 1];
	char *arguments[PIECES_MAX + 2]; /* the name of the program, too */
	char *pieces[PIECES_MAX];        /* each a block of its own, so that the sanitizer sees where it ends */
	int variable_count, argument_count, piece_count;
	size_t arena_max, zeros;
};

static bool is_harmless(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size, *found;
	if (memmem(data, size, "/proc", 5) != NULL)
		return false;
	while ((found = memmem(at, (size_t)(end - at), "/dev", 4)) != NULL) {
		at = found + sizeof FILE_PATH - 1;
		if (at > end || memcmp(found, FILE_PATH, sizeof FILE_PATH - 1) != 0 || (at < end && (unsigned char)*at > ' '))
			return false;
	}
	return true;
}

/* One file in memory for all inputs, so that none touches the disk. */
static void set_file(const uint8_t *text, size_t length, size_t zeros)
{
	static int file = -1;
	if (file < 0) {
		int memory = memfd_create("settings", MFD_CLOEXEC);
		file = memory < 0 ? -1 : fcntl(memory, F_DUPFD_CLOEXEC, FILE_NUMBER);
		close(memory);
	}
	if (file != FILE_NUMBER || ftruncate(file, 0) != 0 || pwrite(file, text, length, 0) != (ssize_t)length ||
	    ftruncate(file, (off_t)(length + zeros)) != 0) {
		perror(FILE_PATH);
		abort();
	}
}

static char *copy_piece(struct input *input, const char *text, size_t length)
{
	char *piece = malloc(length + 1);
	if (piece == NULL)
		abort();
	memcpy(piece, text, length);
	piece[length] = '\0';
	return input->pieces[input->piece_count++] = piece;
}

static void cut(const uint8_t *data, size_t size, struct input *input)
{
	const char *at = (const char *)data, *end = at + size;
	while (at < end && input->piece_count < PIECES_MAX) {
		size_t length = strnlen(at, (size_t)(end - at));
		if (*at == '@') {
			set_file((const uint8_t *)at + 1, (size_t)(end - at) - 1, input->zeros);
			return;
		}
		if (*at == '%')
			input->arena_max = strtoul(copy_piece(input, at + 1, length - 1), NULL, 10) % ARENA_MAX;
		else if (*at == '*')
			input->zeros = strtoul(copy_piece(input, at + 1, length - 1), NULL, 10) % FILE_ZEROS_MAX;
		else if (*at == '-')
			input->arguments[input->argument_count++] = copy_piece(input, at, length);
		else if (*at == '+')
			input->arguments[input->argument_count++] = copy_piece(input, at + 1, length - 1);
		else
			input->variables[input->variable_count++] = copy_piece(input, at, length);
		at += length + (at + length < end);
	}
}

/* Settings are shown as a file of them: comments, and a line for each. */
static void check_lines(struct slice text)
{
	struct slice rest = text, line;
	while (slice_cut(&rest, '\n', &line))
		assert(line.length == 0 ? rest.length == 0 : line.data[0] == '#' || (line.data[0] >= 'A' && line.data[0] <= 'Z'));
}

static void check(struct input *input)
{
	struct arena arena;
	struct config config;
	const char *message;
	int given = input->argument_count, left = given;
	arena_init(&arena, 4096, input->arena_max);
	if (config_load(&left, input->arguments, input->variables, NULL, &arena, &config, &message) == CONFIG_OK) {
		struct buffer text;
		buffer_init(&text, NULL, ARENA_MAX);
		config_print(&config, &text);
		assert(!text.failed);
		check_lines(buffer_slice(&text));
		buffer_release(&text);
	} else {
		assert(*message != '\0' && strchr(message, '\n') == NULL);
	}
	assert(left >= 1 && left <= given && input->arguments[left] == NULL);
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char program[] = "tro";
	struct input input = {.arguments = {program}, .argument_count = 1, .arena_max = ARENA_MAX};
	if (!is_harmless(data, size))
		return 0;
	set_file(data, 0, 0);
	cut(data, size, &input);
	check(&input);
	for (int i = 0; i < input.piece_count; i++)
		free(input.pieces[i]);
	return 0;
}
