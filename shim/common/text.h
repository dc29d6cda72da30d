/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text put together in a buffer of fixed size: no stdio, no malloc, no locale. */
#ifndef QRAP_TEXT_H
#define QRAP_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct text - A text under construction
 * @buf:	Where it is kept; always NUL-terminated
 * @size:	Size of @buf in bytes, at least 1
 * @len:	Bytes used, without the NUL
 * @cut:	Something did not fit and was left out
 */
struct text {
	char *buf;
	size_t size;
	size_t len;
	bool cut;
};

/* Starts an empty text in @buf of @size bytes. */
void text_start(struct text *t, char *buf, size_t size);

/* Each adds to the end; what does not fit is cut, and @t->cut says so. */
void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t len);

/**
 * text_format() - Add what a format of printf(3) describes
 * @t:		Text
 * @format:	Knows %s, %d, %lld and %llx, and up to 20 digits with zeroes in front (%06lld)
 */
void text_format(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vformat(struct text *t, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* As a JSON string, with its quotes; bytes that are no UTF-8 become U+FFFD. */
void text_add_json(struct text *t, const char *s);
/* The same, but bytes from 128 on stay as they are. */
void text_add_json_bytes(struct text *t, const char *s);

/* Makes control characters harmless: they must not begin a line or drive a terminal. */
void text_blank_controls(char *s, size_t len);

/* The name of the file at @path: what is behind the last slash. */
const char *text_file_name(const char *path);

/**
 * text_number() - Read a non-negative number in full
 * @s:		Text
 * @len:	How many bytes of it are the number, at least 1
 * @base:	10 or 16
 * @out:	Result
 *
 * Return: true if all @len bytes are digits and the number fits, else false
 */
bool text_number(const char *s, size_t len, unsigned base, uint64_t *out);

#endif /* QRAP_TEXT_H */
