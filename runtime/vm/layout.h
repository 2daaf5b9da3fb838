/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where everything lies in a machine: one page for guest physical addresses, I/O ports and interrupt lines. */
#ifndef HULL_RUNTIME_VM_LAYOUT_H
#define HULL_RUNTIME_VM_LAYOUT_H

/* The first megabyte, below what the kernel takes: what the monitor tells it. */
#define LAYOUT_GDT	     0x500UL   /* four entries of 8 bytes */
#define LAYOUT_START_INFO    0x6000UL  /* PVH: struct hvm_start_info, its modules and its memory map */
#define LAYOUT_BOOT_PARAMS   0x7000UL  /* bzImage: the "zero page", 4 KiB */
#define LAYOUT_BOOT_STACK    0x8ff0UL  /* grows down */
#define LAYOUT_PAGE_TABLES   0x9000UL  /* bzImage: three pages, the first GiB by pages of 2 MiB */
#define LAYOUT_CMDLINE	     0x20000UL /* up to LAYOUT_CMDLINE_BYTES, with its NUL */
#define LAYOUT_CMDLINE_BYTES 2048UL    /* what x86 kernels take */
#define LAYOUT_LOW_END	     0x9fc00UL /* memory the guest may use ends here, and goes on at 1 MiB */
#define LAYOUT_ACPI	     0xe0000UL /* the RSDP, where a kernel that was not told looks, and the tables behind it */
#define LAYOUT_ACPI_END	     0x100000UL
#define LAYOUT_HIGH_START    0x100000UL /* where kernels are loaded */

/* Device i of virtio-mmio: a page each, 0x200 bytes used, and one interrupt line. */
#define LAYOUT_MMIO	    0xd0000000UL
#define LAYOUT_MMIO_STRIDE  0x1000UL
#define LAYOUT_MMIO_BYTES   0x200UL
#define LAYOUT_MMIO_GSI	    5U
#define LAYOUT_MMIO_DEVICES 19U /* lines 5..23 of an I/O APIC's 24 */

#define LAYOUT_IOAPIC	  0xfec00000UL
#define LAYOUT_LOCAL_APIC 0xfee00000UL
#define LAYOUT_KVM_PAGES  0xfffbc000UL /* four pages that KVM on Intel wants for itself */

/* I/O ports. */
#define LAYOUT_I8042_DATA    0x60U
#define LAYOUT_I8042_COMMAND 0x64U
#define LAYOUT_SERIAL	     0x3f8U /* 8 ports */
#define LAYOUT_SERIAL_GSI    4U
#define LAYOUT_PANIC	     0x505U /* the guest writes here that it has panicked (QEMU's "pvpanic") */
#define LAYOUT_SLEEP_CONTROL 0x600U /* ACPI: power-off */
#define LAYOUT_SLEEP_STATUS  0x601U
#define LAYOUT_RESET	     0x602U /* ACPI: reset */

#endif
