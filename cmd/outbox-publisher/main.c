/* tro-outbox-publisher: takes committed events from the outbox to the bus. */
#include <unistd.h>

#include "runtime/runtime.h"

int main(int argc, char **argv)
{
	return service_main(argc, argv, environ, ROLE_PUBLISHER, "127.0.0.1:8082");
}
