// What scripts/mac.sh asks for: whether Metal can be used, what its validation sees, and whether memory stays flat.
//   node scripts/mac_checks.js usable
//   node scripts/mac_checks.js validated api|shader RUNNER CASE...
//   node scripts/mac_checks.js flat-memory STEPS
const { spawnSync } = require('node:child_process')
const { join } = require('node:path')

const lib = () => require(join(__dirname, '..', 'dist'))

/** Prints what the GPU is, or why it can't be used. */
function usable() {
  const { available, description } = lib()
    .devices()
    .find(({ name }) => name === 'metal')
  console.log(description)
  return available
}

/** See "man MetalValidation". What a shader does wrong is written to standard error and ends nothing, not even a command buffer. */
const layers = {
  api: { MTL_DEBUG_LAYER: '1' },
  shader: { MTL_SHADER_VALIDATION: '1', MTL_SHADER_VALIDATION_REPORT_TO_STDERR: '1' },
}
const error = /^(Invalid |.*failed assertion|.*Validation Error).*/gim

/** Runs case files under one of Metal's layers of validation. */
function validated(layer, runner, ...cases) {
  const env = { ...process.env, ...layers[layer] }
  const { status, signal, stdout, stderr } = spawnSync(runner, ['--device', 'metal', ...cases], {
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  const errors = [...new Set(stderr.match(error))]
  const passed = stdout.split('\n').filter((line) => line.startsWith('ok ')).length
  for (const line of [...stdout.split('\n').filter((it) => it.startsWith('FAIL')), ...errors])
    console.log(line)
  console.log(`${passed} passed of ${cases.length}, ${errors.length} errors, ended with ${signal ?? status}`)
  return status === 0 && cases.length > 0 && passed === cases.length && errors.length === 0
}

/** Far less than what is left of 20,000 steps if each leaves one object, and more than a heap's whims. */
const slackKilobytes = 32 * 1024

/** Trains for some steps, then for ten times as many: the most memory that the process has had must not rise. */
async function flatMemory(steps) {
  const train = async (count) => {
    const size = {
      blockSize: 8,
      embed: 32,
      heads: 4,
      layers: 2,
      batchSize: 4,
      evalInterval: 1e9,
      evalBatches: 1,
    }
    const data = join(__dirname, '..', 'README.md')
    const model = await lib().train({ preset: 'decoder', ...size, data, steps: count, device: 'metal' })
    await model.dispose()
    return process.resourceUsage().maxRSS
  }
  const few = await train(Math.ceil(steps / 10))
  const many = await train(steps)
  console.log(`at most ${few} KB in ${Math.ceil(steps / 10)} steps, ${many} KB in ${steps} more`)
  return many <= few + slackKilobytes
}

const checks = { usable, validated, 'flat-memory': (steps) => flatMemory(Number(steps)) }

async function main() {
  const [name, ...args] = process.argv.slice(2)
  if (!checks[name]) throw new Error(`there is no check ${name}; there are ${Object.keys(checks).join(', ')}`)
  process.exitCode = (await checks[name](...args)) ? 0 : 1
}

main()
