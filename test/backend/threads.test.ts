// A number of threads that the system doesn't have is rejected, and changes nothing.

import { runLimited } from '../support/child'
import { onNative } from '../support/devices'
import { testOnLinux } from '../support/hostile'

onNative('threads that cannot be started', () => {
  testOnLinux(
    'the error names the remedy, and later runs work',
    async () => {
      // Each thread reserves a stack of 2 GB, and the process may reserve 300 GB.
      const limits = 'ulimit -s 2000000 && ulimit -v 300000000'
      const { stdout, stderr, code } = await runLimited(
        limits,
        `
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
      console.log(JSON.stringify([...said, addon.info().threads]))`,
      )
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
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
