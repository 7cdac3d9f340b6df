/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imahost-bpf: loads the programs of ima.bpf.c, attaches and pins them, so that
 * they outlive whoever runs; and takes them away again. Static, and no part of
 * the guard: libbpf opens and allocates, which the guard does not.
 */
#define _GNU_SOURCE
#include "ima_bpf.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPFFS "/sys/fs/bpf"
#define LSM_LIST "/sys/kernel/security/lsm"
#define SWITCH_OFF "imahost.bpf=off"
/* Arguments of inode_setattr since Linux 6.9, and where it was taken back to.
 */
#define SETATTR_ARGUMENTS 3

enum {
	DONE = 0,
	NOT_OFFERED = 1, /* by this kernel, or by whoever booted it */
	FAILED = 2,
};

/* The object, which the build puts in here (bpf_object.S). */
extern const char ima_bpf_object[];
extern const char ima_bpf_object_end[];

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("imahost-bpf: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
}

/* What the kernel's verifier has to say is kept for when nothing loads. */
__attribute__((format(printf, 2, 0))) static int
quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level != LIBBPF_WARN || !getenv("IMAHOST_BPF_DEBUG"))
		return 0;
	return vfprintf(stderr, format, arguments);
}

/* Is @word one of those that @separators divide the file into? */
static bool has_word(const char *path, const char *word, const char *separators)
{
	char text[4096] = "";
	FILE *file = fopen(path, "re");
	char *rest = text;
	char *found;

	if (!file)
		return false;
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	(void)fclose(file);
	while ((found = strsep(&rest, separators)))
		if (!strcmp(found, word))
			return true;
	return false;
}

static int remove_pins(void)
{
	char path[512];
	DIR *directory = opendir(IMA_BPF_DIR);
	const struct dirent *entry;
	int error = 0;

	if (!directory)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), IMA_BPF_DIR "/%s",
			       entry->d_name);
		if (unlink(path) < 0)
			error = -errno;
	}
	(void)closedir(directory);
	if (!error && rmdir(IMA_BPF_DIR) < 0)
		error = -errno;
	return error;
}

static int unload(void)
{
	const int error = remove_pins();

	if (!error)
		return DONE;
	say("cannot remove " IMA_BPF_DIR ": %s", strerror(-error));
	return FAILED;
}

/* 0, or -errno when nothing is pinned. */
static int read_config(struct ima_bpf_config *config)
{
	const __u32 only = 0;
	int map = bpf_obj_get(IMA_BPF_DIR "/config");
	int error;

	if (map < 0)
		return -errno;
	error = bpf_map_lookup_elem(map, &only, config) < 0 ? -errno : 0;
	close(map);
	return error;
}

