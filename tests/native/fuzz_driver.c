/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libFuzzer calls for each input: hands it to tests/Fuzz, which runs the
 * instrumented readers, over pipes and shared memory as SharpFuzz expects
 * them. FUZZ_PROGRAM names the program, FUZZ_TARGET its argument.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <signal.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAP_SIZE (1 << 16)
#define MAX_INPUT (1 << 20)

/* SharpFuzz knows the descriptors by these numbers. */
#define CONTROL_FD 198
#define STATUS_FD 199

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* libFuzzer takes what changes in this section for coverage. */
__attribute__((used, section("__libfuzzer_extra_counters"))) static uint8_t
	counters[MAP_SIZE];

/* The limits of names, of data and of integers. */
static const uint32_t limits[] = {
	0, 255, 256, 1 << 24, (1 << 24) + 1, INT32_MAX, 1U << 31, UINT32_MAX,
};

/* The map that the instrumented code counts in, and after it the input. */
static uint8_t *shared;
static int control;
static int status;

static void die(const char *what)
{
	fprintf(stderr, "fuzz_driver: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void run_program(int shm, int from, int to)
{
	const char *program = getenv("FUZZ_PROGRAM");
	const char *target = getenv("FUZZ_TARGET");
	char number[16];

	if (!program || !target) {
		errno = EINVAL;
		die("FUZZ_PROGRAM and FUZZ_TARGET");
	}
	/* A program that hangs must not outlive libFuzzer's report of it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || dup2(from, CONTROL_FD) < 0 ||
	    dup2(to, STATUS_FD) < 0)
		die("prctl, dup2");
	snprintf(number, sizeof(number), "%d", shm);
	setenv("__LIBFUZZER_SHM_ID", number, 1);
	setenv("__LIBFUZZER_CONTROL_PIPE_ID", "198", 1);
	setenv("__LIBFUZZER_STATUS_PIPE_ID", "199", 1);
	execl(program, program, target, (char *)NULL);
	die(program);
}

/* The answer to an input, 0 if all is well; -1 when the program has ended. */
static int32_t wait_for_status(void)
{
	int32_t answer;
	ssize_t got;

	do {
		got = read(status, &answer, sizeof(answer));
	} while (got < 0 && errno == EINTR);
	return got == sizeof(answer) ? answer : -1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int to_program[2], from_program[2];
	int shm = shmget(IPC_PRIVATE, MAP_SIZE + MAX_INPUT, IPC_CREAT | 0600);
	pid_t child;

	(void)argc;
	(void)argv;
	if (shm < 0)
		die("shmget");
	shared = shmat(shm, NULL, 0);
	/* Linux lets the program attach it yet; nobody must free it. */
	if (shmctl(shm, IPC_RMID, NULL) || shared == (void *)-1)
		die("shmat");
	if (pipe(to_program) || pipe(from_program))
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		close(to_program[1]);
		close(from_program[0]);
		run_program(shm, to_program[0], from_program[1]);
	}
	close(to_program[0]);
	close(from_program[1]);
	control = to_program[1];
	status = from_program[0];
	if (wait_for_status() != 0) {
		errno = EPROTO;
		die("the program did not start");
	}
	return 0;
}

/* An abort makes libFuzzer write the input to a file and say which. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int32_t length = (int32_t)size;

	if (size > MAX_INPUT)
		return -1;
	memset(shared, 0, MAP_SIZE);
	memcpy(shared + MAP_SIZE, data, size);
	if (write(control, &length, sizeof(length)) != sizeof(length) ||
	    wait_for_status() != 0)
		abort();
	memcpy(counters, shared, MAP_SIZE);
	return 0;
}

/* Where, from there on, a length of bytes that follow may stand; or size. */
static size_t find_length(const uint8_t *data, size_t size, size_t from)
{
	uint32_t value;

	for (; from + sizeof(value) <= size; from++) {
		memcpy(&value, data + from, sizeof(value));
		if (value > 0 && value <= size - from)
			return from;
	}
	return size;
}

/*
 * One change in four is to a length, which blind changes seldom hit. ASCII has
 * none that is so small.
 */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	size_t at = size, choice;
	uint32_t value;

	if (size > 0 && rand_r(&seed) % 4 == 0)
		at = find_length(data, size, (size_t)rand_r(&seed) % size);
	if (at == size)
		return LLVMFuzzerMutate(data, size, max);

	memcpy(&value, data + at, sizeof(value));
	choice = (size_t)rand_r(&seed) % (ARRAY_SIZE(limits) + 3);
	if (choice < ARRAY_SIZE(limits))
		value = limits[choice];
	else if (choice == ARRAY_SIZE(limits))
		value++;
	else if (choice == ARRAY_SIZE(limits) + 1)
		value--;
	else
		value = (uint32_t)rand_r(&seed) % 256;
	memcpy(data + at, &value, sizeof(value));
	return size;
}
