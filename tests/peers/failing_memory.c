/* failing_memory.c: libtro-failing-memory.so, which makes one allocation of a program fail, for LD_PRELOAD.
 *
 * TRO_FAILING_MEMORY names a file of two numbers of 8 bytes, which the test maps, too: the number of allocations that succeed before one
 * fails (0: none fails), and the number so far. Only the program's own allocations count: those of libraries, which may handle failure
 * less well, are let through, unless TRO_FAILING_MEMORY_OF is "all". */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The names of glibc's own functions. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

struct control {
	_Atomic uint64_t countdown;
	_Atomic uint64_t count;
};

static struct control *control; /* NULL: nothing fails */
static uintptr_t program_begin, program_end;
static bool counts_all;

/* The first object is the program. */
static int find_program(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size, (void)context;
	program_begin = UINTPTR_MAX;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0)
			continue;
		uintptr_t begin = info->dlpi_addr + part->p_vaddr;
		program_begin = begin < program_begin ? begin : program_begin;
		program_end = begin + part->p_memsz > program_end ? begin + part->p_memsz : program_end;
	}
	return 1;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("TRO_FAILING_MEMORY"), *of = getenv("TRO_FAILING_MEMORY_OF");
	int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (file < 0)
		return;
	(void)dl_iterate_phdr(find_program, NULL);
	counts_all = of != NULL && strcmp(of, "all") == 0;
	void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	(void)close(file);
	control = mapped == MAP_FAILED ? NULL : mapped;
}

static bool fails(const void *caller)
{
	if (control == NULL || (!counts_all && ((uintptr_t)caller < program_begin || (uintptr_t)caller >= program_end)))
		return false;
	atomic_fetch_add(&control->count, 1);
	uint64_t left = atomic_load(&control->countdown);
	while (left > 0)
		if (atomic_compare_exchange_weak(&control->countdown, &left, left - 1))
			break;
	if (left != 1)
		return false;
	errno = ENOMEM;
	return true;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
	return fails(CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return fails(CALLER) ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails(CALLER) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
	void *made = fails(CALLER) ? NULL : __libc_memalign(alignment, size);
	if (made == NULL)
		return ENOMEM;
	*memory = made;
	return 0;
}

char *strndup(const char *text, size_t maximum)
{
	size_t length = strnlen(text, maximum);
	char *copy = fails(CALLER) ? NULL : __libc_malloc(length + 1);
	if (copy == NULL)
		return NULL;
	copy[length] = '\0';
	return memcpy(copy, text, length);
}

char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = fails(CALLER) ? NULL : __libc_malloc(size);
	return copy == NULL ? NULL : memcpy(copy, text, size);
}
