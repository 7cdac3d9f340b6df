/* SPDX-License-Identifier: Apache-2.0 */
/* CHECK within begin(NAME) and end(): a test passes if all its checks hold. */
#ifndef IMAHOST_TESTS_CHECK_H
#define IMAHOST_TESTS_CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MOST_PRINTED 20

struct report {
	unsigned long passed, failed, printed;
	const char *test;
	bool ok;
};

static struct report report;

#define CHECK(condition, ...)                                                  \
	do {                                                                   \
		if (!(condition))                                              \
			check_failed(__LINE__, #condition, ##__VA_ARGS__);     \
	} while (0)

__attribute__((format(printf, 3, 4))) static void
check_failed(int line, const char *condition, const char *detail, ...)
{
	va_list arguments;

	report.ok = false;
	if (report.printed++ >= MOST_PRINTED)
		return;
	printf("%s: line %d: %s: ", report.test, line, condition);
	va_start(arguments, detail);
	vprintf(detail, arguments);
	va_end(arguments);
	printf("\n");
}

static void begin(const char *test)
{
	report.test = test;
	report.ok = true;
}

static void end(void)
{
	if (report.ok)
		report.passed++;
	else
		report.failed++;
}

#endif
