// Runs in a process of its own, which find.js starts: loads a binary, and a CUDA module with it if
// there is a second argument, and prints the binary's version. Exit code 2: the binary doesn't load,
// for the reason on standard error.
const { writeSync } = require('node:fs')

// The empty lines are for libraries that print something when they are loaded.
writeSync(1, '\nnano-gpt: trying\n')
try {
  const [file, cudaModule] = process.argv.slice(2)
  const addon = require(file)
  if (cudaModule) {
    addon.useCudaModule(cudaModule, '', true)
    addon.info()
  }
  writeSync(1, `\nnano-gpt: version ${addon.version}\n`)
} catch (error) {
  process.stderr.write(String(error?.message ?? error))
  process.exitCode = 2
}
