// Checks each program of probes.metal with msl/compile.js and compares the verdict with that of a
// Metal compiler: node probes.js [-v]

const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { availableParallelism, tmpdir } = require('node:os')
const { join } = require('node:path')
const { ShaderError, compile } = require('../../msl/compile')

const folder = mkdtempSync(join(tmpdir(), 'probes-'))
const verbose = process.argv.includes('-v')

// "//// accept|reject [OPTIONS:] what", then the program
const probes = readFileSync(join(__dirname, 'probes.metal'), 'utf8')
  .split(/^\/\/\/\/ /m)
  .slice(1)
  .map((text, i) => {
    const line = text.slice(0, text.indexOf('\n'))
    const [, wanted, options, name] = /^(\w+) (?:\{(.*?)\} )?(.*)$/.exec(line)
    const file = join(folder, `${i}.metal`)
    writeFileSync(file, `#include <metal_stdlib>\nusing namespace metal;\n${text.slice(line.length)}`)
    return { wanted, options: options ? JSON.parse(`{${options}}`) : {}, name, file }
  })

let next = 0
let right = 0
async function worker() {
  while (next < probes.length) {
    const { wanted, options, name, file } = probes[next++]
    let messages = ''
    try {
      await compile(file, null, options)
    } catch (error) {
      if (!(error instanceof ShaderError)) throw error
      messages = error.message
    }
    const good = (messages === '') === (wanted === 'accept')
    if (good) right++
    if (good && !verbose) continue
    const first = messages.split('\n').filter((line) => /error/.test(line))
    console.log(
      `${good ? 'ok   ' : 'WRONG'} ${wanted} ${name}\n        ${first.slice(0, 3).join('\n        ')}`,
    )
  }
}

Promise.all(Array.from({ length: availableParallelism() }, worker)).then(() => {
  rmSync(folder, { recursive: true })
  console.log(`probes: ${right} of ${probes.length} judged as by a Metal compiler`)
  process.exit(right === probes.length && right > 0 ? 0 : 1)
})
