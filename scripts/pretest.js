// Before `npm test`: the tests require the kernels of every instruction set of this processor
// family, and nano-run, while an installation only compiles what this machine uses.
const { switchOf } = require('../binding/switches')
const { build } = require('./build')

async function main() {
  if (switchOf('NANO_GPT_SKIP_NATIVE') || switchOf('NANO_GPT_NATIVE') === false) return
  const failure = await build({ all: true })
  if (failure === null) return
  console.error(failure.output || failure.why)
  if (switchOf('NANO_GPT_REQUIRE_NATIVE')) process.exitCode = 1
  else console.error('nano-gpt: the native engine could not be compiled, so its tests are skipped')
}

main()
