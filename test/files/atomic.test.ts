import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { linkFile, removeLeftovers, writeFileAtomic } from '../../lib/files/atomic'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nano-gpt-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const bytes = (text: string) => new Uint8Array(Buffer.from(text))

test('writes the chunks in order and replaces an existing file', async () => {
  const path = join(folder, 'file')
  await writeFile(path, 'something much longer than what comes')
  await writeFileAtomic(path, [bytes('one '), new Uint8Array(0), bytes('two')])
  expect(await readFile(path, 'utf8')).toBe('one two')
  expect(await readdir(folder)).toEqual(['file'])
})

test('writes chunks of an async generator, one larger than a single write', async () => {
  const piece = new Uint8Array(17 << 20).map((_, i) => i % 251)
  await writeFileAtomic(
    join(folder, 'file'),
    (async function* () {
      yield piece
      yield piece.subarray(0, 3)
    })(),
  )
  const written = await readFile(join(folder, 'file'))
  expect(written.byteLength).toBe(piece.byteLength + 3)
  expect(Buffer.compare(written.subarray(0, piece.byteLength), piece)).toBe(0)
})

test('a failure halfway leaves only the old file', async () => {
  const path = join(folder, 'file')
  await writeFile(path, 'old')
  const failing = (function* () {
    yield bytes('new')
    throw new Error('the source broke')
  })()
  await expect(writeFileAtomic(path, failing)).rejects.toThrow(`cannot write ${path}: the source broke`)
  expect(await readFile(path, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(['file'])
})

test('rejects a path in a missing folder, and a path that is a folder', async () => {
  const missing = join(folder, 'missing', 'file')
  await expect(writeFileAtomic(missing, [])).rejects.toMatchObject({
    code: 'write_failed',
    message: `cannot write ${missing}: the folder does not exist; create it first (ENOENT)`,
  })
  await mkdir(join(folder, 'taken', 'full'), { recursive: true })
  await expect(writeFileAtomic(join(folder, 'taken'), [bytes('x')])).rejects.toMatchObject({
    code: 'write_failed',
  })
  expect(await readdir(folder)).toEqual(['taken'])
})

test('the error for a full disk says so', async () => {
  const full = (function* () {
    yield bytes('a little')
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  })()
  const path = join(folder, 'file')
  const message = `cannot write ${path}: the disk is full; free some space (ENOSPC)`
  await expect(writeFileAtomic(path, full)).rejects.toThrow(message)
  expect(await readdir(folder)).toEqual([])
})

test('concurrent writers: the file has the complete contents of one of them', async () => {
  const path = join(folder, 'file')
  const contents = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(100_000))
  await Promise.all(contents.map((text) => writeFileAtomic(path, [bytes(text)])))
  expect(contents).toContain(await readFile(path, 'utf8'))
  expect(await readdir(folder)).toEqual(['file'])
})

test('removeLeftovers deletes only the temporary files of killed writers', async () => {
  const others = ['.model.x.0123456789ab.tmp', '.other.0123456789ab.tmp', 'model', 'model.tmp']
  for (const name of ['.model.0123456789ab.tmp', ...others]) {
    await writeFile(join(folder, name), 'x')
  }
  await removeLeftovers(folder, (name) => name === 'model')
  expect((await readdir(folder)).sort()).toEqual(others)
  await removeLeftovers(join(folder, 'missing'), () => true)
})

test('linkFile gives a file a second name, which survives the replacement of the first', async () => {
  const [a, b] = [join(folder, 'a'), join(folder, 'b')]
  await writeFileAtomic(a, [bytes('old')])
  await writeFileAtomic(b, [bytes('other')])
  for (let i = 0; i < 2; i++) expect(await linkFile(a, b)).toBe(true) // also if it has that name
  expect((await stat(a)).ino).toBe((await stat(b)).ino)
  await writeFileAtomic(a, [bytes('new')])
  expect([await readFile(a, 'utf8'), await readFile(b, 'utf8')]).toEqual(['new', 'old'])
  expect((await readdir(folder)).sort()).toEqual(['a', 'b'])
  await expect(linkFile(join(folder, 'missing'), b)).rejects.toMatchObject({ code: 'write_failed' })
  expect(await readFile(b, 'utf8')).toBe('old')
})
