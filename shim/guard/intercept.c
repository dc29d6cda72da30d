/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens when a program closes, replaces or marks a number that we care about. */
#include "shim/guard/intercept.h"

#include <limits.h>

#include "shim/common/sys.h"
#include "shim/guard/guard.h"
#include "shim/libc/next.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

/* Beyond any number in use, for a kernel and a libc that know no range. */
#define HIGHEST_NUMBER 65535

/* The numbers, negative where there is none. */
static int guarded_fd(void)
{
	return atomic_load(&guard_numbers.fd);
}

static int guarded_store(void)
{
	return atomic_load(&guard_numbers.store);
}

static bool is_between(int fd, unsigned first, unsigned last)
{
	return fd >= 0 && (unsigned)fd >= first && (unsigned)fd <= last;
}

static int fail_with(int error)
{
	errno = error;
	return -1;
}

int intercept_close(int fd, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "close", where };

	if (guard_is_store(fd))
		return guard_keeps_store(&loss) ? fail_with(EBADF) : next.close(fd);
	return guard_closing(&loss) == CLOSING_REFUSED ? 0 : next.close(fd);
}

int intercept_fclose(FILE *stream, int fd, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "fclose", where };
	bool keep = guard_is_fd(fd) && guard_closing(&loss) == CLOSING_REFUSED;
	int ret = next.fclose(stream);
	int saved = errno;

	if (keep)
		guard_put_back();
	errno = saved;
	return ret;
}

/* As the libc does, or the kernel where the libc is older than the call (glibc 2.34). */
static int close_plain_range(unsigned first, unsigned last, int flags)
{
	long ret;

	if (next.close_range)
		return next.close_range(first, last, flags);
	ret = sys_call(SYS_close_range, first, last, flags, 0, 0, 0);
	return ret < 0 ? fail_with((int)-ret) : 0;
}

/* The range in up to three parts, without the numbers in @kept (negative: none). */
static int close_around(unsigned first, unsigned last, int flags, const int kept[2])
{
	int low = kept[0] < kept[1] ? kept[0] : kept[1];
	int high = kept[0] < kept[1] ? kept[1] : kept[0];
	const int ordered[] = { low, high };

	for (int i = 0; i < 2; i++) {
		if (!is_between(ordered[i], first, last))
			continue;
		if ((unsigned)ordered[i] > first &&
		    close_plain_range(first, (unsigned)ordered[i] - 1, flags))
			return -1;
		first = (unsigned)ordered[i] + 1;
		if (first > last)
			return 0;
	}
	return close_plain_range(first, last, flags);
}

int intercept_close_range(unsigned first, unsigned last, int flags, const void *where)
{
	bool mark = flags & CLOSE_RANGE_CLOEXEC;
	const struct loss loss = { mark ? EVENT_CLOEXEC : EVENT_CLOSED, "close_range", where };
	int kept[] = { NO_DESCRIPTOR, NO_DESCRIPTOR };
	int fd = guarded_fd(), store = guarded_store();

	if (first > last)
		return close_plain_range(first, last, flags);
	if (is_between(store, first, last) && guard_keeps_store(&loss))
		kept[0] = store;
	if (is_between(fd, first, last)) {
		if (mark)
			guard_losing(&loss);
		else if (guard_closing(&loss) == CLOSING_REFUSED)
			kept[1] = fd;
	}
	return close_around(first, last, flags, kept);
}

/* A kernel without close_range(2): one by one as far as our numbers reach, the rest by the libc. */
static void close_each(int first, const int kept[2])
{
	int highest = kept[0] > kept[1] ? kept[0] : kept[1];

	if (!next.closefrom)
		highest = HIGHEST_NUMBER;
	for (int i = first; i <= highest; i++) {
		if (i != kept[0] && i != kept[1])
			sys_close(i);
	}
	if (next.closefrom)
		next.closefrom(highest < first ? first : highest + 1);
}

void intercept_closefrom(int first, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "closefrom", where };
	int kept[] = { NO_DESCRIPTOR, NO_DESCRIPTOR };
	int fd = guarded_fd(), store = guarded_store();
	int saved = errno;

	if (first < 0)
		first = 0;
	if (store < first && fd < first && next.closefrom) {
		next.closefrom(first);
		return;
	}
	if (store >= first && guard_keeps_store(&loss))
		kept[0] = store;
	if (fd >= first && guard_closing(&loss) == CLOSING_REFUSED)
		kept[1] = fd;
	if (close_around((unsigned)first, UINT_MAX, 0, kept))
		close_each(first, kept);
	errno = saved;
}

int intercept_addclose(posix_spawn_file_actions_t *actions, int fd, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "posix_spawn_file_actions_addclose", where };

	/* In the child the store is as invisible as here: nothing is to be done. */
	if (guard_is_store(fd))
		return 0;
	guard_losing(&loss);
	return next.addclose(actions, fd);
}

int intercept_adddup2(posix_spawn_file_actions_t *actions, int from, int to, const void *where)
{
	const struct loss loss = { EVENT_OVERWRITTEN, "posix_spawn_file_actions_adddup2", where };

	if (guard_is_fd(to) && !guard_is_connection(from))
		guard_losing(&loss);
	return next.adddup2(actions, from, to);
}

int intercept_addclosefrom(posix_spawn_file_actions_t *actions, int first, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "posix_spawn_file_actions_addclosefrom_np",
				   where };
	int fd = guarded_fd(), store = guarded_store();
	int to = first > STDERR_FILENO ? first : STDERR_FILENO + 1;
	int ret = 0;

	if (fd >= first && fd >= 0)
		guard_losing(&loss);
	if (store < first || store < 0 || first < 0)
		return next.addclosefrom(actions, first);
	/* The lowest number of the range, but not the one that QEMU looks at, nor a standard one.
	 */
	if (to == fd)
		to++;
	if (store != to)
		ret = next.adddup2(actions, store, to);
	for (int i = first; !ret && i < to; i++)
		ret = next.addclose(actions, i);
	return ret ? ret : next.addclosefrom(actions, to + 1);
}

int intercept_dup(int from, int to, int flags, bool is_dup3, const void *where)
{
	const struct loss loss = { EVENT_OVERWRITTEN, is_dup3 ? "dup3" : "dup2", where };

	if (guard_is_store(from))
		return fail_with(EBADF);
	/* Only where the call is going to succeed. */
	if (from != to && sys_fcntl(from, F_GETFD, 0) >= 0) {
		if (guard_is_store(to))
			guard_move_store(loss.call);
		else if (guard_is_fd(to))
			guard_overwriting(from, &loss);
	}
	return is_dup3 ? next.dup3(from, to, flags) : next.dup2(from, to);
}

bool intercept_mark(int fd, const char *call, const void *where)
{
	const struct loss loss = { EVENT_CLOEXEC, call, where };

	if (guard_is_store(fd))
		return false;
	guard_losing(&loss);
	return true;
}
