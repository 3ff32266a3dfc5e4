// Runs in a process of its own, which find.js starts: loads a binary, and a CUDA module with it if
// there is a second argument. Prints "trying" and then the binary's version. Exit code 2: the binary
// doesn't load, for the reason on standard error.
const { writeSync } = require('node:fs')

writeSync(1, 'trying\n')
try {
  const [file, cudaModule] = process.argv.slice(2)
  const addon = require(file)
  if (cudaModule) addon.suggestCudaModule(cudaModule, '', true)
  writeSync(1, addon.info().version)
} catch (error) {
  process.stderr.write(String(error?.message ?? error))
  process.exitCode = 2
}
