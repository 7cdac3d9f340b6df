/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MILLISECOND 1000000ull
#define EXIT_USAGE 2

static const char usage_text[] =
	"usage: imahost-guard [option]... [--watch PATH]... -- HOST "
	"[argument]...\n"
	"\n"
	"Holds program starts and ELF opens on the filesystems of the PATHs "
	"until\n"
	"HOST has judged them. Normally started by `imahost daemon`.\n"
	"\n"
	"  --watch PATH          watch the filesystem that holds PATH "
	"(repeatable);\n"
	"                        HOST may name more while it runs\n"
	"  --fs DIR              publish the measurement list at DIR\n"
	"  --cache N             verdicts held in the kernel at most (8192)\n"
	"  --linger MS           how long a lease outlives its verdict (200)\n"
	"  --deadline [exec:|mmap:|read:]MS\n"
	"                        longest wait for a verdict (10000), of "
	"program\n"
	"                        starts, opens of ELF files, other opens\n"
	"  --fail allow|deny     the answer when the deadline passes (allow)\n"
	"  --heartbeat MS        silence after which a host is replaced "
	"(2000)\n"
	"  --host-down wait|deny|allow\n"
	"                        while no host comes up (wait: as at the "
	"deadline)\n"
	"  --host-down-limit MS  how long each waits for its deadline before "
	"(0)\n"
	"  --bpf off|report|enforce\n"
	"                        what the BPF programs that `imahost-bpf load`"
	" attached\n"
	"                        do with code that nobody judged (off)\n"
	"  --fileless deny|allow|measure\n"
	"                        the same of code in memfds (deny)\n"
	"  --unwatched allow|deny\n"
	"                        and of code from where nothing is watched "
	"(allow)\n"
	"  --spare CAPABILITY    have them shelter guard and host from whoever"
	" lacks this\n"
	"                        one, by its number (0 to 63)\n"
	"  --trust FILE          HOST is made of it: it may become code while"
	" nobody judges,\n"
	"                        as long as it is not written (repeatable)\n"
	"  --host-labels         let the host write security.ima (--appraise "
	"fix)\n"
	"  --companion PID       end this TPM emulator with the guard\n"
	"  --help                print this and exit\n";

enum option_name {
	OPTION_WATCH = 256,
	OPTION_FS,
	OPTION_CACHE,
	OPTION_LINGER,
	OPTION_DEADLINE,
	OPTION_FAIL,
	OPTION_HEARTBEAT,
	OPTION_HOST_DOWN,
	OPTION_HOST_DOWN_LIMIT,
	OPTION_BPF,
	OPTION_FILELESS,
	OPTION_UNWATCHED,
	OPTION_SPARE,
	OPTION_TRUST,
	OPTION_HOST_LABELS,
	OPTION_COMPANION,
	OPTION_HELP,
};

static const struct option names[] = {
	{ "watch", required_argument, NULL, OPTION_WATCH },
	{ "fs", required_argument, NULL, OPTION_FS },
	{ "cache", required_argument, NULL, OPTION_CACHE },
	{ "linger", required_argument, NULL, OPTION_LINGER },
	{ "deadline", required_argument, NULL, OPTION_DEADLINE },
	{ "fail", required_argument, NULL, OPTION_FAIL },
	{ "heartbeat", required_argument, NULL, OPTION_HEARTBEAT },
	{ "host-down", required_argument, NULL, OPTION_HOST_DOWN },
	{ "host-down-limit", required_argument, NULL, OPTION_HOST_DOWN_LIMIT },
	{ "bpf", required_argument, NULL, OPTION_BPF },
	{ "fileless", required_argument, NULL, OPTION_FILELESS },
	{ "unwatched", required_argument, NULL, OPTION_UNWATCHED },
	{ "spare", required_argument, NULL, OPTION_SPARE },
	{ "trust", required_argument, NULL, OPTION_TRUST },
	{ "host-labels", no_argument, NULL, OPTION_HOST_LABELS },
	{ "companion", required_argument, NULL, OPTION_COMPANION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static _Noreturn void refuse(const char *what, const char *value)
{
	fprintf(stderr, "imahost-guard: %s%s%s; see --help\n", what,
		value ? ": " : "", value ? value : "");
	exit(EXIT_USAGE);
}

static uint64_t number(const char *option, const char *text, uint64_t least,
		       uint64_t most)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || value < least ||
	    value > most) {
		fprintf(stderr,
			"imahost-guard: --%s takes %llu to %llu, not '%s'\n",
			option, (unsigned long long)least,
			(unsigned long long)most, text);
		exit(EXIT_USAGE);
	}
	return value;
}

static uint64_t milliseconds(const char *option, const char *text)
{
	return number(option, text, 0, 3600000) * MILLISECOND;
}

