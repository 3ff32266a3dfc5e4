// Spikes of the training loss are reported, and ordinary noise is not.

import { SpikeDetector } from '../../lib/train/spikes'

/** The spikes among losses of steps 0, 1, … */
function spikesIn(losses: readonly number[]) {
  const detector = new SpikeDetector()
  return losses.map((loss, step) => detector.observe(step, loss)).filter((spike) => spike !== undefined)
}

/** A falling loss with noise, the same in every run. */
const falling = (steps: number) =>
  Array.from({ length: steps }, (_, i) => 1.5 + 2.7 * Math.exp(-i / 300) + 0.1 * Math.sin(i * i))

test('a falling loss with noise has no spike', () => {
  expect(spikesIn(falling(3000))).toEqual([])
})

test('a sudden rise is reported once, with the usual loss', () => {
  const losses = falling(1000)
  for (let i = 600; i < 620; i++) losses[i] = 6
  const spikes = spikesIn(losses)
  expect(spikes).toEqual([{ step: 600, loss: 6, usual: expect.closeTo(1.9, 0) }])
})

test('a second spike is reported later', () => {
  const losses = falling(2000)
  losses[600] = losses[650] = losses[1500] = 9
  expect(spikesIn(losses).map(({ step }) => step)).toEqual([600, 1500])
})

test('the first steps are never a spike', () => {
  expect(spikesIn([4, 4, 40, 4, 4])).toEqual([])
})

test('a detector with the state of another one continues as it would', () => {
  const losses = falling(2000)
  losses[600] = losses[650] = losses[1500] = 9
  for (const step of [0, 30, 600, 601, 640, 700, 1499]) {
    const [before, after] = [new SpikeDetector(), new SpikeDetector()]
    for (let i = 0; i < step; i++) before.observe(i, losses[i])
    // As in the metrics of a run.
    after.restore(JSON.parse(JSON.stringify(before.state)))
    for (let i = step; i < losses.length; i++)
      expect(after.observe(i, losses[i])).toEqual(before.observe(i, losses[i]))
  }
})
