/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's dialect, for src/core alone: the one file that knows which of the
 * two worlds it is in. In the kernel it is #includes, and shims that name the
 * release that removes them. In userspace each entry is a stub or says how it
 * differs from the kernel's. Never installed.
 */
#ifndef PHYSBIO_CORE_PLATFORM_H
#define PHYSBIO_CORE_PLATFORM_H

#include <physbio/count.h>
#include <physbio/page.h>
#include <physbio/types.h>

#ifdef __KERNEL__

#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/gcd.h>
#include <linux/hash.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mempool.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
/* 6.12 exports unpin_user_folio(). Until then the pages go one by one. */
static inline void unpin_user_folio(struct pb_folio *folio,
				    unsigned long npages)
{
	while (npages--)
		unpin_user_page(folio_page(folio, 0));
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
/* 6.7 has it. */
static inline void folio_end_read(struct pb_folio *folio, bool success)
{
	if (success)
		folio_mark_uptodate(folio);
	folio_unlock(folio);
}
#endif

/* What fsync() will say. */
static inline void folio_note_error(struct pb_folio *folio, int error)
{
	if (folio->mapping)
		mapping_set_error(folio->mapping, error);
}

#ifndef FOLL_PCI_P2PDMA
/* 6.2 has it. Until then no peer's memory is user memory. */
#define FOLL_PCI_P2PDMA 0
#endif

/* The page of memory that the CPU may use as RAM: NULL for a peer's, which is MMIO. */
static inline struct page *ram_page(phys_addr_t paddr)
{
	struct page *page;

	if (!pfn_valid(PHYS_PFN(paddr)))
		return NULL;
	page = pfn_to_page(PHYS_PFN(paddr));
	return is_pci_p2pdma_page(page) ? NULL : page;
}

static inline void *ram_virt(phys_addr_t paddr)
{
	struct page *page = ram_page(paddr);
	void *virt = page ? page_address(page) : NULL;

	return virt ? virt + offset_in_page(paddr) : NULL;
}

static inline void *ram_kmap_local(phys_addr_t paddr)
{
	struct page *page = ram_page(paddr);

	return page ? kmap_local_page(page) + offset_in_page(paddr) : NULL;
}

/* A plain counter that several add to. */
#define atomic_stat_add(n, counter) \
	atomic_long_add(n, (atomic_long_t *)(counter))

#else /* userspace */

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <physbio/submit.h>
#include <physbio/workqueue.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define U16_MAX UINT16_MAX
#define U32_MAX UINT32_MAX
#define U64_MAX UINT64_MAX

#define EXPORT_SYMBOL_GPL(symbol)

#define noinline __attribute__((noinline))
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* The kernel is built with variables that are zero at first, which costs. */
#if __has_attribute(__uninitialized__)
#define __uninitialized __attribute__((__uninitialized__))
#else
#define __uninitialized
#endif

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* Stub: the condition, without the splat. */
#define WARN_ON_ONCE(x)           \
	({                        \
		bool _warn = (x); \
		unlikely(_warn);  \
	})

#ifdef __CHECKER__ /* whose atomics take no bitwise type */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
#else
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELAXED)
#endif

/* As in the kernel, but both sides must be of one type without being told. */
#define min(a, b)                              \
	({                                     \
		__auto_type _min1 = (a);       \
		__typeof__(_min1) _min2 = (b); \
		_min1 < _min2 ? _min1 : _min2; \
	})
#define max(a, b)                              \
	({                                     \
		__auto_type _max1 = (a);       \
		__typeof__(_max1) _max2 = (b); \
		_max1 > _max2 ? _max1 : _max2; \
	})
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define min_not_zero(a, b)                                             \
	({                                                             \
		__auto_type _mnz1 = (a);                               \
		__typeof__(_mnz1) _mnz2 = (b);                         \
		!_mnz1 ? _mnz2 : (!_mnz2 ? _mnz1 : min(_mnz1, _mnz2)); \
	})

/* @n is a power of two. */
#define round_down(x, n) ((x) & ~((__typeof__(x))(n)-1))

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

