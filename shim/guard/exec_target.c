/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A part of what launcher/preload finds out before a start, without memory and with little stack.
 */
#include "shim/guard/exec_target.h"

#include <elf.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/common/sys.h"
#include "shim/common/text.h"
#include "shim/libc/environ.h"

/* What the kernel reads of a file to see how it is to be run (BINPRM_BUF_SIZE), and how often. */
#define HEAD_SIZE  256
#define CHAIN_MAX  5
#define INTERP_MAX 64

/* Our own: where the linker has put it. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* Descriptor of the file, or -errno: it cannot be executed, or not read. */
static int open_file(int dir, const char *path)
{
	struct text t;
	char buf[32];
	long ret;

	if (!*path) {
		text_start(&t, buf, sizeof(buf));
		text_format(&t, "/proc/self/fd/%d", dir);
		path = buf;
	}
	ret = sys_call(SYS_faccessat, dir, (long)path, X_OK, 0, 0, 0);
	if (ret)
		return ret == -EACCES ? -EPERM : (int)ret;
	return (int)sys_call(SYS_openat, dir, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0, 0,
			     0);
}

/* The first file of that name which can be executed, in the directories of PATH. */
static int search(const char *name)
{
	const char *list = environment_find(environ, "PATH");
	char path[PATH_MAX];
	struct text t;
	int fd = -ENOENT;

	if (!list)
		list = "/bin:/usr/bin";
	for (size_t len; fd < 0 && fd != -EACCES; list += len + 1) {
		len = strcspn(list, ":");
		text_start(&t, path, sizeof(path));
		text_add_n(&t, list, len);
		text_add(&t, len ? "/" : "");
		text_add(&t, name);
		if (!t.cut)
			fd = open_file(AT_FDCWD, path);
		if (!list[len])
			break;
	}
	return fd;
}

/* "#! PATH ARGUMENT": fills @path. Return: it is one */
static bool is_script(const char *head, char path[HEAD_SIZE])
{
	size_t len;

	if (head[0] != '#' || head[1] != '!')
		return false;
	head += 2;
	head += strspn(head, " \t");
	len = strcspn(head, " \t\n");
	memcpy(path, head, len);
	path[len] = '\0';
	return true;
}

/* execve(2): would the program be another user, or have capabilities, so that ld.so loads nothing?
 */
static bool gains_privileges(int fd)
{
	uid_t uid = (uid_t)sys_call(SYS_getuid, 0, 0, 0, 0, 0, 0);
	gid_t gid = (gid_t)sys_call(SYS_getgid, 0, 0, 0, 0, 0, 0);
	status_t st;

	if (sys_fstat(fd, &st))
		return false;
	return ((st.st_mode & S_ISUID) && st.st_uid != uid) ||
	       ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != gid);
}

static ssize_t read_at(int fd, void *buf, size_t size, uint64_t at)
{
#ifdef __LP64__
	return sys_call(SYS_pread64, fd, (long)buf, (long)size, (long)at, 0, 0);
#else
	/* Where the halves of @at go is another thing on each machine. */
	if (sys_call(SYS_lseek, fd, (long)at, SEEK_SET, 0, 0, 0) < 0)
		return -EINVAL;
	return sys_read(fd, buf, size);
#endif
}

/* By its dynamic loader: none is static, and musl's ends a program that wants glibc. */
static enum target_kind judge_loader(int fd, const ElfW(Ehdr) * header)
{
	char path[INTERP_MAX + 1] = { 0 };
	ElfW(Phdr) segment;
	uint64_t at = header->e_phoff;

	for (unsigned i = 0; i < header->e_phnum; i++, at += header->e_phentsize) {
		if (read_at(fd, &segment, sizeof(segment), at) != sizeof(segment))
			break;
		if (segment.p_type != PT_INTERP)
			continue;
		if (read_at(fd, path, INTERP_MAX, segment.p_offset) < 0)
			break;
#ifdef __GLIBC__
		return strstr(path, "/ld-musl") ? TARGET_REFUSES : TARGET_LOADS;
#else
		return strstr(path, "/ld-musl") ? TARGET_LOADS : TARGET_REFUSES;
#endif
	}
	return TARGET_IGNORES;
}

static enum target_kind judge_elf(int fd, const ElfW(Ehdr) * header)
{
	if (gains_privileges(fd))
		return TARGET_IGNORES;
	if (strncmp((const char *)header->e_ident, (const char *)__ehdr_start.e_ident,
		    EI_VERSION) ||
	    header->e_machine != __ehdr_start.e_machine)
		return TARGET_REFUSES;
	return judge_loader(fd, header);
}

/* Is the name anywhere in the file? Then it is among the libraries that it needs, most likely. */
static bool has_name(int fd, const char *name)
{
	const size_t len = strlen(name) + 1;
	const char *file, *at, *end;
	bool found = false;
	status_t st;

	if (sys_fstat(fd, &st) || (size_t)st.st_size < len)
		return false;
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED)
		return true;
	end = file + st.st_size - len;
	for (at = file; !found && at <= end && (at = memchr(at, *name, (size_t)(end - at) + 1));
	     at++)
		found = !strncmp(at, name, len);
	munmap((void *)file, (size_t)st.st_size);
	return found;
}

/* Of an open file; a script's is that of its interpreter. */
static enum target_kind judge(int fd, const char *runtime, bool *needs)
{
	_Alignas(ElfW(Ehdr)) char head[HEAD_SIZE + 1];
	char path[HEAD_SIZE];
	enum target_kind kind = TARGET_LOADS;

	for (int i = 0; fd >= 0 && i < CHAIN_MAX; i++) {
		memset(head, 0, sizeof(head));
		read_at(fd, head, HEAD_SIZE, 0);
		if (!is_script(head, path))
			break;
		sys_close(fd);
		fd = open_file(AT_FDCWD, path);
	}
	if (fd < 0)
		return fd == -EACCES ? TARGET_IGNORES : TARGET_NONE;
	/* What is no program is run by a shell, or not at all. */
	if (!memcmp(head, ELFMAG, SELFMAG))
		kind = judge_elf(fd, (const void *)head);
	if (runtime)
		*needs = has_name(fd, runtime);
	sys_close(fd);
	return kind;
}

enum target_kind exec_target_kind(const struct exec_target *target, const char *runtime,
				  bool *needs)
{
	int fd = target->by_search && !strchr(target->path, '/')
			 ? search(target->path)
			 : open_file(target->dir, target->path);

	return judge(fd, runtime, needs);
}
