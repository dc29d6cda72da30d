/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON reader, with any text. What is an object by RFC 8259, as a strict parser here knows it,
 * is read, with the same members; whatever is read, written and read again is the same; and any
 * text survives being written as a string, be it by the launcher or by the shim.
 */
#include <stdlib.h>
#include <string.h>

#include "launcher/base/json.h"
#include "launcher/cmdline/parse/properties.h"
#include "shim/common/text.h"

#define MEMBERS_MAX 64
#define DEPTH_MAX   32

static void insist(bool truth)
{
	if (!truth)
		abort();
}

/**
 * struct strict - A parser that knows no mercy
 * @arena:	Where decoded strings are kept
 * @p:		Next byte
 * @bad:	This is no JSON, or some that we do not read,
 * @no_character: with an escape that stands for a NUL, half a character or none at all
 * @members:	Those of the outermost object
 * @count:	How many
 */
struct strict {
	struct arena *arena;
	const char *p;
	bool bad;
	bool no_character;
	struct json_member members[MEMBERS_MAX];
	size_t count;
};

static void skip_space(struct strict *s)
{
	while (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n')
		s->p++;
}

static bool accept(struct strict *s, char c)
{
	bool there = *s->p == c;

	s->p += there;
	return there;
}

static void expect(struct strict *s, char c)
{
	if (!accept(s, c))
		s->bad = true;
}

static unsigned take_unit(struct strict *s)
{
	static const char digits[] = "0123456789abcdef";
	unsigned unit = 0;

	for (int i = 0; i < 4 && !s->bad; i++) {
		char c = *s->p;
		const char *digit = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

		if (!digit) {
			s->bad = true;
			return 0;
		}
		unit = unit * 16 + (unsigned)(digit - digits);
		s->p++;
	}
	return unit;
}

/* A character in UTF-8 (RFC 3629, section 3). */
static void put_character(struct buffer *out, unsigned c)
{
	char bytes[4];
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned char first[] = { 0, 0xc0, 0xe0, 0xf0 };

	for (unsigned i = more; i > 0; i--) {
		bytes[i] = (char)(0x80 + c % 64);
		c /= 64;
	}
	bytes[0] = (char)(first[more] + c);
	buffer_add(out, bytes, more + 1);
}

static void take_unicode(struct strict *s, struct buffer *out)
{
	unsigned c = take_unit(s);

	if (c / 0x400 == 0xd800 / 0x400) {
		unsigned low;

		expect(s, '\\');
		expect(s, 'u');
		low = s->bad ? 0 : take_unit(s);
		if (low / 0x400 != 0xdc00 / 0x400)
			s->bad = true;
		c = (c % 0x400) * 0x400 + low % 0x400 + 0x10000;
	} else if (!c || c / 0x400 == 0xdc00 / 0x400) {
		s->bad = true;
	}
	if (s->bad)
		s->no_character = true;
	else
		put_character(out, c);
}

static void take_escape(struct strict *s, struct buffer *out)
{
	char c = *s->p;

	s->p += c != '\0';
	if (c == 'u')
		take_unicode(s, out);
	else if (c == 'b')
		buffer_add_char(out, 8);
	else if (c == 't')
		buffer_add_char(out, 9);
	else if (c == 'n')
		buffer_add_char(out, 10);
	else if (c == 'f')
		buffer_add_char(out, 12);
	else if (c == 'r')
		buffer_add_char(out, 13);
	else if (c == '"' || c == '\\' || c == '/')
		buffer_add_char(out, c);
	else
		s->bad = true;
}

static char *take_string(struct strict *s)
{
	struct buffer out = { .arena = s->arena };

	buffer_add(&out, "", 0);
	expect(s, '"');
	while (!s->bad && *s->p != '"') {
		if ((unsigned char)*s->p < ' ')
			s->bad = true;
		else if (*s->p == '\\' && s->p++)
			take_escape(s, &out);
		else
			buffer_add_char(&out, *s->p++);
	}
	if (!s->bad)
		s->p++;
	return out.text;
}

static void take_digits(struct strict *s)
{
	if (*s->p < '0' || *s->p > '9')
		s->bad = true;
	while (*s->p >= '0' && *s->p <= '9')
		s->p++;
}

static void take_number(struct strict *s)
{
	accept(s, '-');
	if (!accept(s, '0'))
		take_digits(s);
	if (accept(s, '.'))
		take_digits(s);
	if (accept(s, 'e') || accept(s, 'E')) {
		if (!accept(s, '+'))
			accept(s, '-');
		take_digits(s);
	}
}

static void take_value(struct strict *s, size_t depth);

/* The members of an object, or the elements of an array. */
static void take_nested(struct strict *s, size_t depth)
{
	char end = *s->p == '{' ? '}' : ']';

	s->p++;
	skip_space(s);
	if (depth > DEPTH_MAX)
		s->bad = true;
	if (s->bad || accept(s, end))
		return;
	do {
		skip_space(s);
		if (end == '}') {
			take_string(s);
			skip_space(s);
			expect(s, ':');
		}
		take_value(s, depth + 1);
	} while (!s->bad && accept(s, ','));
	expect(s, end);
}

/* With the space around it. */
static void take_value(struct strict *s, size_t depth)
{
	static const char *const words[] = { "true", "false", "null" };

	skip_space(s);
	if (s->bad)
		return;
	if (*s->p == '"') {
		take_string(s);
	} else if (*s->p == '{' || *s->p == '[') {
		take_nested(s, depth);
	} else if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9')) {
		take_number(s);
	} else {
		for (size_t i = 0; i < 3; i++) {
			size_t len = strlen(words[i]);

			if (!strncmp(s->p, words[i], len)) {
				s->p += len;
				skip_space(s);
				return;
			}
		}
		s->bad = true;
	}
	skip_space(s);
}

