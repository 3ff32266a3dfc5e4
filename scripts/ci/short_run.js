// A short program as a user would write it: trains, stops, resumes, generates and reads a model
// back, in folders whose names are difficult. Suites run it on other platforms and runtimes:
//   short_run.js PACKAGE FOLDER DEVICE [INSTRUCTION SET]
// PACKAGE is what `require` finds (a name, or a path), DEVICE what 'auto' must choose.
const { mkdirSync, readdirSync, rmSync, writeFileSync } = require('node:fs')
const { join, sep } = require('node:path')

const [name, parent, device, instructionSet] = process.argv.slice(2)

function expect(is, wanted, what) {
  if (is !== wanted) throw new Error(`${what} is ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`)
}

async function main() {
  const { devices, load, train } = require(name)
  const folder = join(parent, 'a folder', 'größe 文字 🙂')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const text = join(folder, 'my text.txt')
  writeFileSync(text, 'To be, or not to be: that is the question.\n'.repeat(100))
  const options = {
    data: text,
    preset: 'cpu',
    layers: 2,
    heads: 2,
    embed: 16,
    blockSize: 16,
    batchSize: 4,
    steps: 400,
    evalInterval: 50,
    evalBatches: 2,
    dropout: 0.1,
    threads: 2,
    seed: 7,
  }

  const whole = await train({ ...options, out: join(folder, 'whole') })
  expect(whole.device, device, 'the device')
  if (instructionSet) {
    const cpu = devices().find((candidate) => candidate.name === 'cpu').description
    expect(cpu.includes(`(${instructionSet},`), true, `"${cpu}" naming ${instructionSet}`)
  }

  const out = join(folder, 'in parts')
  const run = train({ ...options, out })
  let stoppedAt = 0
  for await (const event of run) {
    if (event.type === 'evaluation' && event.step > 0) run.stop()
    if (event.type === 'end') stoppedAt = event.step
  }
  await run
  expect(stoppedAt > 0 && stoppedAt < 400, true, `stopping, which happened after ${stoppedAt} steps,`)
  const resumed = await train({ resume: out })

  const prompt = { prompt: 'To be', maxTokens: 40, seed: 3 }
  const texts = []
  for (const model of [whole, resumed, await load(join(folder, 'whole', 'last.safetensors'))])
    texts.push(await model.generate(prompt))
  expect(texts[0].length, 40, 'the length of the generated text')
  expect(texts[1], texts[0], 'the text of the resumed run')
  expect(texts[2], texts[0], 'the text of the loaded model')
  expect(readdirSync(out).join(' '), readdirSync(join(folder, 'whole')).join(' '), 'the list of files')
  // Its large tensors come out of the engine another way than small ones.
  const large = await train({ ...options, embed: 64, steps: 1 })
  for (const [path, { data }] of await large.parameters()) {
    expect(data.length > 0 && data.every(Number.isFinite), true, `${path}, being finite,`)
    structuredClone(data.buffer, { transfer: [data.buffer] })
  }
  console.log(`short run: ok on ${device}${instructionSet ? ` (${instructionSet})` : ''}, paths with ${sep}`)
}

main().catch((error) => {
  console.log(`short run: ${error.stack}`)
  process.exitCode = 1
})
