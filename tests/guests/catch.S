/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One event after the other, for catchpoints; each instruction is at the symbol that names it, what follows it at
 * NAME_after where that matters. Goes round CATCH_ROUNDS times, then on to what the guest does not come back from:
 *   catch_svc_5, catch_svc_6   supervisor calls
 *   catch_operation            operation exception
 *   catch_diag                 DIAG 0x999, a specification exception by the monitor
 *   catch_sigp                 SIGP set architecture, refused by the monitor
 *   catch_emergency            SIGP emergency signal to itself; taken at catch_open
 *   catch_translation          store to an address for which there is no page table: segment-translation exception,
 *                              behind which start.S has a disabled wait
 * catch_round counts the rounds. */

        .equ CATCH_ROUNDS, 4
        .equ cr0_emergency, 0x44000     /* and additional floating-point registers */

        .text
        .globl guest_main, catch_round, catch_svc_5, catch_svc_6, catch_operation, catch_operation_after, catch_diag
        .globl catch_diag_after, catch_sigp, catch_sigp_after, catch_emergency, catch_open, catch_open_after
        .globl catch_translation
guest_main:
        larl    %r1, cr0
        lctlg   %c0, %c0, 0(%r1)
again:
        lgrl    %r1, catch_round
        aghi    %r1, 1
        stgrl   %r1, catch_round
catch_svc_5:
        svc     5
catch_svc_6:
        svc     6
catch_operation:
        .long   0xb9ff0000
catch_operation_after:
        lghi    %r2, 0x77
catch_diag:
        diag    %r2, %r0, 0x999
catch_diag_after:
        stap    0x420
        llgh    %r3, 0x420
        lghi    %r1, 1
catch_sigp:
        sigp    %r0, %r3, 0x12
catch_sigp_after:
        lghi    %r1, 0
catch_emergency:
        sigp    %r1, %r3, 3
catch_open:
        stosm   0x428, 1
catch_open_after:
        lgrl    %r1, catch_round
        cghi    %r1, CATCH_ROUNDS
        jl      again
        larl    %r1, asce
        lctlg   %c1, %c1, 0(%r1)
        larl    %r1, dat_on
        lgfi    %r2, 0x1234000
        lpswe   0(%r1)
catch_translation:
        stg     %r2, 0x18(%r2)
        j       catch_translation

        .data
        .balign 8
catch_round:
        .quad   0
cr0:    .quad   cr0_emergency
asce:   .quad   segments                /* a segment table of 512 entries */
dat_on: .quad   0x0400000180000000, catch_translation
        .balign 4096
segments:
        .quad   pages
        .rept   511
        .quad   0x20
        .endr
pages:                                  /* the first megabyte as it is */
        .set    page, 0
        .rept   256
        .quad   page
        .set    page, page + 4096
        .endr
