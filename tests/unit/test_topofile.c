// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Topologies as text: what is read, what is written, and what is refused where. */
#include "fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back_the_same),
		cmocka_unit_test(comments_and_blanks_say_nothing),
		cmocka_unit_test(lines_that_mean_nothing_are_named),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(large_ones_are_read_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
