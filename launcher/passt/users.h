/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users by name and by number, of all sources that nsswitch.conf(5) names. */
#ifndef QRAP_USERS_H
#define QRAP_USERS_H

#include <stdbool.h>
#include <sys/types.h>

/* Longest name of a user, with its NUL: LOGIN_NAME_MAX, limits.h of Linux. */
#define USER_NAME_MAX 256

/* Number of the user of that name: false if there is none. */
bool user_uid(const char *name, uid_t *uid);

/* Name of a user, or the number in digits where there is no name. */
void user_name(uid_t uid, char name[USER_NAME_MAX]);

#endif /* QRAP_USERS_H */
