/* tro-api: the API alone. */
#include <unistd.h>

#include "runtime/runtime.h"

int main(int argc, char **argv)
{
	return service_main(argc, argv, environ, ROLE_API, "127.0.0.1:8080");
}
