/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/cmdline/parse/properties.h"

#include <string.h>

#include "launcher/base/json.h"
#include "launcher/cmdline/parse/qemu_options.h"

void properties_append(struct arena *arena, struct properties *properties, struct property property)
{
	properties->list = arena_grow(arena, properties->list, properties->count, sizeof(property));
	properties->list[properties->count++] = property;
}

void properties_add(struct arena *arena, struct properties *properties, const char *key,
		    const char *value)
{
	properties_append(arena, properties, (struct property) { .key = key, .value = value });
}

/* A value up to its comma, with ",," for a comma in it; @at is left on the next key. */
static char *read_value(struct arena *arena, const char **at)
{
	struct buffer out = { .arena = arena };
	const char *p;

	buffer_add(&out, "", 0);
	for (p = *at; *p && (*p != ',' || p[1] == ','); p++) {
		buffer_add_char(&out, *p);
		p += *p == ',';
	}
	*at = *p ? p + 1 : p;
	return out.text;
}

/* A word without "=": "flag" is flag=on, and "noflag" is flag=off, whatever the flag is. */
static struct property flag(struct arena *arena, const char *word, size_t len)
{
	bool off = len > 2 && !strncmp(word, "no", 2);

	return (struct property) { .key = arena_copy(arena, word + 2 * off, len - 2 * off),
				   .value = off ? "off" : "on",
				   .bare = true };
}

static void parse_list(struct arena *arena, const char *text, const char *implied,
		       struct properties *out)
{
	for (const char *at = text; *at;) {
		size_t len = strcspn(at, "=,");
		struct property property = { 0 };

		if (at[len] == '=') {
			property.key = arena_copy(arena, at, len);
			at += len + 1;
			property.value = read_value(arena, &at);
		} else if (at == text && implied) {
			property.key = implied;
			property.bare = true;
			property.value = read_value(arena, &at);
		} else {
			property = flag(arena, at, len);
			at += len + (at[len] == ',');
		}
		properties_append(arena, out, property);
	}
}

void properties_parse(struct arena *arena, const char *text, const char *implied,
		      struct properties *out)
{
	struct json_reader reader;
	struct json_member member;

	*out = (struct properties) { .json = *text == '{' && json_begin(&reader, arena, text) };
	if (!out->json)
		parse_list(arena, text, implied, out);
	while (out->json && json_next(&reader, &member) > 0)
		properties_append(arena, out,
				  (struct property) { .key = member.key,
						      .value = member.value,
						      .literal = !member.is_string });
}

const char *properties_get(const struct properties *properties, const char *key)
{
	for (size_t i = properties->count; i > 0; i--) {
		if (!strcmp(properties->list[i - 1].key, key))
			return properties->list[i - 1].value;
	}
	return NULL;
}

bool properties_on(const struct properties *properties, const char *key)
{
	const char *value = properties_get(properties, key);

	return value && *value && strcmp(value, "off") && strcmp(value, "false");
}

bool value_is_on(const char *value)
{
	return name_in(value, "on|yes|true|y");
}

bool value_is_off(const char *value)
{
	return name_in(value, "off|no|false|n");
}

/* KEY=VALUE; the first stands without its key, unless it would be taken for something else. */
static void add_pair(struct buffer *out, const struct property *property, bool first)
{
	const char *value = property->value;

	if (!first || *value == '{' || strchr(value, '=')) {
		buffer_add_text(out, property->key);
		buffer_add_char(out, '=');
	}
	for (; *value; value++) {
		if (*value == ',')
			buffer_add_char(out, ',');
		buffer_add_char(out, *value);
	}
}

/* "KEY":VALUE */
static void add_member(struct buffer *out, const struct property *property)
{
	json_add_string(out, property->key);
	buffer_add_char(out, ':');
	if (property->literal)
		buffer_add_text(out, property->value);
	else
		json_add_string(out, property->value);
}

char *properties_format(struct arena *arena, const struct properties *properties)
{
	struct buffer out = { .arena = arena };

	buffer_add_text(&out, properties->json ? "{" : "");
	for (size_t i = 0; i < properties->count; i++) {
		if (i)
			buffer_add_char(&out, ',');
		if (properties->json)
			add_member(&out, &properties->list[i]);
		else
			add_pair(&out, &properties->list[i], !i);
	}
	buffer_add_text(&out, properties->json ? "}" : "");
	return out.text;
}