static void take_member(struct strict *s)
{
	struct json_member *member = &s->members[s->count];
	const char *begin, *end;

	skip_space(s);
	member->key = take_string(s);
	skip_space(s);
	expect(s, ':');
	skip_space(s);
	begin = s->p;
	member->is_string = *begin == '"';
	if (member->is_string) {
		member->value = take_string(s);
		skip_space(s);
	} else {
		take_value(s, 0);
		/* What is nested is not looked into. */
		s->no_character = false;
		for (end = s->p; end > begin && strchr(" \t\r\n", end[-1]); end--)
			;
		member->value = arena_copy(s->arena, begin, (size_t)(end - begin));
	}
	s->count++;
}

/* Is it an object, by the book, and nothing else? */
static bool parse_strictly(struct strict *s)
{
	skip_space(s);
	expect(s, '{');
	skip_space(s);
	if (!s->bad && !accept(s, '}')) {
		do
			take_member(s);
		while (!s->bad && s->count < MEMBERS_MAX && accept(s, ','));
		expect(s, '}');
	}
	skip_space(s);
	return !s->bad && !*s->p;
}

/* Reads with the reader: what the last json_next() said, or -1 if there is no object. */
static int read_all(struct arena *arena, const char *text, struct json_member *members,
		    size_t *count)
{
	struct json_reader reader;
	int more = 1;

	*count = 0;
	if (!json_begin(&reader, arena, text))
		return -1;
	while (*count < MEMBERS_MAX && (more = json_next(&reader, &members[*count])) > 0)
		++*count;
	return more;
}

static void check_same(const struct json_member *a, const struct json_member *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		insist(a[i].is_string == b[i].is_string);
		insist(!strcmp(a[i].key, b[i].key));
		insist(!strcmp(a[i].value, b[i].value));
	}
}

/* What was read, written and read again. */
static void check_again(struct arena *arena, const struct json_member *members, size_t count)
{
	struct json_member again[MEMBERS_MAX];
	struct properties properties = { .json = true }, taken;
	size_t same;
	char *text;

	for (size_t i = 0; i < count; i++)
		properties_append(arena, &properties,
				  (struct property) { .key = members[i].key,
						      .value = members[i].value,
						      .literal = !members[i].is_string });
	text = properties_format(arena, &properties);
	insist(read_all(arena, text, again, &same) == (count == MEMBERS_MAX) && same == count);
	check_same(members, again, count);
	properties_parse(arena, text, NULL, &taken);
	insist(taken.json && taken.count == count);
	insist(!strcmp(properties_format(arena, &taken), text));
}

/* The text, in the hands of whoever writes JSON, comes back as it was: or as @lossy says. */
static void check_string(struct arena *arena, const char *text, const char *string, bool lossy)
{
	char *object = arena_format(arena, "{%s:%s}", string, string);
	struct json_member member[MEMBERS_MAX];
	size_t count;

	insist(!read_all(arena, object, member, &count) && count == 1);
	insist(member[0].is_string && !strcmp(member[0].key, member[0].value));
	insist(lossy || !strcmp(member[0].key, text));
}

static void check_strings(struct arena *arena, const char *text, size_t len)
{
	struct buffer written = { .arena = arena };
	size_t size = 6 * len + 3;
	char *room = arena_get(arena, size);
	struct text shim;
	bool ascii = true;

	for (size_t i = 0; i < len; i++)
		ascii = ascii && !(text[i] & 0x80);
	json_add_string(&written, text);
	check_string(arena, text, written.text, false);
	text_start(&shim, room, size);
	text_add_json(&shim, text);
	insist(!shim.cut);
	check_string(arena, text, room, !ascii);
}

static void check(struct arena *arena, const char *text)
{
	struct strict strict = { .arena = arena, .p = text };
	struct json_member members[MEMBERS_MAX];
	bool is_object = parse_strictly(&strict);
	size_t count;
	int end = read_all(arena, text, members, &count);

	if (is_object) {
		insist(!end && count == strict.count);
		check_same(members, strict.members, count);
	}
	insist(!strict.no_character || end < 0);
	if (end >= 0)
		check_again(arena, members, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	char *text = malloc(size + 1);

	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (strspn(text, "{ \t\r\n"))
		check(arena, text);
	else
		check_strings(arena, text, strlen(text));
	free(text);
	arena_free(arena);
	return 0;
}
