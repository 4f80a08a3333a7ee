/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A deterministic program of far more than 1,000 instructions: no timer, no interruption from outside, no clock. Each
 * round uses its number (r10) as data. Symbols:
 *   guest_main, round   begin of a round
 *   steps_rounds        rounds left
 *   steps_end           behind the last round, then an orderly shutdown
 *   steps_ex, steps_exrl, steps_mvc, steps_stmg, steps_svc, steps_lpswe, steps_operation, steps_divide,
 *   steps_specification, steps_addressing  the instruction that the name says */

        .text
        .globl guest_main, round, steps_end, steps_rounds
        .globl steps_ex, steps_exrl, steps_mvc, steps_stmg, steps_svc, steps_lpswe
        .globl steps_operation, steps_divide, steps_specification, steps_addressing
guest_main:
        lgr     %r12, %r14
        larl    %r13, work
        lghi    %r10, 1
round:
        lgr     %r2, %r10
        msgfi   %r2, 0x1e3779b1
        stg     %r2, 0(%r13)
steps_mvc:
        mvc     8(8,%r13), 0(%r13)
        ni      15(%r13), 0xf0
        clc     0(8,%r13), 8(%r13)
        jne     1f
        bctr    %r2, %r0
1:      lghi    %r3, 5
steps_ex:
        ex      %r3, move
steps_exrl:
        exrl    %r3, compare
        brcl    8, 2f                   /* 6 bytes, taken or not by the data */
        ahi     %r2, 1
2:      nopr    %r0
steps_stmg:
        stmg    %r2, %r9, 64(%r13)
        lmg     %r4, %r5, 64(%r13)
        algr    %r4, %r5
        alcgr   %r5, %r4
        slbgr   %r5, %r2
        srag    %r6, %r2, 7
        rllg    %r7, %r2, 13
        xgr     %r6, %r7
        ltgr    %r6, %r6
        bcr     2, %r0
        tm      7(%r13), 0x11
        jo      3f
        icm     %r8, 5, 2(%r13)
3:      tmll    %r2, 0x8421
        lhi     %r9, 3
4:      ar      %r8, %r9
        brct    %r9, 4b
        basr    %r9, %r0
5:      larl    %r9, leaf
        basr    %r14, %r9
        brasl   %r14, leaf
steps_svc:
        svc     42
        xc      16(16,%r13), 16(%r13)
        cvd     %r10, 16(%r13)
        unpk    32(8,%r13), 16(8,%r13)
        tr      32(8,%r13), 0(%r13)
        mlgr    %r2, %r10
        lghi    %r0, 7
        dlr     %r2, %r0
        xr      %r0, %r0
steps_divide:
        dr      %r2, %r0                /* fixed-point divide exception */
steps_operation:
        .long   0xb9ff0000              /* operation exception */
steps_specification:
        .short  0x1d3a                  /* DR with an odd register pair: specification exception */
        lgfi    %r1, 0x7ffff000
steps_addressing:
        lg      %r0, 0(%r1)             /* beyond the storage */
        mvc     96(8,%r13), lpswe_mask-work(%r13)
        larl    %r1, 6f
        stg     %r1, 104(%r13)
        lr      %r1, %r10
        nill    %r1, 3
        sll     %r1, 4
        stc     %r1, 98(%r13)           /* the condition code of the new PSW changes from round to round */
steps_lpswe:
        lpswe   96(%r13)
        j       7f
6:      cdfbr   %f0, %r10
        adbr    %f0, %f0
        ltdbr   %f2, %f0
        ipm     %r1
7:      ahi     %r10, 1
        lgrl    %r1, steps_rounds
        aghi    %r1, -1
        stgrl   %r1, steps_rounds
        jp      round
steps_end:
        lgr     %r14, %r12
        br      %r14

leaf:   la      %r11, 1(%r11)
        bcr     15, %r14
        .balign 4
move:   mvc     40(1,%r13), 0(%r13)
compare:
        clc     40(1,%r13), 8(%r13)

        .data
        .balign 8
steps_rounds:
        .quad   40
work:   .skip   256
lpswe_mask:
        .quad   0x0000000180000000
