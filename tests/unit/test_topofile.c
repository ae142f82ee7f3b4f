// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Topologies as text: what is read, what is written, and what is refused where. */
#include "fixture.h"
#include "no_memory.h"

#include <stdio.h>
#include <stdlib.h>

#include <physbio/topofile.h>

static struct physbio_topology *t;
static struct physbio_error error;

static int parse(const char *text)
{
	return physbio_topology_parse(text, strlen(text), &t, &error);
}

static const char machine[] =
	"cpu forwards\n"
	"host-bridge hb0 listed-same unrouted domain=2 buses=0x10-0x1f iommu=16384 numa=1\n"
	"outbound hb0 cpu=0x10000000 bus=0x40000000 size=0x1000000\n"
	"inbound hb0 cpu=0x0 bus=0x80000000 size=0x8000000\n"
	"bridge rp0 below=hb0 port=root at=1f.7 id=8086:2030 acs=0x1d acs-cap=0x5f\n"
	"forward rp0 bus=0x40000000 size=0x100000\n"
	"endpoint nvme below=rp0 mask=48 numa=1\n"
	"bar nvme bus=0x40000000 size=0x100000 published\n"
	"bar nvme bus=0x40100000 size=0x100\n"
	"host-bridge hb1\n"
	"bridge up below=hb1 port=upstream\n"
	"bridge down below=up port=downstream acs-hw=always\n"
	"bridge pci below=down port=pci acs-hw=never\n"
	"endpoint gpu below=hb1\n";

static void what_is_written_is_read_back_the_same(void **state)
{
	char *text;

	assert_int_equal(parse(machine), 0);
	assert_int_equal(physbio_topology_nr(t), 8);
	assert_true(physbio_topology_cpu_forwards(t));
	assert_int_equal(physbio_topology_node(t, 0)->p2p_listed,
			 PHYSBIO_P2P_LISTED_SAME);
	assert_false(physbio_topology_node(t, 0)->p2p_routed);
	assert_int_equal(physbio_topology_node(t, 0)->domain, 2);
	assert_int_equal(physbio_topology_node(t, 0)->last_bus, 0x1f);
	assert_int_equal(physbio_topology_node(t, 0)->iommu_granule, 16384);
	assert_int_equal(physbio_topology_node(t, 1)->port, PHYSBIO_ROOT_PORT);
	assert_int_equal(physbio_topology_node(t, 1)->devfn, 0xff);
	assert_int_equal(physbio_topology_node(t, 1)->device, 0x2030);
	assert_int_equal(physbio_topology_node(t, 1)->forwards[0].size,
			 0x100000);
	assert_true(physbio_topology_node(t, 0)->inbound[0].bus == 0x80000000);
	assert_int_equal(physbio_topology_node(t, 1)->acs_ctrl, 0x1d);
	assert_true(physbio_topology_node(t, 2)->dma_mask ==
		    (UINT64_C(1) << 48) - 1);
	assert_int_equal(physbio_topology_node(t, 2)->numa_node, 1);
	assert_true(physbio_topology_node(t, 2)->bars[0].published);
	assert_false(physbio_topology_node(t, 2)->bars[1].published);
	text = physbio_topology_format(t);
	assert_string_equal(text, machine);
	free(text);
	physbio_topology_destroy(t);
}

static void any_allocation_may_fail(void **state)
{
	unsigned int nth, err;

	for (nth = 1;; nth++) {
		t = NULL;
		memset(&error, 0, sizeof(error));
		call_fails = nth;
		if (!parse(machine))
			break;
		err = call_fails;
		call_fails = 0;
		assert_int_equal(err, 0);
		assert_null(t);
		assert_int_equal(error.err, -ENOMEM);
		assert_non_null(strstr(error.message, "no memory for"));
	}
	call_fails = 0;
	assert_true(nth > 10);
	physbio_topology_destroy(t);
}

/* A name may be a word that means something where words that do are looked for. */
static void names_are_names_whatever_they_say(void **state)
{
	static const char text[] =
		"host-bridge unrouted\n"
		"outbound unrouted cpu=0x10000000 bus=0x0 size=0x1000000\n"
		"host-bridge listed\n"
		"endpoint published below=unrouted\n"
		"bar published bus=0x0 size=0x100000\n";
	char *back;

	assert_int_equal(parse(text), 0);
	assert_true(physbio_topology_node(t, 0)->p2p_routed);
	assert_int_equal(physbio_topology_node(t, 1)->p2p_listed,
			 PHYSBIO_P2P_UNLISTED);
	assert_false(physbio_topology_node(t, 2)->bars[0].published);
	back = physbio_topology_format(t);
	assert_string_equal(back, text);
	free(back);
	physbio_topology_destroy(t);
}

