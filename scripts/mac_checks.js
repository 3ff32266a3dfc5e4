// Checks for scripts/mac.sh: whether Metal is usable, what its validation reports, and whether
// memory stays flat.
//   node scripts/mac_checks.js usable
//   node scripts/mac_checks.js validated api|shader RUNNER CASE...
//   node scripts/mac_checks.js flat-memory STEPS
const { spawnSync } = require('node:child_process')
const { join } = require('node:path')

const lib = () => require(join(__dirname, '..', 'dist'))

/** Prints the GPU's name, or why it can't be used. */
function usable() {
  const { available, description } = lib()
    .devices()
    .find(({ name }) => name === 'metal')
  console.log(description)
  return available
}

/**
 * See "man MetalValidation". Shader errors are written to standard error; they do not end the
 * process or even fail the command buffer.
 */
const layers = {
  api: { MTL_DEBUG_LAYER: '1' },
  shader: { MTL_SHADER_VALIDATION: '1', MTL_SHADER_VALIDATION_REPORT_TO_STDERR: '1' },
}
const error = /^(Invalid |.*failed assertion|.*Validation Error).*/gim

/** Runs case files under one of Metal's validation layers. */
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

/**
 * Far less than a leak of one object per step over 20,000 steps, and more than the heap's normal
 * variation.
 */
const slackKilobytes = 32 * 1024

/** Trains for some steps, then for ten times as many. The process's peak memory must not rise. */
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
  console.log(`peak memory: ${few} KB after ${Math.ceil(steps / 10)} steps, ${many} KB after ${steps} more`)
  return many <= few + slackKilobytes
}

const checks = { usable, validated, 'flat-memory': (steps) => flatMemory(Number(steps)) }

async function main() {
  const [name, ...args] = process.argv.slice(2)
  if (!checks[name])
    throw new Error(`unknown check ${name}; the checks are ${Object.keys(checks).join(', ')}`)
  process.exitCode = (await checks[name](...args)) ? 0 : 1
}

main()
