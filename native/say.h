/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAHOST_SAY_H
#define IMAHOST_SAY_H

#include <stdint.h>

/*
 * One line to standard error. Dropped when the reader does not keep up: a
 * stopped terminal or journal must not stop the guard.
 */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same to standard output, without the program's name before it. */
void say_plain(const char *line);

/*
 * sd_notify: opens what NOTIFY_SOCKET names, or returns -1 without it. The
 * descriptor is opened once, before the first mark.
 */
int notify_open(void);
void notify_send(int notify, const char *state);
/* ns between two signs of life that the service manager wants, 0: none. */
uint64_t notify_watchdog(void);

#endif
