/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Executes instructions that a debugger puts into a table, and keeps what each of them did. insn_count entries of 80
 * bytes from insn_table on: general registers 0-3 before it, the instruction (8 bytes, of which 6 are executed), then
 * the results: program interruption code (0: none), condition code (2 before it) and general registers 0-3. Register 9
 * is the address of insn_page, 4096 bytes aligned to a page. insn_done is reached after the last; the next pass begins
 * there. The instructions are executed at insn_slot, in supervisor state and disabled for interruptions. */

        .text
        .globl guest_main, insn_done, insn_slot, insn_page, insn_table, insn_count
guest_main:
        larl    %r13, insn_table
        lgrl    %r11, insn_count
        larl    %r9, insn_page
        larl    %r10, insn_slot
        ltgr    %r11, %r11
        jz      insn_done
1:      mvc     0(6,%r10), 32(%r13)
        xgr     %r4, %r4
        stgrl   %r4, pgm_code
        lmg     %r0, %r3, 0(%r13)
        cghi    %r9, 0                  /* condition code 2 */
        j       insn_slot               /* instructions are fetched anew */
        .balign 8
insn_slot:
        .short  0x0700, 0x0700, 0x0700
        ipm     %r4
        stmg    %r0, %r3, 48(%r13)
        srl     %r4, 28
        st      %r4, 44(%r13)
        lgrl    %r5, pgm_code
        st      %r5, 40(%r13)
        aghi    %r13, 80
        brctg   %r11, 1b
insn_done:
        j       guest_main

        .data
        .balign 8
insn_count:
        .quad   0

        .bss
        .balign 4096
insn_page:
        .skip   4096
insn_table:
        .skip   80 * 128
