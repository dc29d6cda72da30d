/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lose, as a static program. */
#include "lose.c"