static void set_host_down(struct options *options, const char *text)
{
	if (!strcmp(text, "wait"))
		options->host_down = HOST_DOWN_WAIT;
	else if (!strcmp(text, "deny"))
		options->host_down = HOST_DOWN_DENY;
	else if (!strcmp(text, "allow"))
		options->host_down = HOST_DOWN_ALLOW;
	else
		refuse("--host-down takes wait, deny or allow, not", text);
}

/* Data whose start cannot be seen may be ELF: it waits as that does. */
static void set_deadline(struct options *options, const char *text)
{
	const char *colon = strchr(text, ':');
	const uint64_t limit =
		milliseconds("deadline", colon ? colon + 1 : text);
	const bool all = !colon;

	if (colon && strncmp(text, "exec:", 5) && strncmp(text, "mmap:", 5) &&
	    strncmp(text, "read:", 5))
		refuse("--deadline knows exec:, mmap: and read:, not", text);
	if (all || text[0] == 'e')
		options->deadlines[IMA_ACCESS_EXEC] = limit;
	if (all || text[0] == 'm')
		options->deadlines[IMA_ACCESS_ELF] =
			options->deadlines[IMA_ACCESS_OPEN] = limit;
	if (all || text[0] == 'r')
		options->deadlines[IMA_ACCESS_DATA] = limit;
}

static void set_fail(struct options *options, const char *text)
{
	if (strcmp(text, "deny") && strcmp(text, "allow"))
		refuse("--fail takes allow or deny, not", text);
	options->fail_deny = !strcmp(text, "deny");
}

/* The number of @value among @words, which @option takes. */
static int choice(const char *option, const char *value,
		  const char *const *words)
{
	int i;

	for (i = 0; words[i]; i++)
		if (!strcmp(value, words[i]))
			return i;
	refuse(option, value);
}

static void set_bpf(struct options *options, int name, const char *value)
{
	static const char *const modes[] = { "off", "report", "enforce", NULL };
	static const char *const answers[] = { "deny", "allow", "measure",
					       NULL };
	static const char *const unwatched[] = { "allow", "deny", NULL };

	if (name == OPTION_BPF)
		options->bpf = (enum ima_bpf_mode)choice(
			"--bpf takes off, report or enforce, not", value,
			modes);
	else if (name == OPTION_FILELESS)
		options->fileless = (enum ima_bpf_fileless)choice(
			"--fileless takes deny, allow or measure, not", value,
			answers);
	else if (name == OPTION_SPARE)
		options->spared = 1ull << number("spare", value, 0, 63);
	else
		options->refuse_unwatched =
			choice("--unwatched takes allow or deny, not", value,
			       unwatched);
}

static void set(struct options *options, int name, char *value)
{
	switch (name) {
	case OPTION_WATCH:
		options->watch[options->watches++] = value;
		break;
	case OPTION_TRUST:
		options->trust[options->trusts++] = value;
		break;
	case OPTION_FS:
		options->fs = value;
		break;
	case OPTION_CACHE:
		options->cache = number("cache", value, 0, 1000000);
		break;
	case OPTION_LINGER:
		options->linger = milliseconds("linger", value);
		break;
	case OPTION_DEADLINE:
		set_deadline(options, value);
		break;
	case OPTION_FAIL:
		set_fail(options, value);
		break;
	case OPTION_HEARTBEAT:
		options->heartbeat = milliseconds("heartbeat", value);
		break;
	case OPTION_HOST_DOWN:
		set_host_down(options, value);
		break;
	case OPTION_HOST_DOWN_LIMIT:
		options->host_down_limit =
			milliseconds("host-down-limit", value);
		break;
	case OPTION_BPF:
	case OPTION_FILELESS:
	case OPTION_UNWATCHED:
	case OPTION_SPARE:
		set_bpf(options, name, value);
		break;
	case OPTION_HOST_LABELS:
		options->may_label = true;
		break;
	case OPTION_COMPANION:
		options->companion =
			(int)number("companion", value, 2, 4194304);
		break;
	case OPTION_HELP:
		fputs(usage_text, stdout);
		exit(EXIT_SUCCESS);
	default:
		exit(EXIT_USAGE); /* getopt has said why */
	}
}

void options_parse(struct options *options, int argc, char **argv)
{
	int name;

	*options = (struct options){
		.cache = 8192,
		.linger = 200 * MILLISECOND,
		.heartbeat = 2000 * MILLISECOND,
	};
	set_deadline(options, "10000");
	options->watch = calloc((size_t)argc, sizeof(*options->watch));
	options->trust = calloc((size_t)argc, sizeof(*options->trust));
	if (!options->watch || !options->trust)
		refuse("out of memory", NULL);
	while ((name = getopt_long(argc, argv, "+", names, NULL)) != -1)
		set(options, name, optarg);
	if (optind >= argc)
		refuse("no host to start", NULL);
	options->command = argv + optind;
}
