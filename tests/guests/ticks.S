/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program whose PSW is enabled for interruptions, and a CPU timer that runs out every 100 us of it (as long as it is
 * not set again, which the handler does, its interruption stays pending). Symbols:
 *   ticks            interruptions so far
 *   tick_handler     their handler
 *   ticks_ready      first instruction that is enabled; r12 counts to 500 from ticks_loop to before ticks_end
 *   masks_begin      instructions that read, set or store the PSW's masks, each with what follows from it kept in
 *                    masks_results (up to masks_results_end); at masks_end the registers, too, are always the same
 *   masks_wait       an enabled wait is loaded, PSW address masks_waiting; an interruption ends it at masks_woken
 *   ticks_enabled    the PSW mask of all this */

        .equ cr0_timer, 0x40400         /* CPU timer, additional floating-point registers */

        .text
        .globl guest_main, ticks, tick_handler, ticks_ready, ticks_loop, ticks_end, ticks_enabled
        .globl masks_begin, masks_end, masks_results, masks_results_end, masks_wait, masks_waiting, masks_woken
guest_main:
        larl    %r1, tick_psw
        mvc     0x1b0(16,%r0), 0(%r1)
        larl    %r1, cr0_ticks
        lctlg   %c0, %c0, 0(%r1)
        larl    %r1, interval
        spt     0(%r1)
        larl    %r1, ready_psw
        lpswe   0(%r1)
ticks_ready:
        lghi    %r12, 0
ticks_loop:
        aghi    %r12, 1
        larl    %r1, scratch
        stg     %r12, 0(%r1)
        svc     7
        lg      %r2, 0(%r1)
        lr      %r3, %r2
        .long   0xb9ff0000              /* operation exception */
        cghi    %r12, 500
        jl      ticks_loop
ticks_end:
        lgrl    %r2, ticks
        j       ticks_end

/* Keeps what is there of the PSW. */
        .macro  keep_psw
        epsw    %r4, %r5
        st      %r4, 0(%r13)
        aghi    %r13, 8
        .endm

masks_begin:
        larl    %r13, masks_results
        larl    %r11, operands
        lghi    %r4, -1                 /* EPSW: high halves stay */
        lghi    %r5, -1
        epsw    %r4, %r5
        stmg    %r4, %r5, 0(%r13)
        lghi    %r4, -1
        epsw    %r4, %r0                /* the first half only */
        stg     %r4, 16(%r13)
        lghi    %r4, -1
        epsw    %r4, %r4                /* the second replaces the first */
        stg     %r4, 24(%r13)
        aghi    %r13, 32

        stnsm   0(%r13), 0xfe           /* E off */
        aghi    %r13, 8
        keep_psw
        stosm   0(%r13), 1              /* and on */
        aghi    %r13, 8
        keep_psw
        stosm   0(%r13), 0              /* told only */
        aghi    %r13, 8
        keep_psw
        stnsm   0(%r13), 0xfc           /* I and E off */
        aghi    %r13, 8
        keep_psw
        stosm   0(%r13), 3
        aghi    %r13, 8
        keep_psw
        ssm     0(%r11)                 /* zero */
        keep_psw
        ssm     1(%r11)                 /* I and E */
        keep_psw
        ssm     2(%r11)                 /* E */
        keep_psw
        ssm     1(%r11)
        keep_psw

        larl    %r1, 1f                 /* EXECUTE */
        ex      %r0, 0(%r1)
        aghi    %r13, 8
        keep_psw
        exrl    %r0, 2f
        keep_psw
        lghi    %r6, 2                  /* the mask of STOSM comes from the register */
        ex      %r6, 0(%r1)
        aghi    %r13, 8
        keep_psw
        exrl    %r0, 3f
        st      %r4, 0(%r13)
        exrl    %r0, 4f                 /* nothing with masks */
        st      %r7, 4(%r13)
        aghi    %r13, 8
        j       5f
1:      stosm   0(%r13), 1
2:      ssm     1(%r11)
3:      epsw    %r4, %r5
4:      lr      %r7, %r4
5:
        svc     9                       /* old PSWs */
        mvc     0(16,%r13), 0x140(%r0)
        .long   0xb9ff0000
        mvc     16(16,%r13), 0x150(%r0)
        stnsm   32(%r13), 0xfc
        svc     9
        mvc     32(8,%r13), 0x140(%r0)
        stosm   40(%r13), 3
        larl    %r1, svc_insn
        ex      %r0, 0(%r1)
        mvc     48(16,%r13), 0x140(%r0)
        aghi    %r13, 64
        keep_psw
        lgfi    %r1, 0x7ffff000         /* of instructions that are about masks, too: addressing exceptions */
        ssm     0(%r1)
        mvc     0(16,%r13), 0x150(%r0)
        lpswe   0(%r1)
        mvc     16(16,%r13), 0x150(%r0)
        stosm   0(%r1), 3
        mvc     32(16,%r13), 0x150(%r0)
        aghi    %r13, 48
        keep_psw

        lpswe   8(%r11)                 /* to what follows, all masks off */
masks_off:
        keep_psw
        lpswe   24(%r11)                /* on again */
masks_on:
        keep_psw
        lpsw    40(%r11)                /* short: E alone, 31-bit mode */
masks_short:
        keep_psw
        lpswe   48(%r11)
masks_last:
        keep_psw
        stctg   %c0, %c0, 0(%r13)
        lctlg   %c0, %c0, 64(%r11)      /* CR0 stays what is loaded */
        stctg   %c0, %c0, 8(%r13)
        aghi    %r13, 16
        lctlg   %c0, %c0, 72(%r11)
masks_end:
        j       masks_end

masks_wait:
        larl    %r1, wait_psw
        lpswe   0(%r1)
masks_waiting:
masks_woken:
        j       masks_woken

        .globl tick_handler
tick_handler:
        stg     %r1, 0x408
        lgrl    %r1, ticks
        aghi    %r1, 1
        stgrl   %r1, ticks
        larl    %r1, interval
        spt     0(%r1)
        ni      0x131(%r0), 0xfd        /* W off */
        lg      %r1, 0x408
        lpswe   0x130

        .data
        .balign 8
tick_psw:
        .quad   0x0000000180000000, tick_handler
ready_psw:
ticks_enabled:
        .quad   0x0304000180000000, ticks_ready
wait_psw:
        .quad   0x0306000180000000, masks_waiting
cr0_ticks:
        .quad   cr0_timer
interval:
        .quad   100 << 12
ticks:  .quad   0
scratch:
        .quad   0
svc_insn:
        .short  0x0a0b
        .balign 8
operands:
        .byte   0, 3, 1, 0, 0, 0, 0, 0
        .quad   0x0000000180000000, masks_off
        .quad   0x0304000180000000, masks_on
        .long   0x01080000, 0x80000000 + masks_short
        .quad   0x0304000180000000, masks_last
        .quad   0x40000, cr0_timer
masks_results:
        .skip   512
masks_results_end:
