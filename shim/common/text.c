/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/common/text.h"

#include <string.h>

void text_start(struct text *t, char *buf, size_t size)
{
	t->buf = buf;
	t->size = size;
	t->len = 0;
	t->cut = false;
	buf[0] = '\0';
}

void text_add_n(struct text *t, const char *s, size_t len)
{
	size_t room = t->size - 1 - t->len;

	if (len > room) {
		len = room;
		t->cut = true;
	}
	memcpy(t->buf + t->len, s, len);
	t->len += len;
	t->buf[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

/* A number as %d, %lld or %llx want it: at least @digits digits, at most 20. */
static void add_number(struct text *t, int64_t n, unsigned base, unsigned digits)
{
	bool is_negative = n < 0 && base == 10;
	uint64_t rest = is_negative ? -(uint64_t)n : (uint64_t)n;
	char buf[20];
	size_t i = sizeof(buf);

	do {
		buf[--i] = "0123456789abcdef"[rest % base];
		rest /= base;
	} while (rest || sizeof(buf) - i < digits);
	text_add(t, is_negative ? "-" : "");
	text_add_n(t, buf + i, sizeof(buf) - i);
}

void text_vformat(struct text *t, const char *format, va_list args)
{
	for (;;) {
		size_t plain = strcspn(format, "%");
		unsigned digits = 0;
		bool is_long;

		text_add_n(t, format, plain);
		if (!format[plain])
			return;
		for (format += plain + 1; *format >= '0' && *format <= '9'; format++)
			digits = digits * 10 + (unsigned)(*format - '0');
		is_long = *format == 'l';
		format += is_long ? 2 : 0;
		if (*format == 's')
			text_add(t, va_arg(args, const char *));
		else
			add_number(t, is_long ? va_arg(args, long long) : va_arg(args, int),
				   *format == 'x' ? 16 : 10, digits);
		format++;
	}
}

void text_format(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vformat(t, format, args);
	va_end(args);
}

/* Length of the UTF-8 sequence at @s (RFC 3629), or 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
	static const unsigned char least[] = { 0, 0, 0xc2, 0xe0, 0xf0 };
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] < least[len] || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/* U+0080 to U+009F, of two bytes in UTF-8: terminals take them for ESC and a letter (ISO 6429, C1).
 */
static bool is_c1(const unsigned char *s)
{
	return s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f;
}

/* How many bytes from @s on stand for themselves: as a rule, all of them. */
static size_t plain_length(const unsigned char *s)
{
	const unsigned char *p = s;

	while (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\')
		p++;
	return (size_t)(p - s);
}

static void add_json(struct text *t, const char *s, bool as_bytes)
{
	const unsigned char *p = (const unsigned char *)s;

	text_add(t, "\"");
	while (*p) {
		size_t plain = plain_length(p), len = as_bytes ? 1 : utf8_length(p);

		if (plain) {
			text_add_n(t, (const char *)p, plain);
			len = plain;
		} else if (!len) {
			text_add(t, "\\ufffd");
			len = 1;
		} else if (*p == '"' || *p == '\\') {
			text_add(t, "\\");
			text_add_n(t, (const char *)p, 1);
		} else if (*p < 0x20 || *p == 0x7f) {
			text_format(t, "\\u%04llx", (unsigned long long)*p);
		} else if (!as_bytes && is_c1(p)) {
			text_format(t, "\\u%04llx", (unsigned long long)p[1]);
		} else {
			text_add_n(t, (const char *)p, len);
		}
		p += len;
	}
	text_add(t, "\"");
}

void text_blank_controls(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (i + 1 < len && is_c1((const unsigned char *)s + i))
			s[i] = s[i + 1] = '?';
		else if ((unsigned char)s[i] < ' ' || s[i] == 127)
			s[i] = '?';
	}
}

void text_add_json(struct text *t, const char *s)
{
	add_json(t, s, false);
}

void text_add_json_bytes(struct text *t, const char *s)
{
	add_json(t, s, true);
}

/* The value of a digit of any base up to 16; 16 for what is none. */
static unsigned digit_value(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (unsigned)(digit - digits) % 16 : 16;
}

const char *text_file_name(const char *path)
{
	const char *slash;

	while ((slash = strchr(path, '/')))
		path = slash + 1;
	return path;
}

bool text_number(const char *s, size_t len, unsigned base, uint64_t *out)
{
	uint64_t n = 0;

	if (!len)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = digit_value(s[i]);

		if (digit >= base || n > (UINT64_MAX - digit) / base)
			return false;
		n = n * base + digit;
	}
	*out = n;
	return true;
}