/* Greatest common divisor; that of 0 and another is the other. */
static inline unsigned long gcd(unsigned long a, unsigned long b)
{
	while (b) {
		unsigned long rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The upper @bits of a product that all bits of @val have a part in. */
static inline u32 hash_32(u32 val, unsigned int bits)
{
	return val * 0x61C88647u >> (32 - bits);
}

/* @n is a power of two. */
#define PTR_ALIGN(ptr, n) \
	((__typeof__(ptr))(((uintptr_t)(ptr) + ((n)-1)) & ~((uintptr_t)(n)-1)))

/* Of a power of two. */
#define ilog2(n) (__builtin_ctzl(n))

/* Undefined for 0, as in the kernel. */
static inline unsigned long rounddown_pow_of_two(unsigned long n)
{
	return 1ul << (sizeof(n) * 8 - 1 - (unsigned)__builtin_clzl(n));
}

/* Divides @n in place and gives the remainder. */
#define sector_div(n, base)                    \
	({                                     \
		u32 _base = (base);            \
		u32 _rem = (u32)((n) % _base); \
		(n) /= _base;                  \
		_rem;                          \
	})

#define ffs(x) __builtin_ffs(x)

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline pb_le32 cpu_to_le32(u32 x)
{
	return (PB_FORCE pb_le32)htole32(x);
}

static inline pb_le64 cpu_to_le64(u64 x)
{
	return (PB_FORCE pb_le64)htole64(x);
}

static inline u32 le32_to_cpu(pb_le32 x)
{
	return le32toh((PB_FORCE u32)x);
}

static inline u64 le64_to_cpu(pb_le64 x)
{
	return le64toh((PB_FORCE u64)x);
}

/* A pointer or a -errno: the last page of addresses is nobody's. */
static inline void *ERR_PTR(long error)
{
	return (void *)(intptr_t)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)(intptr_t)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return (uintptr_t)ptr >= (uintptr_t)-4095;
}

/* Atomics: the kernel's orders, and a count of them in counting builds. */
#define ATOMIC_INIT(i) \
	{              \
		(i)    \
	}

static inline int atomic_read(const pb_atomic_t *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);
}

static inline void atomic_set(pb_atomic_t *v, int i)
{
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);
}

static inline void atomic_inc(pb_atomic_t *v)
{
	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_add(&v->counter, 1, __ATOMIC_RELAXED);
}

static inline void atomic_sub(int i, pb_atomic_t *v)
{
	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_sub(&v->counter, i, __ATOMIC_RELAXED);
}

static inline bool atomic_dec_and_test(pb_atomic_t *v)
{
	pb_count(PHYSBIO_ATOMIC);
	return __atomic_sub_fetch(&v->counter, 1, __ATOMIC_ACQ_REL) == 0;
}

static inline bool atomic_sub_and_test(int i, pb_atomic_t *v)
{
	pb_count(PHYSBIO_ATOMIC);
	return __atomic_sub_fetch(&v->counter, i, __ATOMIC_ACQ_REL) == 0;
}

/* A plain counter that several add to. */
static inline void atomic_stat_add(unsigned long i, unsigned long *v)
{
	__atomic_fetch_add(v, i, __ATOMIC_RELAXED);
}

/* No interrupts here: the _irqsave forms are the plain ones. */
typedef struct {
	int locked;
} spinlock_t;

#define DEFINE_SPINLOCK(name) spinlock_t name

static inline void spin_lock_init(spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELAXED);
}

void physbio_spin_wait(int *locked);

static inline void spin_lock(spinlock_t *lock)
{
	pb_count(PHYSBIO_ATOMIC);
	if (unlikely(__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)))
		physbio_spin_wait(&lock->locked);
}

static inline void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

#define spin_lock_irqsave(lock, flags) \
	do {                           \
		(flags) = 0;           \
		spin_lock(lock);       \
	} while (0)
#define spin_unlock_irqrestore(lock, flags) \
	do {                                \
		(void)(flags);              \
		spin_unlock(lock);          \
	} while (0)

#define spin_lock_irq(lock) spin_lock(lock)
#define spin_unlock_irq(lock) spin_unlock(lock)

/*
 * Sleeping: a mutex and a condition for the kernel's wait queue. A wake-up counts,
 * so that the condition can be looked at without the mutex, and may take locks that
 * the waker holds.
 */
typedef struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned long wakes;
} wait_queue_head_t;

void physbio_waitqueue_init(wait_queue_head_t *wq);
void physbio_wake_up(wait_queue_head_t *wq);
unsigned long physbio_wakes(wait_queue_head_t *wq);
void physbio_wait_wake(wait_queue_head_t *wq, unsigned long wakes);

#define init_waitqueue_head(wq) physbio_waitqueue_init(wq)
#define wake_up_all(wq) physbio_wake_up(wq)
#define wait_event(wq, condition)                            \
	do {                                                 \
		unsigned long _wakes = physbio_wakes(&(wq)); \
		if (condition)                               \
			break;                               \
		physbio_wait_wake(&(wq), _wakes);            \
	} while (1)

struct completion {
	wait_queue_head_t wait;
	bool done;
};

