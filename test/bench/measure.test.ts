// Medians, and measuring sides in alternating rounds.

import { alternate, compare, measure, median, type Side, timesIn } from '../../lib/bench/measure'

test('the median: the middle value, or the mean of the middle two', () => {
  expect(median([3])).toBe(3)
  expect(median([10, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 100])).toBe(3.5)
  expect(median([])).toBeNaN()
  const values = [3, 1, 2]
  median(values)
  expect(values).toEqual([3, 1, 2])
})

/** A side whose runs take `ms` milliseconds each. `asked` records the count of each call. */
function side(name: string, ms: number): Side & { asked: number[] } {
  const asked: number[] = []
  return {
    name,
    asked,
    run: async (count) => {
      asked.push(count)
      return ms
    },
  }
}

test('timesIn: as many runs as fit in the seconds, from 1 to 100,000', async () => {
  expect(await timesIn(side('fast', 0.5), 0.25)).toBe(500)
  expect(await timesIn(side('slow', 4000), 0.25)).toBe(1)
  expect(await timesIn(side('no time at all', 0), 0.25)).toBe(100_000)
})

test('after a warm-up, sides alternate, each with its own count', async () => {
  const order: string[] = []
  const sides = [side('a', 100), side('b', 50)].map((each) => ({
    ...each,
    run: async (count: number) => {
      order.push(`${each.name} ${count}`)
      return each.run(count)
    },
  }))
  const found = await alternate(sides, { rounds: 2, seconds: 0.4 })
  expect(order.slice(-4)).toEqual(['a 4', 'b 8', 'a 4', 'b 8'])
  expect(order[0]).toBe('a 1')
  expect(found).toEqual([
    [100, 100],
    [50, 50],
  ])
})

test('the ratio is the median of the ratios per round, not the ratio of the medians', () => {
  const { ms, others } = compare(
    [side('ours', 0), side('theirs', 0)],
    [
      [1, 2, 4],
      [6, 2, 4],
    ],
  )
  expect(ms).toBe(2)
  expect(others).toEqual([{ variant: 'theirs', ms: 4, ratio: 1, ratios: [6, 1, 1] }])
})

test('our side is closed even if another side fails', async () => {
  let closed = false
  const ours = {
    ...side('ours', 1),
    close: async () => {
      closed = true
    },
  }
  const failing = { name: 'theirs', run: () => Promise.reject(new Error('gone')) }
  await expect(measure([ours, failing], { rounds: 1 })).rejects.toThrow('gone')
  expect(closed).toBe(true)
})
