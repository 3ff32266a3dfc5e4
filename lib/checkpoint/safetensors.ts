// The safetensors file format: named tensors and string metadata. Written files have the same bytes
// as those of the reference implementation. Files to read may be malicious, so every value of a
// header is checked before use.
//
//   8 bytes: header length n (u64 little-endian) · n bytes: JSON header, space-padded · tensor data

import type { FileHandle } from 'node:fs/promises'
import { endianness } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { NanoGptError, reasonOf, show } from '../errors'
import { parsingJson } from '../files/json'
import { openFile, readFailed } from '../files/read'
import { atOnce, inTurns } from '../files/turns'
import {
  allocate,
  arrayOf,
  bytesOf,
  bytesPerElement,
  type Dtype,
  type Shape,
  type TensorSpec,
  type TypedArray,
} from '../graph/dtype'
import { bytesInWords, memoryOfMachine } from '../graph/memory'

/** A tensor without its elements. */
export interface NamedSpec extends TensorSpec {
  readonly name: string
}

export interface SafetensorsInput extends NamedSpec {
  /**
   * The elements, row-major, in the dtype's array (bf16 and f16: their bits in a Uint16Array), or
   * as little-endian bytes.
   */
  readonly data: TypedArray | Uint8Array
}

export interface SafetensorsTensor {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: Shape
  /** The tensor's own memory, in the dtype's array (bf16 and f16: their bits in a Uint16Array). */
  readonly data: TypedArray
}

export type Metadata = Readonly<Record<string, string>>

export interface Safetensors {
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>
  readonly metadata: Metadata
}

/** What a file says about its tensors before their data. */
export interface SafetensorsHeader {
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, TensorSpec>
  readonly metadata: Metadata
}

/** Judges a file before all of it is read, and throws to reject it. */
export interface Judge {
  /** Called first. The tensors may have descriptions that aren't valid. */
  metadata?(metadata: Metadata): void
  /** Called when the whole header is valid, before any tensor is read. */
  header?(header: SafetensorsHeader): void
  /** Whether to leave a tensor out: its data isn't read, and it may have a dtype that isn't known. */
  skips?(name: string): boolean
}

/**
 * In bytes. The format allows 100 MB, but a header that long takes seconds to parse. That of a GPT
 * with a thousand layers, its optimizer's state and its checksums has 10 MB.
 */
const longestHeader = 32_000_000

/** The name in the header that no tensor has. */
const reserved = '__metadata__'

/** The engine's limit. */
const mostDimensions = 8

/** Tensors between which other events are handled: about a millisecond. */
const tensorsPerTurn = 500

const names: Record<Dtype, string> = {
  f64: 'F64',
  f32: 'F32',
  u32: 'U32',
  i32: 'I32',
  bf16: 'BF16',
  f16: 'F16',
  u16: 'U16',
  u8: 'U8',
}
const dtypeOf = new Map(Object.entries(names).map(([dtype, name]) => [name, dtype as Dtype]))

/** The reference writes the widest elements first, in this order, so that all are aligned. */
const writingOrder = Object.keys(names) as Dtype[]

// ---------------------------------------------------------------------------------------- writing

/**
 * The contents of a file as chunks for `writeFileAtomic`: the header, then the memory of each
 * tensor without a copy.
 *
 * @param metadata written with sorted keys, so that equal input gives equal bytes
 * @throws NanoGptError 'safetensors' for a name that is repeated or reserved, or data that does not
 *   fit its shape
 */
export function safetensorsChunks(
  tensors: Iterable<SafetensorsInput>,
  metadata: Metadata = {},
): Uint8Array[] {
  const ordered = inWritingOrder(tensors)
  const chunks = ordered.map(bytesToWrite)
  return [safetensorsHeader(ordered, metadata), ...chunks]
}

/** Tensors in the order in which a file has them. */
export function inWritingOrder<T extends NamedSpec>(tensors: Iterable<T>): T[] {
  return [...tensors].sort(
    (a, b) =>
      writingOrder.indexOf(a.dtype) - writingOrder.indexOf(b.dtype) ||
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  )
}