void physbio_complete(struct completion *x);
void physbio_wait_for_completion(struct completion *x);

static inline void init_completion(struct completion *x)
{
	init_waitqueue_head(&x->wait);
	x->done = false;
}

#define DECLARE_COMPLETION_ONSTACK(name) \
	struct completion name;          \
	init_completion(&name)
#define complete(x) physbio_complete(x)
#define wait_for_completion_io(x) physbio_wait_for_completion(x)

/* Work is done by the executor of the process, see workqueue.h. */
#define work_struct pb_work_struct
#define DECLARE_WORK(name, function) PB_DECLARE_WORK(name, function)
#define schedule_work(work) pb_schedule_work(work)

/* Of the CPUs that this runs on; a larger line holds a multiple. */
#define L1_CACHE_BYTES 64

/*
 * Memory: zeroed, for control structures; may sleep. It begins on a cache line, as the
 * kernel's does from a line's size on.
 */
void *physbio_kvzalloc(size_t size);
void physbio_kvfree(void *ptr);

#define kvzalloc(size, gfp) physbio_kvzalloc(size)
#define kvfree(ptr) physbio_kvfree(ptr)

/* Elements of one size, @min_nr of which can always be had, if one waits. */
typedef struct physbio_mempool mempool_t;

mempool_t *physbio_mempool_create(int min_nr, size_t size);
void *physbio_mempool_alloc(mempool_t *pool, pb_gfp_t gfp);
void physbio_mempool_free(void *element, mempool_t *pool);
void physbio_mempool_destroy(mempool_t *pool);

#define mempool_create_kmalloc_pool(min_nr, size) \
	physbio_mempool_create(min_nr, size)
#define mempool_alloc(pool, gfp) physbio_mempool_alloc(pool, gfp)
#define mempool_free(element, pool) physbio_mempool_free(element, pool)
#define mempool_destroy(pool) physbio_mempool_destroy(pool)

/* Time that passes by itself, in milliseconds. */
unsigned long physbio_jiffies(void);

#define jiffies physbio_jiffies()
#define msecs_to_jiffies(m) ((unsigned long)(m))
#define time_after(a, b) ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)
#define time_is_before_eq_jiffies(a) (!time_after(a, jiffies))

/* A sorted tree whose users walk it themselves. Balanced otherwise: see rbtree.c. */
struct rb_node {
	struct rb_node *rb_parent, *rb_left, *rb_right;
};

struct rb_root {
	struct rb_node *rb_node;
};

#define rb_entry(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent,
				struct rb_node **link)
{
	node->rb_parent = parent;
	node->rb_left = NULL;
	node->rb_right = NULL;
	*link = node;
}

