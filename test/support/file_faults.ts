// `node:fs/promises` whose operations can be made to fail. A test uses it with
// jest.mock('node:fs/promises', () => require('../support/file_faults').faulty).

import { constants } from 'node:fs'

type Files = typeof import('node:fs/promises')
const real = jest.requireActual<Files>('node:fs/promises')

/** The operations of saving, counted from 1. */
export const fileFaults: {
  count: number
  /** The error code of operation `n`; undefined: it succeeds. Its own operations are not counted. */
  fail: ((n: number, name: string) => string | undefined | Promise<undefined>) | undefined
} = { count: 0, fail: undefined }

let isExamining = false

function counted<Call extends (...args: never[]) => Promise<unknown>>(name: string, call: Call): Call {
  return (async (...args: never[]) => {
    if (isExamining) return call(...args)
    fileFaults.count++
    isExamining = true
    const examined = fileFaults.fail?.(fileFaults.count, name)
    const code = examined instanceof Promise ? await examined : examined
    isExamining = false
    if (code !== undefined) {
      throw Object.assign(new Error(`${code}: injected, ${name}`), { code, syscall: name })
    }
    return call(...args)
  }) as unknown as Call
}

const open: Files['open'] = async (path, flags, mode) => {
  const isWrite =
    typeof flags === 'string'
      ? /[wa+]/.test(flags)
      : ((flags ?? 0) & (constants.O_WRONLY | constants.O_RDWR)) !== 0
  const handle = await (isWrite ? counted('open', real.open) : real.open)(path, flags, mode)
  if (!isWrite) return handle
  const bound = handle as unknown as Record<string, (...args: never[]) => Promise<unknown>>
  for (const name of ['write', 'sync'] as const) bound[name] = counted(name, bound[name].bind(handle))
  return handle
}

export const faulty: Files = {
  ...real,
  open,
  link: counted('link', real.link),
  mkdir: counted('mkdir', real.mkdir),
  readdir: counted('readdir', real.readdir as never),
  rename: counted('rename', real.rename),
  rm: counted('rm', real.rm),
  unlink: counted('unlink', real.unlink),
}
