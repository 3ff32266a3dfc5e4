// Random numbers, choices and hostile values that depend only on a seed.

const { createHash } = require('node:crypto')

class Random {
  /** @param parts numbers and strings */
  constructor(...parts) {
    const bytes = createHash('sha256').update(parts.join(' ')).digest()
    this.state = [0, 4, 8, 12].map((at) => bytes.readUInt32LE(at) | 1)
  }

  /** 32 bits (xoshiro128**). */
  word() {
    const [a, b, c, d] = this.state
    const x = Math.imul(b, 5)
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0
    const t = d ^ b
    this.state = [a ^ t, b ^ c ^ a, c ^ a ^ (b << 9), (t << 11) | (t >>> 21)]
    return result
  }

  /** A whole number below `n`. */
  below(n) {
    return this.word() % n
  }

  pick(list) {
    return list[this.below(list.length)]
  }

  /** True with probability 1 / n. */
  oneIn(n) {
    return this.below(n) === 0
  }

  bytes(length) {
    return Uint8Array.from({ length }, () => this.word())
  }
}

/**
 * Choices that an input determines: its bytes, one or a few for each choice, then random numbers that
 * depend on them. So a mutation of a byte changes few choices, and a part of an input is one too.
 */
class Choices extends Random {
  constructor(input) {
    super(...input)
    this.input = input
    this.at = 0
  }

  /** Whether all bytes are used. */
  get done() {
    return this.at >= this.input.length
  }

  byte() {
    return this.done ? super.word() & 255 : this.input[this.at++]
  }

  word() {
    return (this.below(65536) * 65536 + this.below(65536)) >>> 0
  }

  below(n) {
    let choice = this.byte()
    for (let most = 256; most < n; most *= 256) choice = choice * 256 + this.byte()
    return choice % n
  }
}

/** Numbers at the edges of types and of checks. */
const numbers = [
  ...[0, -0, 1, -1, 2, 3, 7, 8, 9, 255, 256, 257, 65535, 65536, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
  ...[
    2 ** 32,
    2 ** 40,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 63,
    2 ** 64,
    1e300,
    -(2 ** 31),
    -(2 ** 53),
    0.5,
    1.5,
    1e-300,
  ],
  ...[Infinity, -Infinity, Number.NaN],
]

const strings = [
  ...[
    '',
    'x',
    'cpu',
    'js',
    'cuda',
    'cuda:1',
    'cuda:99999999999',
    'metal',
    'avx2',
    'portable',
    'f32',
    'u16',
    'F32',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'then',
    '\0',
    'a\0b',
    '\n\u001b[2J',
    '\ud800',
    '😀',
    '\u202e',
    '../../etc',
  ],
]

/** Where a getter or a trap of a hostile value throws this, that is expected. */
const thrown = new Error('thrown by a hostile value')

function thrower() {
  throw thrown
}

/** A value of any type. */
function hostile(random, depth = 0) {
  const inner = () => (depth < 3 ? hostile(random, depth + 1) : random.pick(numbers))
  const kinds = [
    () => undefined,
    () => null,
    () => random.oneIn(2),
    () => random.pick(numbers),
    () => random.below(64),
    () => BigInt(random.word()) ** BigInt(random.below(4)),
    () => random.pick(strings),
    () => random.pick(['x', '😀', '\0']).repeat(random.pick([1, 100, 65535, 65536, 1 << 20])),
    () => Symbol(random.pick(['x', ''])),
    () => () => inner(),
    () => class {},
    () => Array.from({ length: random.below(6) }, inner),
    // Lengths without elements.
    () => new Array(random.pick([1, 8, 9, 2 ** 16, 2 ** 32 - 1])),
    () => ({ length: random.pick(numbers), 0: inner() }),
    () => Object.fromEntries(Array.from({ length: random.below(4) }, () => [random.pick(strings), inner()])),
    () => Object.create(null),
    () => new Date(random.pick(numbers)),
    () => /x/g,
    () => new Map([[1, inner()]]),
    () => Promise.resolve(random.pick(numbers)),
    () => new Error('x'),
    () => new ArrayBuffer(random.below(64)),
    () => new SharedArrayBuffer(random.below(64)),
    () => new DataView(new ArrayBuffer(8), random.below(8)),
    () => typedArray(random),
    () => typedArray(random),
    () => detached(random),
    () => new Proxy(random.pick([{}, [], () => {}, new Uint8Array(4)]), {}),
    () =>
      new Proxy(random.pick([{}, []]), {
        get: thrower,
        has: thrower,
        ownKeys: thrower,
        getPrototypeOf: thrower,
      }),
    () => revoked(),
    () => ({ valueOf: thrower, toString: thrower, [Symbol.toPrimitive]: thrower }),
    () =>
      Object.defineProperty({}, random.pick(['device', 'program', 'times', 'inputs', 'length']), {
        get: thrower,
      }),
    () => Object.defineProperty([1, 2, 3], random.below(3), { get: thrower }),
    () => shrinking(),
    () => globalThis,
    () => process.env,
    () => new WeakRef({}),
    () => (function* () {})(),
  ]
  return random.pick(kinds)()
}

function typedArray(random) {
  const Kind = random.pick([
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Float32Array,
    Uint16Array,
    Int32Array,
    BigInt64Array,
  ])
  const length = random.pick([0, 1, 2, 4, 16, 1000])
  const shapes = [
    () => new Kind(length),
    () => new Kind(new SharedArrayBuffer(length * Kind.BYTES_PER_ELEMENT)),
    // A part of a larger buffer.
    () => new Kind(new ArrayBuffer((length + 8) * 8), 8, length),
    () => new (class extends Kind {})(length),
    () => resizable(Kind, length),
    () => Buffer.alloc(length),
  ]
  return random.pick(shapes)()
}

/** An array over a buffer that has become too short for it. */
function resizable(Kind, length) {
  const buffer = new ArrayBuffer(length * Kind.BYTES_PER_ELEMENT, { maxByteLength: 8 * length + 8 })
  const array = new Kind(buffer)
  buffer.resize?.(0)
  return array
}

function detached(random) {
  const array = new Uint8Array(new ArrayBuffer(64), 8, random.below(32))
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  return proxy
}

/** An array that loses its elements while they are read. */
function shrinking() {
  const array = [1, 2, 3, 4]
  Object.defineProperty(array, 0, {
    get() {
      array.length = 1
      return 5
    },
    configurable: true,
  })
  return array
}

/** How often each outcome occurred. */
const outcomes = {}

function tally(outcome) {
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
}

module.exports = { Choices, hostile, numbers, outcomes, Random, strings, tally, thrown }
