/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash BYTES TIMES: the median, in microseconds, of OpenSSL's SHA-256 of so many
 * bytes in memory: what hashing alone takes, however the bytes come.
 */
#include <err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	size_t bytes = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	size_t times = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned char *data;
	double *took;
	size_t i;

	if (!bytes || !times)
		errx(2, "usage: hash BYTES TIMES");
	data = malloc(bytes);
	took = calloc(times, sizeof(*took));
	if (!data || !took)
		err(1, NULL);
	memset(data, 'x', bytes);
	for (i = 0; i < times; i++) {
		double start = now();

		if (!EVP_Digest(data, bytes, digest, NULL, EVP_sha256(), NULL))
			errx(1, "SHA-256 failed");
		took[i] = now() - start;
	}
	qsort(took, times, sizeof(*took), compare);
	printf("%.3f\n", took[times / 2]);
	return 0;
}
