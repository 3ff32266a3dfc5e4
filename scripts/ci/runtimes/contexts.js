// Calls nano-gpt from vm contexts, whose objects and arrays have other prototypes, and loads it a
// second time in one process, as test runners do: contexts.js PACKAGE
const { createContext, runInContext } = require('node:vm')

const name = process.argv[2]

async function textIn(nanoGpt) {
  const context = createContext({ nanoGpt })
  return runInContext(
    `(async () => {
      const text = 'to be or not to be, that is the question. '.repeat(50)
      const model = await nanoGpt.train({ data: { text }, preset: 'bigram', steps: 50, evalBatches: 2, seed: 5, device: 'cpu' })
      const wrong = await nanoGpt.train({ steps: -1 }).catch((error) => error)
      if (!(wrong instanceof nanoGpt.NanoGptError)) throw wrong
      return model.generate({ maxTokens: 20, seed: 1 })
    })()`,
    context,
  )
}

async function main() {
  const first = require(name)
  const text = await textIn(first)
  for (const file of Object.keys(require.cache)) if (!file.endsWith('.node')) delete require.cache[file]
  const second = require(name)
  if (second === first) throw new Error('the package was not loaded a second time')
  if ((await textIn(second)) !== text || (await textIn(first)) !== text) throw new Error('the texts differ')
  console.log('contexts: ok')
}

main().catch((error) => {
  console.log(`contexts: ${error.stack}`)
  process.exitCode = 1
})
