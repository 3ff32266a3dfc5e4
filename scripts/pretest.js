// Before `npm test`: the tests require the kernels of every instruction set of this processor
// family, and nano-run, while an installation only compiles what this machine uses.
const { switchOf } = require('../binding/switches')
const { build } = require('./build')
const { long } = require('./long_tests')

async function main() {
  if (!process.env.CI)
    console.log(
      `npm test leaves out ${long.length} tests that take long (scripts/long_tests.js). CI=true npm test runs all`,
    )
  if (switchOf('NANO_GPT_SKIP_NATIVE') || switchOf('NANO_GPT_NATIVE') === false) return
  const failure = await build({ all: true })
  if (failure === null) return
  console.error(failure.output || failure.why)
  if (switchOf('NANO_GPT_REQUIRE_NATIVE')) process.exitCode = 1
  else console.error('nano-gpt: the native engine could not be compiled, so its tests are skipped')
}

main()
