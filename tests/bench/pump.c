/*
 * The reference: a raw TLS pump. One process writes 16 KiB pieces by SSL_write
 * on a blocking socket, another reads them by SSL_read, over loopback TCP with
 * TLS 1.3 and both certificates. With a relay's port as the last argument the
 * reader connects through it (the slow line).
 *
 * usage: pump CA HOST.crt HOST.key USER.crt USER.key SECONDS [LISTEN CONNECT]
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define PIECE 16384

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static SSL_CTX *context(const char *ca, const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_verify(
		ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1 ||
	    SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die("certificates");
	return ctx;
}

static int listen_on(unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)*port)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, len) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		die("listen");
	*port = ntohs(a.sin_port);
	return fd;
}

static _Noreturn void write_forever(int listener, SSL_CTX *ctx)
{
	static const char piece[PIECE];
	int fd = accept(listener, NULL, NULL);
	SSL *ssl = SSL_new(ctx);
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) != 1)
		die("accept");
	while (SSL_write(ssl, piece, PIECE) == PIECE)
		;
	exit(0);
}

static double read_for(unsigned port, SSL_CTX *ctx, double seconds)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t warm, now, begin = 0, bytes = 0;
	SSL *ssl = SSL_new(ctx);
	char piece[PIECE];

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1)
		die("SSL_connect");
	warm = clock_monotonic_ns() + (uint64_t)(seconds * 2e8);
	for (;;) {
		int n = SSL_read(ssl, piece, PIECE);

		if (n <= 0)
			die("SSL_read");
		now = clock_monotonic_ns();
		if (!begin && now >= warm)
			begin = now;
		else if (begin)
			bytes += (uint64_t)n;
		if (begin && now - begin >= (uint64_t)(seconds * 1e9))
			return (double)bytes / ((double)(now - begin) / 1e9);
	}
}

int main(int argc, char **argv)
{
	unsigned port = argc > 8 ? (unsigned)atoi(argv[7]) : 0;
	double rate;
	int listener;
	pid_t writer;

	if (argc < 7) {
		fprintf(stderr, "usage: pump CA HOST.crt HOST.key USER.crt "
				"USER.key SECONDS [LISTEN CONNECT]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	listener = listen_on(&port);
	writer = fork();
	if (writer == 0)
		write_forever(listener, context(argv[1], argv[2], argv[3]));
	rate = read_for(argc > 8 ? (unsigned)atoi(argv[8]) : port,
			context(argv[1], argv[4], argv[5]), atof(argv[6]));
	kill(writer, SIGTERM);
	waitpid(writer, NULL, 0);
	printf("{\"bytes_per_second\": %.0f}\n", rate);
	return 0;
}
