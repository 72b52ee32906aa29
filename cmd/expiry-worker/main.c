/* tro-expiry-worker: ends holds and unpaid orders whose deadline has come. */
#include <unistd.h>

#include "runtime/runtime.h"

int main(int argc, char **argv)
{
	return service_main(argc, argv, environ, ROLE_EXPIRY, "127.0.0.1:8081");
}
