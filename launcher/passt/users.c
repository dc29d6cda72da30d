/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/passt/users.h"

#include <pwd.h>
#include <stdio.h>

bool user_uid(const char *name, uid_t *uid)
{
	const struct passwd *user = getpwnam(name);

	if (user)
		*uid = user->pw_uid;
	return user;
}

void user_name(uid_t uid, char name[USER_NAME_MAX])
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(name, USER_NAME_MAX, "%s", user->pw_name);
	else
		snprintf(name, USER_NAME_MAX, "%u", uid);
}
