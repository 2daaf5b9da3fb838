/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the payload begins: by PVH, in 32-bit code without paging. It goes on in long mode, all of the first 4 GiB
 * mapped as they are, for both rings.
 *
 * Why long mode: a KVM in software (tried on Linux 6.18's, without VMX or SVM) emulates ring 0, whatever the mode is,
 * one instruction after the other, and so ring 3 of 32-bit code, without paging as in long mode; ring 3 of 64-bit code
 * alone runs on the processor. What it does with the ways from ring 0 to ring 3 that there are:
 *
 *     32 bits   iret, a far return, a jump to another task    cannot be emulated: KVM gives the guest up
 *               sysexit                                       enters ring 3, as slow as ring 0
 *     64 bits   a far return                                  cannot be emulated
 *               iret to 32-bit code                           enters ring 3, as slow as ring 0
 *               sysexit, sysret, iret                         enter ring 3, 2000 times as fast as ring 0
 *
 * iret it is: it needs no register, and leaves an interrupt's handler, too.
 */
#include "entry.h"

	.section .note.Xen, "a", @note
	.align	4
	.long	4, 4, 18
	.asciz	"Xen"
	.long	entry

	.text
	.code32
	.globl	entry
entry:
	cld
	lgdt	gdt_pointer
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$page_map, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	movl	$EFER_LONG_MODE, %eax
	xorl	%edx, %edx
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PAGING, %eax
	movl	%eax, %cr0
	ljmp	$CODE_0, $1f
	.code64
1:	movl	%ebx, %edi
	movl	$stack_top, %esp
	call	run
2:	cli
	hlt
	jmp	2b

/* void enter_ring_3(void (*run)(void)): comes back by leave_ring_3(), which ring 3 asks for. */
	.globl	enter_ring_3
enter_ring_3:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, stack_of_ring_0
	pushq	$DATA_3
	pushq	$stack_of_ring_3
	pushq	$FLAGS_INTERRUPTS
	pushq	$CODE_3
	pushq	$1f
	iretq
1:	call	*%rdi
	movl	$CALL_LEAVE, %edi
	ud2

	.globl	leave_ring_3
leave_ring_3:
	movq	stack_of_ring_0, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

/* uint32_t trap(uint32_t call, uintptr_t first, uint32_t second): as if it called serve(), in ring 0. */
	.globl	trap
trap:
	ud2
	ret

	.globl	undefined_entry
undefined_entry:
	subq	$8, %rsp
	call	serve
	addq	$8, %rsp
	addq	$2, (%rsp)
	iretq

/* A number lies on the stack beside what an interrupt leaves there. */
	.globl	protection_entry
protection_entry:
	call	refuse
	addq	$8, %rsp
	addq	$1, (%rsp)
	iretq

/* Counted, and the local APIC told, in as few instructions as it takes: benchmarks time it. */
	.globl	interrupt_entry
interrupt_entry:
	pushq	%rax
	movl	$END_OF_INTERRUPT, %eax
	movl	$0, (%rax)
	popq	%rax
	incl	interrupts
	iretq

	.data
	.globl	gdt
	.align	16
gdt:
	.quad	0, 0
	.quad	0x00cf9b000000ffff, 0x00cf93000000ffff	/* as it was entered with */
	.quad	0x00af9b000000ffff			/* CODE_0 */
	.quad	0x00cff3000000ffff, 0x00affb000000ffff	/* DATA_3, CODE_3 */
	.quad	0x0000890000000067, 0			/* TASK, whose address is put in where it is loaded */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

/* All is marked as accessed and written: walking them writes nothing. */
	.align	4096
page_map:
	.quad	page_directories + 0x27
	.skip	4096 - 8
page_directories:
	.set	i, 0
	.rept	4
	.quad	pages + i * 4096 + 0x27
	.set	i, i + 1
	.endr
	.skip	4096 - 4 * 8
pages:
	.set	i, 0
	.rept	4 * 512
	.quad	i * 0x200000 + 0xe7
	.set	i, i + 1
	.endr

	.bss
stack_of_ring_0:
	.skip	8
	.align	16
	.skip	8192
stack_top:
/* One page for both: what ring 3 and its calls leave in memory beside what they are told to is this page. */
	.align	4096
	.skip	2048
stack_of_ring_3:
	.skip	2048
	.globl	stack_of_traps
stack_of_traps:

	.section .note.GNU-stack, "", @progbits
