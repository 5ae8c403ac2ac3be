/*
 * Ownership of locals: attributes that release at the end of the scope, and
 * steal(), which hands a value over. Used by every room. What holds: a variable
 * that carries such an attribute is initialised where it is declared.
 */
#ifndef VIRTMUX_BASE_CLEANUP_H
#define VIRTMUX_BASE_CLEANUP_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Other attributes spell it __cleanup__: this macro would swallow the word. */
#define cleanup(fn) __attribute__((__cleanup__(fn)))

/* Hands over the pointer in *P: returns it and leaves NULL behind. */
#define steal(p)                                                               \
	__extension__({                                                        \
		__typeof__(*(p)) stolen_ = *(p);                               \
		*(p) = NULL;                                                   \
		stolen_;                                                       \
	})

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define autofree   cleanup(cleanup_free)
#define autoclose  cleanup(cleanup_close)
#define autofclose cleanup(cleanup_fclose)

/* Declares `autoptr_TYPE`-style cleanup for a `type_free(struct type *)`. */
#define DEFINE_CLEANUP(type, fn)                                               \
	static inline void cleanup_##type(struct type **p)                     \
	{                                                                      \
		if (*p)                                                        \
			fn(*p);                                                \
	}                                                                      \
	struct type

#define autoptr(type) cleanup(cleanup_##type) struct type *

#define array_size(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member)                                        \
	((type *)((char *)(ptr)-offsetof(type, member)))

#endif
