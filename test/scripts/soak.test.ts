// A short scripts/soak.js: what a process holds does not grow with steps, evaluations, samples,
// checkpoints and runs. The long one, and the figures of time, are run by hand.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensureBuilt } from '../cli/command'
import { onNative } from '../support/devices'

const script = join(__dirname, '..', '..', 'scripts', 'soak.js')

onNative('a short soak', () => {
  test.each([
    ['2,000 steps', ['--steps', '2000', '--runs', '0'], 2000 / 200_000],
    // V8 counts 2 MB more of a session's memory from about the 25th run on.
    ['60 runs', ['--steps', '0', '--runs', '60'], 60 / 1000],
  ])('%s: memory, descriptors and handles stay the same', (_, sizes, part) => {
    ensureBuilt()
    const args = [script, ...sizes, '--large-steps', '0', '--json']
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const { heap, descriptors, handles } = JSON.parse(stdout)
    // Growth is extrapolated to the long run.
    expect(descriptors.growth * part).toBeLessThan(1)
    expect(handles.growth * part).toBeLessThan(1)
    expect(heap.growth * part).toBeLessThan(2 * 2 ** 20)
  })
})
