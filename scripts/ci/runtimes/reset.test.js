// Runs with jest, which loads the package again after resetModules(), and with vitest.
const options = {
  data: { text: 'to be or not to be, that is the question. '.repeat(50) },
  preset: 'bigram',
  steps: 50,
  evalBatches: 2,
  seed: 5,
  device: 'cpu',
}
const loadPackage = typeof jest === 'undefined' ? () => import('nano-gpt') : () => require('nano-gpt')
const reset = () => (typeof jest === 'undefined' ? vi : jest).resetModules()

test('trains, and again after the modules were reset', async () => {
  const texts = []
  for (let round = 0; round < 3; round++) {
    reset()
    const { train } = await loadPackage()
    const model = await train(options)
    expect(model.device).toBe('cpu')
    texts.push(await model.generate({ maxTokens: 20, seed: 1 }))
  }
  expect(new Set(texts).size).toBe(1)
}, 60_000)
