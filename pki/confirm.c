/*
 * Asking yes or no. Called by sign.
 */
#include "pki/confirm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"

#define ANSWER_SIZE 16

/* Up to the end of the line; what is too long for yes is cut. */
static ssize_t read_answer(int fd, char *answer)
{
	size_t len = 0;
	char byte = '\0';
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (byte != '\n' && byte != '\r' && len < ANSWER_SIZE - 1)
			answer[len++] = byte;
	} while (byte != '\n');
	answer[len] = '\0';
	return n;
}

int confirm_at(int fd, const char *question, struct error *err)
{
	static const char choice[] = " [yes/no] ";
	char answer[ANSWER_SIZE];

	if (file_write_all(fd, question, strlen(question), err) < 0 ||
	    file_write_all(fd, choice, strlen(choice), err) < 0)
		return -1;
	if (read_answer(fd, answer) >= 0 &&
	    (strcasecmp(answer, "yes") == 0 || strcasecmp(answer, "y") == 0))
		return 0;
	return error_set(err, ERROR_INTERRUPTED, "no: nothing was done");
}

int confirm(const char *question, bool batch, const char *instead,
	    struct error *err)
{
	autoclose int fd = -1;

	if (!batch)
		fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		return confirm_at(fd, question, err);
	return error_set(err, ERROR_USAGE, "%s. %s",
			 batch ? "--batch forbids to ask"
			       : "there is no terminal to ask at",
			 instead);
}
