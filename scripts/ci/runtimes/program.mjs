// The program that bundlers build. It prints the device and the number of generated characters.
import { train } from 'nano-gpt'

async function main() {
  const text = 'to be or not to be, that is the question. '.repeat(50)
  const model = await train({ data: { text }, preset: 'bigram', steps: 20, evalBatches: 2 })
  console.log(
    `trained on ${model.device}, ${(await model.generate({ maxTokens: 10, seed: 1 })).length} characters`,
  )
}

main()
