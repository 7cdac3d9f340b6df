/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contents PROGRAM DIR COUNT [foreign]: makes DIR/0, DIR/1, … of PROGRAM, each
 * with its number as its id.
 */
#include "content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	char name[256];
	uint64_t count;
	uint64_t i;

	errno = EINVAL;
	if (argc < 4)
		content_fail("contents takes three arguments or four");
	count = strtoul(argv[3], NULL, 10);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%llu", argv[2],
			 (unsigned long long)i);
		content_make(argv[1], name, argc > 4 ? i | CONTENT_FOREIGN : i);
	}
	return EXIT_SUCCESS;
}
