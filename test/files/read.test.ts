// Only regular files are opened. A pipe or a device never blocks a read.

import { symlinkSync } from 'node:fs'
import { chmod, mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { openFile, readFailed, readSmallFile, statOf } from '../../lib/files/read'
import { runChild } from '../support/child'
import { failureOf } from '../support/errors'
import { expectFileAccess, pipeAt, testOnUnix } from '../support/hostile'
import { temporaryFolder } from '../support/runs'

const folder = temporaryFolder()

test('a file, and a link to it', async () => {
  const path = folder.path('a')
  await writeFile(path, 'x'.repeat(100_000))
  expect((await readSmallFile(path, 100_000)).byteLength).toBe(100_000)
  expect(await failureOf(() => readSmallFile(path, 99_999))).toMatchObject({
    code: 'read_failed',
    message: `${path}: it has more than 99999 bytes. Give another file`,
  })
})

test('a path that leads nowhere', async () => {
  const path = folder.path('nothing')
  expect(await failureOf(() => openFile(path))).toMatchObject({
    code: 'file_not_found',
    message: `there is no file ${path}`,
  })
  expect(await statOf(path)).toBeUndefined()
})

test('a folder', async () => {
  await mkdir(folder.path('folder'))
  expect(await failureOf(() => openFile(folder.path('folder')))).toMatchObject({
    code: 'read_failed',
    reason: 'it is a folder, not a file',
  })
})

testOnUnix('a pipe, a socket and devices', async () => {
  const pipe = pipeAt(folder.path('pipe'))
  const socket = folder.path('socket')
  const server = createServer().listen(socket)
  await new Promise((resolve) => server.once('listening', resolve))
  symlinkSync(pipe, folder.path('link'))
  const found = async (path: string) => (await failureOf(() => openFile(path))).reason
  expect(await found(pipe)).toBe('it is a pipe, not a file')
  expect(await found(folder.path('link'))).toBe('it is a pipe, not a file')
  expect(await found(socket)).toBe('it is a socket, not a file')
  expect(await found('/dev/zero')).toBe('it is a device, not a file')
  await new Promise((resolve) => server.close(resolve))
  await expectFileAccess()
})

testOnUnix('a pipe that takes the place of a file while it is opened', async () => {
  const path = folder.path('swapped')
  pipeAt(folder.path('waiting'))
  await writeFile(path, 'a file')
  const opened = openFile(path).catch((error) => error)
  // After openFile() has asked for the kind of the file, and before it has opened it.
  await stat(path)
  await rename(folder.path('waiting'), path)
  const result = await opened
  if (result instanceof Error) expect(result).toMatchObject({ reason: 'it is a pipe, not a file' })
  else await result.close()
  await expectFileAccess()
})

test('errors of the system become a NanoGptError, others stay what they are', () => {
  const denied = Object.assign(new Error('Requires read access to "a"'), { name: 'NotCapable' })
  expect(readFailed('a', denied)).toMatchObject({
    code: 'read_failed',
    message: 'a: it cannot be read: Requires read access to "a"',
    cause: denied,
  })
  const bug = new TypeError('x is not a function')
  expect(readFailed('a', bug)).toBe(bug)
})

testOnUnix('a path without permission: the error has the reason of the system', async () => {
  const secret = folder.path('secret')
  await mkdir(secret)
  await writeFile(folder.path('secret', 'file'), '')
  await chmod(folder.path(), 0o755)
  await chmod(secret, 0)
  // The superuser may read everything, so a child gives that up.
  const { stdout, stderr } = await runChild(
    `
    const { openFile, statOf } = require('./lib/files/read.ts')
    const { checkFolder } = require('./lib/train/run_folder.ts')
    if (process.getuid() === 0) process.seteuid(65534)
    const show = (error) => console.log(error.code, '|', error.message)
    const [secret] = JSON.parse(process.env.PATHS)
    await openFile(secret + '/file').catch(show)
    await statOf(secret + '/file').catch(show)
    await nano.load(secret).catch(show)
    await nano.train({ resume: secret, data: { text } }).catch(show)
    await nano.train({ config: secret, data: { text } }).catch(show)
    await checkFolder({ out: secret }).catch(show)
    `,
    { PATHS: JSON.stringify([secret]) },
  )
  await chmod(secret, 0o700)
  expect(stderr).toBe('')
  const denied = 'EACCES: permission denied'
  const remedy = 'Check the permissions of the file and of the folders above it'
  expect(stdout.trim().split('\n')).toEqual([
    `read_failed | ${secret}/file: it cannot be read: ${denied}, stat '${secret}/file'. ${remedy}`,
    `read_failed | ${secret}/file: it cannot be read: ${denied}, stat '${secret}/file'. ${remedy}`,
    expect.stringContaining(`read_failed | ${secret}: it cannot be read: ${denied}`),
    expect.stringContaining(`read_failed | ${secret}: it cannot be read: ${denied}`),
    expect.stringContaining(`${secret}/config.json: it cannot be read: ${denied}`),
    expect.stringContaining(`train: out is "${secret}": ${denied}`),
  ])
})
