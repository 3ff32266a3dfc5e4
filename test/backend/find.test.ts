// binding/find.js: which binary is loaded, and what happens to one that can't be. Each test runs a
// copy of the package in a process of its own.

import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { loadAddon } from '../../lib/backend/native/addon'
import { version } from '../../lib/version'
import { onNative } from '../support/devices'
import { temporaryFolder } from '../support/runs'

const root = join(__dirname, '..', '..')
const folder = temporaryFolder()
let packages = 0
/** A path in the newest package. */
const inside = (name = '') => folder.path(`package ${packages}`, name)
const built = 'build/Release/nano_gpt.node'
const prebuilt = `prebuilds/${process.platform}-${process.arch}/nano-gpt.node`
const damaged = 'not a binary'

/** Makes a package with these files: a path is copied, other contents are written. */
function packageWith(files: Record<string, { copy: string } | string>): void {
  packages++
  for (const name of ['package.json', 'binding/find.js', 'binding/switches.js', 'binding/try.js'])
    cpSync(join(root, name), inside(name))
  mkdirSync(inside('node_modules'), { recursive: true })
  symlinkSync(join(root, 'node_modules/node-gyp-build'), inside('node_modules/node-gyp-build'), 'junction')
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(dirname(inside(name)), { recursive: true })
    if (typeof contents === 'string') writeFileSync(inside(name), contents)
    else cpSync(contents.copy, inside(name))
  }
}

interface Found {
  readonly path?: string
  readonly rejected: readonly { readonly path: string; readonly reason: string }[]
  readonly cuda?: { readonly path: string; readonly reason: string; readonly isThere: boolean }
  readonly cudaInfo?: { readonly available: boolean; readonly present: boolean; readonly reason: string }
}

function find(env: Record<string, string> = {}): Found {
  const code = `
    const { findAddon, findCudaModule } = require('./binding/find')
    const { addon, path, rejected } = findAddon()
    const cuda = path && findCudaModule(path)
    if (cuda) addon.useCudaModule(cuda.path, cuda.reason, cuda.isThere)
    console.log(JSON.stringify({ path, rejected, cuda, cudaInfo: addon?.info().cuda }))`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], {
    cwd: inside(),
    env: { ...process.env, NANO_GPT_PREBUILD: '', NANO_GPT_CUDA_MODULE: '', ...env },
    encoding: 'utf8',
  })
  if (!stdout) throw new Error(stderr)
  return JSON.parse(stdout)
}

test('nothing is there', () => {
  packageWith({})
  expect(find()).toEqual({ rejected: [] })
})

test('a damaged binary is passed over, with the reason', () => {
  packageWith({ [built]: damaged, [prebuilt]: damaged })
  const { path, rejected } = find()
  expect(path).toBeUndefined()
  expect(rejected.map((binary) => binary.path)).toEqual([inside(built), inside(prebuilt)])
  for (const { reason } of rejected) expect(reason).toMatch(/./)
})

