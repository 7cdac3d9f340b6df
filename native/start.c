/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that opens anything, before anything is watched. */
#define _GNU_SOURCE
#include "guard.h"
#include "publish.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Descriptors besides those of held and cached files. */
#define SPARE_FDS 1024
/* With fewer no event would ever be read. */
#define LEAST_FDS 512
#define LOADER "imahost-bpf"

/* As many descriptors as the cache wants, or as we get. */
static size_t raise_descriptor_limit(size_t cache)
{
	struct rlimit limit;
	struct rlimit wanted = { .rlim_cur = cache + SPARE_FDS + 4096,
				 .rlim_max = cache + SPARE_FDS + 4096 };

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	if (wanted.rlim_max < limit.rlim_max)
		wanted.rlim_max = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return wanted.rlim_cur;
	wanted.rlim_cur = limit.rlim_max;
	wanted.rlim_max = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return wanted.rlim_cur;
	return limit.rlim_cur;
}

int start_slots(struct guard *guard, size_t least)
{
	size_t limit = raise_descriptor_limit(guard->options.cache);
	size_t room = limit > SPARE_FDS * 2 ? limit - SPARE_FDS * 2 : 0;

	if (limit < LEAST_FDS) {
		say("the limit of %zu open files is too low: %d are needed",
		    limit, LEAST_FDS);
		return -EMFILE;
	}
	if (guard->options.cache > room) {
		say("the limit of %zu open files leaves room for %zu cached"
		    " verdicts, not %zu",
		    limit, room, guard->options.cache);
		guard->options.cache = room;
	}
	return slots_init(&guard->slots, limit > least ? limit : least);
}

static int start_signals(struct guard *guard)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, GATE_LEASE_SIGNAL);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	(void)signal(SIGCHLD, SIG_DFL);
	guard->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return guard->signals < 0 ? -errno : 0;
}

/* Swapped out, the guard could wait for a disk that waits for the guard. */
static void start_memory(void)
{
	FILE *score;

	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		say("memory is not locked: %s", strerror(errno));
	score = fopen("/proc/self/oom_score_adj", "we");
	if (!score)
		return;
	/* Refused without CAP_SYS_RESOURCE; nothing else depends on it. */
	(void)fputs("-1000", score);
	(void)fclose(score);
}

static const char *why_no_watch(int error)
{
	if (error == -EPERM)
		return "needs CAP_SYS_ADMIN in the initial user namespace";
	if (error == -EINVAL || error == -EOPNOTSUPP || error == -ENODEV)
		return "this filesystem has no permission events";
	return strerror(-error);
}

static int watch(struct guard *guard, const char *path)
{
	int error = gate_watch(&guard->gate, path);
	int fd;

	if (error || !verdicts_are_kept(&guard->verdicts))
		return error;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = verdicts_watch(&guard->verdicts, fd);
	close(fd);
	return error;
}

static int start_watches(struct guard *guard)
{
	int error;
	int i;

	for (i = 0; i < guard->options.watches; i++) {
		error = watch(guard, guard->options.watch[i]);
		if (error) {
			say("cannot watch %s: %s (errno %d)",
			    guard->options.watch[i], why_no_watch(error),
			    -error);
			return error;
		}
	}
	return 0;
}

static void trust(struct guard *guard, const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const bool trusted = fd >= 0 && gate_is_trusted(fd) &&
			     verdicts_trust(&guard->verdicts, fd);

	if (!trusted)
		say("%s could not be started again while nobody judges: only"
		    " root may write it",
		    path);
	if (fd >= 0)
		close(fd);
}

/* What takes the programs up again, and away: it lies beside this one. */
static void trust_loader(struct guard *guard)
{
	char path[4096];
	const ssize_t length =
		readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *name;

	if (length < 0)
		return;
	path[length] = '\0';
	name = strrchr(path, '/');
	if (!name || (size_t)(name + 1 - path) + sizeof(LOADER) > sizeof(path))
		return;
	memcpy(name + 1, LOADER, sizeof(LOADER));
	if (access(path, F_OK) == 0)
		trust(guard, path);
}

