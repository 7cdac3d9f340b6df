/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imahost-bpf: loads the programs of ima.bpf.c, and of ima_shelter.bpf.c where
 * that is asked for, attaches and pins them, so that they outlive whoever runs;
 * and takes them away again. Static, and no part of
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
#include <sys/sysmacros.h>
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

/* The objects, which the build puts in here (bpf_object.S). */
extern const char ima_bpf_object[];
extern const char ima_bpf_object_end[];
extern const char ima_shelter_object[];
extern const char ima_shelter_object_end[];

/* What the pins of the second begin with. */
#define SHELTER_LINK "link_shelter_"

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

/* Those whose names begin so. */
static int remove_pins(const char *prefix)
{
	char path[512];
	DIR *directory = opendir(IMA_BPF_DIR);
	const struct dirent *entry;
	int error = 0;

	if (!directory)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.' ||
		    strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		(void)snprintf(path, sizeof(path), IMA_BPF_DIR "/%s",
			       entry->d_name);
		if (unlink(path) < 0)
			error = -errno;
	}
	(void)closedir(directory);
	return error;
}

/* 0, or -errno when nothing is pinned. Of another layout its version is 0. */
static int read_config(struct ima_bpf_config *config)
{
	const __u32 only = 0;
	struct bpf_map_info info;
	__u32 size = sizeof(info);
	int map = bpf_obj_get(IMA_BPF_DIR "/config");
	int error = 0;

	memset(&info, 0, sizeof(info));
	memset(config, 0, sizeof(*config));
	if (map < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(map, &info, &size) < 0)
		error = -errno;
	else if (info.value_size == sizeof(*config) &&
		 bpf_map_lookup_elem(map, &only, config) < 0)
		error = -errno;
	close(map);
	return error;
}

/* Programs that are taken away may run on for a while: they let through now. */
static int let_through(void)
{
	const __u32 only = 0;
	struct ima_bpf_config config;
	int error = read_config(&config);
	int map;

	if (error || config.version != IMA_BPF_VERSION)
		return error == -ENOENT ? 0 : error;
	map = bpf_obj_get(IMA_BPF_DIR "/config");
	if (map < 0)
		return -errno;
	config.mode = IMA_BPF_OFF;
	config.spared = 0;
	error = bpf_map_update_elem(map, &only, &config, BPF_ANY) < 0 ? -errno
								      : 0;
	close(map);
	return error;
}

static int unload(void)
{
	int error = let_through();

	if (!error)
		error = remove_pins("");
	if (!error && rmdir(IMA_BPF_DIR) < 0 && errno != ENOENT)
		error = -errno;
	if (!error)
		return DONE;
	say("cannot remove " IMA_BPF_DIR ": %s", strerror(-error));
	return FAILED;
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

	if (read_config(&config) == 0 && config.version != IMA_BPF_VERSION) {
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

/* Of a hook whose arguments have moved there are two programs. */
static void choose_programs(struct bpf_object *object)
{
	const bool moved =
		arguments_of("bpf_lsm_inode_setattr") >= SETATTR_ARGUMENTS;
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		const char *name =
			strstr(bpf_program__name(program), "_setattr");

		if (name && !strcmp(name, "_setattr_6_8") == moved)
			(void)bpf_program__set_autoload(program, false);
	}
}

/* The programs that fit this kernel, with the maps that are pinned already. */
static struct bpf_object *open_object(const char *begin, const char *end)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "imahost");
	struct bpf_object *object =
		bpf_object__open_mem(begin, (size_t)(end - begin), &options);
	struct bpf_map *map;
	char path[256];

	if (!object)
		return NULL;
	choose_programs(object);
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
	char fresh[256];
	struct bpf_link *link = bpf_program__attach(program);
	int error;

	if (!link)
		return -errno;
	(void)snprintf(path, sizeof(path), IMA_BPF_DIR "/link_%s",
		       bpf_program__name(program));
	(void)snprintf(fresh, sizeof(fresh), IMA_BPF_DIR "/new_%s",
		       bpf_program__name(program));
	error = unlink(fresh) < 0 && errno != ENOENT
			? -errno
			: bpf_link__pin(link, fresh);
	if (!error && rename(fresh, path) < 0)
		error = -errno;
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

/* One after the other: what fails leaves those before it pinned. */
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

/* The object that is loaded; NULL: *status says how it ended. */
static struct bpf_object *load_object(const char *begin, const char *end,
				      int *status)
{
	struct bpf_object *object = open_object(begin, end);
	const int error = object ? bpf_object__load(object) : -errno;

	*status = NOT_OFFERED;
	if (error)
		say("the kernel does not take the programs: %s",
		    strerror(-error));
	else
		*status = attach_all(object) ? FAILED : DONE;
	if (*status == DONE)
		return object;
	bpf_object__close(object);
	return NULL;
}

