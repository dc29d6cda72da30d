/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that is given back all at once. Getting some cannot fail: without memory the program ends
 * with a message and STATUS_FAILED, as nothing has happened yet that would have to be undone.
 */
#ifndef QRAP_MEMORY_H
#define QRAP_MEMORY_H

#include <stddef.h>

struct arena;

/* An empty one, for arena_free(). */
struct arena *arena_new(void);

/* Gives back the arena and all that came from it. */
void arena_free(struct arena *arena);

/* @size bytes, all zero, aligned for anything. */
void *arena_get(struct arena *arena, size_t size);

/* A copy of the @len bytes at @text, with a NUL behind it. */
char *arena_copy(struct arena *arena, const char *text, size_t len);

/* A text as printf(3) makes it. */
char *arena_format(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * arena_grow() - Room for one more element of an array
 * @arena:	Where the array is kept
 * @array:	The array so far, or NULL
 * @count:	Elements in use
 * @size:	Size of an element in bytes
 *
 * Doubles at powers of two, so that n calls cost O(n).
 *
 * Return: the array, with room for @count + 1 elements
 */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t size);

/**
 * struct buffer - A text that grows
 * @arena:	Where it is kept
 * @text:	The text so far, NUL-terminated, or NULL as long as nothing was added
 * @len:	Its length in bytes
 * @size:	Bytes there is room for
 */
struct buffer {
	struct arena *arena;
	char *text;
	size_t len;
	size_t size;
};

/* Add bytes, a text, a character; @text of the buffer may move. */
void buffer_add(struct buffer *buffer, const char *text, size_t len);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_char(struct buffer *buffer, char c);

#endif /* QRAP_MEMORY_H */