static void comments_and_blanks_say_nothing(void **state)
{
	assert_int_equal(parse("# nothing\n\n  host-bridge\thb # a bridge\r\n"
			       "endpoint e below=hb"),
			 0);
	assert_int_equal(physbio_topology_nr(t), 2);
	physbio_topology_destroy(t);
}

static void lines_that_mean_nothing_are_named(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *says;
	} cases[] = {
		{ "host-bridge a\nhub b\n", 2, "\"hub\" is no kind of line" },
		{ "host-bridge\n", 1, "name \"\"" },
		{ "host-bridge a\nhost-bridge a\n", 2, "two nodes" },
		{ "endpoint e below=x\n", 1, "no parent \"x\"" },
		{ "endpoint e\n", 1, "no parent \"\"" },
		{ "host-bridge a\nendpoint e below=a acs=0x10000\n", 2,
		  "acs=65536 is more than 65535" },
		{ "host-bridge a\nendpoint e below=a mask=65\n", 2,
		  "mask=65 is more than 64" },
		{ "host-bridge a\nendpoint e below=a mask=0\n", 2,
		  "reaches nothing" },
		{ "host-bridge a\nbridge b below=a mask=32\n", 2,
		  "\"mask=32\" means nothing here" },
		{ "host-bridge a often\n", 1, "\"often\" means nothing here" },
		{ "host-bridge a\noutbound a cpu=0 bus=0\n", 2,
		  "size= is missing" },
		{ "host-bridge a\noutbound a cpu=-1 bus=0 size=1\n", 2,
		  "cpu=-1 is no number" },
		{ "host-bridge a\noutbound a cpu=0x bus=0 size=1\n", 2,
		  "cpu=0x is no number" },
		{ "host-bridge a\noutbound a cpu=0 bus=0 size=0\n", 2,
		  "is empty" },
		{ "outbound a cpu=0 bus=0 size=1\n", 1, "no \"a\"" },
		{ "host-bridge a\nendpoint e below=a\nbar e bus=0 size=4096\n",
		  3, "is not of whole pages in one window" },
		{ "cpu\n", 1, "forwards is missing" },
		{ "cpu stops\n", 1, "forwards is missing" },
		{ "cpu forwards forwards\n", 1, "means nothing here" },
		{ "host-bridge domain=0 buses=0-1\n", 1, "\"domain=0\" has" },
		{ "a b c d e f g h i j k l m n o p q\n", 1,
		  "more than 16 words" },
		{ "host-bridge a domain=0\n", 1, "no domain=N buses=" },
		{ "host-bridge a buses=0-1\n", 1, "domain= is missing" },
		{ "host-bridge a domain=0 buses=2-1\n", 1,
		  "domain 0 has no buses 0x2 to 0x1" },
		{ "host-bridge a domain=0 buses=0-256\n", 1, "no domain=N" },
		{ "host-bridge a domain=0 buses=0-9\n"
		  "host-bridge b domain=0 buses=9-10\n",
		  2, "bus 0x9 to 0xa of domain 0 is also of a" },
		{ "host-bridge a iommu=5000\n", 1, "granule of 5000" },
		{ "host-bridge a iommu=2048\n", 1, "granule of 2048" },
		{ "host-bridge a iommu=131072\n", 1, "granule of 131072" },
		{ "host-bridge a\nbridge b below=a port=left\n", 2,
		  "there is no port=left" },
		{ "host-bridge a\nbridge b below=a port=root\n"
		  "bridge c below=b port=root\n",
		  3, "\"c\" can't be a port of that kind below \"b\"" },
		{ "host-bridge a\nbridge b below=a port=downstream\n", 2,
		  "can't be a port" },
		{ "host-bridge a\nendpoint e below=a at=20.0\n", 2,
		  "at=20.0 is no DEVICE.FUNCTION" },
		{ "host-bridge a\nendpoint e below=a at=1\n", 2, "at=1 is no" },
		{ "host-bridge a\nendpoint e below=a at=1.2\n"
		  "endpoint f below=a at=1.2\n",
		  3, "f: e is at 01.2 already" },
		{ "host-bridge a\nendpoint e below=a id=8086\n", 2,
		  "id=8086 is no VENDOR:DEVICE" },
		{ "host-bridge a\nendpoint e below=a id=10000:1\n", 2,
		  "is no VENDOR:DEVICE" },
		{ "host-bridge a\nendpoint e below=a acs-hw=often\n", 2,
		  "there is no acs-hw=often" },
		{ "host-bridge a\nendpoint e below=a\n"
		  "forward e bus=0 size=0x100000\n",
		  3, "is no bridge" },
		{ "host-bridge a\nbridge e below=a\n"
		  "forward e bus=0x1000 size=0x100000\n",
		  3, "is not of whole MiB" },
		{ "host-bridge a\nbridge e below=a\n"
		  "forward e bus=0 size=0\n",
		  3, "e: window at bus 0x0 size 0x0 is empty" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		t = NULL;
		assert_int_equal(parse(cases[i].text), -EINVAL);
		assert_null(t);
		if (error.line != cases[i].line ||
		    !strstr(error.message, cases[i].says))
			fail_msg("case %u: line %u: %s", i, error.line,
				 error.message);
	}
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	char line[2000];

	memset(line, 'a', sizeof(line));
	assert_int_equal(physbio_topology_parse(line, sizeof(line), &t, &error),
			 -EINVAL);
	assert_int_equal(physbio_topology_parse("cpu\0forwards\n", 13, &t,
						&error),
			 -EINVAL);
	assert_int_equal(physbio_topology_parse("x", 1, &t, NULL), -EINVAL);
}

