/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  A memory context whose chunks the sanitizer can tell apart.
 *
 * PostgreSQL's own contexts carve chunks out of large blocks: to a sanitizer
 * what lies behind a chunk is still that block.  Here each chunk is malloc'd,
 * and its header poisoned while it is not needed.
 *
 * From PostgreSQL 16 the kinds of contexts are a closed list; there, it is a
 * normal context with the smallest blocks.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include <sanitizer/asan_interface.h>

#include "lib/ilist.h"
#include "utils/memutils.h"

#if PG_VERSION_NUM >= 160000

MemoryContext
fuzz_memory_create(MemoryContext parent)
{
	return AllocSetContextCreate(parent, "fuzz input", 0, 1024, 1024);
}

#else

typedef struct FuzzContext
{
	MemoryContextData header;	/* must be first */
	dlist_head	chunks;
} FuzzContext;

typedef struct Chunk
{
	dlist_node	node;
	Size		size;
	MemoryContext context;		/* must be right before the chunk's memory */
} Chunk;

#define CHUNK_MEMORY(chunk) ((void *) ((chunk) + 1))

static Chunk *
open_chunk(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	ASAN_UNPOISON_MEMORY_REGION(chunk, sizeof(Chunk));
	return chunk;
}

static void
close_chunk(Chunk *chunk)
{
	ASAN_POISON_MEMORY_REGION(chunk, sizeof(Chunk));
}

/* Neighbours in the list are opened as well. */
static void
unlink_chunk(FuzzContext *context, Chunk *chunk)
{
	dlist_node *head = &context->chunks.head;
	dlist_node *prev = chunk->node.prev;
	dlist_node *next = chunk->node.next;

	if (prev != head)
		ASAN_UNPOISON_MEMORY_REGION(prev, sizeof(Chunk));
	if (next != head)
		ASAN_UNPOISON_MEMORY_REGION(next, sizeof(Chunk));
	dlist_delete(&chunk->node);
	if (prev != head)
		close_chunk(dlist_container(Chunk, node, prev));
	if (next != head)
		close_chunk(dlist_container(Chunk, node, next));
	context->header.mem_allocated -= chunk->size;
}

static void *
fuzz_alloc(MemoryContext context, Size size)
{
	FuzzContext *fuzz = (FuzzContext *) context;
	Chunk	   *chunk = malloc(sizeof(Chunk) + size);
	dlist_node *first;

	if (chunk == NULL)
		return NULL;
	chunk->size = size;
	chunk->context = context;
	first = dlist_is_empty(&fuzz->chunks) ? NULL : dlist_head_node(&fuzz->chunks);
	if (first != NULL)
		ASAN_UNPOISON_MEMORY_REGION(first, sizeof(Chunk));
	dlist_push_head(&fuzz->chunks, &chunk->node);
	if (first != NULL)
		close_chunk(dlist_container(Chunk, node, first));
	context->mem_allocated += size;
	close_chunk(chunk);
	return CHUNK_MEMORY(chunk);
}

static void
fuzz_free(MemoryContext context, void *pointer)
{
	Chunk	   *chunk = open_chunk(pointer);

	unlink_chunk((FuzzContext *) context, chunk);
	free(chunk);
}

static void *
fuzz_realloc(MemoryContext context, void *pointer, Size size)
{
	Chunk	   *chunk = open_chunk(pointer);
	Size		old = chunk->size;
	void	   *result;

	close_chunk(chunk);
	result = fuzz_alloc(context, size);
	if (result == NULL)
		return NULL;
	memcpy(result, pointer, Min(old, size));
	fuzz_free(context, pointer);
	return result;
}

static void
fuzz_reset(MemoryContext context)
{
	FuzzContext *fuzz = (FuzzContext *) context;

	while (!dlist_is_empty(&fuzz->chunks))
		fuzz_free(context,
				  CHUNK_MEMORY(dlist_container(Chunk, node,
											   dlist_head_node(&fuzz->chunks))));
}

static void
fuzz_delete(MemoryContext context)
{
	fuzz_reset(context);
	free(context);
}

static Size
fuzz_chunk_space(MemoryContext context, void *pointer)
{
	Chunk	   *chunk = open_chunk(pointer);
	Size		size = chunk->size;

	close_chunk(chunk);
	return size + sizeof(Chunk);
}

static bool
fuzz_is_empty(MemoryContext context)
{
	return dlist_is_empty(&((FuzzContext *) context)->chunks);
}

static void
fuzz_stats(MemoryContext context, MemoryStatsPrintFunc printfunc,
		   void *passthru, MemoryContextCounters *totals, bool print_to_stderr)
{
}

#ifdef MEMORY_CONTEXT_CHECKING
static void
fuzz_verify(MemoryContext context)
{
}
#endif

static const MemoryContextMethods fuzz_methods = {
	.alloc = fuzz_alloc,
	.free_p = fuzz_free,
	.realloc = fuzz_realloc,
	.reset = fuzz_reset,
	.delete_context = fuzz_delete,
	.get_chunk_space = fuzz_chunk_space,
	.is_empty = fuzz_is_empty,
	.stats = fuzz_stats,
#ifdef MEMORY_CONTEXT_CHECKING
	.check = fuzz_verify,
#endif
};

MemoryContext
fuzz_memory_create(MemoryContext parent)
{
	FuzzContext *context = malloc(sizeof(FuzzContext));

	if (context == NULL)
		elog(ERROR, "out of memory");
	dlist_init(&context->chunks);
	/* the server looks at the tag to see that it is a context, no more */
	MemoryContextCreate((MemoryContext) context, T_AllocSetContext,
						&fuzz_methods, parent, "fuzz input");
	return (MemoryContext) context;
}

#endif							/* PG_VERSION_NUM */
