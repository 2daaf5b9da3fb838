/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the processor's that the payload's assembly and its C share. */
#define CODE_0 0x20 /* what of the GDT is 64-bit code of ring 0 */
#define DATA_3 0x2b /* data and 64-bit code of ring 3 */
#define CODE_3 0x33
#define TASK   0x38

#define CR4_PAE		 0x20
#define CR0_PAGING	 0x80000000
#define MSR_EFER	 0xc0000080
#define EFER_LONG_MODE	 0x100
#define FLAGS_INTERRUPTS 0x202

#define END_OF_INTERRUPT 0xfee000b0 /* a register of the local APIC */

#define CALL_LEAVE 0 /* back to who entered ring 3; the others are rings.c's alone */
