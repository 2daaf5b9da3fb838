// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/modules.h"

#include <errno.h>

#include "tests/unit/tap.h"
#include "tests/unit/vm/elf_fixture.h"

/* --- what a module says --- */

static void test_info(void)
{
	static const char words[] =
		"license=GPL\0depends=virtio-ring,fuse\0name=virtiofs\0vermagic=6.1.0 SMP\0x=depends=";
	static struct fixture file;
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct module_info info;
	struct err err = ERR_INIT;

	fixture_module(&file, words, sizeof(words));
	CHECK_INT(module_info_read(&arena, file.bytes, file.len, &info, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_STR(info.name, "virtiofs");
	CHECK_STR(info.license, "GPL");
	CHECK_STR(info.vermagic, "6.1.0 SMP");
	CHECK_INT(info.depends.count, 2);
	CHECK_STR(info.depends.items[0], "virtio_ring");
	CHECK_STR(info.depends.items[1], "fuse");
	/* None. */
	fixture_module(&file, "depends=", 9);
	CHECK_INT(module_info_read(&arena, file.bytes, file.len, &info, &err), 0);
	CHECK_INT(info.depends.count, 0);
	CHECK_STR(info.name, "");
}

static void check_refused(const struct fixture *file, const char *words)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct module_info info;
	struct err err = ERR_INIT;

	CHECK_INT(module_info_read(&arena, file->bytes, file->len, &info, &err), -EINVAL);
	CHECK_HAS(err.msg, words);
}

static void test_damaged(void)
{
	static struct fixture file;

	fixture_module(&file, "depends=a", 9); /* without its NUL */
	check_refused(&file, "no end");
	fixture_module(&file, "depends=../a", 13);
	check_refused(&file, "no module's name");
	fixture_module(&file, "depends=a", 10);
	fixture_sections(&file)[2].sh_size = UINT64_MAX;
	check_refused(&file, "damaged");
	fixture_module(&file, "depends=a", 10);
	fixture_sections(&file)[2].sh_offset = UINT64_MAX - 4;
	check_refused(&file, "damaged");
	fixture_module(&file, "depends=a", 10);
	fixture_sections(&file)[2].sh_type = SHT_NOBITS;
	check_refused(&file, "damaged");
	fixture_module(&file, "depends=a", 10);
	fixture_sections(&file)[1].sh_offset = UINT64_MAX - 4;
	check_refused(&file, "no section .modinfo");
	fixture_module(&file, "depends=a", 10);
	fixture_header(&file)->e_shoff = FIXTURE_BYTES - 10;
	check_refused(&file, "table of sections");
	fixture_module(&file, "depends=a", 10);
	fixture_header(&file)->e_shstrndx = 3;
	check_refused(&file, "table of sections");
	fixture_module(&file, "depends=a", 10);
	fixture_header(&file)->e_type = ET_DYN;
	check_refused(&file, "no kernel module");
	file.bytes[0] = 'x';
	check_refused(&file, "no ELF file");
}

static void test_names(void)
{
	static const char *const bad[] = {"a", "a.o", ".ko", ".a.ko", "a/b.ko", "a.ko.bz2", "ko", ""};
	char name[MODULE_NAME_BYTES];
	bool packed = true;

	CHECK_INT(module_name_from_file("virtio-rng.ko", name, &packed), 0);
	CHECK_STR(name, "virtio_rng");
	CHECK(!packed);
	CHECK_INT(module_name_from_file("a-b_c.ko.zst", name, &packed), 0);
	CHECK_STR(name, "a_b_c");
	CHECK(packed);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_INT(module_name_from_file(bad[i], name, &packed), -EINVAL);
	CHECK_INT(module_name_from_file("0123456789012345678901234567890123456789012345678901234x.ko", name, NULL),
		  -EINVAL);
}

/* --- the order --- */

/* A kernel: modules and what they depend on. */
struct row {
	const char *name, *depends;
};
struct kernel_of_rows {
	const struct row *rows;
	const char *builtin; /* one of them */
	struct fixture file;
	unsigned loads;
};

static int load(void *context, const char *name, const void **ret_bytes, size_t *ret_len, struct err *err)
{
	struct kernel_of_rows *kernel = context;
	char words[256];

	(void)err;
	for (const struct row *row = kernel->rows; row->name; row++) {
		if (strcmp(row->name, name) != 0)
			continue;
		(void)snprintf(words, sizeof(words), "depends=%s", row->depends);
		fixture_module(&kernel->file, words, strlen(words) + 1);
		*ret_bytes = kernel->file.bytes;
		*ret_len = kernel->file.len;
		kernel->loads++;
		return 1;
	}
	return 0;
}

static bool is_builtin(void *context, const char *name)
{
	const struct kernel_of_rows *kernel = context;

	return kernel->builtin && strcmp(kernel->builtin, name) == 0;
}

static int order(struct arena *arena, struct kernel_of_rows *kernel, struct module_order *ret, struct err *err)
{
	const struct module_source source = {load, is_builtin, kernel};

	return modules_order(arena, &source, ret, err);
}

static const struct row usual[] = {
	{"virtio_ring", ""},
	{"virtio", "virtio_ring"},
	{"virtio_mmio", "virtio,virtio_ring"},
	{"virtio_console", "virtio"},
	{"virtio_blk", "virtio"},
	{"erofs", "libcrc32c"},
	{"libcrc32c", ""},
	{"overlay", ""},
	{"squashfs", ""},
	{"virtio_net", "virtio,net_failover"},
	{"net_failover", "failover"},
	{"failover", ""},
	{"vmw_vsock_virtio_transport", "virtio,vsock"},
	{"vsock", ""},
	{"virtiofs", "fuse,virtio"},
	{"fuse", ""},
	{"nf_tables", ""},
	{0},
};

static size_t place_of(const struct module_order *found, const char *name)
{
	for (size_t i = 0; i < found->count; i++)
		if (strcmp(found->items[i].name, name) == 0)
			return i;
	return SIZE_MAX;
}

static void test_order(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	static struct kernel_of_rows kernel = {.rows = usual, .builtin = "ext4"};
	struct module_order found;
	struct err err = ERR_INIT;

	CHECK_INT(order(&arena, &kernel, &found, &err), 0);
	CHECK_STR(err.msg, "");
	/* All but nf_tables, which no guest needs; each once, and after what it depends on. */
	CHECK_INT(found.count, ARRAY_SIZE(usual) - 2);
	CHECK_INT(kernel.loads, found.count);
	CHECK(place_of(&found, "nf_tables") == SIZE_MAX);
	CHECK_INT(place_of(&found, "virtio_ring"), 0);
	CHECK_INT(place_of(&found, "virtio"), 1);
	CHECK(place_of(&found, "failover") < place_of(&found, "net_failover"));
	CHECK(place_of(&found, "net_failover") < place_of(&found, "virtio_net"));
	CHECK(place_of(&found, "libcrc32c") < place_of(&found, "erofs"));
	/* What is needed for several things is there for all of them, and so is what that needs. */
	CHECK_STR(module_purpose_words(&arena, found.items[0].purposes), "base,disk,net,vsock,volume");
	CHECK_STR(module_purpose_words(&arena, found.items[place_of(&found, "fuse")].purposes), "volume");
	CHECK_STR(module_purpose_words(&arena, found.items[place_of(&found, "libcrc32c")].purposes), "disk");
	CHECK_STR(module_purpose_words(&arena, found.items[place_of(&found, "squashfs")].purposes), "image");
}

static void check_order_refused(const struct row *rows, int code, const char *words, const char *other)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	static struct kernel_of_rows kernel;
	struct module_order found;
	struct err err = ERR_INIT;

	kernel = (struct kernel_of_rows){.rows = rows, .builtin = "ext4"};
	CHECK_INT(order(&arena, &kernel, &found, &err), code);
	CHECK_HAS(err.msg, words);
	CHECK_HAS(err.msg, other);
}

