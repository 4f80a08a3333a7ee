/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU 0 sends the SIGP orders that a debugger puts into a table, and keeps what came of each. sigp_count entries of 64
 * bytes from sigp_table on: order, CPU address, parameter, and for what to wait then (0 nothing, 1 until the CPU is
 * stopped, 2 until it has begun at sigp_other once more, 3 until it goes round there); then the results: condition
 * code, first operand (aaaaaaaa00000000 before it), and condition code and status of a sense that follows. A busy CPU
 * gets the order again. An order of 0x100 and more is one that the CPU is to send to itself. sigp_done is reached after
 * the last; the next pass begins there.
 *
 * The other CPUs begin at sigp_other (for a restart new PSW) and go round, with registers to be recognized by. Each has
 * 64 bytes from sigp_cpus on: how often it began, how often it went round, the order that it is to send itself, the
 * condition code of the last one and 1, the status. */

        .text
        .globl guest_main, sigp_done, sigp_table, sigp_count, sigp_other, sigp_cpus
guest_main:
        larl    %r13, sigp_table
        lgrl    %r11, sigp_count
        ltgr    %r11, %r11
        jz      sigp_done
next:   lg      %r8, 0(%r13)
        lg      %r3, 8(%r13)
        sllg    %r9, %r3, 6
        larl    %r1, sigp_cpus
        agr     %r9, %r1
        cghi    %r3, 63
        jle     1f
        lgr     %r9, %r1                /* no such CPU */
1:      lg      %r6, 0(%r9)
        lg      %r7, 8(%r9)
        lg      %r5, 16(%r13)
        llihf   %r4, 0xaaaaaaaa
        cghi    %r8, 0x100
        jl      2f
        stg     %r8, 16(%r9)
        xgr     %r2, %r2
        j       3f
2:      sigp    %r4, %r3, 0(%r8)
        jh      2b                      /* busy */
        ipm     %r2
        srl     %r2, 28
3:      st      %r2, 36(%r13)
        stg     %r4, 40(%r13)
        lgfi    %r12, 1000000
4:      brctg   %r12, 5f
        j       7f
5:      lg      %r1, 24(%r13)
        cghi    %r1, 2
        je      begun
        jh      round
6:      lghi    %r4, 0
        sigp    %r4, %r3, 1
        jh      6b
        ipm     %r2
        srl     %r2, 28
        cghi    %r1, 1
        jne     7f
        tmll    %r4, 0x40
        jz      4b
7:      st      %r2, 52(%r13)
        stg     %r4, 56(%r13)
        aghi    %r13, 64
        brctg   %r11, next
sigp_done:
        j       guest_main

begun:  cg      %r6, 0(%r9)
        je      4b
        lghi    %r1, 0
        j       6b
round:  cg      %r7, 8(%r9)
        je      4b
        lghi    %r1, 0
        j       6b

sigp_other:
        stap    0x420
        llgh    %r3, 0x420
        sllg    %r9, %r3, 6
        larl    %r1, sigp_cpus
        agr     %r9, %r1
        llihf   %r6, 0x66666666
        ldgr    %f4, %r6
        llilf   %r7, 0xa5a5a5a5
        sar     %a5, %r7
        lctlg   %c5, %c5, cr5 - sigp_cpus(%r1)
        lg      %r2, 0(%r9)
        aghi    %r2, 1
        stg     %r2, 0(%r9)
1:      lg      %r2, 8(%r9)
        aghi    %r2, 1
        stg     %r2, 8(%r9)
        lg      %r8, 16(%r9)
        ltgr    %r8, %r8
        jz      1b
        xgr     %r4, %r4
        stg     %r4, 16(%r9)
2:      sigp    %r4, %r3, 0(%r8)
        jh      2b
        stg     %r4, 32(%r9)
        ipm     %r2
        srl     %r2, 28
        ahi     %r2, 1
        llgfr   %r2, %r2
        stg     %r2, 24(%r9)
        j       1b

        .data
        .balign 8
sigp_count:
        .quad   0
        .balign 64
sigp_cpus:
        .skip   64 * 64
cr5:    .quad   0x5555000000000000

        .bss
        .balign 64
sigp_table:
        .skip   64 * 128