static int put(int map, __u64 inode, __u32 device)
{
	const struct ima_bpf_file key = { .inode = inode, .device = device };
	const __u32 listed = 1;

	return bpf_map_update_elem(map, &key, &listed, BPF_ANY) < 0 ? -errno
								    : 0;
}

/* A file by its number, or its @filesystem; one that is not there is none. */
static int put_file(int map, const char *path, bool filesystem)
{
	struct stat file;

	if (stat(path, &file) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	return put(map, filesystem ? 0 : file.st_ino,
		   ima_bpf_device(major(file.st_dev), minor(file.st_dev)));
}

static int put_maps(int sheltered, const struct bpf_object *object)
{
	struct bpf_map_info info;
	struct bpf_map *map;
	int error = 0;

	bpf_object__for_each_map(map, object)
	{
		__u32 size = sizeof(info);

		memset(&info, 0, sizeof(info));
		if (!error &&
		    bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &size) < 0)
			error = -errno;
		if (!error)
			error = put(sheltered, info.id, IMA_BPF_MAPS);
	}
	return error;
}

/* What --shelter and --helper name, and what is pinned. */
static int fill(const struct bpf_object *object, char **arguments)
{
	const int sheltered =
		bpf_object__find_map_fd_by_name(object, "sheltered");
	const int helpers = bpf_object__find_map_fd_by_name(object, "helpers");
	int error = put_maps(sheltered, object);

	if (!error)
		error = put_file(sheltered, IMA_BPF_DIR, false);
	if (!error)
		error = put_file(sheltered, BPFFS, true);
	for (; !error && *arguments; arguments += 2) {
		error = put_file(strcmp(*arguments, "--helper") ? sheltered
								: helpers,
				 arguments[1], false);
		if (error)
			say("%s: %s", arguments[1], strerror(-error));
	}
	return error;
}

/* What an earlier load sheltered is sheltered by this one, or not at all. */
static int load_shelter(char **arguments)
{
	struct bpf_object *object;
	int status = FAILED;
	int error = remove_pins(SHELTER_LINK);

	if (!error)
		error = remove_pins("sheltered");
	if (!error)
		error = remove_pins("helpers");
	if (error) {
		say("cannot remove what is pinned in " IMA_BPF_DIR ": %s",
		    strerror(-error));
		return FAILED;
	}
	if (!*arguments)
		return DONE;
	object = load_object(ima_shelter_object, ima_shelter_object_end,
			     &status);
	if (object && fill(object, arguments))
		status = FAILED;
	bpf_object__close(object);
	return status;
}

/*
 * The kernel asks those first that were attached last: what is sheltered must
 * not lose its verdict to a writer who is refused.
 */
static int load_all(char **arguments)
{
	int status;
	struct bpf_object *object =
		load_object(ima_bpf_object, ima_bpf_object_end, &status);

	bpf_object__close(object);
	if (status == DONE)
		status = load_shelter(arguments);
	/* It stays where something is pinned, as by an earlier load. */
	if (status != DONE)
		(void)rmdir(IMA_BPF_DIR);
	return status;
}

static int load(char **arguments)
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
		status = load_all(arguments);
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

/* --shelter FILE and --helper FILE, as often as wanted. */
static bool are_pairs(char **arguments)
{
	for (; *arguments; arguments += 2)
		if ((strcmp(*arguments, "--shelter") != 0 &&
		     strcmp(*arguments, "--helper") != 0) ||
		    !arguments[1])
			return false;
	return true;
}

int main(int argc, char **argv)
{
	(void)libbpf_set_print(quiet);
	if (argc >= 2 && !strcmp(argv[1], "load") && are_pairs(argv + 2))
		return load(argv + 2);
	if (argc == 2 && !strcmp(argv[1], "unload"))
		return unload();
	if (argc == 2 && !strcmp(argv[1], "status"))
		return status();
	(void)fputs(
		"usage: imahost-bpf load [--shelter FILE | --helper FILE]…\n"
		"       imahost-bpf unload|status\n"
		"\n"
		"  load       attach the programs that refuse what nobody has"
		" judged; the guard\n"
		"             says when they do\n"
		"  --shelter  a file, or a directory and what is in it, that"
		" only who is spared\n"
		"             may change; and guard and host\n"
		"  --helper   a program that is spared\n"
		"  unload     take them away: nothing is refused any more\n"
		"  status     what is attached\n",
		stderr);
	return FAILED;
}
