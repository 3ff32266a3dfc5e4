// Runs in a process of its own, which find.js starts: loads a binary and prints its version.
// Exit code 2: the binary doesn't load, for the reason on standard error.
try {
  process.stdout.write(require(process.argv[2]).info().version)
} catch (error) {
  process.stderr.write(String(error?.message ?? error))
  process.exitCode = 2
}