/* Linux 6.5 has the layers of an overlay raise the events. */
static bool layers_tell(void)
{
	struct utsname system;
	unsigned int major = 0;
	unsigned int minor = 0;

	return uname(&system) == 0 &&
	       sscanf(system.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 5));
}

/* What the loader has pinned, and what has to run when the guard is dead. */
static int open_verdicts(struct guard *guard)
{
	struct ima_bpf_config *config = &guard->verdicts.config;
	int error;
	int i;

	if (guard->options.bpf == IMA_BPF_OFF)
		return 0;
	error = verdicts_open(&guard->verdicts, guard->now);
	if (!error)
		error = denials_open(&guard->denials,
				     guard->verdicts.maps[VERDICT_DENIALS]);
	if (error)
		return error;
	config->fileless = guard->options.fileless;
	config->unwatched = guard->options.refuse_unwatched;
	config->layers = layers_tell();
	trust(guard, "/proc/self/exe");
	trust(guard, guard->options.command[0]);
	trust_loader(guard);
	for (i = 0; i < guard->options.trusts; i++)
		trust(guard, guard->options.trust[i]);
	return 0;
}

static int start_publishing(struct guard *guard)
{
	int error;

	guard->host.fuse = -1;
	if (!guard->options.fs)
		return 0;
	error = publish_mount(guard->options.fs, &guard->host.fuse);
	if (error) {
		say("cannot mount %s: %s", guard->options.fs,
		    error == -EBUSY ? "another imahost publishes there"
		    : access("/dev/fuse", R_OK | W_OK) < 0
			    ? "/dev/fuse cannot be used (modprobe fuse?)"
			    : strerror(-error));
		return error;
	}
	guard->host.fuse = host_raise_fd(guard->host.fuse);
	return guard->host.fuse < 0 ? guard->host.fuse : 0;
}

static int failed(const char *what, int error)
{
	if (error)
		say("%s: %s", what,
		    error == -EPERM ? "needs CAP_SYS_ADMIN (run as root)"
				    : strerror(-error));
	return error;
}

void start_common(struct guard *guard)
{
	guard->counters = &guard->host.shared->counters;
	guard->host.command = guard->options.command;
	guard->host.heartbeat = guard->options.heartbeat;
	guard->host.may_label = guard->options.may_label;
	guard->watchdog = notify_watchdog();
	/* Whatever an earlier image had: the first turn sees. */
	guard->is_crowd = true;
	start_memory();
}

static uint64_t clock_since_epoch(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

/*
 * A process that dies closes the highest number first. Whoever waits for us
 * also holds the inotify group, whose close waits for him: the fanotify group,
 * which lets him go, must be closed before.
 */
static int raise_group(struct gate *gate, size_t limit)
{
	int high = fcntl(gate->group, F_DUPFD_CLOEXEC, (int)limit - 1);

	if (high < 0)
		return -errno;
	close(gate->group);
	gate->group = high;
	return 0;
}

/* In an order that can be undone. */
int start(struct guard *guard)
{
	int error;

	if (guard->options.companion)
		guard->companion = (int)syscall(SYS_pidfd_open,
						guard->options.companion, 0);
	error = failed("cannot start fanotify", gate_open(&guard->gate));
	if (!error)
		error = failed("cannot set up the slots",
			       start_slots(guard, 0));
	if (!error)
		error = failed("cannot watch for changes",
			       changes_open(&guard->changes, CHANGES_NEW,
					    guard->slots.capacity));
	if (!error)
		error = failed("cannot set up signals", start_signals(guard));
	if (!error)
		error = failed("cannot share memory", host_init(&guard->host));
	if (!error)
		error = failed("cannot take up the BPF programs",
			       open_verdicts(guard));
	if (!error)
		error = start_publishing(guard);
	if (error)
		return error;
	guard->notify = notify_open();
	start_common(guard);
	error = failed("cannot place the fanotify group",
		       raise_group(&guard->gate, guard->slots.capacity));
	if (!error)
		error = start_watches(guard);
	guard->host.shared->since = clock_since_epoch();
	if (error && guard->options.fs)
		publish_unmount(guard->options.fs);
	return error;
}
