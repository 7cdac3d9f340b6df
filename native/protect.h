/* SPDX-License-Identifier: Apache-2.0 */
/* What the two processes give up, so that nobody can make use of it. */
#ifndef IMAHOST_PROTECT_H
#define IMAHOST_PROTECT_H

#include <stdbool.h>

/*
 * The guard, when it has opened all it needs. What the machine refuses is said
 * and done without: a guard that ends opens the gate.
 * @host_may_label: the host to come keeps CAP_SYS_ADMIN.
 * @bpf: elements of BPF maps are looked up, set and deleted.
 * @again: an earlier image of this process did it, and its filter stays.
 */
void protect_guard(bool host_may_label, bool bpf, bool again);

/*
 * The host, between fork and exec. What exec takes back (no dumps of memory) it
 * does again by itself.
 */
void protect_host(bool may_label);

#endif
