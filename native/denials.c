/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "denials.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int denials_open(struct denials *denials, int map)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *ring;
	void *mine;

	*denials = (struct denials){ .size = IMA_BPF_RING };
	if (map < 0)
		return 0;
	mine = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (mine == MAP_FAILED)
		return -errno;
	ring = mmap(NULL, page + 2 * denials->size, PROT_READ, MAP_SHARED, map,
		    (off_t)page);
	if (ring == MAP_FAILED)
		return -errno;
	denials->consumed = mine;
	denials->produced = (const uint64_t *)ring;
	denials->data = ring + page;
	return 0;
}

bool denials_are_left(const struct denials *denials)
{
	return denials->consumed &&
	       *denials->consumed <
		       __atomic_load_n(denials->produced, __ATOMIC_ACQUIRE);
}

/* A record is a header, what was written, and nothing up to eight bytes. */
static uint64_t length_of(uint32_t header)
{
	const uint32_t length =
		header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

	return ((uint64_t)length + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
}

void denials_read(struct denials *denials, denials_told *told, void *context)
{
	struct ima_bpf_denial denial;
	const unsigned char *record;
	uint64_t at;
	uint32_t header;

	if (!denials->consumed)
		return;
	at = *denials->consumed;
	while (at < __atomic_load_n(denials->produced, __ATOMIC_ACQUIRE)) {
		record = denials->data + (at & (denials->size - 1));
		header = __atomic_load_n((const uint32_t *)(const void *)record,
					 __ATOMIC_ACQUIRE);
		if (header & BPF_RINGBUF_BUSY_BIT)
			return;
		if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
			memcpy(&denial, record + BPF_RINGBUF_HDR_SZ,
			       sizeof(denial));
			denial.path[IMA_BPF_PATH - 1] = '\0';
			denial.name[sizeof(denial.name) - 1] = '\0';
			if (!told(context, &denial))
				return;
		}
		at += length_of(header);
		__atomic_store_n(denials->consumed, at, __ATOMIC_RELEASE);
	}
}
