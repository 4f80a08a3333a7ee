/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Provokes each exit to the monitor. Goes round a loop that counts exits_count until exits_selector is not zero, then
 * goes to that entry once (the selector is cleared); the debugger may as well set $pc to an entry go_NAME. The
 * instruction itself is at x_NAME, what follows it at x_NAME_after. Selector values and names:
 *   1 servc_info     READ SCP INFO into sccb_info   (the instruction is at sclp_servc, then sclp_after: start.S)
 *   2 servc_write    a line to the console
 *   3 reset          DIAG 0x308, subcode in exits_argument
 *   4 diag_unknown   DIAG 0x999: specification exception
 *   5 diag_500       DIAG 0x500, subcode 0xffff: specification exception
 *   6 zero           the program's own opcode 0x0000: operation exception
 *   7 operation      opcode 0xb9ff: operation exception
 *   8 sigp_stop      SIGP stop to itself
 *   9 disabled_wait  PSW address x_disabled_wait_at
 *  10 shutdown       disabled wait at 0xfff
 *  11 wait           enabled wait without end, PSW address x_wait_at
 *  12 wait_clock     enabled wait that the clock comparator ends, PSW address x_wait_clock_after
 *  13 loop           a branch to itself, at x_loop
 *  14 store          stores exits_argument to exits_target: one STG at x_store, one MVC at x_store_mvc (source
 *                    exits_source), again STG at x_store_again
 * exits_idle is the loop's first instruction, exits_returned is reached after an entry that comes back. */

        .text
        .globl guest_main, exits_idle, exits_returned, exits_selector, exits_argument, exits_count
        .globl exits_source, exits_target, sccb_info
guest_main:
exits_idle:
        lgrl    %r1, exits_count
        aghi    %r1, 1
        stgrl   %r1, exits_count
        lgrl    %r1, exits_selector
        ltgr    %r1, %r1
        jz      exits_idle
        xgr     %r0, %r0
        stgrl   %r0, exits_selector
        sllg    %r1, %r1, 3
        larl    %r2, entries
        lg      %r1, 0(%r1,%r2)
        lgrl    %r5, exits_argument
        br      %r1
exits_returned:
        j       exits_idle

        .macro  entry name
        .globl  go_\name, x_\name, x_\name\()_after
go_\name:
        .endm
        .macro  done name
x_\name\()_after:
        j       exits_returned
        .endm

        entry   servc_info
        iilf    %r2, 0x00120001
        larl    %r3, sccb_info
        brasl   %r14, sclp_call
x_servc_info:
        done    servc_info

        entry   servc_write
        brasl   %r14, sclp_open
        iilf    %r2, 0x00760005
        larl    %r3, sccb_write
        mvi     6(%r3), 0
        brasl   %r14, sclp_call
x_servc_write:
        done    servc_write

        entry   reset
x_reset:
        diag    %r4, %r5, 0x308
        done    reset

        entry   diag_unknown
x_diag_unknown:
        diag    %r0, %r0, 0x999
        done    diag_unknown

        entry   diag_500
        lgfi    %r1, 0xffff
x_diag_500:
        diag    %r2, %r4, 0x500
        done    diag_500

        entry   zero
x_zero: .short  0
        done    zero

        entry   operation
x_operation:
        .long   0xb9ff0000
        done    operation

        entry   sigp_stop
        stap    0x420
        llgh    %r3, 0x420
        lghi    %r1, 0
x_sigp_stop:
        sigp    %r1, %r3, 5
        done    sigp_stop

        .globl  x_disabled_wait_at, x_wait_at
        entry   disabled_wait
        larl    %r1, psw_disabled_wait
x_disabled_wait:
        lpswe   0(%r1)
x_disabled_wait_at:
        done    disabled_wait

        entry   shutdown
        larl    %r1, shutdown_psw
x_shutdown:
        lpswe   0(%r1)
        done    shutdown

        entry   wait
        larl    %r1, psw_wait
x_wait: lpswe   0(%r1)
x_wait_at:
        done    wait

        entry   wait_clock
        larl    %r1, clock
        stck    0(%r1)
        lg      %r2, 0(%r1)
        algfi   %r2, 0x1000000          /* 4 ms on */
        stg     %r2, 0(%r1)
        sckc    0(%r1)
        larl    %r1, cr0_clock
        lctlg   %c0, %c0, 0(%r1)
        larl    %r1, psw_wait_clock
x_wait_clock:
        lpswe   0(%r1)
        done    wait_clock

        entry   loop
x_loop: j       x_loop
        done    loop

        .globl  x_store_mvc, x_store_again
        entry   store
        larl    %r2, exits_target
        larl    %r3, exits_source
x_store:
        stg     %r5, 0(%r2)
x_store_mvc:
        mvc     0(8,%r2), 0(%r3)
x_store_again:
        stg     %r5, 0(%r2)
        done    store

        .data
        .balign 8
entries:
        .quad   exits_idle, go_servc_info, go_servc_write, go_reset, go_diag_unknown, go_diag_500, go_zero
        .quad   go_operation, go_sigp_stop, go_disabled_wait, go_shutdown, go_wait, go_wait_clock, go_loop, go_store
exits_selector:
        .quad   0
exits_argument:
        .quad   0
exits_count:
        .quad   0
exits_source:
        .quad   0x1122334455667788
exits_target:
        .quad   0
clock:  .quad   0
cr0_clock:
        .quad   0x40800                 /* additional floating-point registers, clock comparator */
psw_disabled_wait:
        .quad   0x0002000180000000, x_disabled_wait_at
psw_wait:
        .quad   0x0102000180000000, x_wait_at
psw_wait_clock:
        .quad   0x0102000180000000, x_wait_clock_after
        .balign 512
sccb_write:
        .short  write_end - sccb_write
        .byte   0, 0, 0, 0
        .short  0
event:  .short  write_end - event
        .byte   0x1a, 0
        .short  0
        .ascii  "exits: a line\r\n"
write_end:
        .balign 4096
sccb_info:
        .short  4096
        .skip   4094