static void test_order_refusals(void)
{
	static const struct row none[] = {{0}};
	static const struct row without_ring[] = {{"virtio_mmio", "virtio_ring"}, {0}};
	static const struct row circle[] = {{"virtio_mmio", "virtio"},
					    {"virtio", "virtio_ring"},
					    {"virtio_ring", "virtio"},
					    {0}};
	static const struct row itself[] = {{"virtio_mmio", "virtio_mmio"}, {0}};
	static char names[64][16], next[64][16];
	static struct row chain[64];

	check_order_refused(none, -ENOENT, "'virtio_mmio'", "guests need");
	check_order_refused(without_ring, -ENOENT, "'virtio_ring'", "'virtio_mmio'");
	check_order_refused(circle, -ELOOP, "'virtio'", "'virtio_ring'");
	check_order_refused(itself, -ELOOP, "'virtio_mmio'", "need each other");
	/* Deeper than any kernel: refused before the stack is. */
	chain[0] = (struct row){"virtio_mmio", "m1"};
	for (int i = 1; i < 63; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "m%d", i);
		(void)snprintf(next[i], sizeof(next[i]), "m%d", i + 1);
		chain[i] = (struct row){names[i], next[i]};
	}
	check_order_refused(chain, -ELOOP, "over more than 16", "m17");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_info), TAP_CASE(test_damaged), TAP_CASE(test_names), TAP_CASE(test_order),
		       TAP_CASE(test_order_refusals));
}
