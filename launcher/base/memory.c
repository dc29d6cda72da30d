/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launcher/base/memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/base/message.h"

/* The arena itself, and each piece that came from it. */
struct arena {
	struct arena *next;
	alignas(max_align_t) unsigned char bytes[];
};

static void *get_or_die(size_t size)
{
	void *memory = calloc(1, size);

	if (memory)
		return memory;
	fputs("qrap: out of memory\n", stderr);
	exit(STATUS_FAILED);
}

struct arena *arena_new(void)
{
	return get_or_die(sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	struct arena *next;

	for (; arena; arena = next) {
		next = arena->next;
		free(arena);
	}
}

void *arena_get(struct arena *arena, size_t size)
{
	struct arena *piece = get_or_die(sizeof(*piece) + size);

	piece->next = arena->next;
	arena->next = piece;
	return piece->bytes;
}

char *arena_copy(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_get(arena, len + 1);

	memcpy(copy, text, len);
	return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list list, again;
	char *text;
	int len;

	va_start(list, format);
	va_copy(again, list);
	len = vsnprintf(NULL, 0, format, list);
	va_end(list);
	text = arena_get(arena, (size_t)(len > 0 ? len : 0) + 1);
	vsnprintf(text, (size_t)(len > 0 ? len : 0) + 1, format, again);
	va_end(again);
	return text;
}

void *arena_grow(struct arena *arena, void *array, size_t count, size_t size)
{
	void *bigger;

	if (count & (count - 1))
		return array;
	bigger = arena_get(arena, (count ? 2 * count : 1) * size);
	if (count)
		memcpy(bigger, array, count * size);
	return bigger;
}

void buffer_add(struct buffer *buffer, const char *text, size_t len)
{
	if (buffer->len + len + 1 > buffer->size) {
		size_t size = 2 * (buffer->len + len + 1);
		char *bigger = arena_get(buffer->arena, size);

		if (buffer->len)
			memcpy(bigger, buffer->text, buffer->len);
		buffer->text = bigger;
		buffer->size = size;
	}
	memcpy(buffer->text + buffer->len, text, len);
	buffer->len += len;
	buffer->text[buffer->len] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_add_char(struct buffer *buffer, char c)
{
	buffer_add(buffer, &c, 1);
}
