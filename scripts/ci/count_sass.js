// Counts instructions in cubins without a disassembler: node scripts/ci/count_sass.js FILE.cubin...
//
// A cubin is an ELF file; each kernel's code is a section .text.NAME. Since Volta an instruction
// has 128 bits and its opcode is the low 12 bits, of which bits 9 to 11 give the kinds of its
// operands (register, immediate, constant). Bits 12 to 15 are the predicate. 0xF means "never", as
// for the loads that ptxas puts before LDGSTS; those are not counted.

const { readFileSync } = require('node:fs')

const opcodes = new Map([
  [0x23c, 'HMMA'], // mma.sync of 16-bit floats, and of tf32
  [0x237, 'IMMA'],
  [0x23f, 'DMMA'],
  [0x83b, 'LDSM'], // ldmatrix
  [0xfae, 'LDGSTS'], // cp.async
  [0xb1d, 'BAR'],
  [0x984, 'LDS'],
  [0x388, 'STS'],
  [0x981, 'LDG'],
  [0x986, 'STG'],
  [0x983, 'LDL'], // local memory: spills, or arrays that registers could not hold
  [0x387, 'STL'],
  [0xf89, 'SHFL'],
  [0x308, 'MUFU'],
  ...[0x223, 0x423, 0x623, 0x823, 0xa23, 0xc23].map((code) => [code, 'FFMA']),
])

/** The sections of an ELF64 file: [name, bytes]. */
function sections(elf) {
  if (elf.toString('latin1', 0, 4) !== '\x7fELF' || elf[4] !== 2) throw new Error('not an ELF64 file')
  const table = Number(elf.readBigUInt64LE(0x28))
  const [size, count, names] = [0x3a, 0x3c, 0x3e].map((at) => elf.readUInt16LE(at))
  const headers = Array.from({ length: count }, (_, i) =>
    elf.subarray(table + i * size, table + (i + 1) * size),
  )
  const offset = (header) => Number(header.readBigUInt64LE(24))
  return headers.map((header) => {
    const start = offset(headers[names]) + header.readUInt32LE(0)
    const name = elf.toString('latin1', start, elf.indexOf(0, start))
    const bytes = header.readUInt32LE(4) === 8 ? 0 : Number(header.readBigUInt64LE(32)) // 8: none in the file
    return [name, elf.subarray(offset(header), offset(header) + bytes)]
  })
}

/** Counts of one cubin: mangled kernel name → { total, HMMA, … }. */
function countInstructions(path) {
  const result = new Map()
  for (const [name, code] of sections(readFileSync(path))) {
    if (!name.startsWith('.text.')) continue
    const found = { total: code.length / 16 }
    for (let at = 0; at < code.length; at += 16) {
      const word = code.readUInt16LE(at)
      const opcode = word >> 12 === 0xf ? undefined : opcodes.get(word & 0xfff)
      if (opcode) found[opcode] = (found[opcode] ?? 0) + 1
    }
    result.set(name.slice('.text.'.length), found)
  }
  return result
}

module.exports = { countInstructions }

if (require.main === module) {
  for (const path of process.argv.slice(2)) {
    for (const [kernel, found] of countInstructions(path)) {
      console.log(
        path,
        kernel,
        Object.entries(found)
          .map(([name, count]) => `${name} ${count}`)
          .join('  '),
      )
    }
  }
}
