/* encryption.c: defaults of TLS, and why a certificate was refused. */
#include "adapters/postgres/encryption.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_loopback(const char *address)
{
	assert(address != NULL);
	struct in6_addr six;
	struct in_addr four;
	if (inet_pton(AF_INET, address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &six) == 1 &&
	       (IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127));
}

/* From the DSN, else from the environment. */
static const char *setting_of(const struct connection *connection, const char *keyword, const char *variable)
{
	assert(variable != NULL);
	const char *text = connection_setting(connection, keyword);
	if (text == NULL)
		text = getenv(variable);
	return text == NULL || text[0] == '\0' ? NULL : text;
}

const char *encryption_mode(const struct connection *connection, const char *address)
{
	assert(connection != NULL && address != NULL);
	const char *mode = setting_of(connection, "sslmode", "PGSSLMODE");
	if (mode != NULL)
		return mode;
	return is_loopback(address) ? NULL : "verify-full";
}

/* The file that libpq looks for when nothing else is said. */
static bool has_file_of_user(void)
{
	char path[4096];
	const char *home = getenv("HOME");
	int length = snprintf(path, sizeof path, "%s/.postgresql/root.crt", home == NULL ? "" : home);
	assert(length > 0);
	return home != NULL && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

const char *encryption_authorities(const struct connection *connection, const char *mode)
{
	assert(connection != NULL);
	bool is_verified = mode != NULL && (strcmp(mode, "verify-full") == 0 || strcmp(mode, "verify-ca") == 0);
	if (!is_verified || setting_of(connection, "sslrootcert", "PGSSLROOTCERT") != NULL || has_file_of_user())
		return NULL;
	const char *given = getenv(X509_get_default_cert_file_env());
	return given != NULL && given[0] != '\0' ? given : X509_get_default_cert_file();
}

struct ssl_st *encryption_watch(PGconn *handle)
{
	assert(handle != NULL);
	SSL *ssl = PQsslStruct(handle, "OpenSSL");
	if (ssl != NULL)
		(void)SSL_up_ref(ssl);
	return ssl;
}

void encryption_complain(struct connection *connection, const struct ssl_st *ssl)
{
	assert(connection->handle != NULL);
	const char *message = PQerrorMessage(connection->handle);
	long verdict = ssl == NULL ? X509_V_OK : SSL_get_verify_result(ssl);
	if (strstr(message, "certificate verify failed") == NULL) {
		connection_complain(connection, "cannot connect", message);
		return;
	}
	/* Of a handshake that failed in the call that began it, libpq has freed the session, and with it the reason. */
	const char *reason = verdict == X509_V_OK ? "no trusted authority vouches for it, or it is not valid now"
	                                          : X509_verify_cert_error_string(verdict);
	char why[PING_PROBLEM_MAX];
	(void)snprintf(why, sizeof why, "%.*s: %s", (int)strcspn(message, "\n"), message, reason);
	connection_complain(connection, "cannot connect", why);
}
