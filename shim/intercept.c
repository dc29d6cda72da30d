/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens when a program closes, replaces or marks a number that we care about. */
#include "intercept.h"

#include <limits.h>

#include "guard.h"
#include "locker.h"
#include "next.h"
#include "sys.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

/* Refusals before somebody who insists on closing the locker gets his way. */
#define REFUSALS_MAX 64

static atomic_uint locker_refusals;

/* The numbers, negative where there is none. */
static int guarded_fd(void)
{
	return atomic_load(&guard_numbers.fd);
}

static int guarded_locker(void)
{
	return atomic_load(&guard_numbers.locker);
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

/* The locker is not there, for the first REFUSALS_MAX who want to close it. */
static bool keeps_locker(const struct loss *loss)
{
	if (atomic_fetch_add(&locker_refusals, 1) < REFUSALS_MAX)
		return true;
	guard_note_insistence(loss);
	guard_locker_moved(NO_DESCRIPTOR, loss->call);
	return false;
}

/**
 * keeps_number() - The number is to be closed: does the connection stay on it?
 * @loss:	Who wants what
 *
 * Return: true if it has been seen to that it is there
 */
static bool keeps_number(const struct loss *loss)
{
	bool put_back;

	guard_role();
	if (guard_phase() == PHASE_CLAIMED || guard_phase() == PHASE_RELEASED)
		guard_owner_closes(loss);
	if (guard_phase() != PHASE_WAITING)
		return false;
	if (!guard_mends()) {
		if (guard_holds_connection())
			guard_note_loss(loss, false);
		return false;
	}
	put_back = guard_put_back();
	guard_note_loss(loss, put_back);
	return put_back;
}

int intercept_close(int fd, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "close", where };

	if (guard_is_locker(fd) ? keeps_locker(&loss) : keeps_number(&loss))
		return guard_is_locker(fd) ? fail_with(EBADF) : 0;
	return next.close(fd);
}

int intercept_fclose(FILE *stream, int fd, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "fclose", where };
	bool keep = guard_is_fd(fd) && keeps_number(&loss);
	int ret = next.fclose(stream);
	int saved = errno;

	if (keep)
		guard_put_back();
	errno = saved;
	return ret;
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
		    next.close_range(first, (unsigned)ordered[i] - 1, flags))
			return -1;
		first = (unsigned)ordered[i] + 1;
		if (first > last)
			return 0;
	}
	return next.close_range(first, last, flags);
}

int intercept_close_range(unsigned first, unsigned last, int flags, const void *where)
{
	bool mark = flags & CLOSE_RANGE_CLOEXEC;
	const struct loss loss = { mark ? EVENT_CLOEXEC : EVENT_CLOSED, "close_range", where };
	int kept[] = { NO_DESCRIPTOR, NO_DESCRIPTOR };
	int fd = guarded_fd(), locker = guarded_locker();

	if (first > last)
		return next.close_range(first, last, flags);
	if (is_between(locker, first, last) && keeps_locker(&loss))
		kept[0] = locker;
	if (is_between(fd, first, last)) {
		if (mark)
			intercept_mark(fd, "close_range", where);
		else if (keeps_number(&loss))
			kept[1] = fd;
	}
	return close_around(first, last, flags, kept);
}

/* A kernel without close_range: one by one as far as our numbers reach, the rest at once. */
void intercept_closefrom(int first, const void *where)
{
	int fd = guarded_fd(), locker = guarded_locker();
	int highest = fd > locker ? fd : locker;
	int saved = errno;

	if (first < 0)
		first = 0;
	if (!intercept_close_range((unsigned)first, UINT_MAX, 0, where))
		return;
	for (int i = first; i <= highest; i++) {
		if (i != fd && i != locker)
			sys_close(i);
	}
	errno = saved;
	next.closefrom(highest >= first ? highest + 1 : first);
}

int intercept_addclosefrom(posix_spawn_file_actions_t *actions, int first, const void *where)
{
	const struct loss loss = { EVENT_CLOSED, "posix_spawn_file_actions_addclosefrom_np",
				   where };
	int fd = guarded_fd(), locker = guarded_locker();
	/* The lowest number of the range, but not the one that QEMU looks at. */
	int to = first == fd ? first + 1 : first;
	int ret;

	if (fd >= first && fd >= 0 && guard_phase() == PHASE_WAITING && guard_holds_connection())
		guard_note_loss(&loss, false);
	if (locker < first || locker < 0 || first < 0)
		return next.addclosefrom(actions, first);
	ret = posix_spawn_file_actions_adddup2(actions, locker, to);
	if (!ret && to > first)
		ret = posix_spawn_file_actions_addclose(actions, first);
	return ret ? ret : next.addclosefrom(actions, to + 1);
}

/* Something else comes onto the guarded number. */
static void note_overwriting(int from, const struct loss *loss)
{
	guard_role();
	if (guard_phase() == PHASE_CLAIMED || guard_phase() == PHASE_RELEASED)
		guard_owner_closes(loss);
	if (guard_phase() == PHASE_WAITING && guard_holds_connection() &&
	    !guard_is_connection(from))
		guard_note_loss(loss, false);
}

static void move_locker(const char *call)
{
	int locker = locker_move(guarded_locker(), guarded_fd());

	guard_locker_moved(locker < 0 ? NO_DESCRIPTOR : locker, call);
}

int intercept_dup(int from, int to, int flags, bool is_dup3, const void *where)
{
	const struct loss loss = { EVENT_OVERWRITTEN, is_dup3 ? "dup3" : "dup2", where };

	if (guard_is_locker(from))
		return fail_with(EBADF);
	/* Only where the call is going to succeed. */
	if (from != to && sys_fcntl(from, F_GETFD, 0) >= 0) {
		if (guard_is_locker(to))
			move_locker(loss.call);
		else if (guard_is_fd(to))
			note_overwriting(from, &loss);
	}
	return is_dup3 ? next.dup3(from, to, flags) : next.dup2(from, to);
}

bool intercept_mark(int fd, const char *call, const void *where)
{
	const struct loss loss = { EVENT_CLOEXEC, call, where };

	if (guard_is_locker(fd))
		return false;
	guard_role();
	if (guard_phase() == PHASE_WAITING && guard_holds_connection())
		guard_note_loss(&loss, false);
	return true;
}
