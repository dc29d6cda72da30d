/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The value of an option that is a list: key=value,key=value with ",," for a comma in a value
 * (QEMU's util/qemu-option.c), or a JSON object where its first byte is a brace.
 */
#ifndef QRAP_PROPERTIES_H
#define QRAP_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/base/memory.h"

/**
 * struct property - One key and its value
 * @key:	Name; that of the implied key for a first word without "="
 * @value:	Value, "on" or "off" for a later word without "="
 * @literal:	From JSON, and no string: written as it stands
 * @bare:	Stood there without "="
 */
struct property {
	const char *key;
	const char *value;
	bool literal;
	bool bare;
};

/**
 * struct properties - The whole list, in order
 * @list:	Properties
 * @count:	How many
 * @json:	It is a JSON object
 */
struct properties {
	struct property *list;
	size_t count;
	bool json;
};

/**
 * properties_parse() - Take an option's value apart
 * @arena:	Where the result is kept
 * @text:	The value
 * @implied:	Key that a first word without "=" belongs to ("driver", "type")
 * @out:	Filled; of broken JSON as much as could be read
 */
void properties_parse(struct arena *arena, const char *text, const char *implied,
		      struct properties *out);

/* Value of @key, or NULL; of several the last, which is the one that QEMU takes. */
const char *properties_get(const struct properties *properties, const char *key);

/* Is @key there, and neither empty nor "off"? */
bool properties_on(const struct properties *properties, const char *key);

/* Does QEMU take this for true, for false? NULL is neither. */
bool value_is_on(const char *value);
bool value_is_off(const char *value);

/* Adds one more to the end: @key is @value, which is a string. */
void properties_add(struct arena *arena, struct properties *properties, const char *key,
		    const char *value);

/* The same, for a property that is there already. */
void properties_append(struct arena *arena, struct properties *properties,
		       struct property property);

/**
 * properties_format() - Put an option's value together
 * @arena:	Where the result is kept
 * @properties:	What to write; the first stands without its key, unless it is JSON or would be
 *		taken for something else
 *
 * Return: the text
 */
char *properties_format(struct arena *arena, const struct properties *properties);

#endif /* QRAP_PROPERTIES_H */