/**
 * The beginning of a file, which the elements of the tensors follow.
 *
 * @param tensors in writing order
 * @throws NanoGptError 'safetensors' for a name that is repeated or reserved
 */
export function safetensorsHeader(tensors: readonly NamedSpec[], metadata: Metadata = {}): Uint8Array {
  checkNames(tensors)
  return encodeHeader(tensors, metadata)
}

/** Like `safetensorsChunks`, in one array. */
export function encodeSafetensors(tensors: Iterable<SafetensorsInput>, metadata: Metadata = {}): Uint8Array {
  return new Uint8Array(Buffer.concat(safetensorsChunks(tensors, metadata)))
}

function encodeHeader(tensors: readonly NamedSpec[], metadata: Metadata): Uint8Array {
  // Built as text, because an object would put keys such as "10" before all others.
  const entries: string[] = []
  const keys = Object.keys(metadata).sort()
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${quote(key)}:${quote(metadata[key])}`)
    entries.push(`"${reserved}":{${pairs.join(',')}}`)
  }
  let offset = 0
  for (const { name, dtype, shape } of tensors) {
    const end = offset + byteCount('(new)', name, dtype, shape)
    const fields = `"dtype":"${names[dtype]}","shape":[${shape.join(',')}],"data_offsets":[${offset},${end}]`
    entries.push(`${quote(name)}:{${fields}}`)
    offset = end
  }
  return frameHeader(Buffer.from(`{${entries.join(',')}}`, 'utf8'))
}

/**
 * Adds the length before the header, and spaces after it, so that the tensors begin at a multiple
 * of 8 bytes.
 */
function frameHeader(json: Buffer): Uint8Array {
  const length = Math.ceil(json.byteLength / 8) * 8
  if (length > longestHeader) {
    throw problem(
      '(new)',
      `its header would have ${length} bytes, but nano-gpt reads at most ${longestHeader}`,
    )
  }
  const framed = new Uint8Array(8 + length).fill(0x20)
  new DataView(framed.buffer).setBigUint64(0, BigInt(length), true)
  framed.set(json, 8)
  return framed
}

function checkNames(tensors: readonly NamedSpec[]): void {
  const seen = new Set<string>()
  for (const { name } of tensors) {
    if (name === reserved)
      throw problem('(new)', `a tensor cannot be named "${reserved}", which the format reserves`)
    if (seen.has(name)) throw problem('(new)', `two tensors are named ${show(name)}`)
    seen.add(name)
  }
}

function bytesToWrite({ name, dtype, shape, data }: SafetensorsInput): Uint8Array {
  if (names[dtype] === undefined)
    throw problem('(new)', `tensor ${show(name)} has the unknown dtype ${show(dtype)}`)
  if (!(data instanceof Uint8Array) && !(data instanceof arrayOf[dtype])) {
    throw problem(
      '(new)',
      `tensor ${show(name)} is ${dtype} but its data is a ${(data as object).constructor.name}`,
    )
  }
  const bytes = bytesOf(data)
  const expected = byteCount('(new)', name, dtype, shape)
  if (bytes.byteLength !== expected) {
    const has = `has ${bytes.byteLength} bytes`
    throw problem('(new)', `tensor ${show(name)} ${has}, ${dtype} [${shape.join(', ')}] needs ${expected}`)
  }
  return bytes
}

function quote(text: string): string {
  if (typeof text !== 'string') throw problem('(new)', `metadata must be strings, not ${show(text)}`)
  // JSON.stringify would write an escape such as \ud800, which other readers reject.
  if (/\p{Surrogate}/u.test(text)) throw problem('(new)', `${show(text)} has an unpaired surrogate`)
  return JSON.stringify(text)
}

// ---------------------------------------------------------------------------------------- reading

/**
 * Reads a safetensors file, or its bytes.
 *
 * @param source a path, or the bytes, which are copied
 * @param judge rejects a file by its header, so that its data is not read
 * @throws NanoGptError 'safetensors' with the file and what is wrong with it; 'file_not_found';
 *   'read_failed'; 'out_of_memory'; what `judge` throws
 */
export async function readSafetensors(source: string | Uint8Array, judge: Judge = {}): Promise<Safetensors> {
  if (typeof source !== 'string') return decodeSafetensors(source, undefined, judge)
  return withFile(source, (handle) => readFrom(handle, source, judge))
}

/** A tensor of a file that is read when it is needed. */
export interface FileTensor extends NamedSpec {
  /** The size of its elements. */
  readonly bytes: number
  /**
   * Reads bytes of its elements, from byte `from` to byte `to`, part by part.
   *
   * @param memory receives each part, which must be used before the next one
   * @throws NanoGptError 'safetensors' if the file has changed since it was opened; 'file_not_found';
   *   'read_failed'
   */
  parts(memory: Uint8Array, from: number, to: number): AsyncGenerator<Uint8Array>
}

/**
 * Reads the header of a file, whose tensors are read later. The file is opened for each tensor, so that
 * nothing has to be closed.
 *
 * @throws NanoGptError as `readSafetensors` does
 */
export async function openSafetensors(
  file: string,
  judge: Judge = {},
): Promise<ReadonlyMap<string, FileTensor>> {
  const { header, dataStart, identity } = await withFile(file, async (handle) => ({
    ...(await readHeader(handle, file, judge)),
    identity: await identityOf(handle),
  }))
  async function* parts(memory: Uint8Array, begin: number, end: number): AsyncGenerator<Uint8Array> {
    const handle = await openFile(file)
    try {
      if ((await identityOf(handle)) !== identity) throw problem(file, 'it was changed while it was read')
      for (let at = begin; at < end; at += memory.length) {
        const part = memory.subarray(0, Math.min(memory.length, end - at))
        await readWhole(handle, file, part, at)
        yield part
      }
    } catch (error) {
      throw readFailed(file, error)
    } finally {
      await handle.close()
    }
  }
  const tensorOf = ({ name, dtype, shape, begin, end }: Entry): FileTensor => ({
    ...{ name, dtype, shape, bytes: end - begin },
    parts: (memory, from, to) => parts(memory, dataStart + begin + from, dataStart + begin + to),
  })
  return new Map([...header.tensors].map(([name, entry]) => [name, tensorOf(entry)]))
}

/** Equal for the same contents, unless a program hides that it has changed them. */
async function identityOf(handle: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeMs } = await handle.stat()
  return [dev, ino, size, mtimeMs].join()
}

async function withFile<T>(file: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await openFile(file)
  try {
    return await work(handle)
  } catch (error) {
    throw readFailed(file, error)
  } finally {
    await handle.close()
  }
}

/**
 * Like `readSafetensors`, from bytes in memory.
 *
 * @param file the name in messages
 */
export function decodeSafetensors(bytes: Uint8Array, file = '(in memory)', judge: Judge = {}): Safetensors {
  const headerLength = checkFrame(file, bytes.subarray(0, 8), bytes.byteLength)
  const dataStart = 8 + headerLength
  const json = bytes.subarray(8, dataStart)
  const { tensors: entries, metadata } = atOnce(parseHeader(file, json, bytes.byteLength - dataStart, judge))
  const tensors = new Map<string, SafetensorsTensor>()
  for (const entry of entries.values()) {
    const data = allocateFor(file, entry)
    bytesOf(data).set(bytes.subarray(dataStart + entry.begin, dataStart + entry.end))
    tensors.set(entry.name, tensorOf(entry, data))
  }
  return { tensors, metadata }
}

/** Reads directly into the memory of each tensor, so that only one copy is in memory. */
async function readFrom(handle: FileHandle, file: string, judge: Judge): Promise<Safetensors> {
  const { header, dataStart, size } = await readHeader(handle, file, judge)
  refuseTooLarge(file, size - dataStart)
  const tensors = new Map<string, SafetensorsTensor>()
  for (const entry of header.tensors.values()) {
    const data = allocateFor(file, entry)
    await readWhole(handle, file, bytesOf(data), dataStart + entry.begin)
    tensors.set(entry.name, tensorOf(entry, data))
    // Reading an empty tensor doesn't wait for anything.
    if (tensors.size % tensorsPerTurn === 0) await nextTurn()
  }
  return { tensors, metadata: header.metadata }
}

async function readHeader(handle: FileHandle, file: string, judge: Judge) {
  const { size } = await handle.stat()
  const frame = new Uint8Array(Math.min(8, size))
  await readWhole(handle, file, frame, 0)
  const headerLength = checkFrame(file, frame, size)
  const json = new Uint8Array(headerLength)
  await readWhole(handle, file, json, 8)
  const dataStart = 8 + headerLength
  const header = await inTurns(parseHeader(file, json, size - dataStart, judge))
  return { header, dataStart, size }
}

/**
 * Rejects more data than the machine has memory. The system would grant the memory and end the
 * process later.
 */
export function refuseTooLarge(file: string, bytes: number): void {
  const available = memoryOfMachine()
  if (bytes <= available) return
  throw new NanoGptError('out_of_memory', {
    subject: file,
    reason: `its tensors need ${bytesInWords(bytes)} of memory, but this machine has ${bytesInWords(available)}`,
    remedy: 'read it on a machine with more memory',
  })
}

async function readWhole(
  handle: FileHandle,
  file: string,
  into: Uint8Array,
  position: number,
): Promise<void> {
  const most = 16 << 20
  for (let start = 0; start < into.byteLength; ) {
    const length = Math.min(most, into.byteLength - start)
    const { bytesRead } = await handle.read(into, start, length, position + start)
    if (bytesRead === 0) throw problem(file, 'it became shorter while it was read')
    start += bytesRead
  }
}

function tensorOf({ name, dtype, shape }: Entry, data: TypedArray): SafetensorsTensor {
  return { name, dtype, shape, data }
}

/** @throws NanoGptError 'out_of_memory' */
function allocateFor(file: string, { name, dtype, begin, end }: Entry): TypedArray {
  try {
    return allocate(dtype, (end - begin) / bytesPerElement[dtype], `tensor ${show(name)}`)
  } catch (error) {
    if (!(error instanceof NanoGptError)) throw error
    throw error.with({ subject: file, remedy: 'close other programs, or use a machine with more memory' })
  }
}

interface Entry {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: Shape
  /** Byte offset from the start of the data. */
  readonly begin: number
  readonly end: number
  readonly isSkipped?: boolean
}

interface Header extends SafetensorsHeader {
  /** By name, in the order of their data. */
  readonly tensors: ReadonlyMap<string, Entry>
}

/** Returns the length of the header after checking that it lies inside the file. */
function checkFrame(file: string, frame: Uint8Array, fileLength: number): number {
  if (endianness() !== 'LE') throw problem(file, 'nano-gpt reads it on little-endian machines only')
  if (frame.byteLength < 8) {
    throw problem(file, `it has ${fileLength} bytes, too few for a header: it is empty or cut off`)
  }
  const length = new DataView(frame.buffer, frame.byteOffset, 8).getBigUint64(0, true)
  if (length > longestHeader) {
    throw problem(
      file,
      `its header claims ${length} bytes, but nano-gpt reads at most ${longestHeader}: it may be another kind of file`,
    )
  }
  if (8 + Number(length) > fileLength) {
    throw problem(
      file,
      `its header claims ${length} bytes but the file has ${fileLength} in all: it is cut off`,
    )
  }
  return Number(length)
}

/** Yields every few milliseconds: see turns.ts. */
function* parseHeader(
  file: string,
  bytes: Uint8Array,
  dataLength: number,
  judge: Judge,
): Generator<void, Header> {
  const json = yield* parseObject(file, bytes)
  const metadata = Object.hasOwn(json, reserved) ? checkMetadata(file, json[reserved]) : {}
  judge.metadata?.(metadata)
  const entries: Entry[] = []
  for (const [name, value] of Object.entries(json)) {
    if (name === reserved) continue
    entries.push(checkEntry(file, name, value, judge.skips?.(name)))
    if (entries.length % tensorsPerTurn === 0) yield
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end)
  checkLayout(file, entries, dataLength)
  const read = entries.filter((entry) => !entry.isSkipped)
  const header = { tensors: new Map(read.map((entry) => [entry.name, entry])), metadata }
  judge.header?.(header)
  return header
}

function* parseObject(file: string, bytes: Uint8Array): Generator<void, Record<string, unknown>> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (text[0] !== '{') throw new SyntaxError(`it begins with ${show(text.slice(0, 1))}, not with "{"`)
    return (yield* parsingJson(text)) as Record<string, unknown>
  } catch (error) {
    throw problem(file, `its header is not valid: ${reasonOf(error)}`)
  }
}

function checkMetadata(file: string, value: unknown): Metadata {
  if (!isObject(value)) throw problem(file, 'its metadata is not an object')
  const wrong = Object.entries(value).find(([, text]) => typeof text !== 'string')
  if (wrong) throw problem(file, `its metadata ${show(wrong[0])} is ${show(wrong[1])}, not a string`)
  return value as Metadata
}

function checkEntry(file: string, name: string, value: unknown, isSkipped = false): Entry {
  const tensor = `tensor ${show(name)}`
  if (!isObject(value)) throw problem(file, `${tensor} is described by ${show(value)}, not by an object`)
  const { dtype: dtypeName, shape, data_offsets: offsets } = value
  const dtype = isSkipped ? 'u8' : dtypeOf.get(dtypeName as string)
  if (!dtype) {
    const known = [...dtypeOf.keys()].join(', ')
    throw problem(file, `${tensor} has dtype ${show(dtypeName)}; nano-gpt reads ${known}`)
  }
  if (!isCounts(shape)) throw problem(file, `${tensor} has a shape that is not a list of whole numbers`)
  if (shape.length > mostDimensions)
    throw problem(file, `${tensor} has ${shape.length} dimensions; nano-gpt reads at most ${mostDimensions}`)
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw problem(file, `${tensor} has data_offsets that are not two whole numbers in order`)
  }
  const [begin, end] = offsets
  if (isSkipped) return { name, dtype, shape, begin, end, isSkipped }
  const expected = byteCount(file, name, dtype, shape)
  if (end - begin !== expected) {
    const needs = `${dtype} [${shape.join(', ')}] needs ${expected}`
    throw problem(file, `${tensor} has ${end - begin} bytes, ${needs}`)
  }
  return { name, dtype, shape, begin, end }
}

/** The number of bytes of a tensor. Rejects sizes beyond 2^53. */
function byteCount(file: string, name: string, dtype: Dtype, shape: Shape): number {
  let bytes: number = bytesPerElement[dtype]
  for (const dimension of shape) {
    bytes *= dimension
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw problem(file, `tensor ${show(name)} has an impossible shape [${shape.slice(0, 8).join(', ')}]`)
    }
  }
  return bytes
}

/**
 * Checks that the tensors, sorted by offset, cover the data exactly: without overlaps, gaps or
 * trailing bytes.
 */
function checkLayout(file: string, entries: readonly Entry[], dataLength: number): void {
  let position = 0
  for (const { name, begin, end } of entries) {
    if (begin < position) throw problem(file, `tensor ${show(name)} overlaps the one before it`)
    if (begin > position) {
      throw problem(file, `${begin - position} bytes before tensor ${show(name)} belong to no tensor`)
    }
    position = end
  }
  if (position > dataLength) {
    throw problem(file, `its tensors need ${position} bytes but ${dataLength} are there: it is cut off`)
  }
  if (position < dataLength)
    throw problem(file, `${dataLength - position} bytes at its end belong to no tensor`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0)
}

function problem(file: string, message: string): NanoGptError {
  return new NanoGptError('safetensors', `safetensors file ${file}: ${message}`)
}
