/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON as QEMU reads it (qobject/json-lexer.c, json-parser.c): RFC 8259 and also strings in single
 * quotes. Only the members of the outermost object are taken apart; what is nested stays text.
 */
#ifndef QRAP_JSON_H
#define QRAP_JSON_H

#include <stdbool.h>

#include "launcher/base/memory.h"

/**
 * struct json_member - One member of an object
 * @key:	Its name, decoded
 * @value:	Strings decoded, all else as it stands
 * @is_string:	@value was a string
 */
struct json_member {
	char *key;
	char *value;
	bool is_string;
};

/**
 * struct json_reader - Where reading an object has got to
 * @arena:	Where keys and values are kept
 * @at:		Next byte
 */
struct json_reader {
	struct arena *arena;
	const char *at;
};

/* Begins an object; false if there is none. */
bool json_begin(struct json_reader *reader, struct arena *arena, const char *text);

/**
 * json_next() - Read the next member
 * @reader:	Begun by json_begin()
 * @member:	Filled
 *
 * Return: 1; 0 at the end of the object, with nothing behind it; -1 if this is no JSON
 */
int json_next(struct json_reader *reader, struct json_member *member);

/* Adds @text as a string, with its quotes; what is no UTF-8 stays as it is. */
void json_add_string(struct buffer *buffer, const char *text);

#endif /* QRAP_JSON_H */
