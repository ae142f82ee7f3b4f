// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What src/core/platform.h promises in userspace and can't keep inline: sleeping,
 * memory, pools and the task. It knows nothing of block I/O.
 */
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "../core/platform.h"

__thread struct pb_task physbio_task;

/* The layout that the installed headers ask for, see repr.h. */
extern PB_API const char physbio_layout_phys16;
const char physbio_layout_phys16 = 16;

#undef pb_current
struct pb_task *pb_current(void)
{
	return &physbio_task;
}

#define SPINS_BEFORE_YIELD 128

/* A holder that was preempted gets the CPU sooner if we give ours up. */
void physbio_spin_wait(int *locked)
{
	unsigned int spins = 0;

	do {
		while (__atomic_load_n(locked, __ATOMIC_RELAXED))
			if (++spins % SPINS_BEFORE_YIELD == 0)
				sched_yield();
	} while (__atomic_exchange_n(locked, 1, __ATOMIC_ACQUIRE));
}

void physbio_folio_lock_wait(struct pb_folio *folio)
{
	while (__atomic_fetch_or(&folio->page.flags, PB_PG_locked,
				 __ATOMIC_ACQUIRE) &
	       PB_PG_locked)
		sched_yield();
}

void physbio_waitqueue_init(wait_queue_head_t *wq)
{
	pthread_mutex_init(&wq->mutex, NULL);
	pthread_cond_init(&wq->cond, NULL);
	wq->wakes = 0;
}

void physbio_wake_up(wait_queue_head_t *wq)
{
	pthread_mutex_lock(&wq->mutex);
	wq->wakes++;
	pthread_cond_broadcast(&wq->cond);
	pthread_mutex_unlock(&wq->mutex);
}

unsigned long physbio_wakes(wait_queue_head_t *wq)
{
	unsigned long wakes;

	pthread_mutex_lock(&wq->mutex);
	wakes = wq->wakes;
	pthread_mutex_unlock(&wq->mutex);
	return wakes;
}

void physbio_wait_wake(wait_queue_head_t *wq, unsigned long wakes)
{
	pthread_mutex_lock(&wq->mutex);
	while (wq->wakes == wakes)
		pthread_cond_wait(&wq->cond, &wq->mutex);
	pthread_mutex_unlock(&wq->mutex);
}

/* Nothing of @x is touched after the unlock: the waiter's stack may be gone. */
void physbio_complete(struct completion *x)
{
	pthread_mutex_lock(&x->wait.mutex);
	x->done = true;
	pthread_cond_signal(&x->wait.cond);
	pthread_mutex_unlock(&x->wait.mutex);
}

void physbio_wait_for_completion(struct completion *x)
{
	pthread_mutex_lock(&x->wait.mutex);
	while (!x->done)
		pthread_cond_wait(&x->wait.cond, &x->wait.mutex);
	pthread_mutex_unlock(&x->wait.mutex);
}

void *physbio_kvzalloc(size_t size)
{
	void *ptr;

	if (size > SIZE_MAX - L1_CACHE_BYTES)
		return NULL;
	size = (size / L1_CACHE_BYTES + 1) * L1_CACHE_BYTES;
	ptr = aligned_alloc(L1_CACHE_BYTES, size);
	return ptr ? memset(ptr, 0, size) : NULL;
}

void physbio_kvfree(void *ptr)
{
	free(ptr);
}

/*
 * Elements that come back are kept for the next one, as a slab would: up to
 * keep of them, of which min_nr are there from the start. The first word of a
 * free element links to the next.
 */
struct physbio_mempool {
	spinlock_t lock;
	size_t size;
	unsigned int nr_free;
	unsigned int keep;
	unsigned int waiters;
	void *free;
	wait_queue_head_t wait;
};

#define MEMPOOL_KEEP 1024

static void pool_push(struct physbio_mempool *pool, void *element)
{
	*(void **)element = pool->free;
	pool->free = element;
	pool->nr_free++;
}

static void *pool_pop(struct physbio_mempool *pool)
{
	void *element = NULL;

	spin_lock(&pool->lock);
	if (pool->free) {
		element = pool->free;
		pool->free = *(void **)element;
		pool->nr_free--;
	}
	spin_unlock(&pool->lock);
	return element;
}

mempool_t *physbio_mempool_create(int min_nr, size_t size)
{
	struct physbio_mempool *pool = calloc(1, sizeof(*pool));
	void *element;

	if (!pool)
		return NULL;
	spin_lock_init(&pool->lock);
	physbio_waitqueue_init(&pool->wait);
	pool->size = max(size, sizeof(void *));
	pool->keep = max((unsigned int)min_nr, (unsigned int)MEMPOOL_KEEP);
	while (pool->nr_free < (unsigned int)min_nr) {
		element = malloc(pool->size);
		if (!element) {
			physbio_mempool_destroy(pool);
			return NULL;
		}
		pool_push(pool, element);
	}
	return pool;
}

/* The waiter counts itself before it looks again, so that no free is missed. */
static void *pool_wait(struct physbio_mempool *pool)
{
	void *element = NULL;

	__atomic_fetch_add(&pool->waiters, 1, __ATOMIC_SEQ_CST);
	wait_event(pool->wait, (element = pool_pop(pool)));
	__atomic_fetch_sub(&pool->waiters, 1, __ATOMIC_SEQ_CST);
	return element;
}

void *physbio_mempool_alloc(mempool_t *pool, pb_gfp_t gfp)
{
	void *element = pool_pop(pool);

	if (likely(element))
		return element;
	element = malloc(pool->size);
	if (element || !gfp)
		return element;
	return pool_wait(pool);
}

static bool pool_keep(struct physbio_mempool *pool, void *element)
{
	bool kept;

	spin_lock(&pool->lock);
	kept = pool->nr_free < pool->keep;
	if (kept)
		pool_push(pool, element);
	spin_unlock(&pool->lock);
	return kept;
}

void physbio_mempool_free(void *element, mempool_t *pool)
{
	if (!pool_keep(pool, element))
		free(element);
	if (unlikely(__atomic_load_n(&pool->waiters, __ATOMIC_SEQ_CST)))
		physbio_wake_up(&pool->wait);
}

void physbio_mempool_destroy(mempool_t *pool)
{
	void *element;

	if (!pool)
		return;
	while ((element = pool_pop(pool)))
		free(element);
	free(pool);
}

unsigned long physbio_jiffies(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long)now.tv_sec * 1000 +
	       (unsigned long)now.tv_nsec / 1000000;
}
