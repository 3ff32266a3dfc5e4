// A number of threads that the system doesn't have is rejected, and changes nothing.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { scriptOf } from '../support/child'
import { onNative } from '../support/devices'

// Other systems set no limit to the address space of a process.
const testOnLinux = process.platform === 'linux' ? test : test.skip

onNative('threads that cannot be started', () => {
  testOnLinux(
    'the error names the remedy, and later runs work',
    () => {
      const script = scriptOf(`
      const { loadAddon } = require('./lib/backend/native/addon.ts')
      const { addon } = loadAddon()
      const said = [addon.info().threads]
      const options = { data: { text }, preset: 'bigram', steps: 1, evalInterval: 1, evalBatches: 1, device: 'cpu' }
      const attempt = (threads) => nano.train({ ...options, threads }).then((model) => model.dispose(), (error) => {
        said.push(error.code, error.message, error.remedy)
      })
      await attempt(250)
      said.push(addon.info().threads)
      await attempt()
      await attempt(1)
      await attempt(2)
      console.log(JSON.stringify([...said, addon.info().threads]))
    `)
      // Each thread reserves a stack of 2 GB, and the process may reserve 300 GB.
      const limited = 'ulimit -s 2000000 && ulimit -v 300000000 && exec "$0" -e "$1"'
      const { stdout, stderr, status } = spawnSync('sh', ['-c', limited, process.execPath, script], {
        encoding: 'utf8',
        cwd: join(__dirname, '..', '..'),
      })
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
      const [threads, ...said] = JSON.parse(stdout)
      expect(said).toEqual([
        'unsupported',
        "250 threads can't be started: Resource temporarily unavailable. Give fewer `threads`, or raise the limit of processes and threads (ulimit -u)",
        null,
        threads,
        2,
      ])
    },
    30_000,
  )
})
