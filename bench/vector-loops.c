// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See vector-loops.h. VECTOR names the way in which this build stores a length. */
#include "vector-loops.h"

#define PAGE 4096u

#define JOIN(a, b) a##b
#define NAME(prefix, vector) JOIN(prefix, vector)
#define STRING(x) #x
#define NAME_OF(x) STRING(x)

struct entry_u32 {
	uint64_t paddr;
	uint32_t len;
	uint32_t zero;
};

struct entry_packed {
	uint64_t paddr;
	uint32_t len;
} __attribute__((packed, aligned(4)));

struct entry_size_t {
	uint64_t paddr;
	size_t len;
};

struct entry_31_bits {
	uint64_t paddr;
	uint32_t len : 31;
	uint32_t flag : 1;
	uint32_t zero;
};

typedef struct NAME(entry_, VECTOR) entry_t;

#define MAX_LEN_u32 UINT32_MAX
#define MAX_LEN_packed UINT32_MAX
#define MAX_LEN_size_t SIZE_MAX
#define MAX_LEN_31_bits INT32_MAX
#define MAX_LEN ((uint64_t)NAME(MAX_LEN_, VECTOR))

static uint64_t store(uint64_t len)
{
	entry_t e = { .len = (__typeof__(e.len + 0))len };

	return e.len;
}

static void write_table(void *table, unsigned int nr, uint64_t paddr)
{
	entry_t *e = table, *end = e + nr;

	for (; e < end; e++, paddr += 2 * PAGE)
		*e = (entry_t){ .paddr = paddr, .len = PAGE };
}

static uint64_t read_table(const void *table, unsigned int nr)
{
	const entry_t *e = table, *end = e + nr;
	uint64_t sum = 0;

	for (; e < end; e++)
		sum += e->paddr + e->len;
	return sum;
}

static uint64_t walk(const void *table, uint64_t bytes, uint32_t most)
{
	__typeof__(((entry_t *)table)->len + 0u) done = 0, n;
	const entry_t *e = table;
	uint64_t segments = 0, at;

	for (; bytes; bytes -= n, segments++) {
		at = e->paddr + done;
		__asm__ volatile("" ::"r"(at)); /* which a segment is made of */
		n = e->len - done;
		if (n > bytes)
			n = (__typeof__(n))bytes;
		if (n > most)
			n = most;
		done += n;
		if (done == e->len) {
			done = 0;
			e++;
		}
	}
	return segments;
}

/* Of @len bytes what an entry takes: all, or whole pages. */
static uint64_t piece(uint64_t len, uint64_t most)
{
	return len <= most ? len : most & ~(uint64_t)(PAGE - 1);
}

static int join(struct vector_bio *bio, uint64_t paddr, uint64_t len)
{
	entry_t *last;

	if (!bio->nr)
		return 0;
	last = (entry_t *)bio->table + bio->nr - 1;
	if (last->paddr + last->len != paddr || len > MAX_LEN - last->len)
		return 0;
	last->len += len;
	return 1;
}

static uint64_t add(struct vector_bio *bio, uint64_t paddr, uint64_t len)
{
	uint64_t taken = 0, n;

	for (; len; len -= n, paddr += n, taken += n) {
		n = piece(piece(len, MAX_LEN), bio->max_size - bio->size);
		if (!n)
			break;
		if (!join(bio, paddr, n)) {
			if (bio->nr == bio->max)
				break;
			((entry_t *)bio->table)[bio->nr++] = (entry_t){
				.paddr = paddr,
				.len = (__typeof__(((entry_t *)0)->len + 0))n,
			};
		}
		bio->size += n;
	}
	return taken;
}

const struct vector_loops NAME(vector_loops_, VECTOR) = {
	.name = NAME_OF(VECTOR),
	.entry_bytes = sizeof(entry_t),
	.max_len = MAX_LEN,
	.store = store,
	.write = write_table,
	.read = read_table,
	.walk = walk,
	.add = add,
};