/* Ten thousand nodes, one below the other or side by side. */
static void large_ones_are_read_too(void **state)
{
	char *text = malloc(1 << 20), *at = text;
	unsigned int i;

	at += sprintf(at, "host-bridge b0\n");
	for (i = 1; i < 5000; i++)
		at += sprintf(at, "bridge b%u below=b%u\n", i, i - 1);
	for (i = 0; i < 5000; i++)
		at += sprintf(at, "endpoint e%u below=b%u\n", i, i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(physbio_topology_nr(t), 10000);
	free(text);
	text = physbio_topology_format(t);
	assert_non_null(text);
	free(text);
	physbio_topology_destroy(t);
}

static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

static void any_windows(struct physbio_topology *r, int hb)
{
	const uint64_t base = UINT64_C(0x1000000) * (uint64_t)(hb + 1);
	struct physbio_bridge_window w;
	uint32_t i, nr = any(4);

	for (i = 0; i < nr; i++) {
		w.cpu = (pb_phys_addr_t)(base + i * 0x100000);
		w.bus = UINT64_C(0x1000000) * any(64) + i * 0x100000;
		w.size = 0x100000;
		physbio_topology_add_outbound(r, hb, &w, NULL);
		physbio_topology_add_inbound(r, hb, &w, NULL);
	}
}

static void any_host_bridge(struct physbio_topology *r, int node)
{
	struct physbio_node *n = physbio_topology_node(r, node);
	uint32_t first = any(200);

	n->p2p_listed = (enum physbio_p2p_listing)any(3);
	n->p2p_routed = any(2);
	n->numa_node = (int)any(3) - 1;
	if (any(2))
		physbio_topology_set_iommu(r, node, 4096u << any(5), NULL);
	if (any(2))
		physbio_topology_set_buses(r, node, (int)any(3), first,
					   first + any(56), NULL);
	any_windows(r, node);
}

static void any_bars(struct physbio_topology *r, int node)
{
	const struct physbio_node *hb =
		physbio_topology_node(r, physbio_topology_host_bridge(r, node));
	uint32_t i, nr = hb->nr_outbound ? any(4) : 0;

	for (i = 0; i < nr; i++) {
		const struct physbio_bar bar = {
			hb->outbound[any(hb->nr_outbound)].bus +
				any(16) * 0x10000,
			0x10000u >> any(6), any(2)
		};

		physbio_topology_add_bar(r, node, &bar, NULL);
	}
}

static void any_function(struct physbio_topology *r, int node)
{
	struct physbio_node *n = physbio_topology_node(r, node);
	const struct physbio_forward w = { UINT64_C(0x100000) * any(99),
					   0x100000 };

	if (any(2))
		physbio_topology_set_function(r, node, (int)any(256), NULL);
	n->vendor = any(2) ? 0x8086 : 0;
	n->device = (uint16_t)any(3);
	n->acs_cap = (uint16_t)any(3);
	n->acs_ctrl = (uint16_t)any(0x80);
	n->acs_hw = (enum physbio_acs_hw)any(3);
	if (n->kind == PHYSBIO_BRIDGE) {
		physbio_topology_set_port(r, node, (enum physbio_port)any(5),
					  NULL);
		if (any(2))
			physbio_topology_add_forward(r, node, &w, NULL);
	} else {
		n->dma_mask = UINT64_MAX >> any(64);
		n->numa_node = (int)any(3) - 1;
	}
	any_bars(r, node);
}

static struct physbio_topology *any_topology(void)
{
	struct physbio_topology *r = physbio_topology_create();
	int i, nr = 1 + (int)any(40);
	char text[16];

	physbio_topology_set_cpu_forwards(r, any(2));
	for (i = 0; i < nr; i++) {
		int above = i && any(6) ? (int)any((uint32_t)i) : -1;
		enum physbio_node_kind kind = above < 0 ? PHYSBIO_HOST_BRIDGE :
					      any(2)	? PHYSBIO_BRIDGE :
							  PHYSBIO_ENDPOINT;
		int node;

		snprintf(text, sizeof(text), "n%d", i);
		node = physbio_topology_add(
			r, kind, text,
			above < 0 || above >= physbio_topology_nr(r) ?
				NULL :
				physbio_topology_node(r, above)->name,
			NULL);
		if (node >= 0 && kind == PHYSBIO_HOST_BRIDGE)
			any_host_bridge(r, node);
		else if (node >= 0)
			any_function(r, node);
	}
	return r;
}

/* Fields, as one line: what differs shows in two of them. */
static void same_node(const struct physbio_node *a,
		      const struct physbio_node *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->parent, b->parent);
	assert_int_equal(a->nr_outbound, b->nr_outbound);
	assert_int_equal(a->nr_inbound, b->nr_inbound);
	assert_int_equal(a->p2p_listed, b->p2p_listed);
	assert_int_equal(a->p2p_routed, b->p2p_routed);
	assert_int_equal(a->domain, b->domain);
	assert_int_equal(a->first_bus, b->first_bus);
	assert_int_equal(a->last_bus, b->last_bus);
	assert_int_equal(a->iommu_granule, b->iommu_granule);
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->nr_forwards, b->nr_forwards);
	assert_memory_equal(a->forwards, b->forwards, sizeof(a->forwards));
	assert_int_equal(a->devfn, b->devfn);
	assert_int_equal(a->vendor, b->vendor);
	assert_int_equal(a->device, b->device);
	assert_int_equal(a->acs_cap, b->acs_cap);
	assert_int_equal(a->acs_ctrl, b->acs_ctrl);
	assert_int_equal(a->acs_hw, b->acs_hw);
	assert_int_equal(a->nr_bars, b->nr_bars);
	assert_true(a->dma_mask == b->dma_mask);
	assert_int_equal(a->numa_node, b->numa_node);
}

