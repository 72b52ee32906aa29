/* tro: every role in one program, and the tools around them. */
#include "runtime/commands.h"

#include <unistd.h>

int main(int argc, char **argv)
{
	return tro_main(argc, argv, environ);
}
