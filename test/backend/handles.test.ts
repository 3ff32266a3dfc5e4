// The native engine keeps a handle of Node's event loop, which tools report as open, only while a
// session is open or a job is running.

import { spawnSync } from 'node:child_process'
import { loadAddon } from '../../lib/backend/native/addon'
import { onNative } from '../support/devices'

onNative('handles of the event loop', () => {
  /** The output of a script that counts these handles with `handles()`, on the addon itself. */
  function output(body: string): unknown {
    const script = `
      const open = new Set()
      require('node:async_hooks').createHook({
        init(id, type) { if (type === 'nano-gpt') open.add(id) },
        destroy(id) { open.delete(id) },
      }).enable()
      const { Session, setThreads } = require(${JSON.stringify(loadAddon().path)})
      // Closing a handle takes some turns of the loop.
      const handles = async () => { await new Promise((resolve) => setTimeout(resolve, 50)); return open.size }
      ;(async () => {${body}})()
    `
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--expose-gc', '-e', script], {
      encoding: 'utf8',
    })
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    return JSON.parse(stdout)
  }

  test('none before the first job, one while a session is open, none after the last dispose()', () => {
    const body = `
      const said = [await handles()]
      const [a, b] = [new Session(), new Session()]
      await a.allocate('x', 'f32', [4])
      said.push(await handles())
      await b.allocate('x', 'f32', [4])
      await a.dispose()
      said.push(await handles())
      await b.dispose()
      said.push(await handles())
      const c = new Session()
      await c.allocate('x', 'f32', [4])
      said.push(await handles())
      await Promise.all([c.dispose(), c.dispose()])
      said.push(await handles())
      console.log(JSON.stringify(said))
    `
    expect(output(body)).toEqual([0, 1, 1, 0, 1, 0])
  })

  test('none after a job without a session', () => {
    expect(output(`await setThreads(1); console.log(JSON.stringify(await handles()))`)).toBe(0)
  })

  test('garbage-collected sessions keep no handle', () => {
    const body = `
      let lost = new Session()
      await lost.allocate('x', 'f32', [4])
      lost = undefined
      await handles()
      gc()
      await handles()
      gc()
      await setThreads(2)
      console.log(JSON.stringify(await handles()))
    `
    expect(output(body)).toBe(0)
  })

  test('a process exits while a session is open, but waits for a job', () => {
    const body = `
      const session = new Session()
      session.allocate('x', 'f32', [1 << 20]).then(() => console.log('true'))
    `
    expect(output(body)).toBe(true)
  })

  test('workers can exit with open sessions and start again', () => {
    const body = `
      const { Worker } = require('node:worker_threads')
      const work = String.raw\`
        const { Session } = require(${JSON.stringify(loadAddon().path)})
        const session = new Session()
        session.allocate('x', 'f32', [1 << 22])
        session.allocate('y', 'f32', [1 << 22]).then(() => require('node:worker_threads').parentPort.postMessage(0))
      \`
      let met = 0
      for (let i = 0; i < 8; i++) {
        const worker = new Worker(work, { eval: true })
        await new Promise((resolve) => worker.once('message', resolve))
        met++
        if (i % 2 === 0) await worker.terminate()
      }
      console.log(met)
    `
    expect(output(body)).toBe(8)
  })
})