static void any_topology_is_read_back_the_same(void **state)
{
	struct physbio_topology *r;
	uint32_t start;
	char *text, *again;
	int i;

	for (start = 1; start <= 500; start++) {
		seed = start;
		r = any_topology();
		text = physbio_topology_format(r);
		if (parse(text))
			fail_msg("seed %u: line %u: %s\n%s", start, error.line,
				 error.message, text);
		assert_int_equal(physbio_topology_nr(r),
				 physbio_topology_nr(t));
		for (i = 0; i < physbio_topology_nr(r); i++)
			same_node(physbio_topology_node(r, i),
				  physbio_topology_node(t, i));
		again = physbio_topology_format(t);
		if (strcmp(text, again))
			fail_msg("seed %u", start);
		free(again);
		free(text);
		physbio_topology_destroy(t);
		physbio_topology_destroy(r);
	}
}

/* Bytes of a good text changed at random: an error with its line, or a topology. */
static void any_bytes_are_an_error_or_a_topology(void **state)
{
	char text[sizeof(machine)];
	unsigned int i, j;

	for (i = 1; i <= 5000; i++) {
		seed = i;
		memcpy(text, machine, sizeof(machine));
		for (j = 0; j <= any(3); j++)
			text[any(sizeof(machine) - 1)] =
				any(2) ? (char)any(256) : " \n=0x-"[any(6)];
		t = NULL;
		if (!physbio_topology_parse(text, sizeof(machine) - 1, &t,
					    &error))
			physbio_topology_destroy(t);
		else if (t || !error.line || !*error.message)
			fail_msg("seed %u: line %u: %s", i, error.line,
				 error.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back_the_same),
		cmocka_unit_test(any_allocation_may_fail),
		cmocka_unit_test(names_are_names_whatever_they_say),
		cmocka_unit_test(comments_and_blanks_say_nothing),
		cmocka_unit_test(lines_that_mean_nothing_are_named),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(large_ones_are_read_too),
		cmocka_unit_test(any_topology_is_read_back_the_same),
		cmocka_unit_test(any_bytes_are_an_error_or_a_topology),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