onNative('with the native engine', () => {
  const addon = loadAddon().path ?? ''
  const stamp = (file: string) => join(dirname(inside(file)), `.${file.split('/').at(-1)}.loads`)

  test('the next binary is used when the first one is damaged', () => {
    packageWith({ [built]: damaged, [prebuilt]: { copy: addon } })
    const { path, rejected } = find()
    expect(path).toBe(inside(prebuilt))
    expect(rejected).toEqual([{ path: inside(built), reason: expect.stringMatching(/./), isDenied: false }])
    expect(existsSync(stamp(built))).toBe(false)
  })

  test('a binary that ends the process is passed over', () => {
    packageWith({ [built]: { copy: addon }, [prebuilt]: { copy: addon } })
    // Simulates a binary that crashes when it is loaded.
    const crash = `if (process.argv[2].includes('Release')) process.kill(process.pid, 'SIGKILL')\ntry {\n`
    const real = readFileSync(join(root, 'binding/try.js'), 'utf8')
    writeFileSync(inside('binding/try.js'), real.replace(/^try \{\n/m, crash))
    const { path, rejected } = find()
    expect(path).toBe(inside(prebuilt))
    expect(rejected).toEqual([
      { path: inside(built), reason: 'loading it ended with SIGKILL', isDenied: false },
    ])
  })

  test('where no process can be started, the binary is loaded untried', () => {
    packageWith({ [built]: { copy: addon } })
    writeFileSync(inside('binding/try.js'), `console.error('not found')\nprocess.exit(127)\n`)
    expect(find()).toMatchObject({ path: inside(built), rejected: [] })
    expect(existsSync(stamp(built))).toBe(false)
  })

  test('a binary of another version is passed over', () => {
    packageWith({ [built]: { copy: addon } })
    const manifest = JSON.parse(readFileSync(inside('package.json'), 'utf8'))
    writeFileSync(inside('package.json'), JSON.stringify({ ...manifest, version: '9.8.7' }))
    expect(find()).toEqual({
      rejected: [{ path: inside(built), reason: `it is of version ${version}, not 9.8.7`, isDenied: false }],
    })
  })

  test('a binary is loaded in another process once, and again after it has changed', () => {
    packageWith({ [built]: { copy: addon } })
    find()
    const tried = `require('node:fs').appendFileSync(${JSON.stringify(inside('tried'))}, 'x')\n`
    writeFileSync(inside('binding/try.js'), tried + readFileSync(join(root, 'binding/try.js'), 'utf8'))
    expect(find().path).toBe(inside(built))
    expect(existsSync(inside('tried'))).toBe(false)
    utimesSync(inside(built), new Date(), new Date(2001, 1))
    expect(find().path).toBe(inside(built))
    expect(find().path).toBe(inside(built))
    expect(readFileSync(inside('tried'), 'utf8')).toBe('x')
    expect(statSync(stamp(built)).size).toBeGreaterThan(0)
  })

  if (process.platform === 'darwin') return
  describe('the package of the CUDA module', () => {
    const name = `nano-gpt-cuda-${process.platform}-${process.arch}`
    const main = (fields: object) => ({
      'node_modules/nano-gpt-cuda/package.json': JSON.stringify({ version, ...fields }),
    })
    const forPlatform = (fields: object) => ({
      [`node_modules/${name}/package.json`]: JSON.stringify({ name, version, main: 'module.so', ...fields }),
      [`node_modules/${name}/module.so`]: damaged,
    })
    const all = main({ optionalDependencies: { [name]: version } })

    function cuda(files: Record<string, string>, env = {}): NonNullable<Found['cudaInfo']> {
      packageWith({ [built]: { copy: addon }, ...files })
      const { path, cuda, cudaInfo } = find(env)
      expect(path).toBe(inside(built)) // Whatever is wrong with the module.
      expect(cudaInfo).toMatchObject({ available: false, present: cuda!.isThere })
      if (cuda!.reason) expect(cudaInfo!.reason).toBe(cuda!.reason)
      return cudaInfo!
    }

    test('is missing', () => {
      const { present, reason } = cuda({})
      if (present)
        expect(reason).toBe(
          `its kernels are in a separate package: run \`npm install nano-gpt-cuda@${version}\``,
        )
      else expect(reason).toBe('there is no NVIDIA driver')
    })

    test('does not exist for this platform', () => {
      expect(cuda(main({}))).toMatchObject({ present: true, reason: `there is no ${name}` })
    })

    test('was installed without the part for this platform', () => {
      const reason = `${name} is not installed: run \`npm install nano-gpt-cuda@${version}\``
      expect(cuda(all)).toMatchObject({ present: true, reason })
    })

    test('has another version', () => {
      const reason = `${name} has version 0.0.1, nano-gpt ${version}: run \`npm install nano-gpt-cuda@${version}\``
      expect(cuda({ ...all, ...forPlatform({ version: '0.0.1' }) })).toMatchObject({ present: true, reason })
    })

    test('contains a file that is no module', () => {
      const { present, reason } = cuda({ ...all, ...forPlatform({}) })
      expect(present).toBe(true)
      expect(reason).toMatch(/module\.so can't be loaded: ./)
    })

    test('crashes: the addon remains', () => {
      packageWith({ [built]: { copy: addon }, ...all, ...forPlatform({}) })
      const crash = `if (process.argv[3]) process.kill(process.pid, 'SIGKILL')\ntry {\n`
      const real = readFileSync(join(root, 'binding/try.js'), 'utf8')
      writeFileSync(inside('binding/try.js'), real.replace(/^try \{\n/m, crash))
      const { path, cuda } = find()
      expect(path).toBe(inside(built))
      expect(cuda!.reason).toMatch(/module\.so can't be used: loading it ended with SIGKILL$/)
    })

    test('is only looked for where nano-gpt is installed, not in the working directory', () => {
      packageWith({ [built]: { copy: addon } })
      const elsewhere = Object.entries({ ...all, ...forPlatform({}) })
      for (const [file, contents] of elsewhere) {
        mkdirSync(dirname(inside(`elsewhere/${file}`)), { recursive: true })
        writeFileSync(inside(`elsewhere/${file}`), contents)
      }
      const code = `console.log(require('../binding/find').findCudaModule(${JSON.stringify(inside(built))}).reason)`
      const { stdout } = spawnSync(process.execPath, ['-e', code], {
        cwd: inside('elsewhere'),
        encoding: 'utf8',
      })
      expect(stdout).toMatch(/^there is no NVIDIA driver|separate package/)
    })

    test('NANO_GPT_CUDA_MODULE takes precedence', () => {
      const env = { NANO_GPT_CUDA_MODULE: '/nowhere/cuda.so' }
      const reason = 'NANO_GPT_CUDA_MODULE is /nowhere/cuda.so, and there is no such file'
      expect(cuda({ ...all, ...forPlatform({}) }, env)).toMatchObject({ present: true, reason })
    })

    test('is damaged', () => {
      const { present, reason } = cuda({ 'node_modules/nano-gpt-cuda/package.json': '{' })
      expect(present).toBe(true)
      expect(reason).toMatch(/^nano-gpt-cuda can't be used: ./)
    })
  })
})
