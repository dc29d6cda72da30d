/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract's reader, with any text, and with a sound contract that the input damages: what it
 * accepts can be written again, reads the same, and can be updated in place.
 */
#include <stdlib.h>
#include <string.h>

#include "../../shim/contract.h"

static void insist(bool truth)
{
	if (!truth)
		abort();
}

static void check(const char *text)
{
	static struct contract once, twice;
	static char out[CONTRACT_SIZE], changed[CONTRACT_SIZE];
	size_t len;

	if (!contract_read(text, &once))
		return;
	insist(once.fd > 2 && (once.locker == -1 || once.locker > 0));
	insist(strlen(once.passt) <= PASST_PATH_MAX && strlen(once.log_file) < PATH_MAX);
	insist(once.trust.count <= PASST_TRUST_MAX && once.level <= LOG_TRACE);
	len = contract_write(&once, out);
	insist(len == strlen(out) && len < CONTRACT_SIZE);
	insist(contract_read(out, &twice) && !memcmp(&once, &twice, sizeof(once)));
	memcpy(changed, out, len + 1);
	once.locker = 7;
	once.passt[0] = '\0';
	contract_update(changed, &once);
	insist(strlen(changed) == len && contract_read(changed, &twice));
	insist(twice.locker == 7 && !twice.passt[0] && twice.run == once.run);
}

/* A sound contract with bytes of it replaced: pairs of where and what. */
static void check_damaged(const unsigned char *data, size_t size)
{
	const struct contract sound = {
		.fd = 5,
		.socket = { 1, 2, 3 },
		.locker = 959,
		.locker_id = { 4, 5, 6 },
		.passt = "/tmp/passt_1.socket",
		.run = 7,
		.trust = { .count = 2, .uids = { 0, 65534 } },
		.log_file = "/tmp/log",
	};
	static char text[CONTRACT_SIZE];
	size_t len = contract_write(&sound, text);

	for (size_t i = 0; i + 3 <= size; i += 3)
		text[((size_t)data[i] << 8 | data[i + 1]) % len] = (char)data[i + 2];
	check(text);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check(text);
	free(text);
	check_damaged(data, size);
	return 0;
}
