/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "say.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void write_if_ready(int fd, const char *line, size_t length)
{
	struct pollfd poller = { .fd = fd, .events = POLLOUT };

	/* A pipe that polls writable takes a line below PIPE_BUF at once. */
	if (poll(&poller, 1, 0) == 1 && (poller.revents & POLLOUT) &&
	    write(fd, line, length) < 0)
		return;
}

void say(const char *format, ...)
{
	char line[512] = "imahost-guard: ";
	const size_t start = strlen(line);
	size_t length;
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line + start, sizeof(line) - start - 1, format,
			arguments);
	va_end(arguments);
	length = strlen(line);
	line[length++] = '\n';
	write_if_ready(STDERR_FILENO, line, length);
}

void say_plain(const char *line)
{
	write_if_ready(STDOUT_FILENO, line, strlen(line));
}

int notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length;
	int notify;

	if (!path || (path[0] != '/' && path[0] != '@') ||
	    strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			     strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify < 0)
		return -1;
	if (connect(notify, (const struct sockaddr *)&address, length) == 0)
		return notify;
	close(notify);
	return -1;
}

void notify_send(int notify, const char *state)
{
	if (notify >= 0)
		(void)send(notify, state, strlen(state), MSG_NOSIGNAL);
}

uint64_t notify_watchdog(void)
{
	const char *limit = getenv("WATCHDOG_USEC");
	const char *whose = getenv("WATCHDOG_PID");

	if (!limit || (whose && atol(whose) != (long)getpid()))
		return 0;
	/* A third, so that one that comes late is not the last. */
	return strtoull(limit, NULL, 10) * 1000 / 3;
}
