// The native engine does not block the event loop.

import { onNative } from '../support/devices'
import { prepare } from '../support/models'

onNative('the event loop', ({ open }) => {
  test('runs timers while one long call trains', async () => {
    const session = open()
    const { trainer } = await prepare(
      session,
      { kind: 'decoder', vocabSize: 65, blockSize: 128, embed: 192, heads: 4, layers: 3, dropout: 0 },
      { batchSize: 8 },
    )
    const { seconds } = await trainer.steps(0, 1)
    const count = Math.ceil(1 / seconds)
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    const result = await trainer.steps(1, count)
    clearInterval(timer)
    await session.dispose()
    expect(result.losses).toHaveLength(count)
    // A blocked loop would tick once or twice. A tenth of the possible ticks is enough, since a
    // busy machine is slow.
    expect(ticks).toBeGreaterThan((result.seconds * 1000) / 5 / 10)
    expect(ticks).toBeGreaterThan(10)
  }, 60_000)
})
