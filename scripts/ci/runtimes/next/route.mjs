import { train } from 'nano-gpt'

export const dynamic = 'force-dynamic'

export async function GET() {
  const text = 'to be or not to be, that is the question. '.repeat(50)
  const model = await train({ data: { text }, preset: 'bigram', steps: 20, evalBatches: 2 })
  return Response.json({
    device: model.device,
    characters: (await model.generate({ maxTokens: 10, seed: 1 })).length,
  })
}
