/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled BPF programs, within the program that loads them. */
	.section .rodata
	.globl ima_bpf_object, ima_bpf_object_end
	.globl ima_shelter_object, ima_shelter_object_end
	.balign 16
ima_bpf_object:
	.incbin "ima.bpf.o"
ima_bpf_object_end:
	.balign 16
ima_shelter_object:
	.incbin "ima_shelter.bpf.o"
ima_shelter_object_end:
	.section .note.GNU-stack, "", %progbits
