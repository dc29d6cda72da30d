/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/json.h"

#include <stdint.h>
#include <string.h>

#include "shim/common/text.h"

/* Steps over @c and the blanks around it; false if something else is next. */
static bool take(struct json_reader *reader, char c)
{
	static const char blanks[] = " \t\r\n";

	reader->at += strspn(reader->at, blanks);
	if (*reader->at != c)
		return false;
	reader->at++;
	reader->at += strspn(reader->at, blanks);
	return true;
}

/* Steps over the four digits of a \u escape: their number, or 0, which is no character, either. */
static uint32_t read_unit(struct json_reader *reader)
{
	uint64_t unit;

	if (!text_number(reader->at, 4, 16, &unit))
		return 0;
	reader->at += 4;
	return (uint32_t)unit;
}

/* A character as UTF-8 (RFC 3629): bits of the first byte, and then six bits for each byte. */
static void add_utf8(struct buffer *out, uint32_t c)
{
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned char first[] = { 0, 0xc0, 0xe0, 0xf0 };

	buffer_add_char(out, (char)(first[more] | c >> 6 * more));
	while (more-- > 0)
		buffer_add_char(out, (char)(0x80 | (c >> 6 * more & 0x3f)));
}

/* \uXXXX, or two of them for what is beyond the first 65536 characters; no NUL, no lone half. */
static bool read_unicode(struct json_reader *reader, struct buffer *out)
{
	uint32_t c = read_unit(reader), low;

	if (c >= 0xd800 && c < 0xdc00 && !strncmp(reader->at, "\\u", 2)) {
		reader->at += 2;
		low = read_unit(reader);
		if (low < 0xdc00 || low > 0xdfff)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (!c || (c >= 0xd800 && c <= 0xdfff))
		return false;
	add_utf8(out, c);
	return true;
}

/* What stands behind a backslash. */
static bool read_escape(struct json_reader *reader, struct buffer *out)
{
	static const char escapes[] = "\"'\\/bfnrt", meanings[] = "\"'\\/\b\f\n\r\t";
	char c = *reader->at;
	const char *escape = c ? strchr(escapes, c) : NULL;

	if (!c)
		return false;
	reader->at++;
	if (c == 'u')
		return read_unicode(reader, out);
	if (!escape)
		return false;
	buffer_add_char(out, meanings[escape - escapes]);
	return true;
}

/* A string in whatever quotes, decoded; NULL if it is none. */
static char *read_string(struct json_reader *reader)
{
	struct buffer out = { .arena = reader->arena };
	const char quote[] = { *reader->at, '\\', '\0' };

	if (*quote != '"' && *quote != '\'')
		return NULL;
	buffer_add(&out, "", 0);
	for (reader->at++; *reader->at != *quote;) {
		size_t plain = strcspn(reader->at, quote);

		buffer_add(&out, reader->at, plain);
		reader->at += plain;
		if (!*reader->at)
			return NULL;
		if (*reader->at == '\\') {
			reader->at++;
			if (!read_escape(reader, &out))
				return NULL;
		}
	}
	reader->at++;
	return out.text;
}

/* A number, a word, or something nested, as text: all up to the comma or brace of our object. */
static char *read_literal(struct json_reader *reader)
{
	const char *begin = reader->at, *end;
	size_t depth = 0;

	while (*reader->at) {
		char c = *reader->at;

		if (c == '"' || c == '\'') {
			if (!read_string(reader))
				return NULL;
			continue;
		}
		if (!depth && (c == ',' || c == '}'))
			break;
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		reader->at++;
	}
	for (end = reader->at; end > begin && strchr(" \t\r\n", end[-1]); end--)
		;
	return end > begin ? arena_copy(reader->arena, begin, (size_t)(end - begin)) : NULL;
}

bool json_begin(struct json_reader *reader, struct arena *arena, const char *text)
{
	*reader = (struct json_reader) { .arena = arena, .at = text };
	return take(reader, '{');
}

int json_next(struct json_reader *reader, struct json_member *member)
{
	if (take(reader, '}'))
		return *reader->at ? -1 : 0;
	member->key = read_string(reader);
	if (!member->key || !take(reader, ':'))
		return -1;
	member->is_string = *reader->at == '"' || *reader->at == '\'';
	member->value = member->is_string ? read_string(reader) : read_literal(reader);
	if (!member->value)
		return -1;
	if (take(reader, ','))
		return *reader->at == '}' ? -1 : 1;
	return *reader->at == '}' ? 1 : -1;
}

void json_add_string(struct buffer *buffer, const char *text)
{
	/* At most six bytes for each, the quotes, and a NUL. */
	size_t size = 6 * strlen(text) + 3;
	struct text json;

	text_start(&json, arena_get(buffer->arena, size), size);
	text_add_json_bytes(&json, text);
	buffer_add(buffer, json.buf, json.len);
}
