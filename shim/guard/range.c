/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/guard/range.h"

#include <limits.h>

#include "shim/common/sys.h"
#include "shim/guard/guard.h"
#include "shim/libc/next.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

/* Beyond any number in use, for a kernel and a libc that know no range. */
#define HIGHEST_NUMBER 65535

/* Closes or marks a part of a range: 0, or -1 with errno. */
typedef int close_part(unsigned first, unsigned last, int flags);

/* As the libc does, or the kernel where the libc is older than the call (glibc 2.34). */
static int close_plainly(unsigned first, unsigned last, int flags)
{
	if (next.close_range)
		return next.close_range(first, last, flags);
	return sys_result(sys_call(SYS_close_range, first, last, flags, 0, 0, 0));
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
	int fd;

	while ((fd = guard_lowest(from, last)) >= 0) {
		from = (unsigned)fd + 1;
		if (guard_lose(fd, loss) == CALL_GOES_ON)
			continue;
		if ((unsigned)fd > first && close_part(first, (unsigned)fd - 1, flags))
			return -1;
		first = from;
	}
	return first <= last ? close_part(first, last, flags) : 0;
}

int range_close_range(unsigned first, unsigned last, int flags, const void *where)
{
	bool marks = flags & CLOSE_RANGE_CLOEXEC;
	const struct loss loss = { marks ? EVENT_CLOEXEC : EVENT_CLOSED, "close_range", where,
				   false };

	if (first > last)
		return close_plainly(first, last, flags);
	return close_around(first, last, flags, &loss, close_plainly);
}

void range_closefrom(int first, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "closefrom", where, false };
	int saved = errno;

	close_around(first < 0 ? 0 : (unsigned)first, UINT_MAX, 0, &loss, close_by_all_means);
	errno = saved;
}

int range_addclosefrom(posix_spawn_file_actions_t *actions, int first, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "posix_spawn_file_actions_addclosefrom_np", where,
				   true };
	int fd = guard_number(ROLE_CONNECTION), store = guard_number(ROLE_STORE);
	int to = first > STDERR_FILENO ? first : STDERR_FILENO + 1;
	int ret = 0;

	for (int at = first; (at = guard_lowest((unsigned)at, INT_MAX)) >= 0; at++)
		if (at != store)
			guard_lose(at, &loss);
	if (store < first || store < 0 || first < 0)
		return next_posix_spawn_file_actions_addclosefrom_np()(actions, first);
	/* The lowest number of the range, but not the one that QEMU looks at, nor a standard one.
	 */
	if (to == fd)
		to++;
	if (store != to)
		ret = next_posix_spawn_file_actions_adddup2()(actions, store, to);
	for (int i = first; !ret && i < to; i++)
		ret = next_posix_spawn_file_actions_addclose()(actions, i);
	return ret ? ret : next_posix_spawn_file_actions_addclosefrom_np()(actions, to + 1);
}
