/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/intercept.h"

#include <limits.h>
#include <sys/ioctl.h>

#include "shim/common/sys.h"
#include "shim/guard/guard.h"
#include "shim/libc/next.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

/* Beyond any number in use, for a kernel and a libc that know no range. */
#define HIGHEST_NUMBER 65535

static int fail_with(int error)
{
	errno = error;
	return -1;
}

int intercept_close(int fd, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "close", where };

	switch (guard_close(fd, &loss)) {
	case CALL_KEPT:
		return 0;
	case CALL_HIDDEN:
		return fail_with(EBADF);
	case CALL_GOES_ON:
		break;
	}
	return next.close(fd);
}

int intercept_fclose(FILE *stream, int fd, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "fclose", where };
	bool keep = guard_close(fd, &loss) == CALL_KEPT;
	int ret = next.fclose(stream);
	int saved = errno;

	if (keep)
		guard_put_back();
	errno = saved;
	return ret;
}

/* Closes or marks a part of a range: 0, or -1 with errno. */
typedef int close_part(unsigned first, unsigned last, int flags);

/* As the libc does, or the kernel where the libc is older than the call (glibc 2.34). */
static int close_plainly(unsigned first, unsigned last, int flags)
{
	long ret;

	if (next.close_range)
		return next.close_range(first, last, flags);
	ret = sys_call(SYS_close_range, first, last, flags, 0, 0, 0);
	return ret < 0 ? fail_with((int)-ret) : 0;
}

/* The same for closefrom(), which closes one by one where the kernel knows no range. */
static int close_by_all_means(unsigned first, unsigned last, int flags)
{
	if (last == UINT_MAX && next.closefrom)
		next.closefrom((int)first);
	else if (close_plainly(first, last, flags))
		for (unsigned fd = first; fd <= last && fd <= HIGHEST_NUMBER; fd++)
			sys_close((int)fd);
	return 0;
}

/* The range in parts, around the numbers that stay; ends with the first part that fails. */
static int close_around(unsigned first, unsigned last, int flags, const struct loss *loss,
			close_part *close_part)
{
	unsigned from = first;
	enum call_fate fate;
	int fd;

	while ((fd = watched_next(from, last)) >= 0) {
		from = (unsigned)fd + 1;
		if (loss->kind == EVENT_CLOEXEC)
			fate = guard_lose(fd, loss);
		else
			fate = guard_close(fd, loss);
		if (fate == CALL_GOES_ON)
			continue;
		if ((unsigned)fd > first && close_part(first, (unsigned)fd - 1, flags))
			return -1;
		first = from;
	}
	return first <= last ? close_part(first, last, flags) : 0;
}

int intercept_close_range(unsigned first, unsigned last, int flags, const void *where)
{
	bool marks = flags & CLOSE_RANGE_CLOEXEC;
	const struct loss loss = { marks ? EVENT_CLOEXEC : EVENT_CLOSED, "close_range", where };

	if (first > last)
		return close_plainly(first, last, flags);
	return close_around(first, last, flags, &loss, close_plainly);
}

void intercept_closefrom(int first, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "closefrom", where };
	int saved = errno;

	close_around(first < 0 ? 0 : (unsigned)first, UINT_MAX, 0, &loss, close_by_all_means);
	errno = saved;
}

int intercept_addclose(posix_spawn_file_actions_t *actions, int fd, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "posix_spawn_file_actions_addclose", where };

	/* In the child the store is as invisible as here: nothing is to be done. */
	if (guard_lose(fd, &loss) == CALL_HIDDEN)
		return 0;
	return next.posix_spawn_file_actions_addclose(actions, fd);
}

int intercept_adddup2(posix_spawn_file_actions_t *actions, int from, int to, const void *where)
{
	const struct loss loss = { EVENT_OVERWRITTEN, "posix_spawn_file_actions_adddup2", where };

	if (!guard_is_connection(from))
		guard_lose(to, &loss);
	return next.posix_spawn_file_actions_adddup2(actions, from, to);
}

int intercept_addclosefrom(posix_spawn_file_actions_t *actions, int first, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "posix_spawn_file_actions_addclosefrom_np",
				   where };
	int fd = watched_number(ROLE_CONNECTION), store = watched_number(ROLE_STORE);
	int to = first > STDERR_FILENO ? first : STDERR_FILENO + 1;
	int ret = 0;

	if (fd >= first)
		guard_lose(fd, &loss);
	if (store < first || store < 0 || first < 0)
		return next.posix_spawn_file_actions_addclosefrom_np(actions, first);
	/* The lowest number of the range, but not the one that QEMU looks at, nor a standard one.
	 */
	if (to == fd)
		to++;
	if (store != to)
		ret = next.posix_spawn_file_actions_adddup2(actions, store, to);
	for (int i = first; !ret && i < to; i++)
		ret = next.posix_spawn_file_actions_addclose(actions, i);
	return ret ? ret : next.posix_spawn_file_actions_addclosefrom_np(actions, to + 1);
}

int intercept_dup(int from, int to, int flags, bool is_dup3, const void *where)
{
	const struct loss loss = { EVENT_OVERWRITTEN, is_dup3 ? "dup3" : "dup2", where };

	if (is_watched_as(from, ROLE_STORE))
		return fail_with(EBADF);
	/* Only where the call is going to succeed. */
	if (from != to && sys_fcntl(from, F_GETFD, 0) >= 0)
		guard_replace(from, to, &loss);
	return is_dup3 ? next.dup3(from, to, flags) : next.dup2(from, to);
}

bool intercept_fcntl(int fd, int command, long arg, const void *where)
{
	const struct loss loss = { EVENT_CLOEXEC, "fcntl", where };

	if (watched_role(fd) == ROLE_STORE)
		return false;
	if (command == F_SETFD && (arg & FD_CLOEXEC))
		guard_lose(fd, &loss);
	if (command == F_SETFL && (arg & O_NONBLOCK))
		guard_touched(TOUCH_NONBLOCK);
	return true;
}

bool intercept_ioctl(int fd, unsigned long request, const void *where)
{
	const struct loss loss = { EVENT_CLOEXEC, "ioctl", where };

	if (watched_role(fd) == ROLE_STORE)
		return false;
	if (request == FIOCLEX)
		guard_lose(fd, &loss);
	return true;
}