void rb_insert_color(struct rb_node *node, struct rb_root *root);
void rb_erase(struct rb_node *node, struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

static inline struct pb_folio *page_folio(struct pb_page *page)
{
	pb_count(PHYSBIO_PAGE_FOLIO);
	return (struct pb_folio *)pb_compound_head(page);
}

static inline size_t folio_size(const struct pb_folio *folio)
{
	return PB_PAGE_SIZE << folio->page.order;
}

static inline bool folio_test_large(const struct pb_folio *folio)
{
	return READ_ONCE(folio->page.flags) & PB_PG_head;
}

static inline struct pb_page *folio_page(struct pb_folio *folio,
					 unsigned long n)
{
	return &folio->page + n;
}

static inline unsigned long folio_page_idx(const struct pb_folio *folio,
					   const struct pb_page *page)
{
	return (unsigned long)(page - &folio->page);
}

static inline struct pb_folio *folio_next(struct pb_folio *folio)
{
	return (struct pb_folio *)(&folio->page + (1ul << folio->page.order));
}

void physbio_folio_lock_wait(struct pb_folio *folio);

static inline void folio_lock(struct pb_folio *folio)
{
	pb_count(PHYSBIO_ATOMIC);
	if (unlikely(__atomic_fetch_or(&folio->page.flags, PB_PG_locked,
				       __ATOMIC_ACQUIRE) &
		     PB_PG_locked))
		physbio_folio_lock_wait(folio);
}

static inline void folio_unlock(struct pb_folio *folio)
{
	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_and(&folio->page.flags, ~(unsigned long)PB_PG_locked,
			   __ATOMIC_RELEASE);
}

static inline bool folio_test_dirty(const struct pb_folio *folio)
{
	return READ_ONCE(folio->page.flags) & PB_PG_dirty;
}

/* Without a mapping: the flag alone, as for anonymous memory. */
static inline bool folio_mark_dirty(struct pb_folio *folio)
{
	if (folio_test_dirty(folio))
		return false;
	pb_count(PHYSBIO_ATOMIC);
	return !(__atomic_fetch_or(&folio->page.flags, PB_PG_dirty,
				   __ATOMIC_RELAXED) &
		 PB_PG_dirty);
}

/* Without PG_private, which says that the page holds a reference for it. */
static inline void folio_change_private(struct pb_folio *folio, void *data)
{
	folio->page.priv = data;
}

static inline void *folio_get_private(struct pb_folio *folio)
{
	return folio->page.priv;
}

static inline void folio_set_flags(struct pb_folio *folio, unsigned long flags)
{
	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_or(&folio->page.flags, flags, __ATOMIC_RELEASE);
}

/* One atomic: of the two bits, one is set and the other is not. */
static inline void folio_end_read(struct pb_folio *folio, bool success)
{
	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_xor(&folio->page.flags,
			   PB_PG_locked | (success ? PB_PG_uptodate : 0ul),
			   __ATOMIC_RELEASE);
}

static inline void folio_start_writeback(struct pb_folio *folio)
{
	folio_set_flags(folio, PB_PG_writeback);
}

static inline void folio_end_writeback(struct pb_folio *folio)
{
	pb_count(PHYSBIO_ATOMIC);
	__atomic_fetch_and(&folio->page.flags, ~(unsigned long)PB_PG_writeback,
			   __ATOMIC_RELEASE);
}

/* Without a mapping: the folio's own. */
static inline void folio_note_error(struct pb_folio *folio, int error)
{
	(void)error;
	folio_set_flags(folio, PB_PG_error);
}

/* A pin of a small folio is that many references. */
#define GUP_PIN_COUNTING_BIAS (1u << 10)

/* Values as in the kernel. */
#define FOLL_WRITE (1u << 0)
#define FOLL_PCI_P2PDMA (1u << 10)

/*
 * The pages behind user addresses, each with a pin, as far as they are there: of the
 * process's memory that mm.h was told of.
 */
int pin_user_pages_fast(unsigned long start, int nr_pages,
			unsigned int gup_flags, struct pb_page **pages);

/* Where memory of the model lies; 0 if it is none. The kernel's has no such answer. */
pb_phys_addr_t physbio_virt_to_phys(const void *virt);

#define virt_to_phys(virt) physbio_virt_to_phys(virt)

/* The bytes of the model's memory; NULL if there are none, or they are a peer's. */
void *physbio_ram_virt(pb_phys_addr_t paddr);

#define ram_virt(paddr) physbio_ram_virt(paddr)
#define ram_kmap_local(paddr) physbio_ram_virt(paddr)
#define kunmap_local(vaddr) ((void)(vaddr))

/* The page of an address that mm.h was told of, or NULL. There are no other caches. */
struct pb_page *physbio_vmalloc_to_page(const void *addr);

#define vmalloc_to_page(addr) physbio_vmalloc_to_page(addr)
#define flush_kernel_vmap_range(vaddr, size) ((void)(vaddr), (void)(size))

/* For a counter that has less than it should lose, which stays as it is then. */
void physbio_unpin_underflow(struct pb_folio *folio, unsigned long npages);

/* False: there is less, and nothing is taken from it. */
static inline bool physbio_refs_sub(unsigned long n, pb_atomic_t *v)
{
	int old;

	if (unlikely(n > INT_MAX))
		return false;
	pb_count(PHYSBIO_ATOMIC);
	old = __atomic_fetch_sub(&v->counter, (int)n, __ATOMIC_ACQ_REL);
	if (likely(old >= (int)n))
		return true;
	__atomic_fetch_add(&v->counter, (int)n, __ATOMIC_RELAXED);
	return false;
}

/*
 * Frees nothing: memory that no one refers to any more stays the model's. Pins that
 * there aren't are not dropped but reported, see mem.h.
 */
static inline void unpin_user_folio(struct pb_folio *folio,
				    unsigned long npages)
{
	unsigned long refs = npages;

	if (!folio_test_large(folio))
		refs *= GUP_PIN_COUNTING_BIAS;
	else if (unlikely(!physbio_refs_sub(npages, &folio->page.pincount)))
		refs = ULONG_MAX;
	if (unlikely(!physbio_refs_sub(refs, &folio->page.refcount)))
		physbio_unpin_underflow(folio, npages);
}

/* Threads are tasks, and their state is a variable rather than a call away. */
extern __thread struct pb_task physbio_task
	__attribute__((visibility("hidden")));
#define pb_current() (&physbio_task)

#endif

#endif