/* @mounted: it was not there, and is now. */
static int mount_bpffs(bool *mounted)
{
	struct statfs fs;

	*mounted = false;
	if (statfs(BPFFS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700") < 0)
		return -errno;
	*mounted = true;
	return 0;
}

/* What was pinned by another version cannot be gone on with. */
static int prepare(void)
{
	struct ima_bpf_config config;

	if (read_config(&config) == 0 && config.version &&
	    config.version != IMA_BPF_VERSION) {
		say("programs of version %u are replaced by version %u",
		    config.version, IMA_BPF_VERSION);
		if (unload() != DONE)
			return FAILED;
	}
	if (mkdir(IMA_BPF_DIR, 0700) < 0 && errno != EEXIST) {
		say("cannot make " IMA_BPF_DIR ": %s", strerror(errno));
		return FAILED;
	}
	return DONE;
}

/* The number of arguments of a hook here, or 0. */
static unsigned int arguments_of(const char *hook)
{
	struct btf *btf = btf__load_vmlinux_btf();
	unsigned int count = 0;
	const struct btf_type *type;
	int id = btf ? btf__find_by_name_kind(btf, hook, BTF_KIND_FUNC) : -1;

	if (id > 0) {
		type = btf__type_by_id(btf,
				       btf__type_by_id(btf, (__u32)id)->type);
		count = type ? btf_vlen(type) : 0;
	}
	btf__free(btf);
	return count;
}

/* The programs that fit this kernel, with the maps that are pinned already. */
static struct bpf_object *open_object(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "imahost");
	struct bpf_object *object = bpf_object__open_mem(
		ima_bpf_object, (size_t)(ima_bpf_object_end - ima_bpf_object),
		&options);
	const bool shifted =
		arguments_of("bpf_lsm_inode_setattr") >= SETATTR_ARGUMENTS;
	struct bpf_map *map;
	char path[256];

	if (!object)
		return NULL;
	(void)bpf_program__set_autoload(
		bpf_object__find_program_by_name(
			object, shifted ? "ima_setattr_6_8" : "ima_setattr"),
		false);
	bpf_object__for_each_map(map, object)
	{
		(void)snprintf(path, sizeof(path), IMA_BPF_DIR "/%s",
			       bpf_map__name(map));
		(void)bpf_map__set_pin_path(map, path);
	}
	return object;
}

/* In place of one that is pinned already only when this one is attached. */
static int attach(struct bpf_program *program)
{
	char path[256];
	struct bpf_link *link = bpf_program__attach(program);
	int error;

	if (!link)
		return -errno;
	(void)snprintf(path, sizeof(path), IMA_BPF_DIR "/link_%s",
		       bpf_program__name(program));
	if (unlink(path) < 0 && errno != ENOENT)
		error = -errno;
	else
		error = bpf_link__pin(link, path);
	(void)bpf_link__destroy(link);
	return error;
}

static int mark_version(const struct bpf_object *object)
{
	const int map = bpf_object__find_map_fd_by_name(object, "config");
	const __u32 only = 0;
	struct ima_bpf_config config;

	if (bpf_map_lookup_elem(map, &only, &config) < 0)
		return -errno;
	if (config.version)
		return 0;
	config.version = IMA_BPF_VERSION;
	return bpf_map_update_elem(map, &only, &config, BPF_ANY) < 0 ? -errno
								     : 0;
}

/* Everything at once, or nothing is pinned that was not before. */
static int attach_all(struct bpf_object *object)
{
	struct bpf_program *program;
	int error = mark_version(object);

	bpf_object__for_each_program(program, object)
	{
		if (error || !bpf_program__autoload(program))
			continue;
		error = attach(program);
		if (error)
			say("cannot attach %s: %s", bpf_program__name(program),
			    strerror(-error));
	}
	return error;
}

static int load_object(void)
{
	struct bpf_object *object = open_object();
	const int error = object ? bpf_object__load(object) : -errno;
	int status = NOT_OFFERED;

	if (error)
		say("the kernel does not take the programs: %s",
		    strerror(-error));
	else
		status = attach_all(object) ? FAILED : DONE;
	bpf_object__close(object);
	/* It stays where something is pinned, as by an earlier load. */
	if (status != DONE)
		(void)rmdir(IMA_BPF_DIR);
	return status;
}

static int load(void)
{
	bool mounted;
	int status;
	int error;

	if (has_word("/proc/cmdline", SWITCH_OFF, " \n")) {
		say("the kernel's command line says " SWITCH_OFF);
		return unload() == DONE ? NOT_OFFERED : FAILED;
	}
	if (access(LSM_LIST, R_OK) == 0 && !has_word(LSM_LIST, "bpf", ",\n")) {
		say("the kernel runs without the LSM bpf (" LSM_LIST ")");
		return NOT_OFFERED;
	}
	error = mount_bpffs(&mounted);
	if (error) {
		say("cannot mount " BPFFS ": %s", strerror(-error));
		return NOT_OFFERED;
	}
	status = prepare();
	if (status == DONE)
		status = load_object();
	if (status != DONE && mounted)
		(void)umount(BPFFS);
	return status;
}

static int status(void)
{
	static const char *const modes[] = { "off", "report", "enforce" };
	struct ima_bpf_config config;
	const int error = read_config(&config);

	if (error) {
		say("no programs are pinned in " IMA_BPF_DIR);
		return NOT_OFFERED;
	}
	printf("version %u, %s\n", config.version,
	       config.mode < 3 ? modes[config.mode] : "unknown");
	return DONE;
}

int main(int argc, char **argv)
{
	(void)libbpf_set_print(quiet);
	if (argc == 2 && !strcmp(argv[1], "load"))
		return load();
	if (argc == 2 && !strcmp(argv[1], "unload"))
		return unload();
	if (argc == 2 && !strcmp(argv[1], "status"))
		return status();
	(void)fputs("usage: imahost-bpf load|unload|status\n"
		    "\n"
		    "  load    attach the programs that refuse what nobody has"
		    " judged; the guard\n"
		    "          says when they do\n"
		    "  unload  take them away: nothing is refused any more\n"
		    "  status  what is attached\n",
		    stderr);
	return FAILED;
}
